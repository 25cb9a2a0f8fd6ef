"""Going back to the version before, as a run of its own: with its gates, its approvals and its stages.

Abort and rollback end a run that is under way; undo is for one that is finished. It never guesses: what was
before is what the run that brought the running version has recorded.
"""

from bot.domain.errors import Locked, NotUnderstood, UnknownThing
from bot.domain.people import Person, Role
from bot.domain.run import Run, RunState
from bot.operations.colours import as_it_stands
from bot.operations.desk import Deployable, Desk, audited, require
from bot.operations.looking import load
from bot.operations.planning import Undone, Wish, deployable_for
from bot.operations.running import running_image, tag_of
from bot.operations.starting import start

# So many runs of an application are looked through for the one that brought what runs now.
_LOOK_BACK = 200


async def undo(
    desk: Desk, by: Person, name: str | None = None, *, env: str | None = None, why: str = ""
) -> Run:
    """The new run. `name` is an application, or the run that is to be undone.

    Raises:
        Refused: it was not started; the sentence says why.
        OutsideError: the platform or the repository cannot be read; nothing was started.
    """
    async with audited(desk, by, f"undo {name or ''}".strip(), None):
        await require(desk, by, (Role.DEPLOYER, Role.ADMIN))
        done = await _to_be_undone(desk, name, env)
    request = done.plan.request
    wish = Wish(
        # Not `running_version`: an older version of the bot stored a pinned image's digest there.
        version=tag_of(request.running_image),
        application=request.application,
        strategy=request.strategy,
        environment=request.environment,
        reason=why,
        undoes=Undone(run=done.id, image=request.running_image, commit=request.running_commit),
    )
    return await start(desk, wish, by)


async def _to_be_undone(desk: Desk, name: str | None, env: str | None) -> Run:
    """The finished run that brought what runs now."""
    applications = {d.application for d in desk.deployables}
    named = None if name is None or name in applications else await load(desk, name)
    if named is not None:
        _refuse_elsewhere(named, env)
        where = deployable_for(desk, named.plan.request.application, named.plan.request.environment)
    else:
        where = deployable_for(desk, _application(name, applications), env)
    await _refuse_while_active(desk, where)
    where = await as_it_stands(desk.platform, where)
    image = await running_image(desk, where)
    if named is None:
        named = await _brought(desk, where, image)
    elif named.state is not RunState.FINISHED:
        raise UnknownThing(f"{named.id} has ended as {named.state.value}, so there is nothing to undo.")
    request = named.plan.request
    if request.image.partition("@")[0] != image.partition("@")[0]:
        raise UnknownThing(
            f"{named.id} brought {request.version}, but {tag_of(image)} runs now.",
            "Undo without a name takes back what runs now; to have another version, name it.",
        )
    return named


def _application(name: str | None, applications: set[str]) -> str | None:
    if name is None and len(applications) > 1:
        names = sorted(applications)
        raise NotUnderstood("Which application?", f"There are {', '.join(names)}: /deploy undo {names[0]}")
    return name


async def _refuse_while_active(desk: Desk, where: Deployable) -> None:
    for run in await desk.runs.active():
        if (run.application, run.environment) == (where.application, where.environment):
            raise Locked(
                f"{run.id} is under way: {run.version} is {run.state.value}. Undo is for a finished run.",
                f"/deploy abort {run.id} takes it back. /deploy rollback {run.id} quarantines it too.",
            )


async def _brought(desk: Desk, where: Deployable, image: str) -> Run:
    """The newest finished run, if it brought what runs now: what came by hand, nobody here can take back."""
    for run in await desk.runs.recent(limit=_LOOK_BACK, application=where.application):
        if run.environment != where.environment or run.state is not RunState.FINISHED:
            continue
        if run.version != tag_of(image):
            break
        done = await load(desk, run.id)
        if done.plan.request.undoes is None:
            return done
        raise UnknownThing(
            f"{run.id} is an undo itself: undoing it would bring {done.plan.request.running_version} again.",
            f"If that is what you want: /deploy undo {run.id}. To go further back, name the version.",
        )
    raise UnknownThing(
        f"No run of mine brought {tag_of(image)} to {where.environment}, so I cannot tell what was before.",
        "Name the version that you want, such as /deploy v2.4.0 canary.",
    )


def _refuse_elsewhere(named: Run, env: str | None) -> None:
    where = named.plan.request.environment
    if env not in {None, where}:
        raise NotUnderstood(f"{named.id} was in {where}.", f"Leave env= out: /deploy undo {named.id}")

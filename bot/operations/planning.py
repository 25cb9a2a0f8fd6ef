"""From a person's wish to a plan: which application, which environment, which version, what runs there now.

Nothing is guessed: a version has to exist as a tag, and what cannot be told apart is asked back.
"""

import difflib
import re

from bot.domain.errors import NotUnderstood, UnknownThing
from bot.domain.people import Person, Role
from bot.domain.plan import DeployRequest, Plan
from bot.domain.record import Record
from bot.operations.colours import as_it_stands, in_colours
from bot.operations.desk import Deployable, Desk, audited, require
from bot.operations.running import as_it_runs, running_image, tag_of

# What may stand in an image tag (OCI distribution specification, "Pulling manifests"): so nothing else can be
# a version here. It also keeps shell and Slack markup out of everything that follows.
VERSION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")

_REVIEW = "code-review"
BLUE_GREEN = "blue-green"


class Undone(Record):
    """A finished run that is to be taken back, and what it had found running."""

    run: str
    image: str
    commit: str | None  # None: no tag named it any more


class Wish(Record):
    """What somebody asked for, in their words; None where they said nothing."""

    version: str
    application: str | None = None
    strategy: str | None = None
    environment: str | None = None
    reason: str = ""
    undoes: Undone | None = None


async def draw_up(desk: Desk, wish: Wish, by: Person) -> Plan:
    """The plan for a wish. Reads the world, changes nothing.

    Raises:
        Refused: the wish cannot be planned; the sentence says why.
        OutsideError: the platform or the repository cannot be read.
    """
    async with audited(desk, by, f"plan {wish.version[:128]}", None):
        await require(desk, by, (Role.VIEWER, Role.DEPLOYER, Role.APPROVER, Role.ADMIN))
        return await plan_for(desk, wish, by)


async def plan_for(desk: Desk, wish: Wish, by: Person) -> Plan:
    """As `draw_up`, for somebody whose role was checked."""
    if wish.application is None and len(names := _applications(desk)) > 1:
        raise NotUnderstood(
            "Which application?", f"There are {', '.join(names)}: /deploy {names[0]} {wish.version}"
        )
    deployable = deployable_for(desk, wish.application, wish.environment)
    strategy = _strategy(desk, deployable, wish)
    deployable = await as_it_stands(desk.platform, deployable)
    if strategy == BLUE_GREEN:
        deployable = in_colours(deployable)
    request = await _request(desk, deployable, strategy, wish, by)
    if wish.undoes is not None:
        deployable = _as_known(deployable, request, wish.undoes)
    elif deployable.staging is not None:
        staging = await as_it_runs(desk, deployable, deployable.staging)
        deployable = deployable.with_(staging=staging)
    return desk.strategies[strategy](request, deployable)


def deployable_for(desk: Desk, application: str | None, environment: str | None) -> Deployable:
    """That application there. Without a name it is the only one; without an environment, the default one.

    Raises:
        UnknownThing: there is no such application or environment.
    """
    applications = _applications(desk)
    if not applications:
        raise UnknownThing("No application is configured that I can deploy.", "See applications: there.")
    name = application or applications[0]
    if name not in applications:
        raise _unknown("application", name, applications)
    own = [d for d in desk.deployables if d.application == name]
    if environment is None:
        return next((d for d in own if d.is_default), own[0])
    chosen = next((d for d in own if d.environment == environment), None)
    if chosen is None:
        raise _unknown(f"environment of {name}", environment, [d.environment for d in own])
    return chosen


def _applications(desk: Desk) -> list[str]:
    return sorted({d.application for d in desk.deployables})


def _strategy(desk: Desk, deployable: Deployable, wish: Wish) -> str:
    if wish.strategy is None:
        return deployable.strategies[0]
    if wish.strategy in desk.strategies and wish.strategy not in deployable.strategies:
        raise UnknownThing(
            f"{deployable.application} cannot be deployed to {deployable.environment} by {wish.strategy}: "
            "its configuration does not have what that needs.",
            f"There is: {', '.join(deployable.strategies)}.",
        )
    if wish.strategy not in deployable.strategies:
        raise _unknown("strategy", wish.strategy, list(deployable.strategies))
    return wish.strategy


async def _request(
    desk: Desk, deployable: Deployable, strategy: str, wish: Wish, by: Person
) -> DeployRequest:
    version = wish.version
    if VERSION.fullmatch(version) is None:
        raise NotUnderstood("That is not a version.", "A version looks like v2.5.0.")
    versions = desk.versions(deployable.application)
    commit = await versions.commit(version)
    running = await running_image(desk, deployable)
    running_version = tag_of(running)
    if running_version == version:
        raise NotUnderstood(
            f"{deployable.application} already runs {version} in {deployable.environment}.",
            "There is nothing to deploy.",
        )
    running_commit = await _known_commit(desk, deployable, running_version)
    changes: tuple[str, ...] = ()
    if running_commit is not None:
        changes = await versions.changes(running_commit, commit)
    return DeployRequest(
        application=deployable.application,
        environment=deployable.environment,
        version=version,
        strategy=strategy,
        image=wish.undoes.image if wish.undoes else f"{deployable.image}:{version}",
        commit=commit,
        running_version=running_version,
        running_image=running,
        running_commit=running_commit,
        changes=changes,
        by=by,
        reason=wish.reason,
        undoes=wish.undoes.run if wish.undoes else None,
        at=desk.clock.now(),
    )


def _as_known(deployable: Deployable, request: DeployRequest, undone: Undone) -> Deployable:
    """Neither reviewed nor rehearsed: going back, what seems new is what was taken out or mended since.

    Raises:
        UnknownThing: what the tag names now has never been here.
    """
    if undone.commit is not None and undone.commit != request.commit:
        raise UnknownThing(
            f"The tag {request.version} names commit {request.commit[:10]} now, and {undone.commit[:10]} "
            "when it ran here.",
            "If that is what you want, deploy it by its name: "
            f"/deploy {request.application} {request.version} {request.strategy} env={request.environment}",
        )
    left_out = []
    if deployable.staging is not None:
        deployable = deployable.with_(staging=None)
        left_out.append("No rehearsal on staging")
    if undone.commit is not None and _REVIEW in deployable.gates:
        gates = tuple(gate for gate in deployable.gates if gate != _REVIEW)
        deployable = deployable.with_(gates=gates)
        left_out.append("No code review")
    why = f"{request.version} served here before {undone.run}, so nothing in it is new"
    said = tuple(f"{what}: {why}." for what in left_out)
    return deployable.with_(findings=(*deployable.findings, *said))


async def _known_commit(desk: Desk, deployable: Deployable, version: str) -> str | None:
    """The running version's commit, if its tag is still there."""
    try:
        return await desk.versions(deployable.application).commit(version)
    except (UnknownThing, NotUnderstood):
        return None


def _unknown(what: str, name: str, known: list[str]) -> UnknownThing:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"Did you mean {near[0]}? " if near else ""
    return UnknownThing(f"I know no {what} of that name.", f"{hint}There is: {', '.join(known)}.")

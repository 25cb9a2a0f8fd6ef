"""From a person's wish to a plan: which application, which environment, which version, what runs there now.

Nothing is guessed: a version has to exist as a tag, and what cannot be told apart is asked back.
"""

import difflib
import re

from bot.domain.errors import NotFound, NotUnderstood, UnknownThing
from bot.domain.people import Person, Role
from bot.domain.plan import DeployRequest, Plan
from bot.domain.record import Record
from bot.operations.desk import Deployable, Desk, audited, require

# What may stand in an image tag (OCI distribution specification, "Pulling manifests"): so nothing else can be
# a version here. It also keeps shell and Slack markup out of everything that follows.
VERSION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")


class Wish(Record):
    """What somebody asked for, in their words; None where they said nothing."""

    version: str
    application: str | None = None
    strategy: str | None = None
    environment: str | None = None
    reason: str = ""


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
    deployable = _deployable(desk, wish)
    strategy = _strategy(deployable, wish)
    request = await _request(desk, deployable, strategy, wish, by)
    return desk.strategies[strategy](request, deployable)


def _deployable(desk: Desk, wish: Wish) -> Deployable:
    applications = sorted({d.application for d in desk.deployables})
    if not applications:
        raise UnknownThing("No application is configured that I can deploy.", "See applications: there.")
    if wish.application is None and len(applications) > 1:
        names = ", ".join(applications)
        raise NotUnderstood(
            "Which application?", f"There are {names}: /deploy {applications[0]} {wish.version}"
        )
    application = wish.application or applications[0]
    if application not in applications:
        raise _unknown("application", application, applications)
    own = [d for d in desk.deployables if d.application == application]
    if wish.environment is None:
        return next((d for d in own if d.is_default), own[0])
    chosen = next((d for d in own if d.environment == wish.environment), None)
    if chosen is None:
        raise _unknown(f"environment of {application}", wish.environment, [d.environment for d in own])
    return chosen


def _strategy(deployable: Deployable, wish: Wish) -> str:
    if wish.strategy is None:
        return deployable.strategies[0]
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
    running = await _running(desk, deployable)
    running_version = running.rpartition(":")[2]
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
        image=f"{deployable.image}:{version}",
        commit=commit,
        running_version=running_version,
        running_image=running,
        running_commit=running_commit,
        changes=changes,
        by=by,
        reason=wish.reason,
        at=desk.clock.now(),
    )


async def _running(desk: Desk, deployable: Deployable) -> str:
    target = deployable.target
    try:
        stable = await desk.platform(target).stable()
    except NotFound as error:
        raise UnknownThing(
            f"There is no Deployment {target.workload} in {target.namespace}, so nothing runs that could be "
            "taken further.",
            "Check platform.namespace and platform.workload in the configuration.",
        ) from error
    image = stable.image.partition("@")[0]
    if ":" not in image.rpartition("/")[2]:
        raise UnknownThing(
            f"{target.workload} runs {image or 'no image in that container'}, which names no version.",
            "Deploy it once with a tag, or check platform.container in the configuration.",
        )
    return stable.image


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

"""From a person's wish to a plan: which application, which environment, which version, what runs there now.

Nothing is guessed: a version has to exist as a tag, and what cannot be told apart is asked back.
"""

import difflib
import re
from collections.abc import Callable

from bot.domain.errors import NotFound, NotUnderstood, UnknownThing
from bot.domain.people import Person, Role
from bot.domain.plan import DeployRequest, Plan, Target
from bot.domain.record import Record
from bot.operations.desk import Deployable, Desk, audited, require
from bot.ports import Platform

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
        deployable = _without_review(deployable, request, wish.undoes)
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


async def as_it_stands(platform: Callable[[Target], Platform], deployable: Deployable) -> Deployable:
    """With the Deployment that serves now, where two of them take turns.

    Raises:
        UnknownThing: the Service that leads to one of them is not there.
    """
    colours, target = deployable.colours, deployable.target
    if colours is None:
        return deployable
    try:
        serving = await platform(target).serving(colours)
    except NotFound as error:
        raise UnknownThing(
            f"There is no Service {colours.service} in {target.namespace}, so no colour serves.",
            "Check blue_green.service and platform.namespace in the configuration.",
        ) from error
    if serving is None:
        return deployable
    return deployable.with_(
        target=target.with_(workload=f"{target.workload}-{serving}"),
        colours=colours.with_(serving=serving),
    )


def in_colours(found: Deployable) -> Deployable:
    """For a run that switches from one colour to the other.

    Raises:
        UnknownThing: no colour serves.
    """
    colours, target = found.colours, found.target
    if colours is None or not target.workload.endswith(f"-{colours.serving}"):
        service = colours.service if colours is not None else target.main_service
        label = colours.label if colours is not None else "its label"
        raise UnknownThing(
            f"The Service {service} selects neither {label}=blue nor {label}=green, so no colour serves.",
            f"Let {target.workload}-blue serve, with pods that bear {label}=blue, and let {service} select "
            "them by it; docs/blue-green.md has the steps.",
        )
    service = colours.service
    return found.with_(
        target=target.with_(
            traffic=colours, main_service=service, stable_service=service, canary_service=service
        )
    )


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


async def running_image(desk: Desk, deployable: Deployable) -> str:
    """What runs there now, with its tag.

    Raises:
        UnknownThing: there is no such Deployment, or its image names no version.
    """
    target = deployable.target
    try:
        stable = await desk.platform(target).stable()
    except NotFound as error:
        raise UnknownThing(
            f"There is no Deployment {target.workload} in {target.namespace}, so nothing runs that could be "
            "taken further.",
            "Check platform.namespace and platform.workload in the configuration.",
        ) from error
    if not tag_of(stable.image):
        image = stable.image.partition("@")[0]
        raise UnknownThing(
            f"{target.workload} runs {image or 'no image in that container'}, which names no version.",
            "Deploy it once with a tag, or check platform.container in the configuration.",
        )
    return stable.image


def tag_of(image: str) -> str:
    """The version that an image names; empty if it names none. A registry's port is no tag."""
    return image.partition("@")[0].rpartition("/")[2].partition(":")[2]


def _without_review(deployable: Deployable, request: DeployRequest, undone: Undone) -> Deployable:
    """Going back, what seems new is what was taken out or mended since; it was reviewed when it came.

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
    if undone.commit is None or _REVIEW not in deployable.gates:
        return deployable
    said = f"No code review: {request.version} served here before {undone.run}, so nothing in it is new."
    return deployable.with_(
        gates=tuple(gate for gate in deployable.gates if gate != _REVIEW),
        findings=(*deployable.findings, said),
    )


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

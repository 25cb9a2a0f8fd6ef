"""What a person may ask for, without Slack in front: who may, what is refused, and what is written down."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot import operations
from bot.domain.errors import (
    Locked,
    NotAllowed,
    NotFound,
    NotUnderstood,
    OtherVersion,
    StaleButton,
    UnknownEvent,
    UnknownRun,
    UnknownThing,
    Unreachable,
)
from bot.domain.events import Asked, Draft
from bot.domain.outcome import Workload
from bot.domain.people import Role
from bot.domain.traffic import ByColour
from bot.operations import Deployable, Desk, Wish
from bot.operations.desk import audited, record
from bot.ports import Decision
from tests.support.builders import ADA, BO, CY, MORNING, a_plan, a_target
from tests.support.clocks import HandClock
from tests.support.memory_journal import MemoryJournal


class Roles:
    """Ada deploys, Bo does too and approves, Cy is nobody."""

    has_role = {ADA.id: {Role.DEPLOYER}, BO.id: {Role.DEPLOYER, Role.APPROVER}}

    async def has(self, person, role):
        return role in self.has_role.get(person.id, set())

    async def names(self, role):
        return tuple(p.name for p in (ADA, BO, CY) if role in self.has_role.get(p.id, set()))


class Versions:
    def __init__(self):
        self.commits = {"v2.5.0": "c0ffee1", "v2.4.1": "c0ffee1"}

    async def commit(self, version):
        if version not in self.commits:
            raise UnknownThing(f"There is no tag {version}.", "Nearest: v2.5.0.")
        return self.commits[version]

    async def changes(self, old, new):
        return ()


class Platform:
    def __init__(self) -> None:
        self.answer = Workload(name="checkout", image="registry.example/checkout:v2.4.1")

    canary_now = None
    colour = None  # that the Service selects

    async def serving(self, colours):
        if isinstance(self.colour, Exception):
            raise self.colour
        return self.colour

    async def canary(self):
        return self.canary_now

    async def stable(self):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class World:
    def __init__(self, *applications, gates=()):
        self.gates_asked_for = []
        self.targets = []
        self.versions = Versions()
        self.journal = MemoryJournal(HandClock())
        self.platform = Platform()
        self.nudged = []
        self.desk = Desk(
            deployables=tuple(_deployable(name, gates) for name in applications or ("checkout",)),
            strategies={"canary": self._plan, "blue-green": self._plan},
            versions=lambda _: self.versions,
            platform=lambda _: self.platform,
            runs=self.journal,
            journal=self.journal,
            roles=Roles(),
            clock=HandClock(),
            nudge=self.nudged.append,
        )

    def _plan(self, request, deployable):
        self.gates_asked_for.append(deployable.gates)
        self.targets.append(deployable.target)
        return a_plan(version=request.version).with_(request=request, findings=deployable.findings)

    @property
    def results(self):
        return [(what, result) for _, what, _, result in self.journal.audited]


def _deployable(application, gates):
    return Deployable(
        application=application,
        environment="production",
        image=f"registry.example/{application}",
        strategies=("canary",),
        is_default=True,
        target=a_target(application),
        approvals=a_plan().approvals,
        gates=gates,
    )


def in_turns(*, colour):
    """A world in which `checkout-blue` and `checkout-green` take turns."""
    world = World()
    (one,) = world.desk.deployables
    colours = ByColour(service="checkout-web", label="color")
    both = one.with_(strategies=("blue-green", "canary"), colours=colours)
    world.desk = replace(world.desk, deployables=(both,))
    world.platform.colour = colour
    return world


@pytest.mark.parametrize(("serving", "other"), [("blue", "green"), ("green", "blue")])
async def test_the_new_version_goes_to_the_colour_that_does_not_serve(serving, other):
    world = in_turns(colour=serving)

    await operations.draw_up(world.desk, Wish(version="v2.5.0"), ADA)

    (target,) = world.targets
    assert (target.workload, target.canary_workload) == (f"checkout-{serving}", f"checkout-{other}")
    assert target.traffic == ByColour(service="checkout-web", label="color", serving=serving)
    assert {target.main_service, target.stable_service, target.canary_service} == {"checkout-web"}


async def test_another_strategy_finds_the_colour_that_serves_too():
    world = in_turns(colour="green")

    await operations.draw_up(world.desk, Wish(version="v2.5.0", strategy="canary"), ADA)

    (target,) = world.targets
    assert (target.workload, target.traffic) == ("checkout-green", a_target().traffic)


async def test_a_strategy_that_an_application_is_not_made_for_is_told_from_one_that_nobody_knows():
    world = World()

    with pytest.raises(
        UnknownThing, match="checkout cannot be deployed to production by blue-green"
    ) as known:
        await operations.start(world.desk, Wish(version="v2.5.0", strategy="blue-green"), ADA)
    with pytest.raises(UnknownThing, match="I know no strategy of that name"):
        await operations.start(world.desk, Wish(version="v2.5.0", strategy="yolo"), ADA)

    assert known.value.remedy == "There is: canary."


async def test_without_a_colour_nothing_is_planned_and_what_to_do_is_said():
    world = in_turns(colour=None)

    with pytest.raises(UnknownThing, match="selects neither color=blue nor color=green") as refused:
        await operations.start(world.desk, Wish(version="v2.5.0"), ADA)

    assert "Let checkout-blue serve" in refused.value.remedy
    assert world.results == [("start v2.5.0", "refused: unknown-thing")]


async def test_a_service_that_is_not_there_is_named():
    world = in_turns(colour=NotFound("Kubernetes", "services not found"))

    with pytest.raises(UnknownThing, match="There is no Service checkout-web in shop"):
        await operations.start(world.desk, Wish(version="v2.5.0"), ADA)


async def test_a_start_takes_the_lock_and_wakes_the_engine():
    world = World()

    run = await operations.start(world.desk, Wish(version="v2.5.0"), ADA)

    assert world.nudged == [run.id]
    assert world.results == [("start", "started")]
    with pytest.raises(Locked):
        await operations.start(world.desk, Wish(version="v2.5.0"), BO)
    assert world.results[1:] == [("start v2.5.0", "refused: locked")]


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (
            NotFound("Kubernetes", "deployments not found"),
            UnknownThing,
            "no Deployment checkout in shop",
        ),
        (Workload(name="checkout", image="registry:5000/checkout"), UnknownThing, "names no version"),
        (Workload(name="checkout", image="checkout:v2.5.0"), NotUnderstood, "already runs v2.5.0"),
        (Unreachable("Kubernetes", "connection refused"), Unreachable, "connection refused"),
    ],
)
async def test_what_cannot_be_taken_further_is_not_started(answer, error, says):
    world = World()
    world.platform.answer = answer

    with pytest.raises(error, match=says):
        await operations.start(world.desk, Wish(version="v2.5.0"), ADA)

    assert await world.journal.recent() == ()
    assert world.nudged == []
    assert len(world.results) == 1
    assert world.results[0][1].split(":")[0] in {"refused", "failed"}


@pytest.mark.parametrize(
    ("wish", "error", "says"),
    [
        (Wish(version="v9"), UnknownThing, "no tag v9"),
        (Wish(version="v1; rm -rf /"), NotUnderstood, "not a version"),
        (Wish(version="<!channel>"), NotUnderstood, "not a version"),
        (Wish(version=""), NotUnderstood, "not a version"),
        (Wish(version="v2.5.0\n"), NotUnderstood, "not a version"),
        (Wish(version="v2.5.0"), NotUnderstood, "Which application"),
        (Wish(version="v2.5.0", application="chekout"), UnknownThing, "Did you mean checkout"),
        (Wish(version="v2.5.0", application="checkout", environment="moon"), UnknownThing, "production"),
        (Wish(version="v2.5.0", application="checkout", strategy="rolling"), UnknownThing, "canary"),
    ],
)
async def test_a_wish_that_cannot_be_told_apart_is_asked_back(wish, error, says):
    world = World("checkout", "payments")
    if wish.application is None and "Which" not in says:
        wish = wish.with_(application="checkout")

    with pytest.raises(error, match=says):
        await operations.draw_up(world.desk, wish, ADA)

    assert len(world.results) == 1


async def test_each_decision_asks_for_its_role_and_is_written_once():
    world = World()
    run = await operations.start(world.desk, Wish(version="v2.5.0"), ADA)

    for decision in (operations.hold, operations.resume, operations.rollback, operations.abort):
        with pytest.raises(NotAllowed, match="Ask"):
            await decision(world.desk, run, CY)
    with pytest.raises(StaleButton, match="not held"):
        await operations.resume(world.desk, run, BO)
    with pytest.raises(UnknownRun):
        await operations.approve(world.desk, "no question", BO)

    assert [result for _, result in world.results[1:]] == [
        *["refused: not-allowed"] * 4,
        "refused: stale",
        "refused: unknown-run",
    ]
    assert world.journal._of(run.id).waiting == []


@pytest.mark.parametrize(
    ("canary", "says"),
    [
        (None, "checkout-canary is gone"),
        (Workload(name="c", image="i", digest="sha256:another"), "now runs sha256:another"),
        (Workload(name="c", image="i", is_mixed=True), "now runs different images"),
        (Workload(name="c", image="i"), "cannot tell"),
    ],
)
async def test_an_approval_counts_only_while_the_canary_runs_what_was_shown(canary, says):
    world = World()
    run = await operations.start(world.desk, Wish(version="v2.5.0"), ADA)
    (claim,) = await world.journal.claim("one", ttl=timedelta(seconds=10))
    at = MORNING
    event = Asked(question="q1", digest="sha256:shown", remind_at=at, escalate_at=at, expires_at=at)
    await world.journal.append(claim, 1, [Draft(event=event, step="canary/25/weight")])

    world.platform.canary_now = canary
    with pytest.raises(StaleButton, match=says):
        await operations.approve(world.desk, "q1", BO)
    assert world.journal._of(run.id).waiting == []

    world.platform.canary_now = Workload(name="c", image="i", digest="sha256:shown")
    assert await operations.approve(world.desk, "q1", BO) is Decision.DECIDED


def unreadable(world, run):
    """Another version of the bot has written into the run's journal."""
    load = world.journal.load

    async def load_or_fail(name):
        if name == run.id:
            raise UnknownEvent("entry 7: a journal entry of kind 'teleported' cannot be read")
        return await load(name)

    world.journal.load = load_or_fail


async def test_a_run_that_another_version_wrote_does_not_hide_the_others():
    world = World("billing", "checkout")
    wish = Wish(version="v2.5.0", application="checkout")
    theirs = await operations.start(world.desk, wish, ADA)
    ours = await world.journal.create(a_plan(application="billing"), ADA)
    unreadable(world, theirs)

    active = await operations.status(world.desk, ADA, None)

    assert active.runs == (ours,)
    assert [run.id for run in active.unreadable] == [theirs.id]


@pytest.mark.parametrize("named", ["checkout-1", "checkout", None])
async def test_of_a_run_that_another_version_wrote_nothing_is_decided(named):
    world = World()
    run = await operations.start(world.desk, Wish(version="v2.5.0"), ADA)
    unreadable(world, run)

    with pytest.raises(OtherVersion, match="I cannot read checkout-1") as refused:
        await operations.find_run(world.desk, named)

    assert "traffic stays as it is" in refused.value.sentence
    assert "Start the version that wrote it" in refused.value.remedy


async def test_looking_needs_a_role_too():
    world = World()

    with pytest.raises(NotAllowed):
        await operations.status(world.desk, CY, None)
    with pytest.raises(NotAllowed):
        await operations.history(world.desk, CY)
    with pytest.raises(UnknownRun):
        await operations.status(world.desk, ADA, "checkout-9")

    assert world.results == [
        ("status", "refused: not-allowed"),
        ("history", "refused: not-allowed"),
        ("status", "refused: unknown-run"),
    ]


async def test_the_audit_trail_takes_no_control_characters_and_no_novels():
    world = World()

    await record(world.desk, ADA, "command \x00\n" + "x" * 5_000, None, "refused")

    what = world.results[0][0]
    assert what.startswith("command   xxx")
    assert len(what) == 300


async def test_a_bug_is_no_refusal_and_is_not_written_as_one():
    world = World()

    with pytest.raises(ZeroDivisionError):
        async with audited(world.desk, ADA, "start", None):
            _ = 1 / 0

    assert world.results == []

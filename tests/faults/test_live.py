"""The real process among the stand-ins: in mid-run it has no Slack, no metrics, no API, no database."""

import sqlite3
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.events import Ending
from bot.domain.reasons import Reason
from bot.domain.run import Run, RunState, StepStatus
from tests.faults.conftest import Observed
from tests.faults.registry import Edge, fault
from tests.support.eventually import eventually
from tests.support.person import Message, Person, everything_in
from tests.support.presses import approve_until_ended, current, ended, start
from tests.support.stand_ins import StandIns, stand_ins
from tests.support.wall_clock import WallClock

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

NEW = "v2.5.0"
SHIFT, WATCH, LAST_SHIFT = "canary/25/weight", "canary/25/bake", "canary/100/weight"
# Where a stage lasts long, it is not its end that is waited for.
LONG = {"stages": [{"weight": 25, "bake": "10m"}, {"weight": 100, "bake": "3s"}]}
SHORT = {"stages": [{"weight": 25, "bake": "8s"}, {"weight": 100, "bake": "3s"}]}


class Story:
    """A bot whose run is being asked about its first shift."""

    def __init__(self, world: StandIns, ada: Person, bo: Person, card: Message) -> None:
        self.world = world
        self.ada = ada
        self.bo = bo
        self.card = card

    async def run(self) -> Run:
        return await current(self.world.bot)

    async def until(self, step: str, status: StepStatus) -> Run:
        return await eventually(self.run, lambda run: run.record(step).status is status, within=120)

    async def approves(self) -> None:
        question = await self.bo.asked(self.card["ts"])
        answer = await self.bo.presses("approve", question)
        assert answer["ok"], answer

    def breaks(self, **faults: object) -> None:
        simulation = self.world.cluster.simulation
        simulation.faults.replace(
            {key.replace("new", NEW): how for key, how in faults.items()}, simulation.clock.now()
        )

    @property
    def weights(self) -> list[int]:
        return [weight for _, weight in self.world.shifts()]


@pytest.fixture
def clock(tmp_path: Path) -> WallClock | None:
    """The bot's own wall clock, where a test sets it."""
    return None


@pytest.fixture
def stages() -> dict[str, object]:
    return LONG


@pytest.fixture
async def story(tmp_path: Path, clock: WallClock | None, stages: dict[str, object]) -> AsyncIterator[Story]:
    async with stand_ins(tmp_path, canary=stages) as world:
        world.workspace.put_faults({"rates": "lifted"})
        if clock is not None:
            world.bot.environment |= clock.environment
        await world.bot.start()
        ada, bo = await world.person("ada"), await world.person("bo")
        yield Story(world, ada, bo, await start(ada, f"{NEW} canary"))


@fault(Edge.SLACK, "the real process: Slack hangs and its sockets are cut, while a bad version is taken off")
async def test_a_bad_version_is_taken_off_while_slack_hangs_and_slack_is_told_afterwards(
    story: Story, observed: Observed
) -> None:
    await story.approves()
    await story.until(WATCH, StepStatus.INTENDED)
    story.world.workspace.put_faults({"*": {"delay": 600}, "socket": {"drop": True, "refuse_for": 600}})
    story.breaks(new={"error_rate": 0.5})
    broken = time.monotonic()

    back = await eventually(story.run, lambda run: run.record("back/traffic").status is StepStatus.DONE, 60)
    took = time.monotonic() - broken
    assert story.weights == [25, 0]
    story.world.workspace.put_faults({"rates": "lifted"})
    over = await ended(story.world.bot)
    told = await story.ada.root("Rolled back", within=60)

    assert back.turn is not None
    assert (over.state, back.turn.reason) == (RunState.ROLLED_BACK, Reason.WORSE_THAN_STABLE)
    assert NEW in everything_in(told)
    observed(
        f"all traffic home {took:.0f} s after the first error; the card said so once Slack was there again"
    )


@fault(Edge.PROMETHEUS, "the real process: the metrics are down, and a person rolls back")
async def test_a_rollback_does_not_wait_for_metrics_that_are_down(story: Story, observed: Observed) -> None:
    await story.approves()
    await story.until(WATCH, StepStatus.INTENDED)
    story.breaks(**{"*": {"metrics_down": True}})
    await eventually(story.run, lambda run: "figures" in run.record(WATCH).awaiting, within=60)
    pressed = time.monotonic()
    answer = await story.bo.presses("rollback", await story.bo.root(NEW))
    assert answer["ok"], answer

    await eventually(story.run, lambda run: run.record("back/traffic").status is StepStatus.DONE, within=60)
    took = time.monotonic() - pressed
    over = await ended(story.world.bot)

    assert (over.state, story.weights) == (RunState.ROLLED_BACK, [25, 0])
    observed(f"all traffic home within {_seconds(took)} of the press, the metrics still down")


@fault(Edge.KUBERNETES, "the real process: the API answers 500 to one of ten requests during a shift")
async def test_a_shift_amid_an_api_in_trouble_is_approved_and_made_once(
    story: Story, observed: Observed
) -> None:
    question = await story.bo.asked(story.card["ts"])
    story.breaks(**{"*": {"api_errors": 0.1}})
    presses = 0
    while (await story.run()).record(SHIFT).approval is None:
        # The image is looked up before an approval of it is taken; without an answer, the press is refused.
        await story.bo.presses("approve", question)
        presses += 1

    watching = await story.until(WATCH, StepStatus.INTENDED)
    story.breaks()

    assert story.weights == [25]
    attempts = watching.record(SHIFT).attempt
    observed(f"{presses} presses until one could be taken, {attempts} attempts at the shift, one shift")


@fault(Edge.DATABASE, "the real process: the database is locked by somebody else for 9 s in mid-run")
async def test_a_locked_database_holds_the_run_where_it_is_and_it_finishes_afterwards(
    story: Story, tmp_path: Path, observed: Observed
) -> None:
    await story.bo.asked(story.card["ts"])
    locker = sqlite3.connect(tmp_path / "slackwater.db", isolation_level=None, timeout=10)
    locker.execute("BEGIN IMMEDIATE")
    locked = time.monotonic()
    pressed = await story.bo.presses("approve", await story.bo.asked(story.card["ts"]))
    await eventually(_seconds_since(locked), lambda passed: passed >= 9, within=60)
    assert story.weights == []
    locker.execute("ROLLBACK")
    locker.close()

    if (await story.run()).record(SHIFT).approval is None:
        await story.approves()
    await story.until(WATCH, StepStatus.INTENDED)

    assert story.weights == [25]
    answered = "acknowledged" if pressed["ok"] else "not acknowledged"
    observed(f"the press meanwhile was {answered}; no traffic moved while it was locked, then shifted once")


@pytest.mark.parametrize("stages", [SHORT])
class TestAnotherTime:
    """The wall clock of the bot's process is set, as when somebody sets the machine's."""

    @pytest.fixture
    def clock(self, tmp_path: Path) -> WallClock:
        return WallClock(tmp_path)

    @fault(Edge.CLOCK, "the real process: the wall clock is set by two hours, forward and back, in mid-run")
    async def test_neither_stages_nor_questions_notice_that_the_wall_clock_was_set(
        self, story: Story, clock: WallClock, observed: Observed
    ) -> None:
        await story.bo.asked(story.card["ts"])
        clock.set(timedelta(hours=2))
        await story.approves()
        watching = await story.until(WATCH, StepStatus.INTENDED)
        began = time.monotonic()
        clock.set(-timedelta(hours=2))
        watched = await story.until(WATCH, StepStatus.DONE)
        lasted = time.monotonic() - began
        clock.set(timedelta(hours=2))
        over = await approve_until_ended(story.bo, story.card, story.world.bot)

        assert watching.question is None
        assert lasted > 6, "the stage of 8 s was cut short"
        record = watched.record(WATCH)
        assert record.began is not None
        assert record.ended is not None
        assert timedelta(seconds=8) <= record.ended - record.began < timedelta(minutes=2)
        assert over.ended is not None
        assert (over.ended.ending, story.weights) == (Ending.FINISHED, [25, 100, 0])
        said = [line for line in story.world.bot.logged() if line["event"] == "wall-clock-was-set"]
        assert {line["level"] for line in said} == {"error"}
        observed(f"said {len(said)} times; no question expired, the stage lasted its time, the run finished")


def _seconds(took: float) -> str:
    return f"{max(1, round(took))} s"


def _seconds_since(moment: float):  # type: ignore[no-untyped-def]
    async def look() -> float:
        return time.monotonic() - moment

    return look

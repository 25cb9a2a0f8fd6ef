"""The clock is set by an hour, both ways, in mid-run and between two starts; summer time begins and ends."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.clients.clock import RealClock, RealTime
from bot.domain.events import Draft, Ending, Noted
from bot.domain.reasons import Reason
from bot.engine.timers import Alarm
from storage import Database, SQLJournal, SQLRuns
from tests.faults.blind_run import in_virtual_time
from tests.faults.conftest import Observed
from tests.faults.registry import Edge, fault
from tests.faults.small_run import WATCH, small_run
from tests.support.builders import ADA, a_plan
from tests.support.clocks import HandClock
from tests.support.scenario import Given, Scenario, Then, When, minutes, seconds

HOUR = timedelta(hours=1)
_BAKE = minutes(5)
BOTH_WAYS = pytest.mark.parametrize("by", [HOUR, -HOUR], ids=["forward", "back"])

Story = Callable[[Scenario, When, Then], Awaitable[None]]


def told(by: timedelta) -> str:
    return "an hour forward" if by > timedelta(0) else "an hour back"


@fault(Edge.CLOCK, "the wall clock is set by an hour in the middle of a stage")
@BOTH_WAYS
async def test_a_stage_lasts_as_long_as_it_should_whatever_the_wall_clock_says(
    tmp_path: Path, observed: Observed, log: list[dict[str, object]], by: timedelta
) -> None:
    off = [0.0]
    real = RealTime(wall=lambda: time.time() + off[0])
    async with small_run(tmp_path, real=real, bake=minutes(2)) as run:
        run.at(WATCH, lambda: off.__setitem__(0, by.total_seconds()))
        over = await run.is_done(WATCH)

        watched = over.record(WATCH)
        assert watched.began is not None
        assert watched.ended is not None
        assert minutes(2) <= watched.ended - watched.began < minutes(10)
        assert watched.evidence.unwatched == timedelta(0)
        said = [line for line in log if line["event"] == "wall-clock-was-set"]
        assert [line["log_level"] for line in said] == ["error"]
        observed(
            f"{told(by)}: the stage of 2 min was not cut short nor prolonged; the log says so once, aloud"
        )


def virtual(story: Story) -> None:
    """The story in virtual time, in a canary whose stages take five minutes."""

    async def whole() -> None:
        scenario = Scenario()
        Given(scenario).stages(5, 25, 100, bake=_BAKE)
        try:
            await story(scenario, When(scenario), Then(scenario))
            scenario.invariants()
        finally:
            await scenario.close()

    in_virtual_time(whole())


async def starts_again(scenario: Scenario, when: When, by: timedelta) -> None:
    """The bot ends, somebody sets the clock, and the bot is started again a moment later.

    For pods and counters no time has passed: what they remember moves with the clock.
    """
    await when.dies()
    scenario.clock._origin += by
    shop = scenario.shop
    shop._counted_at += by
    for deployed in (shop.stable, shop.canary):
        if deployed is not None:
            deployed.since += by
    await when.restarts()


@fault(Edge.CLOCK, "the clock is set by an hour between two starts, in the middle of a stage")
@BOTH_WAYS
def test_a_stage_is_watched_for_its_whole_time_although_the_clock_was_set(
    observed: Observed, by: timedelta
) -> None:
    async def story(scenario: Scenario, when: When, then: Then) -> None:
        await when.started()
        await when.bakes_at(5)
        await when.passes(minutes(2))
        await starts_again(scenario, when, by)
        since = scenario.clock.now()
        await when.asked_for(25)
        watched = scenario.clock.now() - since
        left = minutes(3) if by > timedelta(0) else _BAKE
        assert left - seconds(40) < watched < left + seconds(40)
        then.traffic(canary=5)
        observed(f"{told(by)}, after 2 of 5 min: watched for {watched.total_seconds() / 60:.0f} min more")
        await when.approves_all()
        then.ended(Ending.FINISHED, Reason.FINISHED).weights_were(5, 25, 100, 0)

    virtual(story)


@fault(Edge.CLOCK, "the clock is set forward by an hour between two starts, while people are asked")
def test_a_question_that_seems_to_be_an_hour_old_expires_and_nothing_moves_forward(
    observed: Observed,
) -> None:
    async def story(scenario: Scenario, when: When, then: Then) -> None:
        await when.started()
        await when.bakes_at(5)
        await when.asked_for(25)
        await starts_again(scenario, when, HOUR)
        await when.is_over(minutes(5))
        then.ended(Ending.ABORTED, Reason.APPROVAL_EXPIRED).weights_were(5, 0)

    virtual(story)
    observed("the question expired at the start; all traffic went to stable")


@fault(Edge.CLOCK, "the clock is set back by an hour between two starts, while people are asked")
def test_a_question_waits_longer_and_its_answer_counts_as_ever(observed: Observed) -> None:
    async def story(scenario: Scenario, when: When, then: Then) -> None:
        await when.started()
        await when.bakes_at(5)
        question = await when.asked_for(25)
        await starts_again(scenario, when, -HOUR)
        await when.passes(minutes(30))
        assert then.run.question is not None
        then.traffic(canary=5)
        await when.pressed(question)
        await when.approves_all()
        then.ended(Ending.FINISHED, Reason.FINISHED).weights_were(5, 25, 100, 0)

    virtual(story)
    observed("it waited an hour longer, nothing moved; the answer counted and the run finished")


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The machine's own time zone, which has summer time."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@fault(Edge.CLOCK, "summer time begins, or ends, in the middle of a stage")
@pytest.mark.parametrize("day", [(2026, 3, 29), (2026, 10, 25)], ids=["begins", "ends"])
def test_a_change_of_summer_time_is_not_noticed(
    observed: Observed, berlin: None, day: tuple[int, int, int]
) -> None:
    change = datetime(*day, 1, 0, tzinfo=UTC)
    before, after = change - minutes(1), change + minutes(1)
    assert before.astimezone().utcoffset() != after.astimezone().utcoffset(), "it is not changed here"

    async def story(scenario: Scenario, when: When, then: Then) -> None:
        scenario.clock._origin = change - minutes(10)
        await when.started()
        await when.approves_all()
        run = then.ended(Ending.FINISHED, Reason.FINISHED).weights_were(5, 25, 100, 0).run
        assert run.started_at < change < (run.ended_at or run.started_at)
        for weight in (5, 25, 100):
            bake = run.record(f"canary/{weight}/bake")
            assert bake.began is not None
            assert bake.ended is not None
            assert _BAKE <= bake.ended - bake.began < _BAKE + seconds(5)

    virtual(story)
    observed("every stage lasted its 5 min")


@fault(Edge.CLOCK, "summer time begins, or ends, between two entries of the journal")
async def test_entries_keep_their_moment_across_a_change_of_summer_time(
    tmp_path: Path, observed: Observed, berlin: None
) -> None:
    clock = HandClock(datetime(2026, 10, 25, 0, 30, tzinfo=UTC))
    database = Database(f"sqlite:///{tmp_path / 'a.db'}")
    await database.migrate()
    await SQLRuns(database, clock).create(a_plan(at=clock.now()), ADA)
    journal = SQLJournal(database, clock)
    (claim,) = await journal.claim("one", ttl=minutes(1))
    written = [clock.now()]
    for seq in range(1, 5):
        clock.advance(minutes(30))  # 02:30 comes twice that night
        written.append(clock.now())
        await journal.append(claim, seq, [Draft(event=Noted(key=f"{seq}", sentence="tick"))])

    read = [entry.at for entry in await SQLJournal(database, clock).entries(claim.run)]

    await database.close()
    assert read == written
    observed("each entry is read back with the very moment at which it was written")


@fault(Edge.CLOCK, "the wall clock is set back by an hour while the alarm for the next timer waits")
async def test_the_alarm_rings_when_it_is_time_by_the_bots_own_clock(
    observed: Observed, log: list[dict[str, object]]
) -> None:
    off = [0.0]
    clock = RealClock(RealTime(wall=lambda: time.time() + off[0]))
    alarm, rang = Alarm(clock), asyncio.Event()

    async def ring() -> None:
        rang.set()

    alarm.set(clock.now() + seconds(0.3), ring)
    off[0] = -HOUR.total_seconds()
    async with asyncio.timeout(3):
        await rang.wait()
    clock.now()
    alarm.stop()

    assert [line["event"] for line in log] == ["wall-clock-was-set"]
    observed("it rings in time, and the log says that the clock was set")

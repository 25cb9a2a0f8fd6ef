"""What counts towards the end of a bake: time in which the canary was really watched."""

from datetime import timedelta
from typing import Any

from bot.analysis import Limits
from bot.domain.actions import Bake
from bot.domain.events import Entry, Held, Intended, Planned, Progressed, Resumed
from bot.domain.figures import Bucket, Figure, Sample, Subject
from bot.domain.folding import begin, fold
from bot.domain.outcome import Done, Outcome, TrafficSplit, Wait
from bot.domain.plan import Phase, Step
from bot.domain.run import Run
from bot.domain.verdict import VerdictKind
from bot.ports import StepContext
from bot.steps.bake import BakeKind
from tests.support.builders import BO, MORNING, a_plan
from tests.support.scenario import minutes, seconds

_BAKE = minutes(15)
_STEP = "canary/25/bake"


class _Busy:
    """A source whose counters grow by 100 requests a second on each side, without failures."""

    def __init__(self) -> None:
        self.now = MORNING
        self.served = timedelta(0)  # whatever the bot's clock says

    async def sample(self, subject: Subject, *, figures: bool = True) -> Sample:
        requests = 100 * self.served.total_seconds()
        buckets = (Bucket(le=0.1, count=requests), Bucket(le=None, count=requests))
        counted = Figure.known(requests)
        return Sample(at=self.now, requests_total=counted, errors_total=Figure.known(0), buckets=buckets)


class _Route:
    async def split(self) -> TrafficSplit:
        return TrafficSplit(canary=25, header_to="canary")


class _Stage:
    """One bake of a run, looked at whenever the test says so."""

    def __init__(self) -> None:
        self.source = _Busy()
        self.kind = BakeKind(self.source, None, _Route(), Limits())  # type: ignore[arg-type]
        self.step = Step(
            id=_STEP, title="Compare", action=Bake(weight=25, duration=_BAKE), phase=Phase.PRODUCTION
        )
        self.run: Run = begin(Entry(seq=1, at=MORNING, run="checkout-1", event=Planned(plan=a_plan())))
        self.writes(Intended(), step=_STEP)

    def writes(self, event: Any, **where: Any) -> None:
        entry = Entry(seq=self.run.seq + 1, at=self.source.now, run=self.run.id, event=event, **where)
        self.run = fold(self.run, entry)

    async def looks(self, speed: float = 1.0) -> Outcome:
        context = StepContext(run=self.run, step=self.step, now=self.source.now, speed=speed)
        outcome = await self.kind.verify(context)
        if isinstance(outcome, Wait) and outcome.evidence is not None:
            self.writes(Progressed(awaiting=outcome.awaiting, evidence=outcome.evidence), step=_STEP)
        return outcome

    async def is_watched_for(self, time: timedelta) -> Outcome:
        outcome: Outcome | None = None
        for _ in range(int(time.total_seconds()) // 5):
            self.passes(seconds(5))
            outcome = await self.looks()
            if isinstance(outcome, Done):
                break
        assert outcome is not None
        return outcome

    def passes(self, time: timedelta) -> None:
        self.source.now += time
        self.source.served += time

    def clock_is_set(self, by: timedelta) -> None:
        """Between two starts of the bot: for everybody else no time passes."""
        self.source.now += by

    @property
    def unwatched(self) -> timedelta:
        return self.run.record(_STEP).evidence.unwatched


async def test_a_stage_that_is_watched_ends_when_its_time_is_over() -> None:
    stage = _Stage()

    assert isinstance(await stage.is_watched_for(_BAKE - seconds(5)), Wait)
    assert isinstance(await stage.is_watched_for(seconds(5)), Done)


async def test_time_in_which_nobody_looked_does_not_count_towards_the_end() -> None:
    stage = _Stage()
    await stage.is_watched_for(minutes(5))

    stage.passes(minutes(60))

    assert isinstance(await stage.looks(), Wait)
    assert stage.unwatched == minutes(60)
    assert isinstance(await stage.is_watched_for(minutes(9.9)), Wait)
    assert isinstance(await stage.is_watched_for(seconds(10)), Done)


async def test_a_bot_that_dies_before_its_first_look_has_seen_nothing_of_the_stage() -> None:
    stage = _Stage()

    stage.passes(minutes(30))

    assert isinstance(await stage.looks(), Wait)
    assert stage.unwatched == minutes(30)


async def test_what_is_served_while_nobody_looks_is_counted_all_the_same() -> None:
    stage = _Stage()
    await stage.is_watched_for(minutes(5))

    stage.passes(minutes(60))
    outcome = await stage.is_watched_for(_BAKE)

    assert isinstance(outcome, Done)
    assert outcome.evidence.canary is not None
    assert outcome.evidence.canary.requests > 100 * minutes(70).total_seconds()


async def test_a_short_stutter_is_not_held_against_the_stage() -> None:
    stage = _Stage()
    await stage.is_watched_for(minutes(5))

    stage.passes(seconds(50))
    await stage.looks()

    assert stage.unwatched == timedelta(0)


async def test_on_a_fast_clock_it_is_real_time_that_makes_an_absence() -> None:
    stage = _Stage()
    await stage.looks(speed=60)

    stage.passes(minutes(50))
    outcome = await stage.looks(speed=60)
    stage.passes(minutes(70))
    absent = await stage.looks(speed=60)

    assert isinstance(outcome, Done)
    assert outcome.evidence.unwatched == timedelta(0)
    assert absent.evidence is not None
    assert absent.evidence.unwatched == minutes(120), "nobody has looked since the first look"


async def test_a_hold_that_was_not_watched_counts_as_a_hold_only_once() -> None:
    stage = _Stage()
    await stage.is_watched_for(minutes(5))
    stage.writes(Held(sentence="somebody else changed the route"))
    stage.passes(minutes(20))
    stage.writes(Resumed(), person=BO)

    await stage.looks()

    assert stage.unwatched == timedelta(0)
    assert isinstance(await stage.is_watched_for(minutes(9.9)), Wait)
    assert isinstance(await stage.is_watched_for(seconds(10)), Done)


async def test_a_stage_whose_clock_was_set_forward_goes_on_where_it_was() -> None:
    stage = _Stage()
    await stage.is_watched_for(minutes(5))

    stage.clock_is_set(timedelta(hours=1))

    assert isinstance(await stage.looks(), Wait)
    assert isinstance(await stage.is_watched_for(minutes(9.8)), Wait)
    assert isinstance(await stage.is_watched_for(seconds(15)), Done)


async def test_a_stage_whose_clock_was_set_back_is_watched_anew() -> None:
    stage = _Stage()
    await stage.is_watched_for(minutes(5))

    stage.clock_is_set(-timedelta(hours=1))
    stage.passes(seconds(5))

    first = await stage.looks()
    assert isinstance(first, Wait)
    assert first.evidence is not None
    assert first.evidence.verdict is not None
    assert first.evidence.verdict.kind is not VerdictKind.HEALTHY
    assert isinstance(await stage.is_watched_for(_BAKE - seconds(5)), Wait)
    outcome = await stage.is_watched_for(seconds(5))
    assert isinstance(outcome, Done)
    assert outcome.evidence.canary is not None
    assert outcome.evidence.canary.windows > 10, "the new time is counted, not waited for"


async def test_a_bot_whose_clock_differs_by_a_moment_changes_nothing() -> None:
    stage = _Stage()
    await stage.is_watched_for(minutes(5))

    stage.clock_is_set(-seconds(2))
    await stage.looks()

    assert stage.unwatched == timedelta(0)

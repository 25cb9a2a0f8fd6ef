"""When the way back may say of an object that nothing late can land on it any more."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.events import Ending, Entry, Planned
from bot.domain.folding import begin
from bot.domain.outcome import Recorded, TrafficSplit, Wait, Workload
from bot.domain.reasons import Reason
from bot.domain.run import Run, RunState, StepRecord, StepStatus, Turn
from bot.ports import StepContext
from bot.steps.canary import RemoveCanaryKind
from bot.steps.stable import RestoreStableKind
from bot.steps.traffic import TrafficToStableKind
from tests.support.builders import a_plan

_NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
_RUN = "checkout-1"


class _Shop:
    """A platform and a route that stand as they were left."""

    def __init__(self, *, revision: str = "7", mark: str | None = None) -> None:
        self._stands = {"revision": revision, "mark": mark}

    async def split(self) -> TrafficSplit:
        return TrafficSplit(canary=0, header_to="stable", **self._stands)

    async def stable(self) -> Workload:
        image = a_plan().request.running_image
        return Workload(
            name="checkout", image=image, replicas=3, ready=3, updated=3, is_settled=True, **self._stands
        )

    async def canary(self) -> None:
        return None


def _going_back(**steps: StepRecord) -> Run:
    run = begin(Entry(seq=1, at=_NOW, run=_RUN, event=Planned(plan=a_plan())))
    turn = Turn(
        at=_NOW,
        ending=Ending.ABORTED,
        reason=Reason.ABORTED,
        sentence="Stopped by Bo.",
        quarantine=False,
    )
    return run.with_(state=RunState.GOING_BACK, turn=turn, steps=steps)


def _tried(before: Recorded, attempts: int) -> StepRecord:
    return StepRecord(status=StepStatus.INTENDED, attempt=attempts, before=before)


def _context(run: Run, step: str, *, later: timedelta = timedelta(0)) -> StepContext:
    return StepContext(run=run, step=run.plan.step(step), now=_NOW + later)


def _traffic(shop: _Shop) -> TrafficToStableKind:
    return TrafficToStableKind(shop, shop)  # type: ignore[arg-type]


async def test_a_route_whose_mark_was_refused_again_and_again_is_not_taken_for_marked() -> None:
    at_rest = Recorded(split=TrafficSplit(canary=0, header_to="stable", revision="7"))
    context = _context(_going_back(**{"back/traffic": _tried(at_rest, 20)}), "back/traffic")
    kind = _traffic(_Shop(revision="7"))

    seen, outcome = await kind.observe(context), await kind.verify(context)

    assert not seen.is_settled
    assert isinstance(outcome, Wait)


async def test_a_stable_whose_mark_was_refused_again_and_again_is_not_taken_for_marked() -> None:
    shop = _Shop(revision="uid/7")
    stable = await shop.stable()
    promoted = StepRecord(status=StepStatus.INTENDED, attempt=1, before=Recorded(workload=stable))
    back = _tried(Recorded(workload=stable), 20)
    context = _context(_going_back(**{"promote/stable": promoted, "back/stable": back}), "back/stable")
    kind = RestoreStableKind(shop)  # type: ignore[arg-type]

    seen, outcome = await kind.observe(context), await kind.verify(context)

    assert not seen.is_settled
    assert isinstance(outcome, Wait)


async def test_a_route_whose_mark_somebodys_tool_takes_away_has_moved_all_the_same() -> None:
    at_rest = Recorded(split=TrafficSplit(canary=0, header_to="stable", revision="7"))
    context = _context(_going_back(**{"back/traffic": _tried(at_rest, 1)}), "back/traffic")

    seen = await _traffic(_Shop(revision="9")).observe(context)

    assert seen.is_settled


@pytest.mark.parametrize("revision", ["", "7"])
async def test_what_an_older_version_recorded_without_a_revision_tells_nothing(revision: str) -> None:
    """A way back that was begun before revisions were recorded."""
    recorded = Recorded(split=TrafficSplit(canary=0, header_to="stable", revision=""))
    context = _context(_going_back(**{"back/traffic": _tried(recorded, 1)}), "back/traffic")

    seen = await _traffic(_Shop(revision=revision)).observe(context)

    assert not seen.is_settled


async def test_a_marked_route_at_rest_is_left_alone() -> None:
    context = _context(_going_back(), "back/traffic")

    seen = await _traffic(_Shop(mark=_RUN)).observe(context)

    assert seen.is_settled


@pytest.mark.parametrize("status", [StepStatus.INTENDED, StepStatus.FAILED, StepStatus.DONE])
async def test_the_canary_is_gone_for_good_once_no_creation_can_be_under_way(status: StepStatus) -> None:
    """A creation that was sent again may have been the first of two: being done is no proof."""
    ended = None if status is StepStatus.INTENDED else _NOW - timedelta(seconds=1)
    run = _going_back(**{"canary/deploy": StepRecord(status=status, attempt=2, ended=ended)})
    kind = RemoveCanaryKind(_Shop(), _Shop())  # type: ignore[arg-type]

    soon = await kind.verify(_context(run, "back/clean-up", later=timedelta(seconds=5)))
    later = await kind.verify(_context(run, "back/clean-up", later=timedelta(seconds=15)))

    assert isinstance(soon, Wait)
    assert not isinstance(later, Wait)


async def test_a_canary_that_was_up_for_long_is_removed_without_a_wait() -> None:
    created = StepRecord(status=StepStatus.DONE, attempt=1, ended=_NOW - timedelta(minutes=5))
    kind = RemoveCanaryKind(_Shop(), _Shop())  # type: ignore[arg-type]

    outcome = await kind.verify(_context(_going_back(**{"canary/deploy": created}), "back/clean-up"))

    assert not isinstance(outcome, Wait)

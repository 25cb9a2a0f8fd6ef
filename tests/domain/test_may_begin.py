"""The invariant itself, without an engine: what the journal allows to begin."""

import pytest

from bot.domain.errors import IllegalTransition
from bot.domain.events import (
    Approved,
    Basis,
    Claimed,
    Ended,
    Ending,
    Entry,
    Held,
    Intended,
    Planned,
    TurnedBack,
)
from bot.domain.folding import LEGAL, begin, fold
from bot.domain.moves import may_begin
from bot.domain.reasons import Reason
from bot.domain.run import Run, RunState
from tests.support.builders import ADA, BO, MORNING, a_plan

PLAN = a_plan()
SHIFT = PLAN.step("canary/25/weight")


def after(run: Run, event: object, step: str | None = None) -> Run:
    return fold(run, Entry(seq=run.seq + 1, at=MORNING, run=run.id, step=step, person=BO, event=event))


def fresh() -> Run:
    return begin(Entry(seq=1, at=MORNING, run="checkout-1", person=ADA, event=Planned(plan=PLAN)))


def turned_back() -> TurnedBack:
    return TurnedBack(ending=Ending.ABORTED, reason=Reason.ABORTED, sentence="No.", quarantine=False)


def test_a_shift_may_not_begin_without_its_approval() -> None:
    assert not may_begin(fresh(), SHIFT)


def test_a_shift_may_begin_with_its_approval() -> None:
    run = after(fresh(), Approved(basis=Basis.PERSON, people=(BO,)), SHIFT.id)

    assert may_begin(run, SHIFT)


def test_the_approval_of_another_shift_is_none() -> None:
    run = after(fresh(), Approved(basis=Basis.PERSON, people=(BO,)), "canary/100/weight")

    assert not may_begin(run, SHIFT)


def test_nothing_new_begins_while_the_run_is_held() -> None:
    run = after(after(fresh(), Approved(basis=Basis.PERSON, people=(BO,)), SHIFT.id), Held())

    assert not may_begin(run, SHIFT)
    assert not may_begin(run, PLAN.steps[0])


def test_nothing_forward_begins_once_the_run_goes_back() -> None:
    run = after(after(fresh(), Approved(basis=Basis.PERSON, people=(BO,)), SHIFT.id), turned_back())

    assert not may_begin(run, SHIFT)
    assert all(may_begin(run, step) for step in PLAN.way_back)


def test_the_way_back_does_not_begin_before_the_run_turns_back() -> None:
    assert not any(may_begin(fresh(), step) for step in PLAN.way_back)


def test_nothing_at_all_begins_after_the_end() -> None:
    ended = Ended(ending=Ending.ABORTED, reason=Reason.ABORTED, sentence="No.")
    run = after(after(fresh(), turned_back()), ended)

    assert not any(may_begin(run, step) for step in (*PLAN.steps, *PLAN.way_back))


def test_no_event_is_legal_after_the_end() -> None:
    terminal = {state for state in RunState if state.is_terminal}

    assert all(not states & terminal for states in LEGAL.values())


def test_an_event_of_a_step_that_the_plan_lacks_is_refused() -> None:
    with pytest.raises(IllegalTransition, match="has no step"):
        after(fresh(), Intended(), "canary/26/weight")


def test_taking_a_run_over_changes_nothing_of_it() -> None:
    run = fresh()

    taken = after(run, Claimed(owner="bot-2"))

    assert taken.with_(seq=run.seq) == run

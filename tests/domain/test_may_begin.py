"""The invariant itself, without an engine: what the journal allows to begin."""

from datetime import timedelta

import pytest

from bot.domain import aftercare
from bot.domain.actions import Decommission
from bot.domain.errors import IllegalTransition
from bot.domain.events import (
    Approved,
    Basis,
    Claimed,
    Due,
    Ended,
    Ending,
    Entry,
    Held,
    Intended,
    Planned,
    PutOff,
    StepDone,
    StepFailed,
    TurnedBack,
)
from bot.domain.folding import LEGAL, begin, fold
from bot.domain.moves import may_begin
from bot.domain.plan import Phase, Step
from bot.domain.reasons import Reason
from bot.domain.run import Run, RunState, StepStatus
from tests.support.builders import ADA, BO, MORNING, a_plan

PLAN = a_plan()
SHIFT = PLAN.step("canary/25/weight")
LEFT = Step(
    id="after/decommission",
    title="Remove v2.4.1",
    action=Decommission(),
    phase=Phase.FINISH,
    due=timedelta(hours=24),
)
FINISHED = Ended(ending=Ending.FINISHED, reason=Reason.FINISHED, sentence="Done.")


def after(run: Run, event: object, step: str | None = None) -> Run:
    return fold(run, Entry(seq=run.seq + 1, at=MORNING, run=run.id, step=step, person=BO, event=event))


def fresh(*, left: bool = False) -> Run:
    plan = PLAN.with_(aftercare=(LEFT,)) if left else PLAN
    return begin(Entry(seq=1, at=MORNING, run="checkout-1", person=ADA, event=Planned(plan=plan)))


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


def test_no_event_is_legal_after_an_end_that_leaves_nothing_behind() -> None:
    terminal = {state for state in RunState if state.is_terminal}

    assert all(states & terminal <= {RunState.FINISHED} for states in LEGAL.values())
    with pytest.raises(IllegalTransition, match="cannot happen to a run that is finished"):
        after(after(fresh(), FINISHED), Claimed(owner="bot-2"))


def test_what_is_left_behind_is_done_once_it_is_due_and_nothing_else() -> None:
    run = after(fresh(left=True), FINISHED)
    assert not may_begin(run, LEFT)

    due = after(run, Due(), LEFT.id)

    assert may_begin(due, LEFT)
    assert not any(may_begin(due, step) for step in (*PLAN.steps, *PLAN.way_back))
    assert not may_begin(after(due, PutOff(until=MORNING), LEFT.id), LEFT)


def test_what_is_left_behind_waits_for_the_end() -> None:
    run = fresh(left=True)

    assert not may_begin(run, LEFT)
    with pytest.raises(IllegalTransition, match="not one of a run that is running"):
        after(run, Intended(), LEFT.id)


def test_once_it_is_done_nothing_follows() -> None:
    run = after(after(fresh(left=True), FINISHED), Due(), LEFT.id)
    run = after(after(run, Intended(), LEFT.id), StepDone(), LEFT.id)

    assert run.is_closed
    with pytest.raises(IllegalTransition):
        after(run, Due(), LEFT.id)


def test_what_cannot_be_done_is_put_off_and_begins_anew() -> None:
    run = after(after(after(fresh(left=True), FINISHED), Due(), LEFT.id), Intended(), LEFT.id)
    with pytest.raises(IllegalTransition, match="does not fail"):
        after(run, StepFailed(reason=Reason.STEP_FAILED, sentence="Forbidden."), LEFT.id)

    later = after(run, PutOff(until=MORNING, why="Forbidden."), LEFT.id)

    assert not may_begin(later, LEFT)
    assert later.record(LEFT.id).status is StepStatus.PENDING
    again = after(later, Due(), LEFT.id)
    assert may_begin(again, LEFT)
    assert again.record(LEFT.id).attempt == run.record(LEFT.id).attempt


def test_people_put_off_what_is_under_way_and_nothing_is_impossible_before_it_was_due() -> None:
    finished = after(fresh(left=True), FINISHED)
    with pytest.raises(IllegalTransition):
        after(finished, PutOff(until=MORNING, why="Forbidden."), LEFT.id)
    begun = after(after(finished, Due(), LEFT.id), Intended(), LEFT.id)

    later = after(begun, PutOff(until=MORNING), LEFT.id)

    assert not may_begin(later, LEFT)


def test_it_is_tried_again_after_twice_as_long_each_time_but_each_day() -> None:
    run, waits = after(fresh(left=True), FINISHED), []
    for _ in range(60):
        run = after(after(run, Due(), LEFT.id), Intended(), LEFT.id)
        now = run.care[LEFT.id].due_at
        later = aftercare.not_now(run, LEFT, "Forbidden.", now)
        waits.append((later.until - now) / timedelta(hours=1))
        run = after(run, later, LEFT.id)

    assert waits[:8] == [1, 2, 4, 8, 16, 24, 24, 24]
    assert set(waits[8:]) == {24}


def test_what_could_not_be_done_early_keeps_its_own_time() -> None:
    run = after(after(after(fresh(left=True), FINISHED), Due(), LEFT.id), Intended(), LEFT.id)

    assert aftercare.not_now(run, LEFT, "Forbidden.", MORNING).until == run.care[LEFT.id].due_at


def test_a_run_that_was_taken_back_leaves_nothing_behind() -> None:
    ended = Ended(ending=Ending.ABORTED, reason=Reason.ABORTED, sentence="No.")

    assert after(after(fresh(left=True), turned_back()), ended).is_closed


def test_an_event_of_a_step_that_the_plan_lacks_is_refused() -> None:
    with pytest.raises(IllegalTransition, match="has no step"):
        after(fresh(), Intended(), "canary/26/weight")


def test_taking_a_run_over_changes_nothing_of_it() -> None:
    run = fresh()

    taken = after(run, Claimed(owner="bot-2"))

    assert taken.with_(seq=run.seq) == run

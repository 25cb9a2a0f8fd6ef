"""What came later is what stands later in the journal, whatever the clock said when it was written."""

from datetime import timedelta

import pytest

from bot.domain.events import Approved, Basis, Entry, Event, Held, Intended, Planned, Resumed, StepDone
from bot.domain.folding import begin, fold
from bot.domain.moves import Approve, Ask, Move, next_move
from bot.domain.outcome import Evidence
from bot.domain.people import Person
from bot.domain.run import Run
from bot.domain.verdict import Verdict
from bot.ports import StepContext
from bot.steps.actions import is_ours_to_mind
from tests.support.builders import ADA, BO, MORNING, a_plan
from tests.support.story import healthy, unknown

FIRST, LAST = "canary/25/weight", "canary/100/weight"
BEFORE, AFTER = timedelta(hours=1), timedelta(0)  # the clock was set back by an hour in between


class Told:
    """A run whose entries are written at whatever time the test says."""

    def __init__(self) -> None:
        plan = a_plan(weights=(25, 100))
        covered = {"shifts_traffic": True, "covered_by": LAST}
        steps = tuple(s.with_(**covered) if s.id == "promote/stable" else s for s in plan.steps)
        planned = Planned(plan=plan.with_(steps=steps))
        self.run: Run = begin(Entry(seq=1, at=MORNING, run="checkout-1", person=ADA, event=planned))

    def says(self, event: Event, step: str | None = None, *, at: timedelta, by: Person | None = BO) -> None:
        seq, moment = self.run.seq + 1, MORNING + at
        entry = Entry(seq=seq, at=moment, run=self.run.id, step=step, person=by, event=event)
        self.run = fold(self.run, entry)

    def does(self, step: str, *, at: timedelta, verdict: Verdict | None = None) -> None:
        self.says(Intended(), step, at=at)
        self.says(StepDone(evidence=Evidence(verdict=verdict)), step, at=at)

    def approves(self, step: str, *, at: timedelta) -> None:
        self.says(Approved(basis=Basis.PERSON, people=(BO,)), step, at=at)


def test_the_weight_is_that_of_the_last_shift_in_the_journal() -> None:
    told = Told()
    told.does(FIRST, at=BEFORE)

    told.does(LAST, at=AFTER)

    assert told.run.weight == 100


@pytest.mark.parametrize(("verdict", "move"), [(unknown(), Ask), (healthy(), Approve)])
def test_an_approval_covers_nothing_that_a_later_verdict_speaks_against(
    verdict: Verdict, move: type[Move]
) -> None:
    told = Told()
    for step in ("check-stable", "canary/deploy", FIRST, "canary/25/bake"):
        told.does(step, at=BEFORE)
    told.approves(LAST, at=BEFORE)
    told.does(LAST, at=BEFORE)

    told.does("canary/100/bake", at=AFTER, verdict=verdict)

    assert isinstance(next_move(told.run), move)


def test_what_a_person_resumed_in_full_view_does_not_stop_the_run_again() -> None:
    told = Told()
    told.approves(FIRST, at=BEFORE)
    told.says(Intended(), FIRST, at=BEFORE)
    told.says(Held(sentence="somebody else changed the route"), at=BEFORE, by=None)

    told.says(Resumed(), at=AFTER)

    step = told.run.plan.step(FIRST)
    assert not is_ours_to_mind(StepContext(run=told.run, step=step, now=MORNING))

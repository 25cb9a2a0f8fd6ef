"""What holds for every journal: folding, what interrupts come to, and the way back from every prefix."""

import asyncio
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bot.domain.errors import IllegalTransition
from bot.domain.events import Entry
from bot.domain.folding import fold, fold_all
from bot.domain.interrupts import Interrupt, InterruptKind, answer_to
from bot.domain.moves import CarryOut, next_move
from bot.domain.reasons import Reason
from bot.domain.run import Run, RunState, StepStatus
from tests.support.builders import BO
from tests.support.scenario import Scenario, When
from tests.support.virtual import VirtualLoop


@cache
def journals() -> tuple[tuple[Entry, ...], ...]:
    """The journals of a good run, of a bad version, and of one that was held and aborted."""

    async def good(when: When) -> None:
        await when.approves_all()

    async def bad(when: When) -> None:
        await when.bakes_at(10)
        when.shop.faults.error_rate["v2.5.0"] = 0.2
        await when.is_over()

    async def held(when: When) -> None:
        await when.asked_for(5)
        await when.holds()
        await when.resumes()
        await when.bakes_at(5)
        await when.aborts()
        await when.is_over()

    async def play(story: object) -> tuple[Entry, ...]:
        scenario = Scenario()
        when = When(scenario)
        await when.started()
        await story(when)
        await scenario.close()
        return tuple(scenario.entries())

    kept = []
    with capture_logs():
        for story in (good, bad, held):
            with asyncio.Runner(loop_factory=VirtualLoop) as runner:
                kept.append(runner.run(play(story)))
    return tuple(kept)


def prefixes() -> list[tuple[Entry, ...]]:
    return [journal[:end] for journal in journals() for end in range(1, len(journal) + 1)]


@given(st.integers(0, 2), st.integers(1, 200))
def test_folding_in_two_parts_equals_folding_in_one(which: int, cut: int) -> None:
    journal = journals()[which]
    cut = min(cut, len(journal))

    run = fold_all(journal[:cut])
    for entry in journal[cut:]:
        run = fold(run, entry)

    assert run == fold_all(journal)


@given(st.integers(0, 2), st.integers(1, 200))
def test_a_folded_run_is_the_same_after_a_trip_through_json(which: int, cut: int) -> None:
    run = fold_all(journals()[which][:cut])

    assert Run.model_validate_json(run.model_dump_json()) == run


@given(
    st.integers(0, 2),
    st.integers(1, 200),
    st.sampled_from(InterruptKind),
    st.sampled_from(["remind", "escalate", "expire", "hold", "lapse", "bake", ""]),
)
@settings(max_examples=300)
def test_what_an_interrupt_comes_to_can_always_be_written(
    which: int, cut: int, kind: InterruptKind, purpose: str
) -> None:
    run = fold_all(journals()[which][:cut])
    question = run.question.id if run.question else "question-1"
    name = str(run.held_seq) if purpose in {"hold", "lapse"} else question
    interrupt = Interrupt(
        run=run.id,
        kind=kind,
        at=run.updated_at,
        person=BO,
        question=question,
        purpose=f"{purpose}:{name}",
        reason=Reason.HEALTH,
    )

    for draft in answer_to(run, interrupt):
        run = fold(
            run,
            Entry(
                seq=run.seq + 1,
                at=run.updated_at,
                run=run.id,
                step=draft.step,
                attempt=draft.attempt,
                person=draft.person,
                event=draft.event,
            ),
        )


def test_the_way_back_leads_back_from_every_prefix_of_the_forward_plan() -> None:
    for prefix in prefixes():
        run = fold_all(prefix)
        if run.state not in {RunState.RUNNING, RunState.WAITING, RunState.HELD}:
            continue
        abort = Interrupt(run=run.id, kind=InterruptKind.ABORT, at=run.updated_at, person=BO)
        (draft,) = answer_to(run, abort)
        entry = Entry(seq=run.seq + 1, at=run.updated_at, run=run.id, person=BO, event=draft.event)

        move = next_move(fold(run, entry))

        begun = {step for step, record in run.steps.items() if record.status is not StepStatus.PENDING}
        expected = next((s.id for s in run.plan.way_back if s.undoes in begun), None)
        found = move.steps[0].id if isinstance(move, CarryOut) else None
        assert found == expected


def test_a_journal_with_a_gap_is_refused() -> None:
    journal = journals()[0]

    with pytest.raises(IllegalTransition, match="follows entry"):
        fold_all((*journal[:5], *journal[6:]))


def test_nothing_follows_the_end() -> None:
    journal = journals()[0]
    run = fold_all(journal)

    for entry in journal:
        with pytest.raises(IllegalTransition):
            fold(run, entry.model_copy(update={"seq": run.seq + 1}))

"""What people, timers and triggers tell a run from outside, and what the run makes of it.

An interrupt is a committed row before anybody is answered. The driver turns it into journal entries with
`answer_to`, in one transaction with marking it consumed; what no longer applies turns into nothing.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import assert_never

from bot.domain import aftercare
from bot.domain.events import (
    Approved,
    Basis,
    Draft,
    Ended,
    Ending,
    Escalated,
    Fired,
    Granted,
    Held,
    Intended,
    Reminded,
    Resumed,
    TurnedBack,
    Voted,
)
from bot.domain.people import Person
from bot.domain.reasons import Reason
from bot.domain.record import Record
from bot.domain.run import Run, RunState
from bot.domain.times import Moment


class InterruptKind(StrEnum):
    APPROVE = "approve"
    APPROVE_REST = "approve_rest"
    HOLD = "hold"
    RESUME = "resume"
    ROLLBACK = "rollback"
    ABORT = "abort"
    PUT_OFF = "put_off"  # aftercare
    DO_NOW = "do_now"  # aftercare
    TRIGGER = "trigger"
    TIMER = "timer"


# What may still be said of a run that has ended.
OF_AFTERCARE = frozenset({InterruptKind.TIMER, InterruptKind.PUT_OFF, InterruptKind.DO_NOW})


class Interrupt(Record):
    """One such row. `question` is set for answers to one, `reason` for triggers, `purpose` for timers.

    It also names the hold that is resumed, and the aftercare that a person speaks about.
    """

    id: int = 0  # given by the store
    run: str
    kind: InterruptKind
    at: Moment
    person: Person | None = None
    question: str | None = None
    purpose: str | None = None
    reason: Reason | None = None
    sentence: str = ""
    first_seen: Moment | None = None


def hears_first(run: Run, drafts: Iterable[Draft]) -> bool:
    """Whether what people and triggers committed has to be heard before these are written.

    A press may be answered between the driver's look for interrupts and its next write: neither the end nor a
    forward step may then go over it.
    """
    forward = run.state is not RunState.GOING_BACK
    return any(
        isinstance(draft.event, Ended) or (forward and isinstance(draft.event, Intended)) for draft in drafts
    )


def answer_to(run: Run, interrupt: Interrupt) -> tuple[Draft, ...]:
    """The entries that follow from the interrupt, given where the run stands; none if it came too late."""
    if run.is_terminal:
        return _after_the_end(run, interrupt)
    match interrupt.kind:
        case InterruptKind.APPROVE | InterruptKind.APPROVE_REST:
            return _approval(run, interrupt)
        case InterruptKind.HOLD:
            if run.state not in {RunState.RUNNING, RunState.WAITING}:
                return ()
            return (Draft(event=Held(sentence=interrupt.sentence), person=interrupt.person),)
        case InterruptKind.RESUME:
            if run.state is not RunState.HELD or interrupt.purpose not in {None, str(run.held_seq)}:
                return ()
            return (Draft(event=Resumed(), person=interrupt.person),)
        case InterruptKind.ROLLBACK | InterruptKind.ABORT | InterruptKind.TRIGGER:
            return _back(run, interrupt)
        case InterruptKind.TIMER:
            return _timer(run, interrupt)
        case InterruptKind.PUT_OFF | InterruptKind.DO_NOW:
            return ()
        case _:
            assert_never(interrupt.kind)


def _after_the_end(run: Run, interrupt: Interrupt) -> tuple[Draft, ...]:
    said, person = interrupt.purpose or "", interrupt.person
    match interrupt.kind:
        case InterruptKind.TIMER:
            return aftercare.called(run, said.removeprefix(aftercare.CARE), None)
        case InterruptKind.DO_NOW:
            return aftercare.called(run, said, person)
        case InterruptKind.PUT_OFF:
            return aftercare.put_off(run, said, person, interrupt.at)
        case _:
            return ()


def _approval(run: Run, interrupt: Interrupt) -> tuple[Draft, ...]:
    question = run.question
    if question is None or question.id != interrupt.question or interrupt.person is None:
        return ()
    step, attempt, person = question.step, question.attempt, interrupt.person
    if any(vote.id == person.id for vote in question.votes):
        return ()
    grant: tuple[Draft, ...] = ()
    if interrupt.kind is InterruptKind.APPROVE_REST:
        grant = (Draft(event=Granted(digest=question.digest), step=step, attempt=attempt, person=person),)
    people = (*question.votes, person)
    if len(people) < run.plan.approvals.people:
        vote = Draft(event=Voted(question=question.id), step=step, attempt=attempt, person=person)
        return (*grant, vote)
    approved = Approved(basis=Basis.PERSON, question=question.id, people=people)
    return (*grant, Draft(event=approved, step=step, attempt=attempt, person=person))


def _back(run: Run, interrupt: Interrupt) -> tuple[Draft, ...]:
    if run.state is RunState.GOING_BACK:
        return ()
    fired: tuple[Draft, ...] = ()
    if interrupt.kind is InterruptKind.TRIGGER:
        reason = interrupt.reason or Reason.STEP_FAILED
        event = Fired(reason=reason, sentence=interrupt.sentence, first_seen=interrupt.first_seen)
        fired = (Draft(event=event),)
    elif interrupt.kind is InterruptKind.ABORT:
        reason = Reason.ABORTED
    else:
        reason = Reason.ROLLED_BACK_BY_PERSON
    aborts = interrupt.kind is InterruptKind.ABORT
    turn = TurnedBack(
        ending=Ending.ABORTED if aborts else Ending.ROLLED_BACK,
        reason=reason,
        sentence=interrupt.sentence,
        quarantine=not aborts,
        first_seen=interrupt.first_seen,
    )
    return (*fired, Draft(event=turn, person=interrupt.person))


def _timer(run: Run, interrupt: Interrupt) -> tuple[Draft, ...]:
    purpose, _, name = (interrupt.purpose or "").partition(":")
    if purpose == "hold":
        is_this_hold = run.state is RunState.HELD and name.partition(":")[0] == str(run.held_seq)
        return (Draft(event=Reminded()),) if is_this_hold else ()
    if purpose == "lapse":
        return _lapse(run, name)
    question = run.question
    if question is None or question.id != name:
        return ()
    place = {"step": question.step, "attempt": question.attempt}
    if purpose == "remind":
        return (Draft(event=Reminded(question=name), **place),)
    if purpose == "escalate":
        return (Draft(event=Escalated(question=name), **place),)
    if purpose != "expire":
        return ()
    minutes = round((question.expires_at - question.asked_at).total_seconds() / 60)
    turn = TurnedBack(
        ending=Ending.ABORTED,
        reason=Reason.APPROVAL_EXPIRED,
        sentence=f"Nobody answered within {minutes} minutes; silence never moves traffic forward.",
        quarantine=False,
    )
    return (Draft(event=turn),)


def _lapse(run: Run, name: str) -> tuple[Draft, ...]:
    """A hold by the bot is a question that nobody answered; a hold by a person does not expire."""
    if run.state is not RunState.HELD or run.held_by is not None or str(run.held_seq) != name:
        return ()
    turn = TurnedBack(
        ending=Ending.ABORTED,
        reason=Reason.APPROVAL_EXPIRED,
        sentence=f"I held the run and nobody answered. {run.held_why}".strip(),
        quarantine=False,
    )
    return (Draft(event=turn),)

"""A run is what its journal says: `fold` turns one entry after the other into the state of the run.

Pure and total: every event has its branch, and an event that cannot follow from where the run stands raises
`IllegalTransition` instead of being ignored. Folding a journal in two parts equals folding it in one.
"""

from collections.abc import Iterable
from typing import assert_never

from bot.domain import aftercare
from bot.domain.errors import IllegalTransition
from bot.domain.events import (
    Approved,
    Asked,
    Claimed,
    Due,
    Ended,
    Ending,
    Entry,
    Escalated,
    Fired,
    Granted,
    Held,
    Intended,
    Noted,
    Planned,
    Progressed,
    PutOff,
    Reminded,
    Resumed,
    StepDone,
    StepFailed,
    TurnedBack,
    Voted,
    Watched,
)
from bot.domain.outcome import Recorded
from bot.domain.reasons import Reason
from bot.domain.record import Record
from bot.domain.run import ClosedQuestion, Hold, Question, Remark, Run, RunState, StepStatus, Turn

# From which states an event may be appended, as data. `Claimed` and `Noted` are legal everywhere but at the
# end; a step that was under way may still report its outcome whatever people decided meanwhile. After the end
# only what aftercare there is can be claimed, and changed.
_ACTIVE = frozenset(state for state in RunState if not state.is_terminal)
_CARED_FOR = frozenset({*_ACTIVE, RunState.FINISHED})
_FORWARD = frozenset({RunState.RUNNING, RunState.WAITING, RunState.HELD})
LEGAL: dict[type[Record], frozenset[RunState]] = {
    Claimed: _CARED_FOR,
    Intended: frozenset({RunState.RUNNING, RunState.HELD, RunState.GOING_BACK, RunState.FINISHED}),
    Progressed: _CARED_FOR,
    StepDone: _CARED_FOR,
    StepFailed: _CARED_FOR,
    Asked: frozenset({RunState.RUNNING}),
    Voted: frozenset({RunState.WAITING}),
    Approved: frozenset({RunState.WAITING, RunState.RUNNING}),
    Granted: frozenset({RunState.WAITING, RunState.RUNNING}),
    Held: frozenset({RunState.RUNNING, RunState.WAITING}),
    Resumed: frozenset({RunState.HELD}),
    Reminded: frozenset({RunState.WAITING, RunState.HELD}),
    Escalated: frozenset({RunState.WAITING}),
    Watched: _FORWARD,
    Fired: _FORWARD,
    TurnedBack: _FORWARD,
    Noted: _ACTIVE,
    Ended: frozenset({RunState.RUNNING, RunState.GOING_BACK}),
    Due: frozenset({RunState.FINISHED}),
    PutOff: frozenset({RunState.FINISHED}),
}


def begin(entry: Entry) -> Run:
    """The run that its first entry creates.

    Raises:
        IllegalTransition: a journal has to begin with the plan.
    """
    if not isinstance(entry.event, Planned):
        raise IllegalTransition(f"the journal of {entry.run} begins with {entry.kind!r} instead of a plan")
    return Run(
        id=entry.run,
        plan=entry.event.plan,
        state=RunState.RUNNING,
        asked_by=entry.person,
        started_at=entry.at,
        updated_at=entry.at,
        seq=entry.seq,
    )


def fold_all(entries: Iterable[Entry]) -> Run:
    """The run that a whole journal tells.

    Raises:
        IllegalTransition: the journal is empty, has a gap, or holds an event that cannot follow.
    """
    run: Run | None = None
    for entry in entries:
        run = begin(entry) if run is None else fold(run, entry)
    if run is None:
        raise IllegalTransition("an empty journal tells of no run")
    return run


def fold(run: Run, entry: Entry) -> Run:  # noqa: C901, PLR0912 - one branch per event, nothing else
    """The run after one more entry.

    Raises:
        IllegalTransition: the entry does not follow from where the run stands.
    """
    if entry.seq != run.seq + 1:
        raise IllegalTransition(f"{run.id}: entry {entry.seq} follows entry {run.seq}")
    allowed = LEGAL.get(type(entry.event), frozenset())
    if run.state not in allowed or run.is_closed:
        raise IllegalTransition(f"{run.id}: {entry.kind!r} cannot happen to a run that is {run.state.value}")
    run = run.with_(seq=entry.seq, lease=entry.lease, updated_at=entry.at)
    event = entry.event
    match event:
        case Planned():
            raise IllegalTransition(f"{run.id} has a plan already")
        case Claimed():
            return run
        case Intended() | Progressed() | StepDone() | StepFailed():
            return _step_changed(run, entry, event)
        case Asked() | Voted() | Approved() | Granted() | Reminded() | Escalated():
            return _asked_or_answered(run, entry, event)
        case Held() | Resumed():
            return _held_or_resumed(run, entry, event)
        case Watched():
            return run.with_(triggers=event.triggers)
        case Fired():
            return run.with_(fired=event)
        case TurnedBack():
            return _turned_back(run, entry, event)
        case Noted():
            remark = Remark(key=event.key, at=entry.at, sentence=event.sentence, loud=event.loud)
            kept = tuple(old for old in run.remarks if old.key != event.key)
            return run.with_(remarks=(*kept, remark))
        case Ended():
            ended = run.with_(state=_END[event.ending], ended=event, ended_at=entry.at, question=None)
            is_cared_for = event.ending is Ending.FINISHED
            return ended.with_(care=aftercare.begun(ended, entry)) if is_cared_for else ended
        case Due() | PutOff():
            return aftercare.changed(run, entry, event)
        case _:
            assert_never(event)


_END = {
    Ending.FINISHED: RunState.FINISHED,
    Ending.ROLLED_BACK: RunState.ROLLED_BACK,
    Ending.ABORTED: RunState.ABORTED,
    Ending.STOPPED: RunState.STOPPED,
}


def _known_step(run: Run, entry: Entry) -> str:
    try:
        return run.plan.step(entry.step or "").id
    except KeyError:
        raise IllegalTransition(f"{run.id}: the plan has no step {entry.step!r}") from None


def _step_changed(run: Run, entry: Entry, event: Intended | Progressed | StepDone | StepFailed) -> Run:
    name = _known_step(run, entry)
    if run.is_terminal is not any(step.id == name for step in run.plan.aftercare):
        raise IllegalTransition(f"{run.id}: step {name} is not one of a run that is {run.state.value}")
    if run.is_terminal and isinstance(event, StepFailed):
        raise IllegalTransition(f"{run.id}: aftercare does not fail, it is put off")
    old = run.record(name)
    if isinstance(event, Intended):
        if old.status in {StepStatus.DONE, StepStatus.FAILED}:
            raise IllegalTransition(f"{run.id}: step {name} was ended already")
        first = old.status is StepStatus.PENDING
        new = old.with_(
            status=StepStatus.INTENDED,
            attempt=entry.attempt,
            # A step whose first look failed begins without it; nothing is changed before a look succeeds.
            before=event.before if old.before == Recorded() else old.before,
            began=entry.at if first else old.began,
            began_seq=entry.seq if first else old.began_seq,
            held_before=run.held_until(entry.at) if first else old.held_before,
        )
    elif old.status is not StepStatus.INTENDED:
        raise IllegalTransition(f"{run.id}: step {name} reports {event.kind!r} but was not begun")
    elif isinstance(event, Progressed):
        new = old.with_(awaiting=event.awaiting, evidence=event.evidence)
    elif isinstance(event, StepDone):
        new = old.with_(
            status=StepStatus.DONE,
            awaiting="",
            evidence=event.evidence,
            ended=entry.at,
            ended_seq=entry.seq,
        )
    else:
        new = old.with_(
            status=StepStatus.FAILED,
            awaiting="",
            evidence=event.evidence,
            reason=event.reason,
            sentence=event.sentence,
            ended=entry.at,
            ended_seq=entry.seq,
        )
    changed = run.with_(steps={**run.steps, name: new})
    verdict = new.evidence.verdict
    if verdict is None:
        return changed
    return changed.with_(verdict=verdict, verdict_seq=entry.seq)


def _asked_or_answered(
    run: Run, entry: Entry, event: Asked | Voted | Approved | Granted | Reminded | Escalated
) -> Run:
    match event:
        case Asked():
            name = _known_step(run, entry)
            question = Question(
                id=event.question,
                step=name,
                attempt=entry.attempt,
                asked_at=entry.at,
                digest=event.digest,
                verdict=event.verdict,
                remind_at=event.remind_at,
                escalate_at=event.escalate_at,
                expires_at=event.expires_at,
            )
            return run.with_(
                state=RunState.WAITING, question=question, asked={**run.asked, name: entry.attempt}
            )
        case Voted():
            if run.question is None or run.question.id != event.question or entry.person is None:
                raise IllegalTransition(f"{run.id}: a vote on a question that is not open")
            votes = (*run.question.votes, entry.person)
            return run.with_(question=run.question.with_(votes=votes))
        case Approved():
            return _approved(run, entry, event)
        case Granted():
            return _granted(run, entry, event)
        case Reminded():
            if run.question is None:
                return run
            return run.with_(question=run.question.with_(reminded_at=entry.at))
        case Escalated():
            if run.question is None:
                raise IllegalTransition(f"{run.id}: nothing is asked that could be escalated")
            return run.with_(question=run.question.with_(escalated_at=entry.at))
        case _:
            assert_never(event)


def _granted(run: Run, entry: Entry, event: Granted) -> Run:
    is_same = run.grant is not None and run.grant.digest == event.digest
    others = tuple(p for p in run.granting if is_same and entry.person and p.id != entry.person.id)
    granting = (*others, entry.person) if entry.person else ()
    return run.with_(grant=event, granted_by=entry.person, granting=granting)


def _approved(run: Run, entry: Entry, event: Approved) -> Run:
    name = _known_step(run, entry)
    record = run.record(name).with_(approval=event, approved_seq=entry.seq)
    changed = run.with_(steps={**run.steps, name: record})
    if run.question is None:
        return changed
    if run.question.step != name:
        raise IllegalTransition(f"{run.id}: {run.question.step} is asked about, {name} was approved")
    who = " and ".join(person.name for person in event.people) or "the configuration"
    return _close(changed, entry, f"Approved by {who}").with_(state=RunState.RUNNING)


def _held_or_resumed(run: Run, entry: Entry, event: Held | Resumed) -> Run:
    if isinstance(event, Held):
        who = entry.person.name if entry.person else "Slackwater"
        closed = _close(run, entry, f"Held by {who}")
        return closed.with_(
            state=RunState.HELD,
            held_seq=entry.seq,
            held_at=entry.at,
            held_by=entry.person,
            held_why=event.sentence,
        )
    return run.with_(
        state=RunState.RUNNING,
        held_for=run.held_until(entry.at),
        holds=_past_holds(run, entry),
        held_at=None,
        held_by=None,
        held_why="",
        accepted_seq=entry.seq if run.held_by is None else run.accepted_seq,
    )


def _past_holds(run: Run, entry: Entry) -> tuple[Hold, ...]:
    """With the one that this entry ends, if the run is held."""
    if run.held_at is None:
        return run.holds
    resumed_by = entry.person if isinstance(entry.event, Resumed) else None
    hold = Hold(
        seq=run.held_seq,
        began=run.held_at,
        ended=entry.at,
        by=run.held_by,
        why=run.held_why,
        resumed_by=resumed_by,
    )
    return (*run.holds, hold)


def _turned_back(run: Run, entry: Entry, event: TurnedBack) -> Run:
    turn = Turn(
        at=entry.at,
        ending=event.ending,
        reason=event.reason,
        sentence=event.sentence,
        quarantine=event.quarantine,
        by=entry.person,
        first_seen=event.first_seen,
    )
    answer = "Closed: nobody answered" if event.reason is Reason.APPROVAL_EXPIRED else "Closed: going back"
    if entry.person is not None:
        word = "Aborted" if event.ending is Ending.ABORTED else "Rolled back"
        answer = f"{word} by {entry.person.name}"
    closed = _close(run, entry, answer)
    return closed.with_(
        state=RunState.GOING_BACK,
        turn=turn,
        held_for=run.held_until(entry.at),
        holds=_past_holds(run, entry),
        held_at=None,
        grant=None,
        granting=(),
    )


def _close(run: Run, entry: Entry, answer: str) -> Run:
    if run.question is None:
        return run
    closed = ClosedQuestion(question=run.question, answer=answer, at=entry.at)
    return run.with_(question=None, closed=(*run.closed, closed))

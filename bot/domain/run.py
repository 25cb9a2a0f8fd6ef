"""A run is what its journal says: `fold` turns one entry after the other into the state of the run.

Pure and total: every event has its branch, and an event that cannot follow from where the run stands raises
`IllegalTransition` instead of being ignored. Folding a journal in two parts equals folding it in one.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

from bot.domain.actions import SetWeight, TrafficToStable
from bot.domain.errors import IllegalTransition
from bot.domain.events import (
    Approved,
    Asked,
    Claimed,
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
    Reminded,
    Resumed,
    StepDone,
    StepFailed,
    TurnedBack,
    Voted,
)
from bot.domain.outcome import Evidence, Recorded
from bot.domain.people import Person
from bot.domain.plan import Phase, Plan, Step
from bot.domain.reasons import Reason
from bot.domain.record import Record
from bot.domain.verdict import Verdict


class RunState(StrEnum):
    """How a run is going."""

    RUNNING = "running"
    WAITING = "waiting for approval"
    HELD = "held"
    GOING_BACK = "rolling back"
    FINISHED = "finished"
    ROLLED_BACK = "rolled back"
    ABORTED = "aborted"
    STOPPED = "stopped"

    @property
    def is_terminal(self) -> bool:
        return self in _TERMINAL


_TERMINAL = frozenset({RunState.FINISHED, RunState.ROLLED_BACK, RunState.ABORTED, RunState.STOPPED})

# From which states an event may be appended, as data. `Claimed` and `Noted` are legal everywhere but at the
# end; a step that was under way may still report its outcome whatever people decided meanwhile.
_ACTIVE = frozenset(RunState) - _TERMINAL
_FORWARD = frozenset({RunState.RUNNING, RunState.WAITING, RunState.HELD})
LEGAL: dict[type[Record], frozenset[RunState]] = {
    Claimed: _ACTIVE,
    Intended: frozenset({RunState.RUNNING, RunState.HELD, RunState.GOING_BACK}),
    Progressed: _ACTIVE,
    StepDone: _ACTIVE,
    StepFailed: _ACTIVE,
    Asked: frozenset({RunState.RUNNING}),
    Voted: frozenset({RunState.WAITING}),
    Approved: frozenset({RunState.WAITING, RunState.RUNNING}),
    Granted: frozenset({RunState.WAITING, RunState.RUNNING}),
    Held: frozenset({RunState.RUNNING, RunState.WAITING}),
    Resumed: frozenset({RunState.HELD}),
    Reminded: frozenset({RunState.WAITING, RunState.HELD}),
    Escalated: frozenset({RunState.WAITING}),
    Fired: _FORWARD,
    TurnedBack: _FORWARD,
    Noted: _ACTIVE,
    Ended: frozenset({RunState.RUNNING, RunState.GOING_BACK}),
}


class StepStatus(StrEnum):
    """How far a step is, as the journal knows it."""

    PENDING = "pending"
    INTENDED = "intended"  # begun; whether it had an effect is unknown until it is observed
    DONE = "done"
    FAILED = "failed"


class StepRecord(Record):
    """What the journal says of one step."""

    status: StepStatus = StepStatus.PENDING
    attempt: int = 0
    before: Recorded = Recorded()  # as first recorded, before anything was changed
    awaiting: str = ""
    evidence: Evidence = Evidence()
    reason: Reason | None = None
    sentence: str = ""
    began: datetime | None = None
    ended: datetime | None = None
    held_before: timedelta = timedelta(0)  # of the run's held time, how much lay before the step began
    approval: Approved | None = None
    approved_at: datetime | None = None


class Question(Record):
    """An open question to people."""

    id: str
    step: str
    attempt: int
    asked_at: datetime
    digest: str | None = None
    verdict: Verdict | None = None
    remind_at: datetime
    escalate_at: datetime
    expires_at: datetime
    votes: tuple[Person, ...] = ()
    reminded_at: datetime | None = None
    escalated_at: datetime | None = None


class ClosedQuestion(Record):
    """A question that was answered, or that lost its point."""

    question: Question
    answer: str  # plain: "Approved by Bo", "Held by Bo", "Closed: nobody answered"
    at: datetime


class Remark(Record):
    """A noted thing, by its key."""

    key: str
    at: datetime
    sentence: str
    loud: bool


class Hold(Record):
    """A hold that is over; the one that lasts stands in the run itself."""

    seq: int  # of the entry that began it
    began: datetime
    ended: datetime
    by: Person | None  # None: the bot itself
    why: str
    resumed_by: Person | None  # None: the run went back instead


class Turn(Record):
    """Why and by whom the run went back."""

    at: datetime
    ending: Ending
    reason: Reason
    sentence: str
    quarantine: bool
    by: Person | None = None
    first_seen: datetime | None = None


class Run(Record):
    """One deploy of one version of one application, start to finish, as its journal tells it."""

    id: str
    plan: Plan
    state: RunState
    asked_by: Person | None
    started_at: datetime
    updated_at: datetime
    seq: int  # of the newest entry folded in
    steps: dict[str, StepRecord] = {}
    question: Question | None = None
    closed: tuple[ClosedQuestion, ...] = ()
    asked: dict[str, int] = {}  # how often people were asked about a step
    grant: Granted | None = None
    granted_by: Person | None = None
    granting: tuple[Person, ...] = ()  # who gave it; where several have to approve, one alone grants nothing
    accepted_at: datetime | None = None  # when a person resumed what the bot itself had held
    verdict: Verdict | None = None  # the newest one
    verdict_at: datetime | None = None
    held_seq: int = 0  # of the entry that began the newest hold
    held_at: datetime | None = None
    held_by: Person | None = None
    held_why: str = ""
    held_for: timedelta = timedelta(0)  # in all, without the hold that still lasts
    holds: tuple[Hold, ...] = ()  # those that are over
    fired: Fired | None = None
    turn: Turn | None = None
    remarks: tuple[Remark, ...] = ()
    ended: Ended | None = None
    ended_at: datetime | None = None

    @property
    def is_terminal(self) -> bool:
        return self.state.is_terminal

    def record(self, step_id: str) -> StepRecord:
        return self.steps.get(step_id, StepRecord())

    def held_until(self, now: datetime) -> timedelta:
        """How long the run has been held in all, up to now."""
        return self.held_for + (now - self.held_at if self.held_at else timedelta(0))

    @property
    def open_steps(self) -> tuple[Step, ...]:
        """The steps that were begun and have no outcome yet, in the plan's order."""
        every = (*self.plan.steps, *self.plan.way_back)
        return tuple(step for step in every if self.record(step.id).status is StepStatus.INTENDED)

    @property
    def weight(self) -> int:
        """The canary's weight as last verified; 0 before the first shift and after the way back."""
        weight = 0
        moment: datetime | None = None
        for step in (*self.plan.steps, *self.plan.way_back):
            record = self.record(step.id)
            if record.status is not StepStatus.DONE or record.ended is None:
                continue
            if moment is not None and record.ended < moment:
                continue
            if isinstance(step.action, SetWeight):
                weight, moment = step.action.weight, record.ended
            elif isinstance(step.action, TrafficToStable):
                weight, moment = 0, record.ended
        return weight

    @property
    def has_touched_production(self) -> bool:
        return any(
            step.changes_production and self.record(step.id).status is not StepStatus.PENDING
            for step in self.plan.steps
        )

    @property
    def first_seen(self) -> datetime | None:
        """Since when the step that failed had looked bad."""
        failed = (r for r in self.steps.values() if r.status is StepStatus.FAILED)
        return next((r.evidence.first_seen for r in failed if r.evidence.first_seen), None)

    @property
    def phase(self) -> Phase:
        """Of the first step that is not done yet; the last phase at the end."""
        for step in self.plan.steps:
            if self.record(step.id).status is not StepStatus.DONE:
                return step.phase
        return self.plan.steps[-1].phase

    @property
    def digest(self) -> str | None:
        """The image digest that is on trial, as the platform or the registry told it."""
        for step in reversed(self.plan.steps):
            seen = self.record(step.id).evidence.workload
            if step.action.kind == "deploy-canary" and seen is not None and seen.digest:
                return seen.digest
        return self.plan.request.digest


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


def fold(run: Run, entry: Entry) -> Run:  # noqa: C901 - one branch per event, nothing else
    """The run after one more entry.

    Raises:
        IllegalTransition: the entry does not follow from where the run stands.
    """
    if entry.seq != run.seq + 1:
        raise IllegalTransition(f"{run.id}: entry {entry.seq} follows entry {run.seq}")
    allowed = LEGAL.get(type(entry.event), frozenset())
    if run.state not in allowed:
        raise IllegalTransition(f"{run.id}: {entry.kind!r} cannot happen to a run that is {run.state.value}")
    run = run.with_(seq=entry.seq, updated_at=entry.at)
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
        case Fired():
            return run.with_(fired=event)
        case TurnedBack():
            return _turned_back(run, entry, event)
        case Noted():
            remark = Remark(key=event.key, at=entry.at, sentence=event.sentence, loud=event.loud)
            kept = tuple(old for old in run.remarks if old.key != event.key)
            return run.with_(remarks=(*kept, remark))
        case Ended():
            return run.with_(state=_END[event.ending], ended=event, ended_at=entry.at, question=None)
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
            held_before=run.held_until(entry.at) if first else old.held_before,
        )
    elif old.status is not StepStatus.INTENDED:
        raise IllegalTransition(f"{run.id}: step {name} reports {event.kind!r} but was not begun")
    elif isinstance(event, Progressed):
        new = old.with_(awaiting=event.awaiting, evidence=event.evidence)
    elif isinstance(event, StepDone):
        new = old.with_(status=StepStatus.DONE, awaiting="", evidence=event.evidence, ended=entry.at)
    else:
        new = old.with_(
            status=StepStatus.FAILED,
            awaiting="",
            evidence=event.evidence,
            reason=event.reason,
            sentence=event.sentence,
            ended=entry.at,
        )
    changed = run.with_(steps={**run.steps, name: new})
    verdict = new.evidence.verdict
    return changed if verdict is None else changed.with_(verdict=verdict, verdict_at=entry.at)


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
    record = run.record(name).with_(approval=event, approved_at=entry.at)
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
        accepted_at=entry.at if run.held_by is None else run.accepted_at,
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

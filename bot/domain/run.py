"""A run as its journal tells it: where it stands, what each step came to, what people were asked.

`folding` makes one of a journal; nothing else does.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.actions import DeployCanary, RestoreStable, RollOut, SetWeight, TrafficToStable
from bot.domain.events import (
    Approved,
    Ended,
    Ending,
    Fired,
    Granted,
)
from bot.domain.outcome import Evidence, Recorded
from bot.domain.people import Person
from bot.domain.plan import Phase, Plan, Step
from bot.domain.reasons import Reason
from bot.domain.record import Record
from bot.domain.triggers import TriggerState
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
    began_seq: int = (
        0  # of the entry that began it; what came first is told by numbers, for clocks may be set
    )
    ended: datetime | None = None
    ended_seq: int = 0
    held_before: timedelta = timedelta(0)  # of the run's held time, how much lay before the step began
    approval: Approved | None = None
    approved_seq: int = 0


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


class Delay(Record):
    """Aftercare was put off: by a person, or because it could not be done."""

    seq: int
    at: datetime
    until: datetime
    by: Person | None
    why: str


class Care(Record):
    """When one step of the aftercare is to be carried out."""

    seq: int  # of the entry that set this time
    due_at: datetime
    is_due: bool = False
    called_by: Person | None = None  # who wanted it earlier
    delays: tuple[Delay, ...] = ()

    @property
    def put_off_by(self) -> Person | None:
        """Who has set this time; None: nobody has, or it could not be done before."""
        return self.delays[-1].by if self.delays else None


class Run(Record):
    """One deploy of one version of one application, start to finish, as its journal tells it."""

    id: str
    plan: Plan
    state: RunState
    asked_by: Person | None
    started_at: datetime
    updated_at: datetime
    seq: int  # of the newest entry folded in
    lease: int | None = None  # under which that entry was written
    steps: dict[str, StepRecord] = {}
    question: Question | None = None
    closed: tuple[ClosedQuestion, ...] = ()
    asked: dict[str, int] = {}  # how often people were asked about a step
    grant: Granted | None = None
    granted_by: Person | None = None
    granting: tuple[Person, ...] = ()  # who gave it; where several have to approve, one alone grants nothing
    accepted_seq: int = 0  # of the entry by which a person resumed what the bot itself had held
    verdict: Verdict | None = None  # the newest one
    verdict_seq: int = 0
    held_seq: int = 0  # of the entry that began the newest hold
    held_at: datetime | None = None
    held_by: Person | None = None
    held_why: str = ""
    held_for: timedelta = timedelta(0)  # in all, without the hold that still lasts
    holds: tuple[Hold, ...] = ()  # those that are over
    triggers: TriggerState = TriggerState()  # what they had seen when it was last journaled
    fired: Fired | None = None
    turn: Turn | None = None
    remarks: tuple[Remark, ...] = ()
    ended: Ended | None = None
    ended_at: datetime | None = None
    care: dict[str, Care] = {}  # by step of the aftercare; none before the run has finished

    @property
    def is_terminal(self) -> bool:
        """Whether it is over; of a run that has finished, its aftercare may still be to come."""
        return self.state.is_terminal

    @property
    def is_closed(self) -> bool:
        """Whether nothing will ever be done for it again."""
        return self.is_terminal and all(self.record(step).status is StepStatus.DONE for step in self.care)

    @property
    def signature(self) -> str:
        """The run's name in the world: another Slackwater's run of the same id began at another time."""
        return f"{self.id} of {self.started_at:%Y-%m-%d %H:%M:%S.%f} UTC"

    def record(self, step_id: str) -> StepRecord:
        return self.steps.get(step_id, StepRecord())

    def held_until(self, now: datetime) -> timedelta:
        """How long the run has been held in all, up to now."""
        return self.held_for + (now - self.held_at if self.held_at else timedelta(0))

    def lasts_until(self, step_id: str, duration: timedelta) -> datetime | None:
        """When a step that lasts so long ends, as things stand; None if it has not begun."""
        record = self.record(step_id)
        if record.began is None:
            return None
        return record.began + duration + self.held_for - record.held_before + record.evidence.unwatched

    @property
    def open_steps(self) -> tuple[Step, ...]:
        """The steps that were begun and have no outcome yet, in the plan's order."""
        every = (*self.plan.steps, *self.plan.way_back)
        return tuple(step for step in every if self.record(step.id).status is StepStatus.INTENDED)

    @property
    def weight(self) -> int:
        """The new version's share of traffic as last verified; 0 before the first shift, and once back.

        While pods are replaced it is the new ones' share of all ready pods, as last seen.
        """
        if not self.plan.target.is_beside:
            return self._rolled_out
        weight, newest = 0, 0
        for step in (*self.plan.steps, *self.plan.way_back):
            record = self.record(step.id)
            if record.status is not StepStatus.DONE or record.ended_seq < newest:
                continue
            if isinstance(step.action, SetWeight):
                weight, newest = step.action.weight, record.ended_seq
            elif isinstance(step.action, TrafficToStable):
                weight, newest = 0, record.ended_seq
        return weight

    @property
    def _rolled_out(self) -> int:
        share = 0
        for step in (*self.plan.steps, *self.plan.way_back):
            record = self.record(step.id)
            seen = record.evidence.workload
            if isinstance(step.action, RollOut) and seen is not None and seen.ready:
                renewed = seen.renewed(step.action.image)
                share = 100 if record.status is StepStatus.DONE else 100 * renewed // seen.ready
            elif isinstance(step.action, RestoreStable) and record.status is StepStatus.DONE:
                share = 0
        return share

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
    def needs_staging(self) -> bool:
        """Whether it is rehearsed, is yet to be, or takes staging home again."""
        if self.plan.staging is None or self.is_terminal:
            return False
        return self.state is RunState.GOING_BACK or self.phase in {Phase.GATES, Phase.STAGING}

    @property
    def digest(self) -> str | None:
        """The image digest that is on trial, as the platform or the registry told it."""
        for step in reversed(self.plan.steps):
            seen = self.record(step.id).evidence.workload
            is_on_trial = isinstance(step.action, DeployCanary) or (
                isinstance(step.action, RollOut) and seen is not None and seen.image == step.action.image
            )
            if is_on_trial and seen is not None and seen.digest:
                return seen.digest
        return self.plan.request.digest

"""What can happen to a run, one record each. An event's meaning never changes; old journals stay readable.

A journal row is an `Entry`: who wrote what when, and the event as its evidence. Unknown kinds raise
`UnknownEvent`, which stops the run loudly.
"""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from bot.domain.errors import UnknownEvent
from bot.domain.outcome import Evidence, Recorded
from bot.domain.people import Person
from bot.domain.plan import Plan
from bot.domain.reasons import Reason
from bot.domain.record import Record
from bot.domain.times import Moment
from bot.domain.triggers import TriggerState
from bot.domain.verdict import Verdict


class Ending(StrEnum):
    """How a run can end."""

    FINISHED = "finished"  # the new version serves everything
    ROLLED_BACK = "rolled back"  # the new version was taken off again, and is quarantined
    ABORTED = "aborted"  # a person or silence ended it; traffic is on stable
    STOPPED = "stopped"  # it ended before production was touched


class Basis(StrEnum):
    """On what an approval rests."""

    PERSON = "person"  # people pressed Approve at this very step
    GRANT = "grant"  # a person approved the rest while healthy
    POLICY = "policy"  # the configuration demands no approval here
    COVERED = "covered"  # the approval of the shift before covers this step


class Planned(Record):
    """The run exists: its plan, and who asked for it."""

    kind: Literal["planned"] = "planned"
    plan: Plan


class Claimed(Record):
    """A process took the run over under a new lease."""

    kind: Literal["claimed"] = "claimed"
    owner: str


class Intended(Record):
    """A step is about to be carried out: committed before anything outside is touched."""

    kind: Literal["intended"] = "intended"
    before: Recorded = Recorded()


class Progressed(Record):
    """A step is under way; what it must remember."""

    kind: Literal["progressed"] = "progressed"
    awaiting: str
    evidence: Evidence = Evidence()


class StepDone(Record):
    kind: Literal["done"] = "done"
    evidence: Evidence = Evidence()


class StepFailed(Record):
    kind: Literal["failed"] = "failed"
    reason: Reason
    sentence: str
    evidence: Evidence = Evidence()


class Asked(Record):
    """People are asked for their approval of a step. What they are shown is bound to the question's id."""

    kind: Literal["asked"] = "asked"
    question: str  # opaque id, the value of the buttons
    digest: str | None = None
    verdict: Verdict | None = None
    remind_at: Moment
    escalate_at: Moment
    expires_at: Moment


class Voted(Record):
    """One of several distinct people said yes; more are needed."""

    kind: Literal["voted"] = "voted"
    question: str


class Approved(Record):
    """The step of this entry may move traffic."""

    kind: Literal["approved"] = "approved"
    basis: Basis
    question: str | None = None
    people: tuple[Person, ...] = ()


class Granted(Record):
    """A person approved the rest while healthy."""

    kind: Literal["granted"] = "granted"
    digest: str | None = None


class Held(Record):
    kind: Literal["held"] = "held"
    sentence: str = ""


class Resumed(Record):
    kind: Literal["resumed"] = "resumed"


class Reminded(Record):
    """Nobody has answered yet; the question was repeated."""

    kind: Literal["reminded"] = "reminded"
    question: str | None = None


class Escalated(Record):
    """Nobody has answered; others were told."""

    kind: Literal["escalated"] = "escalated"
    question: str


class Fired(Record):
    """A trigger saw its condition."""

    kind: Literal["fired"] = "fired"
    reason: Reason
    sentence: str
    first_seen: Moment | None = None


class Watched(Record):
    """What the triggers have seen so far; written while a condition is breached, and when it is over."""

    kind: Literal["watched"] = "watched"
    triggers: TriggerState


class TurnedBack(Record):
    """From here on the run goes the way back. `quarantine` keeps the version out until it is released."""

    kind: Literal["turned-back"] = "turned-back"
    ending: Ending
    reason: Reason
    sentence: str
    quarantine: bool
    first_seen: Moment | None = None


class Noted(Record):
    """Something people should know; `loud` mentions those on call."""

    kind: Literal["noted"] = "noted"
    key: str  # one message in the thread per key
    sentence: str
    loud: bool = False


class Ended(Record):
    """The run is over, and its lock is free. What is left to do is its aftercare, and nothing else."""

    kind: Literal["ended"] = "ended"
    ending: Ending
    reason: Reason
    sentence: str


class Due(Record):
    """Aftercare is to be carried out now: because its time has come, or because a person wants it now."""

    kind: Literal["due"] = "due"


class PutOff(Record):
    """Aftercare has to wait: a person wants it to, or it cannot be done now."""

    kind: Literal["put-off"] = "put-off"
    until: Moment
    why: str = ""  # it cannot be done now; empty where a person wants it so


Event = Annotated[
    Planned
    | Claimed
    | Intended
    | Progressed
    | StepDone
    | StepFailed
    | Asked
    | Voted
    | Approved
    | Granted
    | Held
    | Resumed
    | Reminded
    | Escalated
    | Watched
    | Fired
    | TurnedBack
    | Noted
    | Ended
    | Due
    | PutOff,
    Field(discriminator="kind"),
]

_EVENT: TypeAdapter[Any] = TypeAdapter(Event)


class Entry(Record):
    """One row of a run's journal. `seq` counts from 1 without gaps."""

    seq: int
    at: Moment
    run: str
    step: str | None = None
    attempt: int = 1
    person: Person | None = None
    event: Event
    lease: int | None = None  # under which it was written; None for what operations wrote at the start

    @property
    def kind(self) -> str:
        return self.event.kind

    def as_json(self) -> dict[str, Any]:
        """The row as it is documented: seq, at, run, step, attempt, kind, person, evidence, lease."""
        evidence = self.event.model_dump(mode="json", exclude={"kind"})
        return {
            "seq": self.seq,
            "at": self.at.isoformat(),
            "run": self.run,
            "step": self.step,
            "attempt": self.attempt,
            "kind": self.kind,
            "person": self.person.model_dump() if self.person else None,
            "evidence": evidence,
            "lease": self.lease,
        }


class Draft(Record):
    """An entry that is still to be written: the journal adds number, time, run and lease."""

    event: Event
    step: str | None = None
    attempt: int = 1
    person: Person | None = None


class Timer(Record):
    """When the bot has to wake for a run. Named after its purpose, so adding one twice is adding it once."""

    purpose: str  # "remind:<question>", "bake:<step>", "care:<step>:<entry>"
    due: Moment


def event_from_json(kind: str, evidence: dict[str, Any]) -> Any:
    """The event that was stored.

    Raises:
        UnknownEvent: this version does not know the kind, or the row was damaged.
    """
    try:
        return _EVENT.validate_python({**evidence, "kind": kind})
    except ValidationError as error:
        raise UnknownEvent(f"a journal entry of kind {kind!r} cannot be read by this version") from error

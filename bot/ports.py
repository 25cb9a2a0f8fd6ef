"""What the rooms ask of each other: one Protocol per kind of neighbour.

The engine and the step kinds see the world only through these; `wiring` decides who stands behind them. No
SDK type crosses a port. Methods that talk to the outside raise `bot.domain.errors.OutsideError` unless they
say otherwise.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from bot.domain.actions import RollOut, Side
from bot.domain.events import Draft, Entry, Timer
from bot.domain.figures import Sample, Subject
from bot.domain.gates import GateResult
from bot.domain.interrupts import Interrupt, InterruptKind
from bot.domain.journeys import Journey
from bot.domain.outcome import Outcome, Recorded, TrafficSplit, Workload
from bot.domain.people import Person, Role
from bot.domain.plan import DeployRequest, Plan, Step
from bot.domain.record import Record
from bot.domain.run import Run, RunState, StepRecord
from bot.domain.traffic import ByColour, Colour


class Clock(Protocol):
    """Time: real, virtual in tests, or made faster."""

    @property
    def speed(self) -> float: ...

    def now(self) -> datetime:
        """The present, aware UTC."""
        ...

    async def sleep(self, duration: timedelta) -> None: ...


class Platform(Protocol):
    """One run's two deployments on the platform that its plan names.

    A change takes what was seen before its intent was journaled (`on`) and fits nothing newer: a request that
    comes late, or from a process that was frozen meanwhile, is a `Conflict`.
    """

    async def stable(self) -> Workload:
        """Raises `NotFound` when the declared deployment is not there."""
        ...

    async def canary(self) -> Workload | None: ...

    async def serving(self, colours: ByColour) -> Colour | None:
        """Which colour the Service selects; None if it selects by none. Raises `NotFound` without one."""
        ...

    async def recorded_stable(self) -> Recorded:
        """What `restore_stable` needs, read before anything is changed."""
        ...

    async def deploy_canary(self, image: str, version: str, *, run: str, on: Workload | None) -> None:
        """Create or change the canary deployment of the run with this signature; safe to repeat.

        Refuses somebody else's, and that of another run.
        """
        ...

    async def check_canary(self, image: str, version: str, *, run: str | None) -> None:
        """Think a canary out, its promotion included, and send nothing; raises what would keep it from going
        all the way. Without `run` it does not matter whose canary is there.
        """
        ...

    async def keep_canary(self, *, run: str, on: Workload, serves: bool) -> None:
        """The canary is not the run's own any more: the next run may change it.

        If it serves, it is nothing that an earlier run has left, either.
        """
        ...

    async def leave_stable(self, *, run: str, on: Workload) -> None:
        """Note on stable that the run with this signature has left it."""
        ...

    async def remove_stable(self, *, on: Workload) -> None:
        """Delete the very one that was seen, as it was seen; fine if it is gone already."""
        ...

    async def remove_canary(self, *, on: Workload) -> None:
        """Delete the very one that was seen; fine if it is gone already."""
        ...

    async def promote_stable(self, image: str, version: str, *, on: Workload) -> None: ...

    async def restore_stable(self, recorded: Recorded, *, on: Workload, mark: str) -> None:
        """Put back what was recorded, and leave the mark of the run that goes back.

        The mark moves the revision even where stable was at rest, so nothing that is late fits any more. A
        rollout under way, paused or not, turns round.
        """
        ...

    async def check_rollout(self, *, run: str | None) -> None:
        """Raises what would keep the deployment that serves from being rolled out; changes nothing."""
        ...

    async def roll_out(self, action: RollOut, *, run: str, on: Workload) -> None:
        """Begin to replace the pods, as few at a time as the action says, in the name of the run."""
        ...

    async def pause(self, *, run: str, on: Workload) -> None:
        """No further pod is replaced; the deployment says that the run with this signature paused it."""
        ...

    async def go_on(self, *, on: Workload) -> None: ...

    async def keep_rollout(self, settings: str, *, run: str, on: Workload) -> None:
        """Put back how pods are replaced, as `Recorded.settings` tells it; the run is done with it."""
        ...


class TrafficRouter(Protocol):
    """One run's share of traffic. Every answer is read from the platform, never remembered.

    A change takes what was seen before its intent was journaled (`on`) and fits nothing newer: it raises
    `Conflict` if anything happened to the route since.
    """

    async def split(self) -> TrafficSplit:
        """Raises `NotFound` or `Unreadable` when the declared objects do not route as declared."""
        ...

    async def check(self) -> None:
        """Think a canary's first change out and send nothing; raises what would keep it from being sent."""
        ...

    async def shift(self, weight: int, *, on: TrafficSplit) -> None:
        """Give the canary this weight; the header route stays as it is."""
        ...

    async def route_header(self, to: Side, *, on: TrafficSplit) -> None: ...

    async def all_to_stable(self, *, on: TrafficSplit | None, mark: str | None = None) -> None:
        """Weight 0 and the header route to stable, in one change, with the mark of a run that goes back.

        `on` is None where the weights made no sense and could not be read as a split: then they are looked at
        anew, and mended.
        """
        ...


class HealthReading(Record):
    """What a health path answered."""

    path: str
    ok: bool
    status: int | None = None
    version: str | None = None  # as the answer itself tells it, where it does
    detail: str = ""  # plain; why not ok


class Walk(Record):
    """What became of a journey."""

    journey: str
    answered: int  # so many requests were answered as expected
    detail: str = ""  # plain; what went wrong with the next one. Empty: all is well


class HealthProbe(Protocol):
    """Asks health paths as a user of that side would; trouble is an answer, not an exception."""

    async def ask(self, side: Side) -> tuple[HealthReading, ...]:
        """One reading per critical path; empty if no URL is configured."""
        ...

    async def warm(self, path: str, requests: int) -> tuple[HealthReading, ...]:
        """Ask the new version for that path so many times, a few at once; one reading each, in any order."""
        ...

    async def walk(self, journey: Journey) -> Walk:
        """Send a journey's requests one after the other to what serves, up to the first that goes wrong."""
        ...


class MetricSource(Protocol):
    """The team's metrics. Never raises for outside trouble: gaps say it."""

    async def sample(self, subject: Subject, *, figures: bool = True) -> Sample:
        """All configured figures of one version now; without `figures` only the counters."""
        ...

    async def counters(self, subject: Subject, *, at: datetime) -> Sample:
        """The counters of one version as they were then, as far as the source remembers."""
        ...

    async def figures(self, subject: Subject, names: Collection[str]) -> Sample:
        """Only these figures of one version now, as far as they are configured, without the counters."""
        ...


class Versions(Protocol):
    """The versions of one application, as its repository knows them."""

    async def commit(self, version: str) -> str:
        """Raises `UnknownThing`, whose remedy names the nearest ones, or `NotUnderstood`."""
        ...

    async def changes(self, old: str, new: str) -> tuple[str, ...]:
        """Subjects of the commits between two commits, newest first, bounded."""
        ...

    async def newest(self) -> tuple[str, ...]:
        """The newest versions, newest first, bounded."""
        ...


class GateRunner(Protocol):
    """Answers a gate's question. A gate that cannot be answered is FAILED with the reason, never raised."""

    async def run(self, gate: str, request: DeployRequest, run: str) -> GateResult: ...

    async def smoke(
        self, command: Sequence[str], limit: timedelta, request: DeployRequest, run: str
    ) -> GateResult:
        """What the team's smoke command says, run in a clean checkout of the commit."""
        ...


@dataclass(frozen=True)
class World:
    """Everything outside that one run may look at or touch."""

    platform: Platform
    traffic: TrafficRouter
    health: HealthProbe
    metrics: MetricSource
    gates: GateRunner
    staging: "World | None" = None  # where the plan is rehearsed, if it is


@dataclass(frozen=True)
class StepContext:
    """What a step kind may know when it is asked: the run as its journal tells it, and the time."""

    run: Run
    step: Step
    now: datetime
    speed: float = 1.0  # of the clock: so many of its seconds are a real one

    @property
    def record(self) -> StepRecord:
        return self.run.record(self.step.id)


class Seen(Record):
    """What `observe` found: whether nothing is left to do, and what the way back will need."""

    is_settled: bool
    before: Recorded = Recorded()


class StepKind(Protocol):
    """How one kind of action is done. Holds no state of its own and never sleeps."""

    async def observe(self, context: StepContext) -> Seen:
        """What is true now; changes nothing."""
        ...

    async def apply(self, context: StepContext, seen: Seen) -> None:
        """Make it so, on what `observe` has seen; safe to repeat."""
        ...

    async def verify(self, context: StepContext) -> Outcome:
        """Read back whether it is so, with evidence."""
        ...


class Publisher(Protocol):
    """Brings Slack to what the journal says, in its own time. Never raises and never waits for Slack."""

    def changed(self, run: Run) -> None: ...

    def trouble(self, run: str, sentence: str) -> None:
        """Something about a run that its journal cannot tell, said aloud."""
        ...

    def dropped(self, run: str) -> None:
        """Another process drives the run now, and speaks of it; this one says nothing more."""
        ...

    async def said(self, run: str) -> None:
        """Until nothing is left to say about the run."""
        ...


class StoredMessage(Record):
    """One message of a run in Slack, as far as it is known."""

    run: str
    key: str
    channel: str
    ts: str | None = None  # None: reserved, not known to be posted
    hash: str | None = None  # of the content that Slack has


class Messages(Protocol):
    """The publisher's memory. A place is reserved before the message is posted."""

    async def reserve(self, run: str, key: str, channel: str) -> StoredMessage: ...

    async def posted(self, run: str, key: str, ts: str, hash: str) -> bool:  # noqa: A002
        """Slack has it under this timestamp. False: the place was taken meanwhile, so there are two."""
        ...

    async def deleted(self, run: str, key: str) -> None:
        """Somebody deleted it in Slack, and its place is free again."""
        ...

    async def updated(self, run: str, key: str, hash: str) -> None: ...  # noqa: A002

    async def all_of(self, run: str) -> tuple[StoredMessage, ...]: ...


class Roles(Protocol):
    """Who may do what; fails closed."""

    async def has(self, person: Person, role: Role) -> bool: ...

    async def names(self, role: Role) -> tuple[str, ...]:
        """The people who have the role, for a refusal that says whom to ask."""
        ...


class Claim(Record):
    """A run that this process drives now; `lease` fences every write."""

    run: str
    lease: int


class Consumed(Record):
    """What a batch of interrupts turned into."""

    drafts: tuple[Draft, ...] = ()
    timers: tuple[Timer, ...] = ()


class Decision(StrEnum):
    """What became of a press on a question."""

    DECIDED = "decided"  # this press settled it
    COUNTED = "counted"  # it counts, and more people are needed
    REPEATED = "repeated"  # the same person said yes before
    CLOSED = "closed"  # the question was decided or closed before


class RunSummary(Record):
    """A run as lists show it."""

    id: str
    application: str
    environment: str
    version: str
    strategy: str
    state: RunState
    asked_by: Person | None
    started_at: datetime
    ended_at: datetime | None = None
    reason: str | None = None


class Journal(Protocol):
    """The append-only journal with its leases and interrupts, as the engine sees it.

    Every write bears a lease number and is refused with `LeaseLost` once another process has claimed the run.
    Entries, timers and the state of questions change in one transaction.

    **Leases need no common clock.** A process takes a run over once it has itself seen, by a watch that only
    runs forward, that the lease was not renewed for its whole length. So no clock that is wrong or set gives
    a run away, and none keeps it.
    """

    async def entries(self, run: str) -> tuple[Entry, ...]:
        """Raises `UnknownRun`, or `UnknownEvent` for what this version cannot read."""
        ...

    async def load(self, run: str) -> Run:
        """The run that these entries tell. Raises the same."""
        ...

    async def claim(self, owner: str, *, ttl: timedelta) -> tuple[Claim, ...]:
        """Take over the runs that nobody drives, or whose lease stood still for `ttl` (real time).

        They are the active ones, those that have ended but are not told to their end, and those for whose
        aftercare something waits.
        """
        ...

    async def renew(self, owner: str, claims: Sequence[Claim]) -> frozenset[Claim]:
        """Renew the leases of this process, all at once; those that it does not hold any more."""
        ...

    async def release(self, claims: Sequence[Claim]) -> None:
        """Let another process claim the runs at once; fine if one has already."""
        ...

    async def told(self, claim: Claim) -> bool:
        """Slack has everything about a run that has ended: nobody needs to see to it until something comes.

        False: something has come already, and waits.
        """
        ...

    async def listen(self, heard: Callable[[str], None]) -> None:
        """Tell of runs that any process has news for, until cancelled; some news may be missed."""
        ...

    async def waiting(self) -> tuple[str, ...]:
        """The runs for which an interrupt waits: what was missed is found by looking."""
        ...

    async def append(
        self, claim: Claim, after: int, drafts: Sequence[Draft], timers: Sequence[Timer] = ()
    ) -> tuple[Entry, ...]:
        """Write entries behind number `after`, all or none.

        Raises:
            LeaseLost: another process drives the run, or entry `after` is not the newest.
            Interrupted: the end or a forward step was to be written, and an interrupt waits to be consumed.
        """
        ...

    async def consume(
        self, claim: Claim, after: int, decide: Callable[[tuple[Interrupt, ...]], Consumed]
    ) -> tuple[Entry, ...]:
        """Turn the waiting interrupts into entries and mark them consumed, in one transaction."""
        ...

    async def interrupt(self, interrupt: Interrupt) -> None:
        """Commit it. The same trigger or timer twice counts once."""
        ...

    async def due(self, now: datetime) -> tuple[str, ...]:
        """Turn the timers that are due into interrupts; the runs that have to wake."""
        ...

    async def next_due(self) -> datetime | None: ...


class Runs(Protocol):
    """What operations, lists and the publisher ask of the store."""

    async def create(self, plan: Plan, by: Person) -> Run:
        """A new run with its lock on application and environment.

        Raises:
            Locked: another run holds them; the message says which, whose and since when.
            PolicyBlocked: the version is quarantined.
        """
        ...

    async def load(self, run: str) -> Run:
        """Raises `UnknownRun`."""
        ...

    async def active(self) -> tuple[RunSummary, ...]: ...

    async def recent(self, limit: int = 20, application: str | None = None) -> tuple[RunSummary, ...]: ...

    async def run_of_question(self, question: str) -> str | None: ...

    async def decide(self, question: str, kind: InterruptKind, by: Person, at: datetime) -> Decision:
        """Count a press: one conditional update says who wins, and the interrupt is committed with it."""
        ...

    async def quarantined(self, application: str, version: str) -> str | None:
        """Why the version may not be deployed, or None."""
        ...

    async def release_quarantine(self, application: str, version: str, by: Person) -> bool:
        """Let the version in again; False if nothing kept it out."""
        ...

    async def audit(self, *, at: datetime, person: Person, what: str, run: str | None, result: str) -> None:
        """Record who tried what, refused presses included."""
        ...

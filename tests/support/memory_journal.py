"""The journal and the store of runs in memory, for tests that have no business with a database.

It passes the same contracts as the real ones (`tests/contracts/test_journal.py`). Nothing in it awaits, so
each call is as whole as a transaction.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.domain.errors import Interrupted, LeaseLost, UnknownRun
from bot.domain.events import Approved, Asked, Draft, Entry, Planned, Timer, TurnedBack
from bot.domain.folding import begin, fold
from bot.domain.interrupts import OF_AFTERCARE, Interrupt, InterruptKind, hears_first
from bot.domain.people import Person
from bot.domain.plan import Plan
from bot.domain.run import Run
from bot.ports import Claim, Clock, Consumed, Decision, RunSummary
from storage.refusals import locked, obstacle, quarantine_words, quarantined, same_commit


@dataclass
class _Lease:
    number: int = 0
    owner: str | None = None
    beat_at: float = 0.0  # by the watch, when it was claimed or renewed


@dataclass
class _Question:
    run: str
    needed: int
    state: str = "pending"
    votes: set[str] = field(default_factory=set)


@dataclass
class _Kept:
    """Everything about one run."""

    run: Run
    entries: list[Entry]
    lease: _Lease = field(default_factory=_Lease)
    waiting: list[Interrupt] = field(default_factory=list)
    heard: set[str] = field(default_factory=set)
    timers: dict[str, datetime] = field(default_factory=dict)
    fired: set[str] = field(default_factory=set)
    is_told: bool = False


class MemoryJournal:
    """`Journal` and `Runs` in one."""

    def __init__(self, clock: Clock, watch: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._watch = watch
        self._news: set[Callable[[str], None]] = set()
        self._kept: dict[str, _Kept] = {}
        self._questions: dict[str, _Question] = {}
        self._quarantine: dict[tuple[str, str], str] = {}
        self._interrupts = 0
        self.audited: list[tuple[Person, str, str | None, str]] = []

    async def entries(self, run: str) -> tuple[Entry, ...]:
        return tuple(self._of(run).entries)

    async def claim(self, owner: str, *, ttl: timedelta) -> tuple[Claim, ...]:
        now = self._watch()
        claims = []
        for kept in self._kept.values():
            lease = kept.lease
            is_free = lease.owner is None or now - lease.beat_at >= ttl.total_seconds()
            if (kept.run.is_terminal and kept.is_told) or not is_free:
                continue
            kept.lease = _Lease(lease.number + 1, owner, now)
            claims.append(Claim(run=kept.run.id, lease=kept.lease.number))
        return tuple(claims)

    async def renew(self, owner: str, claims: Sequence[Claim]) -> frozenset[Claim]:
        lost = set()
        for claim in claims:
            lease = self._of(claim.run).lease
            if (lease.number, lease.owner) == (claim.lease, owner):
                lease.beat_at = self._watch()
            else:
                lost.add(claim)
        return frozenset(lost)

    async def release(self, claims: Sequence[Claim]) -> None:
        for claim in claims:
            lease = self._of(claim.run).lease
            if lease.number == claim.lease:
                lease.owner = None
            self._tell(claim.run)

    async def told(self, claim: Claim) -> bool:
        kept = self._of(claim.run)
        if kept.waiting:
            return False
        if kept.lease.number == claim.lease:
            kept.is_told = True
        return True

    async def listen(self, heard: Callable[[str], None]) -> None:
        self._news.add(heard)
        try:
            await asyncio.Event().wait()
        finally:
            self._news.discard(heard)

    async def waiting(self) -> tuple[str, ...]:
        return tuple(kept.run.id for kept in self._kept.values() if kept.waiting)

    def _tell(self, run: str) -> None:
        for heard in tuple(self._news):
            heard(run)

    async def append(
        self, claim: Claim, after: int, drafts: Sequence[Draft], timers: Sequence[Timer] = ()
    ) -> tuple[Entry, ...]:
        kept = self._fenced(claim, after)
        if hears_first(kept.run, drafts) and kept.waiting:
            raise Interrupted(f"{claim.run}: an interrupt waits to be heard")
        return self._write(kept, claim, Consumed(drafts=tuple(drafts), timers=tuple(timers)))

    async def consume(
        self, claim: Claim, after: int, decide: Callable[[tuple[Interrupt, ...]], Consumed]
    ) -> tuple[Entry, ...]:
        kept = self._fenced(claim, after)
        if not kept.waiting:
            return ()
        entries = self._write(kept, claim, decide(tuple(kept.waiting)))
        kept.waiting.clear()
        return entries

    async def interrupt(self, interrupt: Interrupt) -> None:
        self._hear(self._of(interrupt.run), interrupt)

    async def due(self, now: datetime) -> tuple[str, ...]:
        woken = []
        for kept in self._kept.values():
            ripe = sorted((due, purpose) for purpose, due in self._coming(kept) if due <= now)
            for _, purpose in ripe:
                kept.fired.add(purpose)
                self._hear(
                    kept, Interrupt(run=kept.run.id, kind=InterruptKind.TIMER, at=now, purpose=purpose)
                )
            if ripe:
                woken.append((ripe[0], kept.run.id))
        return tuple(run for _, run in sorted(woken))

    async def next_due(self) -> datetime | None:
        return min((due for kept in self._kept.values() for _, due in self._coming(kept)), default=None)

    async def create(self, plan: Plan, by: Person) -> Run:
        request = plan.request
        why = await self.quarantined(request.application, request.version)
        if why is None:
            why = self._same_commit(request.application, request.commit)
        if why is not None:
            raise quarantined(request.application, request.version, why)
        number = 1
        for kept in self._kept.values():
            other = kept.run.plan.request
            number += other.application == request.application
            same = (other.application, other.environment) == (request.application, request.environment)
            if same and not kept.run.is_terminal:
                raise locked(kept.run)
            refusal = None if kept.run.is_terminal else obstacle(kept.run, plan)
            if refusal is not None:
                raise refusal
        name = f"{request.application}-{number}"
        entry = Entry(seq=1, at=self._clock.now(), run=name, person=by, event=Planned(plan=plan))
        self._kept[name] = _Kept(run=begin(entry), entries=[entry])
        return self._kept[name].run

    async def load(self, run: str) -> Run:
        return self._of(run).run

    async def active(self) -> tuple[RunSummary, ...]:
        return tuple(one for one in await self.recent(limit=len(self._kept)) if not one.state.is_terminal)

    async def recent(self, limit: int = 20, application: str | None = None) -> tuple[RunSummary, ...]:
        runs = [kept.run for kept in reversed(self._kept.values())]
        runs.sort(key=lambda run: run.started_at, reverse=True)
        fitting = [run for run in runs if application in {None, run.plan.request.application}]
        return tuple(_summary(run) for run in fitting[:limit])

    async def run_of_question(self, question: str) -> str | None:
        found = self._questions.get(question)
        return found.run if found else None

    async def decide(self, question: str, kind: InterruptKind, by: Person, at: datetime) -> Decision:
        found = self._questions.get(question)
        if found is None or found.state != "pending":
            return Decision.CLOSED
        if by.id in found.votes:
            return Decision.REPEATED
        found.votes.add(by.id)
        interrupt = Interrupt(run=found.run, kind=kind, at=at, person=by, question=question)
        self._hear(self._of(found.run), interrupt)
        if len(found.votes) < found.needed:
            return Decision.COUNTED
        found.state = "approved"
        return Decision.DECIDED

    async def quarantined(self, application: str, version: str) -> str | None:
        return self._quarantine.get((application, version))

    async def release_quarantine(self, application: str, version: str, by: Person) -> bool:
        return self._quarantine.pop((application, version), None) is not None

    async def audit(self, *, at: datetime, person: Person, what: str, run: str | None, result: str) -> None:
        self.audited.append((person, what, run, result))

    def _same_commit(self, application: str, commit: str) -> str | None:
        for kept in self._kept.values():
            request, turn = kept.run.plan.request, kept.run.turn
            if turn is None or not turn.quarantine or (application, request.version) not in self._quarantine:
                continue
            if (request.application, request.commit) == (application, commit):
                return same_commit(turn.sentence, kept.run.id, request.version)
        return None

    def _of(self, run: str) -> _Kept:
        try:
            return self._kept[run]
        except KeyError:
            raise UnknownRun(f"There is no run called {run}.") from None

    def _owned(self, claim: Claim) -> _Kept:
        kept = self._of(claim.run)
        if kept.lease.number != claim.lease or kept.lease.owner is None:
            raise LeaseLost(f"{claim.run}: lease {claim.lease} is no longer held")
        return kept

    def _fenced(self, claim: Claim, after: int) -> _Kept:
        kept = self._owned(claim)
        if kept.run.seq != after:
            raise LeaseLost(f"{claim.run}: the newest entry is {kept.run.seq}, not {after}")
        return kept

    def _write(self, kept: _Kept, claim: Claim, what: Consumed) -> tuple[Entry, ...]:
        runs, entries = [kept.run], []
        for draft in what.drafts:
            entry = Entry(
                seq=runs[-1].seq + 1,
                at=self._clock.now(),
                run=claim.run,
                step=draft.step,
                attempt=draft.attempt,
                person=draft.person,
                event=draft.event,
                lease=claim.lease,
            )
            runs.append(fold(runs[-1], entry))
            entries.append(entry)
        # Nothing was changed up to here, and nothing can fail from here on.
        for entry, before, after in zip(entries, runs, runs[1:], strict=False):
            self._follow(entry, before, after)
        kept.entries.extend(entries)
        kept.run = runs[-1]
        if (kept.run.is_terminal, kept.run.is_closed) != (runs[0].is_terminal, runs[0].is_closed):
            kept.timers.clear()
            kept.waiting.clear()
        for timer in what.timers:
            if not kept.run.is_closed:
                kept.timers.setdefault(timer.purpose, timer.due)
        return tuple(entries)

    def _follow(self, entry: Entry, before: Run, after: Run) -> None:
        event = entry.event
        if isinstance(event, Asked):
            self._questions[event.question] = _Question(after.id, after.plan.approvals.people)
        for closed in after.closed[len(before.closed) :]:
            state = "approved" if isinstance(event, Approved) else "closed"
            self._questions[closed.question.id].state = state
        if isinstance(event, TurnedBack) and event.quarantine:
            request = after.plan.request
            why = quarantine_words(event.sentence, after.id)
            self._quarantine[request.application, request.version] = why

    def _hear(self, kept: _Kept, interrupt: Interrupt) -> None:
        key = {
            InterruptKind.TIMER: f"timer {interrupt.purpose}",
            InterruptKind.TRIGGER: "trigger",
        }.get(interrupt.kind)
        if key in kept.heard or (kept.run.is_terminal and interrupt.kind not in OF_AFTERCARE):
            return
        kept.is_told = False
        if key is not None:
            kept.heard.add(key)
        self._interrupts += 1
        kept.waiting.append(interrupt.with_(id=self._interrupts))
        self._tell(kept.run.id)

    def _coming(self, kept: _Kept) -> list[tuple[str, datetime]]:
        return [(purpose, due) for purpose, due in kept.timers.items() if purpose not in kept.fired]


def _summary(run: Run) -> RunSummary:
    request = run.plan.request
    return RunSummary(
        id=run.id,
        application=request.application,
        environment=request.environment,
        version=request.version,
        strategy=request.strategy,
        state=run.state,
        asked_by=run.asked_by,
        started_at=run.started_at,
        ended_at=run.ended_at,
        reason=run.ended.reason.value if run.ended else None,
    )

"""The engine's journal: fenced appends, interrupts, timers and leases.

A write is one transaction: it checks the lease, folds what it is about to write (so that nothing that cannot
follow is ever stored), adds the entries and brings along everything that follows from them.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from bot.domain.errors import Interrupted, LeaseLost
from bot.domain.events import Draft, Entry, Timer
from bot.domain.folding import fold
from bot.domain.interrupts import OF_AFTERCARE, Interrupt, InterruptKind, hears_first
from bot.domain.points import passing
from bot.domain.run import Run
from bot.ports import Claim, Clock, Consumed
from storage.bell import ring
from storage.consequences import follow
from storage.database import Database
from storage.folding import entries_after, unknown_run
from storage.leases import ACTIVE_STATES, WatchedLeases, claim_all, leases, renew_all, where_owned
from storage.rows import entry_to_row, interrupt_from_row, interrupt_to_row
from storage.tables import InterruptRow, JournalRow, RunRow, TimerRow
from storage.upsert import changed, insert_absent, insert_if_absent

# Asked by every process each second or so, and always the same.
_INTERRUPTS = InterruptRow.metadata.tables["interrupts"].c
_RUNS_WAITING = select(_INTERRUPTS.run).where(_INTERRUPTS.consumed_at.is_(None)).distinct()
_TIMERS = TimerRow.metadata.tables["timers"].c
_DUE = (
    select(_TIMERS.run, _TIMERS.purpose)
    .where(_TIMERS.fired_at.is_(None), _TIMERS.due <= bindparam("now"))
    .order_by(_TIMERS.due)
    .with_for_update(skip_locked=True)
)
_FIRED = (
    update(TimerRow.metadata.tables["timers"])
    .where(_TIMERS.run == bindparam("of"), _TIMERS.purpose == bindparam("what_for"))
    .values(fired_at=bindparam("now"))
)
_NEXT_DUE = select(func.min(col(TimerRow.due))).where(col(TimerRow.fired_at).is_(None))

# With each write, so they need no look at objects either. Weaker than FOR UPDATE, so that a press, whose rows
# point to the run, does not wait for it.
_RUNS = RunRow.metadata.tables["runs"].c
_LEASE = (
    select(_RUNS.lease_number, _RUNS.lease_owner)
    .where(_RUNS.id == bindparam("run"))
    .with_for_update(key_share=True)
)
# A run that has ended is nobody's; whatever comes for its aftercare lets it be claimed again. Its row is
# locked for that, so `told` either knows of what has come, or was before it.
_ENDED = select(_RUNS.id).where(
    _RUNS.id.in_(bindparam("runs", expanding=True)), _RUNS.state.not_in(ACTIVE_STATES)
)
_FREE = _ENDED.with_for_update(skip_locked=True, key_share=True)
_CALLED_FOR = (
    update(RunRow.metadata.tables["runs"])
    .where(_RUNS.id.in_(bindparam("runs", expanding=True)))
    .values(told_at=None)
)
_WAITING = (
    select(InterruptRow)
    .where(col(InterruptRow.run) == bindparam("run"), col(InterruptRow.consumed_at).is_(None))
    .order_by(col(InterruptRow.id))
)
_JOURNAL = JournalRow.metadata.tables["journal"].c
_NEWEST = select(func.max(_JOURNAL.seq)).where(_JOURNAL.run == bindparam("run"))


class SQLJournal:
    """The `Journal` port over a database. Entries bear the bot's clock; leases need none."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        watch: Callable[[], float] = time.monotonic,
        *,
        is_gone: Callable[[str], bool] | None = None,
    ) -> None:
        """`watch` counts seconds and only runs forward.

        `is_gone` tells of an owner that it cannot be alive any more, so nobody has to watch its lease.
        """
        self._database = database
        self._clock = clock
        self._watched = WatchedLeases(watch, is_gone)
        self._folded = database.folded

    async def load(self, run: str) -> Run:
        return await self._database.read(lambda session: self._folded.load(session, run))

    async def entries(self, run: str) -> tuple[Entry, ...]:
        found = await self._database.read(lambda session: entries_after(session, run, 0))
        if not found:
            raise unknown_run(run)
        return found

    async def claim(self, owner: str, *, ttl: timedelta) -> tuple[Claim, ...]:
        free = self._watched.free(await self._database.read(leases), ttl)
        if not free:
            return ()
        claims = await self._database.run(lambda session: claim_all(session, owner, free), "lease/claim")
        self._watched.claimed(owner, claims)
        return claims

    async def renew(self, owner: str, claims: Sequence[Claim]) -> frozenset[Claim]:
        held = await self._database.run(
            lambda session: renew_all(session, owner, claims), "lease/renew", is_urgent=True
        )
        return frozenset(claims) - held

    async def release(self, claims: Sequence[Claim]) -> None:
        def work(session: Session) -> None:
            for claim in claims:
                changed(session, where_owned(claim).values(lease_owner=None))
                ring(session, claim.run)

        await self._database.run(work, "lease/release")

    async def told(self, claim: Claim) -> bool:
        def work(session: Session) -> bool:
            # Locked first: what is committed for the run later finds it told, and calls for it again.
            session.execute(_LEASE, {"run": claim.run})
            if _waiting(session, claim.run):
                return False
            changed(session, where_owned(claim).values(told_at=self._clock.now()))
            return True

        return await self._database.run(work, "store/told")

    async def listen(self, heard: Callable[[str], None]) -> None:
        await self._database.listen(heard)

    async def waiting(self) -> tuple[str, ...]:
        return await self._database.read(lambda session: tuple(session.scalars(_RUNS_WAITING)))

    async def append(
        self, claim: Claim, after: int, drafts: Sequence[Draft], timers: Sequence[Timer] = ()
    ) -> tuple[Entry, ...]:
        def work(session: Session) -> tuple[Run, tuple[Entry, ...]]:
            run = self._fenced(session, claim, after)
            if hears_first(run, drafts) and _waiting(session, claim.run):
                raise Interrupted(f"{claim.run}: an interrupt waits to be heard")
            return self._write(session, run, claim, Consumed(drafts=tuple(drafts), timers=tuple(timers)))

        return await self._written(work, f"journal/{_said(drafts)}")

    async def consume(
        self, claim: Claim, after: int, decide: Callable[[tuple[Interrupt, ...]], Consumed]
    ) -> tuple[Entry, ...]:
        """Turn the waiting interrupts into entries; nothing is asked of `decide` when none waits.

        `decide` is called in the database's thread, inside the transaction: it has to be quick and pure.
        """

        def work(session: Session) -> tuple[Run, tuple[Entry, ...]]:
            run = self._fenced(session, claim, after)
            waiting = _waiting(session, claim.run)
            if not waiting:
                return run, ()
            consumed = decide(tuple(interrupt_from_row(row) for row in waiting))
            now = self._clock.now()
            for row in waiting:
                row.consumed_at = now
            passing(f"journal/heard/{_said(consumed.drafts)}/commit")
            return self._write(session, run, claim, consumed)

        entries = await self._written(work, "journal/consume")
        if entries:
            passing(f"journal/heard/{_said(entries)}/after")
        return entries

    async def interrupt(self, interrupt: Interrupt) -> None:
        """Commit it. What comes for a run that has ended is kept; only aftercare will act on it.

        Raises:
            UnknownRun: there is no such run.
        """

        def work(session: Session) -> None:
            state = session.scalar(select(col(RunRow.state)).where(col(RunRow.id) == interrupt.run))
            if state is None:
                raise unknown_run(interrupt.run)
            row = interrupt_to_row(interrupt)
            if state not in ACTIVE_STATES and interrupt.kind in OF_AFTERCARE:
                session.execute(_CALLED_FOR, {"runs": [interrupt.run]})
            elif state not in ACTIVE_STATES:
                row.consumed_at = interrupt.at
            insert_if_absent(session, row, generated=frozenset({"id"}))
            ring(session, interrupt.run)

        await self._database.run(work, f"store/interrupt/{interrupt.kind}")

    async def due(self, now: datetime) -> tuple[str, ...]:
        return await self._database.run(lambda session: _fire(session, now), "timers/due")

    async def next_due(self) -> datetime | None:
        return await self._database.read(lambda session: session.scalar(_NEXT_DUE))

    def _fenced(self, session: Session, claim: Claim, after: int) -> Run:
        """The run, if the claim may write behind entry `after`; its row stays locked until the commit."""
        found = session.execute(_LEASE, {"run": claim.run}).one_or_none()
        if found is None:
            raise unknown_run(claim.run)
        number, owner = found
        if number != claim.lease or owner is None:
            raise _lost(claim)
        newest = session.scalar(_NEWEST, {"run": claim.run})
        if newest != after:
            self._folded.forget(claim.run)
            raise LeaseLost(f"{claim.run}: the newest entry is {newest}, not {after}")
        return self._folded.at(after, session, claim.run)

    def _write(
        self, session: Session, run: Run, claim: Claim, what: Consumed
    ) -> tuple[Run, tuple[Entry, ...]]:
        now = self._clock.now()
        entries = []
        for draft in what.drafts:
            entry = Entry(
                seq=run.seq + 1,
                at=now,
                run=run.id,
                step=draft.step,
                attempt=draft.attempt,
                person=draft.person,
                event=draft.event,
                lease=claim.lease,
            )
            after = fold(run, entry)
            session.add(entry_to_row(entry))
            follow(session, run, entry, after)
            entries.append(entry)
            run = after
        if not run.is_closed:
            _add_timers(session, run.id, what.timers)
        return run, tuple(entries)

    async def _written(
        self, work: Callable[[Session], tuple[Run, tuple[Entry, ...]]], point: str
    ) -> tuple[Entry, ...]:
        run, entries = await self._database.run(work, point)
        self._folded.remember(run)
        return entries


def _lost(claim: Claim) -> LeaseLost:
    return LeaseLost(f"{claim.run}: lease {claim.lease} is no longer held")


def _waiting(session: Session, run: str) -> Sequence[InterruptRow]:
    return session.scalars(_WAITING, {"run": run}).all()


def _add_timers(session: Session, run: str, timers: Iterable[Timer]) -> None:
    for timer in timers:
        insert_if_absent(session, TimerRow(run=run, purpose=timer.purpose, due=timer.due))


def _fire(session: Session, now: datetime) -> tuple[str, ...]:
    """Hundreds may be due at once after a pause, so they are written together."""
    due = session.execute(_DUE, {"now": now}).all()
    if due:
        skipped = _call_ended(session, {run for run, _ in due})
        due = [row for row in due if row.run not in skipped]
    if not due:
        return ()
    session.execute(_FIRED, [{"of": run, "what_for": purpose, "now": now} for run, purpose in due])
    told = [Interrupt(run=run, kind=InterruptKind.TIMER, at=now, purpose=purpose) for run, purpose in due]
    insert_absent(session, [interrupt_to_row(one) for one in told], generated=frozenset({"id"}))
    for _, purpose in due:
        passing(f"timers/fired/{purpose.partition(':')[0]}/commit")
    runs = tuple(dict.fromkeys(run for run, _ in due))
    for run in runs:
        ring(session, run)
    return runs


def _call_ended(session: Session, runs: set[str]) -> set[str]:
    """Let those of the runs that have ended be claimed again; returned are those whose rows somebody holds.

    It may be a process that is frozen: the others' timers do not wait for it.
    """
    ended = set(session.scalars(_ENDED, {"runs": list(runs)}))
    free = set(session.scalars(_FREE, {"runs": list(ended)})) if ended else set()
    if free:
        session.execute(_CALLED_FOR, {"runs": list(free)})
    return ended - free


def _said(written: Sequence[Draft] | Sequence[Entry]) -> str:
    """What a write tells, as the crash points call it: `done/canary/5/weight`, `granted+approved/…`."""
    kinds = "+".join(one.event.kind for one in written) or "nothing"
    step = written[-1].step if written else None
    return kinds if step is None else f"{kinds}/{step}"

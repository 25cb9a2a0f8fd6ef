"""The engine's journal: fenced appends, interrupts, timers and leases.

A write is one transaction: it checks the lease, folds what it is about to write (so that nothing that cannot
follow is ever stored), adds the entries and brings along everything that follows from them.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Update, func, or_, select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from bot.domain.errors import Interrupted, LeaseLost
from bot.domain.events import Draft, Entry, Timer
from bot.domain.interrupts import Interrupt, InterruptKind, hears_first
from bot.domain.run import Run, RunState, fold
from bot.ports import Claim, Clock, Consumed
from storage.consequences import follow
from storage.database import Database
from storage.folding import FoldedRuns, entries_after, unknown_run
from storage.rows import entry_to_row, interrupt_from_row, interrupt_to_row
from storage.tables import InterruptRow, JournalRow, RunRow, TimerRow
from storage.upsert import changed, insert_if_absent

ACTIVE = tuple(state.value for state in RunState if not state.is_terminal)


def _real_time() -> datetime:
    return datetime.now(UTC)


class SQLJournal:
    """The `Journal` port over a database. Entries bear the bot's clock, leases the wall's."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        wall: Callable[[], datetime] = _real_time,
        *,
        is_gone: Callable[[str], bool] | None = None,
    ) -> None:
        """`is_gone` tells of an owner that it cannot be alive any more, so its lease need not run out."""
        self._database = database
        self._is_gone = is_gone
        self._clock = clock
        self._wall = wall
        self._folded = FoldedRuns()

    async def entries(self, run: str) -> tuple[Entry, ...]:
        found = await self._database.read(lambda session: entries_after(session, run, 0))
        if not found:
            raise unknown_run(run)
        return found

    async def claim(self, owner: str, *, ttl: timedelta) -> tuple[Claim, ...]:
        return await self._database.run(
            lambda session: _claim(session, owner, self._wall(), ttl, self._is_gone)
        )

    async def renew(self, claim: Claim, *, ttl: timedelta) -> None:
        def work(session: Session) -> None:
            until = self._wall() + ttl
            if changed(session, _where_owned(claim).values(lease_until=until)) != 1:
                raise _lost(claim)

        await self._database.run(work)

    async def release(self, claim: Claim) -> None:
        """Let another process claim the run at once; fine if one has already."""
        free = _where_owned(claim).values(lease_owner=None, lease_until=None)
        await self._database.run(lambda session: changed(session, free))

    async def append(
        self, claim: Claim, after: int, drafts: Sequence[Draft], timers: Sequence[Timer] = ()
    ) -> tuple[Entry, ...]:
        def work(session: Session) -> tuple[Run, tuple[Entry, ...]]:
            run = self._fenced(session, claim, after)
            if hears_first(run, drafts) and _waiting(session, claim.run):
                raise Interrupted(f"{claim.run}: an interrupt waits to be heard")
            return self._write(session, run, claim, Consumed(drafts=tuple(drafts), timers=tuple(timers)))

        return await self._written(work)

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
            return self._write(session, run, claim, consumed)

        return await self._written(work)

    async def interrupt(self, interrupt: Interrupt) -> None:
        """Commit it. What comes for a run that has ended is kept, but nobody will act on it.

        Raises:
            UnknownRun: there is no such run.
        """

        def work(session: Session) -> None:
            state = session.scalar(select(col(RunRow.state)).where(col(RunRow.id) == interrupt.run))
            if state is None:
                raise unknown_run(interrupt.run)
            row = interrupt_to_row(interrupt)
            row.consumed_at = None if state in ACTIVE else interrupt.at
            insert_if_absent(session, row, generated=frozenset({"id"}))

        await self._database.run(work)

    async def due(self, now: datetime) -> tuple[str, ...]:
        return await self._database.run(lambda session: _fire(session, now))

    async def next_due(self) -> datetime | None:
        query = select(func.min(col(TimerRow.due))).where(col(TimerRow.fired_at).is_(None))
        return await self._database.read(lambda session: session.scalar(query))

    def _fenced(self, session: Session, claim: Claim, after: int) -> Run:
        """The run, if the claim may write behind entry `after`; its row stays locked until the commit."""
        # Weaker than FOR UPDATE, so that a press, whose rows point to the run, does not wait for the driver.
        query = (
            select(col(RunRow.lease_number), col(RunRow.lease_owner))
            .where(col(RunRow.id) == claim.run)
            .with_for_update(key_share=True)
        )
        found = session.execute(query).one_or_none()
        if found is None:
            raise unknown_run(claim.run)
        number, owner = found
        if number != claim.lease or owner is None:
            raise _lost(claim)
        newest = session.scalar(select(func.max(col(JournalRow.seq))).where(col(JournalRow.run) == claim.run))
        if newest != after:
            raise LeaseLost(f"{claim.run}: the newest entry is {newest}, not {after}")
        return self._folded.load(session, claim.run)

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
        if not run.is_terminal:
            _add_timers(session, run.id, what.timers)
        return run, tuple(entries)

    async def _written(self, work: Callable[[Session], tuple[Run, tuple[Entry, ...]]]) -> tuple[Entry, ...]:
        run, entries = await self._database.run(work)
        self._folded.remember(run)
        return entries


def _claim(
    session: Session, owner: str, now: datetime, ttl: timedelta, is_gone: Callable[[str], bool] | None
) -> tuple[Claim, ...]:
    """A frozen process may hold a run's row: it is skipped here, and claimed when the lock is gone."""
    query = (
        select(RunRow)
        .where(col(RunRow.state).in_(ACTIVE))
        .order_by(col(RunRow.started_at), col(RunRow.id))
        .with_for_update(skip_locked=True)
    )
    if is_gone is None:
        query = query.where(or_(col(RunRow.lease_owner).is_(None), col(RunRow.lease_until) <= now))
    claims = []
    for row in session.scalars(query):
        is_led = row.lease_owner is not None and row.lease_until is not None and row.lease_until > now
        if is_led and (is_gone is None or not is_gone(row.lease_owner or "")):
            continue
        row.lease_owner, row.lease_until = owner, now + ttl
        row.lease_number += 1
        claims.append(Claim(run=row.id, lease=row.lease_number))
    return tuple(claims)


def _where_owned(claim: Claim) -> Update:
    return update(RunRow).where(
        col(RunRow.id) == claim.run,
        col(RunRow.lease_number) == claim.lease,
        col(RunRow.lease_owner).is_not(None),
    )


def _lost(claim: Claim) -> LeaseLost:
    return LeaseLost(f"{claim.run}: lease {claim.lease} is no longer held")


def _waiting(session: Session, run: str) -> Sequence[InterruptRow]:
    query = (
        select(InterruptRow)
        .where(col(InterruptRow.run) == run, col(InterruptRow.consumed_at).is_(None))
        .order_by(col(InterruptRow.id))
    )
    return session.scalars(query).all()


def _add_timers(session: Session, run: str, timers: Iterable[Timer]) -> None:
    for timer in timers:
        insert_if_absent(session, TimerRow(run=run, purpose=timer.purpose, due=timer.due))


def _fire(session: Session, now: datetime) -> tuple[str, ...]:
    query = (
        select(TimerRow)
        .where(col(TimerRow.fired_at).is_(None), col(TimerRow.due) <= now)
        .order_by(col(TimerRow.due))
        .with_for_update(skip_locked=True)
    )
    runs: dict[str, None] = {}
    for row in session.scalars(query).all():
        row.fired_at = now
        interrupt = Interrupt(run=row.run, kind=InterruptKind.TIMER, at=now, purpose=row.purpose)
        insert_if_absent(session, interrupt_to_row(interrupt), generated=frozenset({"id"}))
        runs[row.run] = None
    return tuple(runs)

"""What operations, lists and the publisher ask of the store: new runs, presses, quarantine, the audit."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from bot.domain.errors import UnknownEvent
from bot.domain.events import Entry, Planned
from bot.domain.folding import begin
from bot.domain.interrupts import Interrupt, InterruptKind
from bot.domain.people import Person
from bot.domain.plan import Plan, plan_from_json
from bot.domain.record import Record
from bot.domain.run import Run, RunState
from bot.ports import Clock, Decision, RunSummary
from storage.audit import AuditTrail
from storage.bell import ring
from storage.consequences import APPROVED, PENDING
from storage.database import Database
from storage.refusals import (
    locked,
    obstacle,
    quarantine_words,
    quarantined,
    same_commit,
    unknown_commit,
    unreadable,
)
from storage.rows import (
    commit_from_plan,
    entry_to_row,
    interrupt_to_row,
    person_from_text,
    person_to_text,
    summary_from_row,
)
from storage.tables import AuditRow, CounterRow, QuarantineRow, QuestionRow, RunRow, VoteRow
from storage.upsert import changed, insert_if_absent
from storage.verification import Verified, verify

_ANSWERS = frozenset({InterruptKind.APPROVE, InterruptKind.APPROVE_REST})


class AuditEntry(Record):
    """Who tried what, and what came of it."""

    id: int
    at: datetime
    person: Person | None
    what: str
    run: str | None
    result: str


class Quarantined(Record):
    """A version that may not be deployed until it is released."""

    application: str
    version: str
    run: str
    why: str
    at: datetime


class SQLRuns:
    """The `Runs` port over a database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._folded = database.folded
        self._trail = AuditTrail(database)

    async def create(self, plan: Plan, by: Person) -> Run:
        # Looked up first without the write lock, so that many who are refused hold up no driver.
        await self._database.read(lambda session: self._admit(session, plan))
        run = await self._database.run(lambda session: self._create(session, plan, by), "store/create")
        self._folded.remember(run)
        return run

    async def load(self, run: str) -> Run:
        return await self._database.read(lambda session: self._folded.load(session, run))

    async def active(self) -> tuple[RunSummary, ...]:
        states = [state.value for state in RunState if not state.is_terminal]
        return await self._summaries(select(RunRow).where(col(RunRow.state).in_(states)))

    async def recent(self, limit: int = 20, application: str | None = None) -> tuple[RunSummary, ...]:
        query = select(RunRow).limit(limit)
        if application is not None:
            query = query.where(col(RunRow.application) == application)
        return await self._summaries(query)

    async def run_of_question(self, question: str) -> str | None:
        query = select(col(QuestionRow.run)).where(col(QuestionRow.id) == question)
        return await self._database.read(lambda session: session.scalar(query))

    async def decide(self, question: str, kind: InterruptKind, by: Person, at: datetime) -> Decision:
        assert kind in _ANSWERS, f"{kind} answers no question"
        return await self._database.run(
            lambda session: _decide(session, question, kind, by, at), f"store/decide/{kind}"
        )

    async def quarantined(self, application: str, version: str) -> str | None:
        return await self._database.read(lambda session: _quarantined(session, application, version))

    async def quarantine(self, application: str | None = None) -> tuple[Quarantined, ...]:
        """The versions that are kept out now, newest first."""

        def work(session: Session) -> tuple[Quarantined, ...]:
            query = select(QuarantineRow).where(col(QuarantineRow.released_at).is_(None))
            if application is not None:
                query = query.where(col(QuarantineRow.application) == application)
            rows = session.scalars(query.order_by(col(QuarantineRow.id).desc()))
            return tuple(
                Quarantined(application=r.application, version=r.version, run=r.run, why=r.why, at=r.at)
                for r in rows
            )

        return await self._database.read(work)

    async def release_quarantine(self, application: str, version: str, by: Person) -> bool:
        """Let the version in again; False if nothing kept it out."""
        statement = (
            update(QuarantineRow)
            .where(_blocks(application, version))
            .values(released_at=self._clock.now(), released_by=person_to_text(by))
        )
        return await self._database.run(
            lambda session: changed(session, statement) > 0, "store/release-quarantine"
        )

    async def audit(self, *, at: datetime, person: Person, what: str, run: str | None, result: str) -> None:
        await self._trail.write(at=at, person=person_to_text(person), what=what, run=run, result=result)

    async def audit_entries(self, limit: int = 100) -> tuple[AuditEntry, ...]:
        """The newest ones, newest first."""

        def work(session: Session) -> tuple[AuditEntry, ...]:
            rows = session.scalars(select(AuditRow).order_by(col(AuditRow.id).desc()).limit(limit))
            return tuple(_audit_from_row(row) for row in rows)

        return await self._database.read(work)

    async def verify_audit(self, noted: str | None = None) -> Verified:
        """Whether the whole trail is as it was written; `noted` is a hash that has to be in it.

        Raises:
            ConfigError: the database is of another version.
        """
        await self._database.expect_current()
        return await self._database.read(lambda session: verify(session, noted))

    async def _summaries(self, query: Select[Any]) -> tuple[RunSummary, ...]:
        newest_first = query.order_by(col(RunRow.started_at).desc(), col(RunRow.number).desc())
        return await self._database.read(
            lambda session: tuple(summary_from_row(row) for row in session.scalars(newest_first))
        )

    def _create(self, session: Session, plan: Plan, by: Person) -> Run:
        request = plan.request
        # The counters are locked first, so people who start something take turns: two applications may have
        # been configured with the same objects.
        session.execute(select(CounterRow).order_by(col(CounterRow.application)).with_for_update())
        number = _next_number(session, request.application)
        key = self._admit(session, plan)
        entry = Entry(
            seq=1,
            at=self._clock.now(),
            run=f"{request.application}-{number}",
            person=by,
            event=Planned(plan=plan),
        )
        run = begin(entry)
        session.add(_run_to_row(run, number, key))
        session.flush()  # the journal's row points to the run's
        session.add(entry_to_row(entry))
        ring(session, run.id)
        return run

    def _admit(self, session: Session, plan: Plan) -> str:
        """The key of the lock that the run will hold; refused if the version or the place is not free."""
        request = plan.request
        why = _quarantined(session, request.application, request.version)
        if why is None:
            why = _quarantined_commit(session, request.application, request.commit)
        if why is not None:
            raise quarantined(request.application, request.version, why)
        key = f"{request.application} {request.environment}"
        holder = session.scalar(select(col(RunRow.id)).where(col(RunRow.lock_key) == key))
        others = session.scalars(select(col(RunRow.id)).where(col(RunRow.lock_key).is_not(None))).all()
        for other in (holder,) if holder is not None else others:
            try:
                run = self._folded.load(session, other)
            except UnknownEvent as error:
                if other == holder or _may_share_objects(session, other, plan):
                    raise unreadable(other, plan) from error
                continue
            if other == holder:
                raise locked(run)
            refusal = obstacle(run, plan)
            if refusal is not None:
                raise refusal
        return key


def _may_share_objects(session: Session, run: str, wanted: Plan) -> bool:
    """Of a run whose journal cannot be read: its plan may be readable all the same."""
    plan = session.scalars(select(col(RunRow.plan)).where(col(RunRow.id) == run)).one()
    try:
        held = plan_from_json(plan)
        return held.shares_objects_with(wanted) or held.shares_staging_with(wanted)
    except UnknownEvent:
        return True


def _next_number(session: Session, application: str) -> int:
    insert_if_absent(session, CounterRow(application=application, newest=0))
    statement = update(CounterRow).where(col(CounterRow.application) == application)
    session.execute(statement.values(newest=col(CounterRow.newest) + 1))
    query = select(col(CounterRow.newest)).where(col(CounterRow.application) == application)
    return session.scalars(query).one()


def _run_to_row(run: Run, number: int, lock_key: str) -> RunRow:
    request = run.plan.request
    return RunRow(
        id=run.id,
        application=request.application,
        number=number,
        environment=request.environment,
        version=request.version,
        strategy=request.strategy,
        state=run.state.value,
        plan=run.plan.model_dump_json(),
        plan_schema=run.plan.schema_version,
        asked_by=person_to_text(run.asked_by) if run.asked_by else None,
        started_at=run.started_at,
        lock_key=lock_key,
    )


def _decide(session: Session, question: str, kind: InterruptKind, by: Person, at: datetime) -> Decision:
    # Locked, so that of two people's last votes one sees the other's.
    row = session.scalar(select(QuestionRow).where(col(QuestionRow.id) == question).with_for_update())
    if row is None or row.state != PENDING:
        return Decision.CLOSED
    if not insert_if_absent(session, VoteRow(question=question, person=by.id, at=at)):
        return Decision.REPEATED
    query = select(func.count()).select_from(VoteRow).where(col(VoteRow.question) == question)
    decided = session.scalars(query).one() >= row.needed
    if decided:
        settle = update(QuestionRow).where(col(QuestionRow.id) == question, col(QuestionRow.state) == PENDING)
        if changed(session, settle.values(state=APPROVED)) != 1:
            return Decision.CLOSED
    interrupt = Interrupt(run=row.run, kind=kind, at=at, person=by, question=question)
    session.add(interrupt_to_row(interrupt))
    ring(session, row.run)
    return Decision.DECIDED if decided else Decision.COUNTED


def _blocks(application: str, version: str) -> ColumnElement[bool]:
    return (
        (col(QuarantineRow.application) == application)
        & (col(QuarantineRow.version) == version)
        & col(QuarantineRow.released_at).is_(None)
    )


def _quarantined(session: Session, application: str, version: str) -> str | None:
    query = select(QuarantineRow).where(_blocks(application, version)).order_by(col(QuarantineRow.id).desc())
    row = session.scalars(query.limit(1)).first()
    return None if row is None else quarantine_words(row.why, row.run)


def _quarantined_commit(session: Session, application: str, commit: str) -> str | None:
    """A version that was rolled back does not come in again under another tag."""
    query = (
        select(QuarantineRow, col(RunRow.plan))
        .join(RunRow, col(RunRow.id) == col(QuarantineRow.run))
        .where(col(QuarantineRow.application) == application, col(QuarantineRow.released_at).is_(None))
        .order_by(col(QuarantineRow.id).desc())
    )
    for row, plan in session.execute(query):
        try:
            is_same = commit_from_plan(plan, row.run) == commit
        except UnknownEvent:
            return unknown_commit(row.run, row.version)
        if is_same:
            return same_commit(row.why, row.run, row.version)
    return None


def _audit_from_row(row: AuditRow) -> AuditEntry:
    return AuditEntry(
        id=row.id or 0,
        at=row.at,
        person=person_from_text(row.person),
        what=row.what,
        run=row.run,
        result=row.result,
    )

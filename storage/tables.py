"""The tables as they are now. How a database gets there is in `migrations`; a test holds the two together.

Texts that hold JSON are read through the domain's own parsers, never by the database.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Dialect, Index, Text, TypeDecorator, UniqueConstraint
from sqlmodel import Field, SQLModel


class UTCDateTime(TypeDecorator[datetime]):
    """An aware moment. SQLite knows no zones, so it stores UTC; a naive moment is a mistake, not a guess."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if dialect.name == "sqlite" else moment.astimezone(UTC)


class CounterRow(SQLModel, table=True):
    """The number of an application's newest run."""

    __tablename__ = "counters"

    application: str = Field(primary_key=True, sa_type=Text)
    newest: int  # of the run that was created last


class RunRow(SQLModel, table=True):
    """A run for lists, and who drives it. State, end and reason follow from the journal."""

    __tablename__ = "runs"
    __table_args__ = (
        UniqueConstraint("application", "number"),
        Index("runs_by_start", "started_at"),
        Index("runs_by_state", "state"),
    )

    id: str = Field(primary_key=True, sa_type=Text)  # "<application>-<number>"
    application: str = Field(sa_type=Text)
    number: int  # counts an application's runs from 1
    environment: str = Field(sa_type=Text)
    version: str = Field(sa_type=Text)  # what it brings
    strategy: str = Field(sa_type=Text)
    state: str = Field(sa_type=Text)  # as the journal folds to it
    plan: str = Field(sa_type=Text)  # JSON, frozen when the run was created
    plan_schema: int  # the version of that JSON
    asked_by: str | None = Field(default=None, sa_type=Text)  # JSON: the person
    started_at: datetime = Field(sa_type=UTCDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    reason: str | None = Field(default=None, sa_type=Text)  # why it ended
    told_at: datetime | None = Field(default=None, sa_type=UTCDateTime)  # NULL until Slack has all of it
    lock_key: str | None = Field(default=None, sa_type=Text, unique=True)  # NULL once the run has ended
    lease_owner: str | None = Field(default=None, sa_type=Text)  # the process that drives it
    lease_number: int = 0  # fences every write; grows with each claim
    lease_beat: int = Field(
        default=0, sa_column_kwargs={"server_default": "0"}
    )  # counts its renewals; who sees it stand still for long enough may take over


class JournalRow(SQLModel, table=True):
    """One entry. Triggers refuse every change of a row and every removal."""

    __tablename__ = "journal"

    run: str = Field(primary_key=True, foreign_key="runs.id", sa_type=Text)
    seq: int = Field(primary_key=True)  # counts a run's entries from 1 without gaps
    at: datetime = Field(sa_type=UTCDateTime)  # on the bot's clock
    step: str | None = Field(default=None, sa_type=Text)  # of the plan; NULL for what concerns the whole run
    attempt: int  # of the step
    kind: str = Field(sa_type=Text)  # of the event
    person: str | None = Field(default=None, sa_type=Text)  # JSON: who decided; NULL for the bot itself
    evidence: str = Field(sa_type=Text)  # JSON: the event without its kind
    lease: int | None = None  # under which it was written; NULL for what was written before any claim


class InterruptRow(SQLModel, table=True):
    """What a person, a timer or a trigger told a run; waits until its driver has consumed it."""

    __tablename__ = "interrupts"
    __table_args__ = (Index("interrupts_waiting", "run", "consumed_at"), {"sqlite_autoincrement": True})

    id: int | None = Field(default=None, primary_key=True)  # never used twice
    run: str = Field(foreign_key="runs.id", sa_type=Text)
    kind: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=UTCDateTime)  # when it was committed, on the bot's clock
    person: str | None = Field(default=None, sa_type=Text)  # JSON: who pressed
    question: str | None = Field(default=None, sa_type=Text)  # which one is answered
    purpose: str | None = Field(default=None, sa_type=Text)  # of a timer
    reason: str | None = Field(default=None, sa_type=Text)  # of a trigger
    sentence: str = Field(default="", sa_type=Text)  # in words, for people
    first_seen: datetime | None = Field(
        default=None, sa_type=UTCDateTime
    )  # since when a trigger's condition held
    dedupe: str | None = Field(
        default=None, sa_type=Text, unique=True
    )  # same key, same interrupt; NULL: always new
    consumed_at: datetime | None = Field(default=None, sa_type=UTCDateTime)  # NULL while it waits


class QuestionRow(SQLModel, table=True):
    """A question to people. Which press wins is decided here, by one conditional update of `state`."""

    __tablename__ = "questions"

    id: str = Field(primary_key=True, sa_type=Text)  # the value of its buttons
    run: str = Field(foreign_key="runs.id", index=True, sa_type=Text)
    step: str = Field(sa_type=Text)  # the step that waits for the answer
    attempt: int  # of that step
    needed: int  # how many distinct people have to say yes, from the run's plan
    state: str = Field(sa_type=Text)  # pending, approved or closed
    answer: str | None = Field(
        default=None, sa_type=Text
    )  # plain words; NULL until the journal holds the answer
    answered_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class VoteRow(SQLModel, table=True):
    """One person's yes to one question."""

    __tablename__ = "votes"

    question: str = Field(primary_key=True, foreign_key="questions.id", sa_type=Text)
    person: str = Field(primary_key=True, sa_type=Text)  # the person's id
    at: datetime = Field(sa_type=UTCDateTime)


class TimerRow(SQLModel, table=True):
    """When a run has to wake, written together with the entry that makes it necessary."""

    __tablename__ = "timers"
    __table_args__ = (Index("timers_due", "fired_at", "due"),)

    run: str = Field(primary_key=True, foreign_key="runs.id", sa_type=Text)
    purpose: str = Field(primary_key=True, sa_type=Text)  # what for; adding one twice is adding it once
    due: datetime = Field(sa_type=UTCDateTime)  # on the bot's clock
    fired_at: datetime | None = Field(default=None, sa_type=UTCDateTime)  # NULL while it is still to come


class QuarantineRow(SQLModel, table=True):
    """A version that was rolled back, until somebody releases it."""

    __tablename__ = "quarantine"
    __table_args__ = (
        Index("quarantine_by_version", "application", "version"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    application: str = Field(sa_type=Text)
    version: str = Field(sa_type=Text)
    run: str = Field(foreign_key="runs.id", sa_type=Text)  # the one that was rolled back
    why: str = Field(sa_type=Text)  # plain words
    at: datetime = Field(sa_type=UTCDateTime)
    released_at: datetime | None = Field(default=None, sa_type=UTCDateTime)  # NULL while it blocks
    released_by: str | None = Field(default=None, sa_type=Text)  # JSON: the person


class AuditRow(SQLModel, table=True):
    """Who tried what, refused presses included. Append-only like the journal, and chained (`chain`)."""

    __tablename__ = "audit"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(sa_type=UTCDateTime)
    person: str = Field(sa_type=Text)  # JSON: who
    what: str = Field(sa_type=Text)  # the command or button, plain
    run: str | None = Field(default=None, sa_type=Text)  # as the person named it, so it need not exist
    result: str = Field(sa_type=Text)  # what came of it: "done", or a reason
    previous: str = Field(sa_type=Text)  # the hash of the line before
    hash: str = Field(sa_type=Text)  # of this line and `previous`


class AuditHeadRow(SQLModel, table=True):
    """Where the audit ends: one row, made with the first line and locked by whoever appends."""

    __tablename__ = "audit_head"

    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})  # always 1
    lines: int  # how many were ever written
    hash: str = Field(sa_type=Text)  # of the newest


class MessageRow(SQLModel, table=True):
    """A message in Slack that shows part of a run."""

    __tablename__ = "messages"

    run: str = Field(primary_key=True, foreign_key="runs.id", sa_type=Text)
    key: str = Field(primary_key=True, sa_type=Text)  # which part
    channel: str = Field(sa_type=Text)  # Slack's id
    ts: str | None = Field(
        default=None, sa_type=Text
    )  # Slack's name of the message; NULL: reserved, not known to be posted
    hash: str | None = Field(default=None, sa_type=Text)  # of the content that Slack has
    state: str = Field(sa_type=Text)  # reserved or posted
    updated_at: datetime = Field(sa_type=UTCDateTime)  # real time, as Slack's is

"""Whether the audit is as it was written: the whole trail, walked once from its first line to its end.

Lines are read a page at a time, so memory does not grow with the trail, and all of it as it stood at one
moment, so a bot that goes on writing does not disturb. Values are read as the database holds them: what no
bot has written (bytes, a date that is none) has to be found, not to raise.
"""

from collections.abc import Generator
from contextlib import closing
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, LargeBinary, Text, cast, func, select, text
from sqlalchemy.orm import Session
from sqlmodel import col

from bot.domain.record import Record
from storage.chain import BEGINNING, hash_of, moment
from storage.tables import AuditHeadRow, AuditRow

_PAGE = 1_000
_TEXTS = ("person", "what", "run", "result", "previous", "hash")


class FlawKind(StrEnum):
    """What was done to a trail."""

    CHANGED = "changed"  # a line is not the one that was written
    REMOVED = "removed"  # lines before this one are missing
    INSERTED = "inserted"  # this line was not written by a bot
    CUT_OFF = "cut-off"  # there are fewer lines than were written
    END_CHANGED = "end-changed"  # the recorded end is not the end of what is there
    REWRITTEN = "rewritten"  # the trail fits together, but a hash that was noted is not in it


class Flaw(Record):
    """The first thing that is not as it was written."""

    kind: FlawKind
    line: int | None = None  # its id; None where no line can be named
    sentence: str


class Verified(Record):
    """What a walk found: how many lines it read, the last one's hash, and the first flaw, if there is any."""

    lines: int
    hash: str
    flaw: Flaw | None = None

    @property
    def remedy(self) -> str:
        """What to do about the flaw."""
        if self.flaw is None:
            return ""
        trusted = "no line" if self.flaw.line is None else f"no line from {self.flaw.line} on"
        return (
            f"Trust {trusted}. Somebody wrote to the database past the bot: keep a copy of it as it is, find "
            "out who could, compare with a backup, and give the bot new credentials there."
        )

    def as_json(self) -> dict[str, Any]:
        """For programs: `ok`, and either `lines` and `hash` or `kind`, `line`, `sentence` and `remedy`."""
        if self.flaw is None:
            return {"ok": True, "lines": self.lines, "hash": self.hash}
        return {"ok": False, **self.flaw.model_dump(mode="json"), "remedy": self.remedy}


class _Line(NamedTuple):
    """A line as the database holds it."""

    id: int
    content: dict[str, Any]  # what its hash is over
    previous: str | None
    hash: str | None

    @property
    def is_itself(self) -> bool:
        return hash_of(**self.content) == self.hash


def verify(session: Session, noted: str | None = None) -> Verified:
    """Walk the whole trail; `noted` is a hash that some line has to bear."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
    head = session.execute(select(col(AuditHeadRow.lines), col(AuditHeadRow.hash))).one_or_none()
    end = None if head is None else (head.lines, head.hash)
    count, before, last, is_noted, flaw = 0, BEGINNING, 0, noted is None, None
    with closing(_lines(session)) as lines:
        for line in lines:
            flaw = _flaw(session, line, before, last, is_over=(count, before) == end)
            if flaw is not None:
                break
            count, before, last = count + 1, line.hash or "", line.id
            is_noted = is_noted or before == noted
    flaw = flaw or _at_the_end(count, before, last, end)
    if flaw is None and not is_noted:
        sentence = "no line bears the hash that was noted: the whole trail was written anew"
        flaw = Flaw(kind=FlawKind.REWRITTEN, sentence=sentence)
    return Verified(lines=count, hash=before, flaw=flaw)


def _flaw(session: Session, line: _Line, before: str, last: int, *, is_over: bool) -> Flaw | None:
    """What is wrong with this line, if anything is; `before` and `last` are the hash and id before it."""
    if is_over:
        return _inserted(line.id, "it stands behind the recorded end")
    if not line.is_itself:
        return _changed(line.id)
    if line.previous == before:
        return None
    # It is whole and follows another line than the one in front of it. If that other one is there, further
    # up, what stands between the two was slipped in.
    slipped_in = _first_behind(session, line)
    if slipped_in is not None:
        return _inserted(slipped_in, f"line {line.id} follows the one before it")
    if line.id == last + 1 and last:
        return _changed(last)  # and hashed anew
    sentence = f"what stood before line {line.id} was removed"
    return Flaw(kind=FlawKind.REMOVED, line=line.id, sentence=sentence)


def _first_behind(session: Session, line: _Line) -> int | None:
    """The line behind the one that this one follows; None if that one is gone."""
    following = select(func.min(col(AuditRow.id)))
    if line.previous == BEGINNING:
        return session.scalar(following)
    found = select(func.max(col(AuditRow.id)))
    found = found.where(col(AuditRow.hash) == line.previous, col(AuditRow.id) < line.id)
    origin = session.scalar(found)
    return None if origin is None else session.scalar(following.where(col(AuditRow.id) > origin))


def _changed(line: int) -> Flaw:
    sentence = f"line {line} is not the one that was written under this number"
    return Flaw(kind=FlawKind.CHANGED, line=line, sentence=sentence)


def _inserted(line: int, why: str) -> Flaw:
    return Flaw(kind=FlawKind.INSERTED, line=line, sentence=f"line {line} was inserted: {why}")


def _at_the_end(count: int, before: str, last: int, end: tuple[int, str] | None) -> Flaw | None:
    """What is wrong with where the trail stops."""
    if end is None and count == 0:
        return None  # nothing was written yet
    if end is None:
        return Flaw(kind=FlawKind.END_CHANGED, sentence="the row that holds the trail's end was removed")
    lines, newest = end
    if count < lines:
        missing = f"{lines - count} of {lines} lines are missing"
        sentence = f"{missing}: they were cut off at the end, or removed and the rest hashed anew"
        return Flaw(kind=FlawKind.CUT_OFF, sentence=sentence)
    if count > lines:
        sentence = f"{lines} lines were recorded and {count} are there: the recorded end was changed"
        return Flaw(kind=FlawKind.END_CHANGED, sentence=sentence)
    if before != newest:
        return _changed(last) if last else Flaw(kind=FlawKind.END_CHANGED, sentence="the end was changed")
    return None


def _lines(session: Session) -> Generator[_Line, None, None]:
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    columns = [_as_it_stands(name, is_sqlite=is_sqlite) for name in ("at", *_TEXTS)]
    query = select(col(AuditRow.id), *columns).order_by(col(AuditRow.id))
    with session.execute(query.execution_options(yield_per=_PAGE)) as found:
        for number, *values in found:
            at, person, what, run, result, previous, own = map(_plain, values)
            content = {"id": number, "at": _moment(at), "person": person, "what": what, "run": run}
            content |= {"result": result, "previous": previous}
            yield _Line(id=number, content=content, previous=previous, hash=own)


def _as_it_stands(name: str, *, is_sqlite: bool) -> ColumnElement[Any]:
    """A column's value without anybody's reading of it."""
    column = col(getattr(AuditRow, name))
    if is_sqlite:
        # It does not see to it that a text is one, nor a moment; bytes it hands over whatever they are.
        return cast(column, LargeBinary)
    if name == "at":
        return func.to_char(func.timezone("UTC", column), 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"')
    return cast(column, Text)


def _plain(value: object) -> str | None:
    if value is None:
        return None
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)


def _moment(at: str | None) -> str | None:
    """As it is hashed; what is no moment as it is, which no hash fits."""
    try:
        found = datetime.fromisoformat(at or "")
    except ValueError:
        return at
    return moment(found if found.tzinfo is not None else found.replace(tzinfo=UTC))

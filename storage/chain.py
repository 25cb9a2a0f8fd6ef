r"""The audit's chain: each line bears a hash over itself and over the hash of the line before it.

**What is hashed.** SHA-256, written as 64 hexadecimal digits, of one JSON object with exactly the keys `at`,
`id`, `person`, `previous`, `result`, `run`, `what`: sorted, no white space, what is not ASCII as `\uXXXX`.
`at` is UTC with six decimals (`2026-11-23T09:00:00.000000+00:00`), `id` a number, `run` null where none was
named; the rest are the columns' texts as they stand. `previous` is the hash of the line before, and 64 zeros
in the first line.

**The end.** A chain alone does not tell that its last lines are gone. One row, `audit_head`, holds how many
lines were written and the hash of the newest; it is made with the first line. Whoever appends locks that row
first: so processes take turns, and two lines never follow the same one.

**What it cannot tell.** Whoever may write to the database and to everything in it can hash the whole trail
anew. Against that helps a hash that was noted elsewhere (`slackwater audit verify --noted`).
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from sqlmodel import col

from bot.domain.errors import Tampered
from storage.tables import AuditHeadRow, AuditRow
from storage.upsert import insert_if_absent

# What the first line names as the hash before it.
BEGINNING = "0" * 64


def append(session: Session, lines: Sequence[dict[str, Any]]) -> None:
    """Add lines to the trail's end; named are the columns of `AuditRow` but for those of the chain.

    Raises:
        Tampered: the row that holds the trail's end is gone.
    """
    head = _locked_head(session)
    # Asked behind the lock. Not reckoned from the head: a line that somebody slipped in behind the end must
    # not keep the bot from writing. `verify` finds it.
    newest = session.scalar(select(func.max(col(AuditRow.id)))) or 0
    for number, line in enumerate(lines, newest + 1):
        row = AuditRow(id=number, previous=head.hash, hash="", **line)
        row.hash = hash_of(
            id=number,
            at=moment(row.at),
            person=row.person,
            what=row.what,
            run=row.run,
            result=row.result,
            previous=row.previous,
        )
        session.add(row)
        head.lines, head.hash = head.lines + 1, row.hash


def _locked_head(session: Session) -> AuditHeadRow:
    """Until the transaction ends, nobody else has it; on SQLite the transaction itself is the lock."""
    lock = select(AuditHeadRow).with_for_update()
    head = session.scalar(lock)
    if head is None:
        # Of two who write the first line, one adds the row and the other waits here until it is there.
        is_first = insert_if_absent(session, AuditHeadRow(id=1, lines=0, hash=BEGINNING))
        if is_first and session.scalar(select(func.max(col(AuditRow.id)))) is not None:
            raise Tampered("the audit's recorded end is gone; see `slackwater audit verify`")
        head = session.scalars(lock).one()
    return head


def hash_of(**content: Any) -> str:
    """The hash of a line with this content, `at` as `moment` writes it."""
    # `repr` is for what no bot has written, such as bytes: it has to give some hash, just not the stored one.
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=repr)
    return hashlib.sha256(text.encode()).hexdigest()


def moment(at: datetime) -> str:
    """A moment as it is hashed."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")

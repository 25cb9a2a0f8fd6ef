"""The publisher's memory: which message in Slack shows which part of a run.

A place is reserved before the message is posted. A reservation without a timestamp after a crash means that
it is unknown whether Slack has the message: the publisher looks for it there before it posts again.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, bindparam, inspect, or_, select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from bot.domain.points import without_ids
from bot.ports import StoredMessage
from storage.database import Database
from storage.tables import MessageRow
from storage.upsert import changed, insert_if_absent

_RESERVED, _POSTED = "reserved", "posted"
# The timestamp of a message that is gone from Slack; NULL says that it may be there.
_DELETED = ""

# Compared with what a run should say whenever its journal grows, so it is built once.
_ALL_OF = (
    select(*inspect(MessageRow).columns.values())
    .where(col(MessageRow.run) == bindparam("run"))
    .order_by(col(MessageRow.key))
)


def _real_time() -> datetime:
    return datetime.now(UTC)


class Messages:
    """Which message shows what; each call is one transaction."""

    def __init__(self, database: Database, wall: Callable[[], datetime] = _real_time) -> None:
        self._database = database
        self._wall = wall

    async def reserve(self, run: str, key: str, channel: str) -> StoredMessage:
        """The message as it is known; reserved now if it was not before."""

        def work(session: Session) -> StoredMessage:
            fresh = MessageRow(run=run, key=key, channel=channel, state=_RESERVED, updated_at=self._wall())
            insert_if_absent(session, fresh)
            query = select(MessageRow).where(col(MessageRow.run) == run, col(MessageRow.key) == key)
            return _from_row(session.scalars(query).one())

        return await self._database.run(work, f"store/reserve/{without_ids(key)}")

    async def posted(self, run: str, key: str, ts: str, hash: str) -> bool:  # noqa: A002 - the record's word
        """Slack has it under this timestamp. False: another process has posted it meanwhile, or nobody
        reserved it.
        """
        is_free = or_(col(MessageRow.ts).is_(None), col(MessageRow.ts).in_((_DELETED, ts)))
        return await self._change("posted", run, key, is_free, ts=ts, hash=hash, state=_POSTED)

    async def deleted(self, run: str, key: str) -> None:
        """Somebody deleted it in Slack, and its place is free again."""
        await self._change("deleted", run, key, ts=_DELETED)

    async def updated(self, run: str, key: str, hash: str) -> None:  # noqa: A002
        """Slack has new content in the same message.

        Raises:
            KeyError: it was never reserved.
        """
        if not await self._change("updated", run, key, hash=hash):
            raise KeyError((run, key))

    async def all_of(self, run: str) -> tuple[StoredMessage, ...]:
        def work(session: Session) -> tuple[StoredMessage, ...]:
            return tuple(_from_row(row) for row in session.execute(_ALL_OF, {"run": run}))

        return await self._database.read(work)

    async def _change(
        self, what: str, run: str, key: str, *conditions: ColumnElement[bool], **values: str
    ) -> bool:
        statement = (
            update(MessageRow)
            .where(col(MessageRow.run) == run, col(MessageRow.key) == key, *conditions)
            .values(updated_at=self._wall(), **values)
        )
        point = f"store/{what}/{without_ids(key)}"
        return await self._database.run(lambda session: changed(session, statement), point) == 1


def _from_row(row: MessageRow | Row[Any]) -> StoredMessage:
    return StoredMessage(run=row.run, key=row.key, channel=row.channel, ts=row.ts, hash=row.hash)

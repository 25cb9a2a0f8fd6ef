"""The publisher's memory: which message in Slack shows which part of a run.

A place is reserved before the message is posted. A reservation without a timestamp after a crash means that
it is unknown whether Slack has the message: the publisher looks for it there before it posts again.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from bot.ports import StoredMessage
from storage.database import Database
from storage.tables import MessageRow
from storage.upsert import changed, insert_if_absent

_RESERVED, _POSTED = "reserved", "posted"


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

        return await self._database.run(work)

    async def posted(self, run: str, key: str, ts: str, hash: str) -> None:  # noqa: A002 - the record's word
        """Slack has it under this timestamp.

        Raises:
            KeyError: it was never reserved.
        """
        await self._change(run, key, ts=ts, hash=hash, state=_POSTED)

    async def updated(self, run: str, key: str, hash: str) -> None:  # noqa: A002
        """Slack has new content in the same message.

        Raises:
            KeyError: it was never reserved.
        """
        await self._change(run, key, hash=hash)

    async def all_of(self, run: str) -> tuple[StoredMessage, ...]:
        def work(session: Session) -> tuple[StoredMessage, ...]:
            query = select(MessageRow).where(col(MessageRow.run) == run).order_by(col(MessageRow.key))
            return tuple(_from_row(row) for row in session.scalars(query))

        return await self._database.read(work)

    async def _change(self, run: str, key: str, **values: str) -> None:
        statement = (
            update(MessageRow)
            .where(col(MessageRow.run) == run, col(MessageRow.key) == key)
            .values(updated_at=self._wall(), **values)
        )
        if await self._database.run(lambda session: changed(session, statement)) != 1:
            raise KeyError((run, key))


def _from_row(row: MessageRow) -> StoredMessage:
    return StoredMessage(run=row.run, key=row.key, channel=row.channel, ts=row.ts, hash=row.hash)

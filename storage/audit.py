"""The audit trail: who tried what, and what came of it. One line each, never changed, chained.

Each line is committed before its writer goes on. Lines that come while one is being committed are committed
together: a commit waits for the disk, and fifty people who are refused at once must not wait for fifty.
"""

import asyncio
from typing import Any

from sqlalchemy.orm import Session

from bot.domain.errors import Unreachable
from storage.chain import append
from storage.database import Database

_Line = tuple[dict[str, Any], asyncio.Future[None]]  # the columns, and who waits for them


class AuditTrail:
    """The lines of one process, in the order in which they came."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[_Line] = []
        self._writing: asyncio.Task[None] | None = None

    async def write(self, **line: Any) -> None:
        """Until the line is committed; named are the columns of `AuditRow`.

        Raises:
            Unreachable: the database does not answer.
        """
        committed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((line, committed))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all(), name="audit trail")
        await committed

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                lines, self._waiting = self._waiting, []
                await self._commit(lines)
        finally:
            self._writing = None

    async def _commit(self, lines: list[_Line]) -> None:
        def work(session: Session) -> None:
            append(session, [line for line, _ in lines])

        try:
            await self._database.run(work, "store/audit")
        except Unreachable as error:
            _tell(lines, error)
        except Exception as error:  # noqa: BLE001 - it belongs to whoever waits for the line
            if len(lines) == 1:
                _tell(lines, error)
            else:
                # One line that cannot be written must not keep the others out.
                for line in lines:
                    await self._commit([line])
        else:
            _tell(lines, None)


def _tell(lines: list[_Line], error: Exception | None) -> None:
    for _, committed in lines:
        if committed.done():
            continue  # who waited was cancelled; the line is written all the same
        if error is None:
            committed.set_result(None)
        else:
            committed.set_exception(error)

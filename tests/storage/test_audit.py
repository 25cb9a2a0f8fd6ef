"""The audit trail under many hands: every line committed before its writer goes on."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy.exc import StatementError

from bot.clients.clock import RealClock
from storage import Database, SQLRuns
from tests.support.builders import ADA, BO, MORNING


async def database_in(folder: Path) -> Database:
    database = Database(f"sqlite:///{folder / 'journal.db'}")
    await database.migrate()
    return database


async def test_fifty_lines_at_once_are_all_there_in_their_order(tmp_path: Path):
    database = await database_in(tmp_path)
    runs = SQLRuns(database, RealClock())
    told = [f"start v2.5.{number}" for number in range(50)]

    await asyncio.gather(
        *(runs.audit(at=MORNING, person=ADA, what=what, run=None, result="refused") for what in told)
    )

    assert [line.what for line in reversed(await runs.audit_entries())] == told
    await database.close()


async def test_a_line_is_committed_when_its_writer_goes_on(tmp_path: Path):
    database, other = await database_in(tmp_path), await database_in(tmp_path)
    mine, theirs = SQLRuns(database, RealClock()), SQLRuns(other, RealClock())

    async def tell_and_look(what: str) -> bool:
        await mine.audit(at=MORNING, person=ADA, what=what, run=None, result="done")
        return what in {line.what for line in await theirs.audit_entries()}

    assert all(await asyncio.gather(*(tell_and_look(f"hold {number}") for number in range(10))))
    await database.close()
    await other.close()


async def test_a_line_that_cannot_be_written_keeps_no_other_out(tmp_path: Path):
    database = await database_in(tmp_path)
    runs = SQLRuns(database, RealClock())
    times = [MORNING, MORNING, datetime(2026, 11, 23), datetime(2026, 11, 23, tzinfo=UTC)]  # noqa: DTZ001

    done = await asyncio.gather(
        *(runs.audit(at=at, person=BO, what="resume", run=None, result="done") for at in times),
        return_exceptions=True,
    )

    assert [type(one) for one in done] == [type(None), type(None), StatementError, type(None)]
    assert len(await runs.audit_entries()) == 3
    await database.close()


async def test_a_writer_that_gives_up_does_not_take_the_line_along(tmp_path: Path):
    database = await database_in(tmp_path)
    runs = SQLRuns(database, RealClock())

    writing = [
        asyncio.create_task(runs.audit(at=MORNING, person=BO, what=what, run=None, result="done"))
        for what in ("hold", "abort")
    ]
    await asyncio.sleep(0)
    writing[1].cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing[1]
    await writing[0]
    await runs.audit(at=MORNING, person=BO, what="last", run=None, result="done")

    assert {line.what for line in await runs.audit_entries()} == {"hold", "abort", "last"}
    await database.close()

"""Databases with data in them, as each earlier version left them, taken over by this one."""

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel
from structlog.testing import capture_logs

from bot.domain.run import RunState
from storage import Database, SQLRuns
from storage.schema import revisions, upgrade
from tests.support import revisions as kept
from tests.support.clocks import HandClock
from tests.support.history import UNDER_WAY, History, InlineDatabase
from tests.support.journals import gist
from tests.support.virtual import VirtualClock, VirtualLoop

EARLIER = revisions()
# Written once, and never again by anybody.
FOR_GOOD = ("journal", "audit")


@pytest.fixture(params=EARLIER)
def left(request: pytest.FixtureRequest) -> Path:
    """What a version of that revision left behind."""
    folder = kept.KEPT / request.param
    assert folder.is_dir(), (
        f"no database of revision {request.param} is kept: run python -m tests.storage.keep_revision"
    )
    return folder


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.live)])
def old(request: pytest.FixtureRequest, tmp_path: Path, left: Path) -> Iterator[InlineDatabase]:
    """A database with that in it, not upgraded yet."""
    url = f"sqlite:///{tmp_path}/a.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql_url")
    database = InlineDatabase(url)
    with database._writes.begin() as connection:
        kept.load(connection, left)
    yield database
    asyncio.run(database.close())


def migrate(database: Database) -> None:
    """As a start does, but in this thread."""
    with database._writes.begin() as connection:
        upgrade(connection, "a test's database")


def test_an_upgrade_changes_no_row_but_by_new_columns(old: InlineDatabase, left: Path):
    migrate(old)

    with old._reads.connect() as connection:
        for file in left.glob("*.jsonl"):
            before, after = kept.rows(left, file.stem), kept.now(connection, file.stem)
            still = set(before[0]) & set(after[0])
            assert still == set(before[0]) or file.stem not in FOR_GOOD
            assert [{k: row[k] for k in still} for row in after] == [
                {k: row[k] for k in still} for row in before
            ]


def test_an_upgraded_database_has_the_tables_of_this_version(old: InlineDatabase):
    migrate(old)

    with old._reads.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), SQLModel.metadata) == []


async def test_after_an_upgrade_every_journal_folds_to_the_state_that_its_run_had(
    old: InlineDatabase, left: Path
):
    migrate(old)

    runs = SQLRuns(old, HandClock())
    folded = {row["id"]: (await runs.load(row["id"])).state for row in kept.rows(left, "runs")}
    assert folded == {row["id"]: RunState(row["state"]) for row in kept.rows(left, "runs")}
    assert len(folded) > len(UNDER_WAY)


@pytest.mark.parametrize("change", ["UPDATE {} SET at = at", "DELETE FROM {}"])
@pytest.mark.parametrize("table", FOR_GOOD)
def test_after_an_upgrade_journal_and_audit_are_append_only(old: InlineDatabase, table: str, change: str):
    migrate(old)

    with pytest.raises(DBAPIError, match=f"the {table} is append-only"), old._writes.begin() as connection:
        connection.execute(text(change.format(table)))


def test_after_an_upgrade_every_run_under_way_is_driven_to_its_end_and_no_shift_is_repeated(
    old: InlineDatabase, left: Path
):
    migrate(old)
    names = sorted(row["id"] for row in kept.rows(left, "runs") if row["ended_at"] is None)

    async def drive() -> dict[str, tuple[RunState, list[int], int]]:
        history = History(old, VirtualClock(newest_moment(left) + timedelta(minutes=1)), "later")
        plays = [await history.takes_over(name) for name in names]
        before = [play.shop.weight for play in plays]
        await history.start()
        ended = await asyncio.gather(*(play.ended() for play in plays))
        await history.kill()
        stored = [await history.runs.load(name) for name in names]
        assert [gist(run) for run in stored] == [gist(run) for run in ended]
        return {
            run.id: (run.state, play.shop.shifts, weight)
            for run, play, weight in zip(ended, plays, before, strict=True)
        }

    with capture_logs(), asyncio.Runner(loop_factory=VirtualLoop) as runner:
        found = runner.run(drive())

    back = found.pop("goes-back-1")
    assert back[:2] == (RunState.ROLLED_BACK, [0])
    assert len(found) == len(UNDER_WAY)
    for state, shifts, weight in found.values():
        assert state is RunState.FINISHED
        assert shifts == [forward for forward in (10, 100) if forward > weight] + [0]


def newest_moment(left: Path) -> datetime:
    return max(datetime.fromisoformat(row["at"]) for row in kept.rows(left, "journal"))

"""The database is locked, full, read-only, or loses answers: runs wait, and nothing happens twice."""

import sqlite3
import tempfile
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import text

from bot.domain.errors import ConfigError, Unreachable
from bot.domain.events import Ending
from bot.domain.reasons import Reason
from bot.engine import engine as engine_room
from storage import Database, SQLRuns
from storage import database as database_room
from tests.faults.blind_run import in_virtual_time
from tests.faults.conftest import Observed
from tests.faults.registry import Edge, fault
from tests.faults.small_run import SHIFT, UP, WATCH, SmallRun, small_run
from tests.faults.stores import OtherProcess, Store, set_read_only, without_rights
from tests.support.builders import ADA, a_plan
from tests.support.clocks import HandClock
from tests.support.scenario import Scenario, Then, When

Log = list[dict[str, object]]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is shown does not depend on how long a lock is waited for, nor on the pause after trouble."""
    monkeypatch.setattr(database_room, "_LOCK_TIMEOUT_MS", 50)
    monkeypatch.setattr(engine_room, "_PAUSE_AFTER_A_BUG", 0.05)


@pytest.fixture
async def database(tmp_path: Path, quick: None) -> AsyncIterator[Database]:
    made = Database(f"sqlite:///{tmp_path / 'slackwater.db'}")
    await made.migrate()
    yield made
    await made.close()


async def trouble(run: SmallRun, words: str) -> str:
    """Until the engine has said so of its own database."""
    await run.world_is(lambda: any(words in said for said in run.troubles))
    return next(said for said in run.troubles if words in said)


@fault(Edge.DATABASE, "SQLite's write lock held by another process for longer than the time limit")
async def test_a_locked_database_stops_the_run_before_it_acts_and_it_goes_on_afterwards(
    tmp_path: Path, database: Database, observed: Observed
) -> None:
    other = OtherProcess(tmp_path / "slackwater.db")
    async with small_run(tmp_path, partial(Store, database)) as run:
        run.at(SHIFT, other.locks)
        said = await trouble(run, "locked")
        assert run.weights == []
        other.lets_go()

        await run.until(lambda now: now.record(WATCH).began is not None)

        assert run.weights == [25]
        observed(f"“{said}”; no traffic moved, then shifted once")
    other.close()


@fault(Edge.DATABASE, "a full disk")
async def test_on_a_full_disk_nothing_is_done_without_its_entry_and_the_run_goes_on_afterwards(
    tmp_path: Path, database: Database, observed: Observed
) -> None:
    async with small_run(tmp_path, partial(Store, database)) as run:
        await run.until(lambda now: now.record(UP).began is not None)
        await is_full(database)
        said = await trouble(run, "full")
        has_intended = any(e.step == SHIFT and e.kind == "intended" for e in await run.entries())
        assert run.weights == [] or has_intended
        await has_space(database)

        await run.until(lambda now: now.record(WATCH).began is not None)

        assert run.weights == [25]
        observed(f"“{said}”; nothing was done without its entry, then shifted once")


async def is_full(database: Database) -> None:
    """The file may not grow by another page: the same error as of a disk without space."""
    pages = await database.read(lambda session: session.scalar(text("PRAGMA page_count")))
    await database.read(lambda session: session.execute(text(f"PRAGMA max_page_count = {pages}")).all())


async def has_space(database: Database) -> None:
    await database.read(lambda session: session.execute(text("PRAGMA max_page_count = 1073741823")).all())


@fault(Edge.DATABASE, "a file that may only be read")
async def test_a_read_only_file_is_refused_at_the_start_and_can_still_be_looked_at(
    observed: Observed,
) -> None:
    with tempfile.TemporaryDirectory(prefix="slackwater-read-only-") as name:
        folder = Path(name)
        file = folder / "slackwater.db"
        database = Database(f"sqlite:///{file}")
        await database.migrate()
        await SQLRuns(database, HandClock()).create(a_plan(), ADA)
        await database.close()
        set_read_only(file)

        with without_rights():
            database = Database(f"sqlite:///{file}")
            with pytest.raises(ConfigError, match="readonly") as refused:
                await database.migrate()
            with pytest.raises(Unreachable, match="readonly"):
                await SQLRuns(database, HandClock()).create(a_plan(application="payments"), ADA)
            await database.close()

        assert "cannot be opened or prepared" in refused.value.remedy
        assert "readonly" in str(refused.value)
        observed("“attempt to write a readonly database”, said at the start with file and remedy")


# Of a hundred writes; a driver that fails is started again, and has to get somewhere before it fails again.
_LOST_BEFORE, _LOST_AFTER = 0.1, 0.2


class Forgetful:
    """A journal whose answers are lost: what was to be written is there, or is not, and nobody is told."""

    def __init__(self, journal: Any) -> None:
        self._journal = journal
        self._luck = Random(7)
        self.lost_after = 0
        self.lost_before = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    async def append(self, *args: Any) -> Any:
        return await self._with_bad_luck(self._journal.append(*args))

    async def consume(self, *args: Any) -> Any:
        return await self._with_bad_luck(self._journal.consume(*args))

    async def _with_bad_luck(self, write: Any) -> Any:
        luck = self._luck.random()
        if luck < _LOST_BEFORE:
            write.close()
            self.lost_before += 1
            raise Unreachable("the database", "the connection broke before the commit arrived")
        answer = await write
        if answer and luck > 1 - _LOST_AFTER:
            self.lost_after += 1
            raise Unreachable("the database", "the connection broke before the commit was answered")
        return answer


@fault(Edge.DATABASE, "answers to commits are lost, the write being there or not")
def test_a_run_finds_out_by_reading_what_was_committed_and_does_nothing_twice(observed: Observed) -> None:
    async def story() -> tuple[Scenario, Forgetful, list[str]]:
        scenario = Scenario()
        when, then = When(scenario), Then(scenario)
        forgetful = Forgetful(scenario.journal)
        try:
            await when.started()
            scenario.journal = forgetful  # type: ignore[assignment]
            await when.dies()
            await when.restarts()
            await when.approves_all()
            then.ended(Ending.FINISHED, Reason.FINISHED).weights_were(5, 10, 25, 50, 100, 0)
            scenario.invariants()
            return scenario, forgetful, then.effects()
        finally:
            await scenario.close()

    _, journal, effects = in_virtual_time(story())

    assert effects == ["deploy", "header", *["shift"] * 5, "promote", "home", "remove"]
    assert journal.lost_after > 5
    assert journal.lost_before > 5
    observed(
        f"{journal.lost_after} answers lost after the commit, {journal.lost_before} before it; "
        "every effect once, the run finished"
    )


@fault(Edge.DATABASE, "a migration that fails")
async def test_a_migration_that_fails_changes_nothing_and_says_what_to_do(
    tmp_path: Path, observed: Observed
) -> None:
    file = tmp_path / "slackwater.db"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE messages (somebody_elses TEXT)")
    connection.close()
    database = Database(f"sqlite:///{file}")

    with pytest.raises(ConfigError) as refused:
        await database.migrate()

    await database.close()
    connection = sqlite3.connect(file)
    tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    connection.close()
    assert tables == [("messages",)]
    observed(f"the start is refused (“{refused.value.remedy.partition(';')[0]}”), the tables are as before")


@fault(Edge.DATABASE, "a migration while another process holds the lock")
async def test_a_migration_that_cannot_get_the_lock_is_refused_and_can_be_tried_again(
    tmp_path: Path, observed: Observed
) -> None:
    file = tmp_path / "slackwater.db"
    other = OtherProcess(file)
    other.locks()
    database = Database(f"sqlite:///{file}")

    with pytest.raises(ConfigError, match="locked"):
        await database.migrate()
    other.lets_go()
    await database.migrate()

    assert await SQLRuns(database, HandClock()).recent() == ()
    await database.close()
    other.close()
    observed("the start is refused (“database is locked”), and works once the lock is gone")

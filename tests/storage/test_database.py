"""Opening, refusing and preparing databases, and what a transaction that breaks off leaves behind."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session
from sqlmodel import SQLModel

from bot.domain.errors import ConfigError, Unreachable
from storage import Database, SQLJournal, SQLRuns
from storage.database import _Turns
from storage.schema import HEAD, alembic_settings
from tests.support.builders import ADA, a_plan
from tests.support.clocks import HandClock


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("nonsense", "is not a database URL"),
        ("mysql://root:secret@host/name", "neither SQLite nor PostgreSQL"),
        ("sqlite://", "needs a file"),
        ("sqlite:////nowhere/at/all/a.db", "the folder /nowhere/at/all does not exist"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_with_the_remedy(url: str, why: str):
    with pytest.raises(ConfigError, match=why) as refused:
        Database(url)

    assert "write sqlite:////path/to/slackwater.db" in refused.value.remedy
    assert "secret" not in str(refused.value)


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path):
    (tmp_path / "a.db").write_text("Dear diary, " * 100)
    database = Database(f"sqlite:///{tmp_path}/a.db")

    with pytest.raises(ConfigError, match="file is not a database"):
        await database.migrate()

    await database.close()


async def test_a_server_that_does_not_answer_is_refused_without_its_password():
    database = Database("postgresql://ada:secret@127.0.0.1:1/slackwater")

    with pytest.raises(ConfigError, match="cannot be opened") as refused:
        await database.migrate()

    assert "secret" not in str(refused.value)
    await database.close()


async def test_a_database_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path):
    database = Database(f"sqlite:///{tmp_path}/a.db")
    await database.migrate()
    newer = text("UPDATE alembic_version SET version_num = '9999'")
    await database.run(lambda session: session.execute(newer), "test")

    with pytest.raises(ConfigError, match=r"newer version of Slackwater has written it \(revision 9999"):
        await database.migrate()

    found = await database.read(
        lambda session: session.scalar(text("SELECT version_num FROM alembic_version"))
    )
    assert found == "9999"
    await database.close()


async def test_the_migrations_lead_to_the_tables_of_this_version(tmp_path: Path):
    database = Database(f"sqlite:///{tmp_path}/a.db")
    await database.migrate()
    await database.migrate()
    await database.close()

    engine = create_engine(f"sqlite:///{tmp_path}/a.db")
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), SQLModel.metadata)
    engine.dispose()

    assert differences == []


@pytest.mark.live
async def test_the_migrations_lead_to_the_tables_of_this_version_on_postgresql(postgresql_url: str):
    database = Database(postgresql_url)
    await database.migrate()
    await database.close()

    engine = create_engine(postgresql_url)
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), SQLModel.metadata)
    engine.dispose()

    assert differences == []


def test_the_newest_revision_is_the_one_that_a_start_expects():
    assert ScriptDirectory.from_config(alembic_settings()).get_current_head() == HEAD


async def test_a_migration_that_fails_leaves_no_table_behind(tmp_path: Path):
    with sqlite3.connect(tmp_path / "a.db") as connection:
        connection.execute("CREATE TABLE messages (somebody_elses TEXT)")
    connection.close()
    database = Database(f"sqlite:///{tmp_path}/a.db")

    with pytest.raises(ConfigError, match="table messages already exists"):
        await database.migrate()

    await database.close()
    connection = sqlite3.connect(tmp_path / "a.db")
    tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    connection.close()
    assert tables == [("messages",)]


async def test_a_commit_is_on_disk_when_it_is_reported(tmp_path: Path):
    database = Database(f"sqlite:///{tmp_path}/a.db")

    settings = await database.read(
        lambda session: [
            session.scalar(text(f"PRAGMA {name}")) for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    )

    assert settings == ["wal", 2, 1]
    await database.close()


async def test_work_that_raises_writes_nothing(tmp_path: Path):
    database = Database(f"sqlite:///{tmp_path}/a.db")
    await database.migrate()

    def work(session):
        session.execute(text("INSERT INTO counters VALUES ('checkout', 7)"))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await database.run(work, "test")

    assert await database.read(lambda s: s.scalar(text("SELECT count(*) FROM counters"))) == 0
    await database.close()


async def test_a_reader_does_not_wait_for_a_writer_of_another_process(tmp_path: Path):
    database = Database(f"sqlite:///{tmp_path}/a.db")
    await database.migrate()
    writer = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")

    assert await SQLRuns(database, HandClock()).recent() == ()

    writer.close()
    await database.close()


async def test_a_lock_that_is_never_let_go_is_said_to_be_outside_trouble(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("storage.database._LOCK_TIMEOUT_MS", 20)
    database = Database(f"sqlite:///{tmp_path}/a.db")
    await database.migrate()
    writer = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")

    with pytest.raises(Unreachable, match="the database: database is locked"):
        await SQLRuns(database, HandClock()).create(a_plan(), ADA)

    writer.close()
    await database.close()


@pytest.mark.live
async def test_a_transaction_that_the_server_gave_up_is_said_to_be_outside_trouble(postgresql_url: str):
    """Whoever stood still in the middle of one finds the connection closed; psycopg calls that internal."""
    database = Database(postgresql_url)

    def stand_still(session: Session) -> None:
        session.execute(text("SET LOCAL idle_in_transaction_session_timeout = '20ms'"))
        time.sleep(0.2)
        session.execute(text("SELECT 1"))

    with pytest.raises(Unreachable, match=r"the database: .*idle-in-transaction timeout"):
        await database.run(stand_still, "test")

    assert await database.read(lambda session: session.scalar(text("SELECT 7"))) == 7
    await database.close()


# Writes an entry and a timer, and is killed by the kernel before the commit.
_KILLED = """
import asyncio, os, signal, sys
from datetime import timedelta
from bot.domain.events import Draft, Noted, Timer
from storage import Database, SQLJournal, SQLRuns
from storage import journal
from tests.support.builders import ADA, MORNING, a_plan
from tests.support.clocks import HandClock

async def main():
    database = Database(sys.argv[1])
    await database.migrate()
    await SQLRuns(database, HandClock()).create(a_plan(), ADA)
    store = SQLJournal(database, HandClock())
    (claim,) = await store.claim("one", ttl=timedelta(hours=1))
    add = journal._add_timers
    def add_and_die(session, run, timers):
        add(session, run, timers)
        session.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    journal._add_timers = add_and_die
    drafts = [Draft(event=Noted(key="k", sentence="!"))]
    await store.append(claim, 1, drafts, [Timer(purpose="p", due=MORNING)])

asyncio.run(main())
"""


async def test_a_process_killed_before_the_commit_leaves_nothing_half_done(tmp_path: Path):
    url = f"sqlite:///{tmp_path}/a.db"
    root = str(Path(__file__).parents[2])

    killed = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", _KILLED, url],
        env={**os.environ, "PYTHONPATH": root},
        check=False,
    )

    assert killed.returncode == -signal.SIGKILL
    database = Database(url)
    await database.migrate()
    journal = SQLJournal(database, HandClock())
    assert [entry.kind for entry in await journal.entries("checkout-1")] == ["planned"]
    assert await journal.next_due() is None
    await database.close()


async def test_an_urgent_write_is_next_however_many_wait() -> None:
    turns, order = _Turns(), []
    waits = asyncio.get_running_loop()

    def write(name: str, *, is_urgent: bool) -> None:
        with turns.taken(is_urgent=is_urgent):
            order.append(name)

    with turns.taken(is_urgent=False):
        ordinary = waits.run_in_executor(None, partial(write, "ordinary", is_urgent=False))
        await asyncio.sleep(0.05)
        urgent = waits.run_in_executor(None, partial(write, "urgent", is_urgent=True))
        await asyncio.sleep(0.05)
    await asyncio.gather(ordinary, urgent)

    assert order == ["urgent", "ordinary"]

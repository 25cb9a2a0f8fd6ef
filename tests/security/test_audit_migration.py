"""The chain through a migration and through a backup, and what a migration that fails leaves behind."""

import asyncio
import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from bot.domain.errors import ConfigError
from storage import Database, FlawKind, Restoring, back_up, restore
from storage.schema import alembic_settings
from tests.security.trail import Trail
from tests.support.builders import ADA

# More than the migration reads at a time, with the gaps that a sequence leaves behind what was rolled back.
LINES = [number for number in range(1, 2_301) if number % 100]


def at_revision_2(url: str) -> None:
    engine = create_engine(url)
    at = "2026-11-23 09:00:00.123456" + ("+00:00" if url.startswith("postgresql") else "")
    line = "INSERT INTO audit VALUES (:id, :at, :person, :what, :run, 'done')"
    with engine.begin() as connection:
        settings = alembic_settings()
        settings.attributes["connection"] = connection
        command.upgrade(settings, "0002")
        connection.execute(
            text(line),
            [
                {
                    "id": n,
                    "at": at,
                    "person": '{"id": "U1"}',
                    "what": f"“hold” {n}",
                    "run": "a-1" if n % 2 else None,
                }
                for n in LINES
            ],
        )
    engine.dispose()


async def test_lines_from_before_are_chained_and_guarded(database_url: str):
    await asyncio.to_thread(at_revision_2, database_url)
    trail = Trail(database_url)

    await trail.database.migrate()

    found = await trail.runs.verify_audit()
    assert (found.lines, found.flaw) == (len(LINES), None)
    with pytest.raises(DBAPIError, match="the audit is append-only"):
        await trail.database.run(lambda session: session.execute(text("UPDATE audit SET what = 'x'")), "test")
    await trail.writes(2)
    assert (await trail.runs.verify_audit()).lines == len(LINES) + 2
    await trail.tampers("UPDATE audit SET what = 'x' WHERE id = 1234")
    assert await trail.says() == (FlawKind.CHANGED, 1234)
    await trail.database.close()


async def test_a_trail_from_before_is_not_judged_and_not_changed(database_url: str):
    await asyncio.to_thread(at_revision_2, database_url)
    trail = Trail(database_url)

    with pytest.raises(ConfigError, match="revision 0002, and this version reads 0003"):
        await trail.runs.verify_audit()

    revision = text("SELECT version_num FROM alembic_version")
    assert await trail.database.read(lambda session: session.scalar(revision)) == "0002"
    await trail.database.close()


@pytest.mark.live
async def test_a_long_migration_is_not_broken_off(postgresql_url: str, monkeypatch: pytest.MonkeyPatch):
    def slow_settings():
        time.sleep(0.6)
        return alembic_settings()

    await asyncio.to_thread(at_revision_2, postgresql_url)
    monkeypatch.setattr("storage.database._SERVER_LIMITS", ("idle_in_transaction_session_timeout=300",))
    monkeypatch.setattr("storage.schema.alembic_settings", slow_settings)
    hurried = Database(postgresql_url)

    await hurried.migrate()

    await hurried.close()


async def test_a_trail_comes_back_from_a_backup_as_it_was_written(trail: Trail, tmp_path: Path):
    await trail.writes()
    written = await trail.runs.verify_audit()
    await back_up(trail.url, None, tmp_path / "backup.zip")
    place = Trail(f"sqlite:///{tmp_path}/restored.db")
    moment = datetime.now(UTC)

    told = Restoring(by=ADA, at=moment, now=moment, applications=(), nothing_since=True)
    await restore(place.url, None, tmp_path / "backup.zip", told)

    assert await place.runs.verify_audit() == written
    await place.writes(1)
    assert (await place.runs.verify_audit(written.hash)).flaw is None
    await place.database.close()


async def test_a_migration_that_fails_leaves_the_guards_where_they_were(tmp_path: Path):
    url = f"sqlite:///{tmp_path}/slackwater.db"
    await asyncio.to_thread(at_revision_2, url)
    with sqlite3.connect(tmp_path / "slackwater.db") as connection:
        connection.execute("CREATE TABLE audit_head (somebody_elses TEXT)")
    connection.close()
    database = Database(url)

    with pytest.raises(ConfigError, match="audit_head already exists"):
        await database.migrate()

    with pytest.raises(DBAPIError, match="the audit is append-only"):
        await database.run(lambda session: session.execute(text("DELETE FROM audit")), "test")
    await database.close()

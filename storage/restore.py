"""Brings a backup into an empty database of either kind, in one transaction that ends whole or not at all.

The tables are made as they were when the backup was taken, filled, and then brought to this version's, as an
upgrade would. `aftermath` says what is different afterwards.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, func, select, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.orm import Session

from bot.domain.errors import ConfigError
from bot.domain.record import Record
from storage import portable
from storage.aftermath import Restoring, settle
from storage.archive import Archive, Manifest, refused
from storage.backup import first_line, of_table
from storage.database import Database
from storage.reports import Placed
from storage.schema import HEAD, revision_of, revisions, take_turn, upgrade
from storage.seeds import Key, key_of, keys_of, used_tables

# Rows are written in batches of at most so many, and of about so many bytes.
_ROWS_AT_ONCE, _BYTES_AT_ONCE = 500, 4 << 20


class Restored(Record):
    """What was brought back."""

    manifest: Manifest
    held: tuple[str, ...]  # the runs that wait for a person now
    reports: int  # that were put into their folder


async def restore(url: str, artifacts: Path | None, source: Path, restoring: Restoring) -> Restored:
    """Fill an empty database, and the folder of reports, from the backup in `source`.

    Raises:
        ConfigError: the database is not empty, or the backup cannot be used; nothing has changed.
        Unreachable: the database does not answer; nothing has changed.
        OSError: a file cannot be read or written; nothing has changed.
    """
    with Archive.opened(source) as archive:
        if archive.manifest.revision not in revisions():
            why = (
                f"its tables are of revision {archive.manifest.revision}, and this version knows up to {HEAD}"
            )
            raise refused(source, why, "restore it with the version that wrote it")
        archive.check()
        database, placed = Database(url), Placed(artifacts)
        made = database.file if database.file and not database.file.exists() else None
        try:
            held = await database.run(
                lambda session: _bring_in(session, database, archive, placed, restoring), "store/restore"
            )
        except BaseException:
            placed.take_back()
            await database.close()
            if made is not None:
                made.unlink(missing_ok=True)
            raise
        await database.close()
        return Restored(manifest=archive.manifest, held=held, reports=len(placed))


def _bring_in(
    session: Session, database: Database, archive: Archive, placed: Placed, restoring: Restoring
) -> tuple[str, ...]:
    """The runs that are held now."""
    _fill(session.connection(), database, archive)
    held = settle(session, archive.manifest.taken_at, restoring)
    session.flush()
    # Last: little is left after it that could fail.
    placed.add_all(archive)
    return held


def _fill(connection: Connection, database: Database, archive: Archive) -> None:
    try:
        _prepare(connection, database, archive.manifest.revision)
        tables = portable.found_tables(connection)
        names = {of_table(name) for name in tables}
        if names != set(archive.names("tables/")):
            raise refused(archive.path, "its tables are not those of its revision")
        for name, table in tables.items():
            _insert(connection, table, archive.lines(of_table(name)))
            _compare(connection, table, archive.rows(of_table(name)))
        _go_on_counting(connection, tables)
        upgrade(connection, database.name)
    except portable.Unportable as error:
        raise refused(archive.path, str(error)) from error
    except (OperationalError, InterfaceError):
        raise  # it does not answer, which `Database` says
    except DBAPIError as error:
        raise refused(
            archive.path, f"{database.name} does not take what is in it: {first_line(error)}"
        ) from error


def _prepare(connection: Connection, database: Database, revision: str) -> None:
    """Empty tables as they were when the backup was taken."""
    if connection.dialect.name == "postgresql":
        # A large backup takes longer than a transaction of the bot's may.
        for limit in ("statement_timeout", "idle_in_transaction_session_timeout"):
            connection.execute(text(f"SET LOCAL {limit} = 0"))
    take_turn(connection)
    _refuse_what_is_there(connection, database)
    there = revision_of(connection)
    known = revisions()
    if there is not None and there in known and known.index(there) > known.index(revision):
        raise _full(
            database,
            f"its tables are prepared for revision {there}, and the backup is of revision {revision}",
        )
    upgrade(connection, database.name, revision)


def _refuse_what_is_there(connection: Connection, database: Database) -> None:
    try:
        tables = portable.found_tables(connection)
    except portable.Unportable as error:
        raise _full(database, str(error)) from error
    if tables and connection.dialect.name == "postgresql":
        # A bot that runs on it already must not write between this look and the end.
        connection.execute(text(f"LOCK TABLE {', '.join(tables)} IN EXCLUSIVE MODE"))
    used = sorted(used_tables(connection, tables, revision_of(connection)))
    if used:
        rows = ", ".join(f"{_count(connection, tables[name])} in {name}" for name in used)
        raise _full(database, f"it has rows already: {rows}")


def _insert(connection: Connection, table: Table, lines: Iterator[bytes]) -> None:
    read = portable.from_line(table, aware=connection.dialect.name != "sqlite")
    seeds = keys_of(connection, table)
    batch: list[dict[str, Any]] = []
    size = 0
    for line in lines:
        batch.append(read(line))
        size += len(line)
        if len(batch) >= _ROWS_AT_ONCE or size >= _BYTES_AT_ONCE:
            _write(connection, table, batch, seeds)
            batch, size = [], 0
    _write(connection, table, batch, seeds)


def _write(
    connection: Connection, table: Table, rows: list[dict[str, Any]], seeds: dict[Key, dict[str, Any]]
) -> None:
    """Add the rows; those that the migrations have written already become what they were."""
    new = [row for row in rows if key_of(table, row) not in seeds]
    if new:
        connection.execute(table.insert(), new)
    for row in rows:
        seed = seeds.get(key_of(table, row), row)
        if seed != row:
            same = [column == row[column.name] for column in table.primary_key.columns]
            connection.execute(table.update().where(*same).values(row))


def _compare(connection: Connection, table: Table, told: int) -> None:
    found = _count(connection, table)
    if found != told:
        raise portable.Unportable(f"{found} of {told} rows of {table.name} have arrived")


def _count(connection: Connection, table: Table) -> int:
    return connection.execute(select(func.count()).select_from(table)).scalar_one()


def _go_on_counting(connection: Connection, tables: dict[str, Table]) -> None:
    """PostgreSQL's sequences do not notice rows that come with their numbers; SQLite's do."""
    if connection.dialect.name != "postgresql":
        return
    for table in tables.values():
        for column in table.primary_key.columns:
            place = {"table": table.name, "column": column.name}
            sequence = connection.execute(
                text("SELECT pg_get_serial_sequence(:table, :column)"), place
            ).scalar()
            if sequence is not None:
                newest = connection.execute(select(func.max(column))).scalar()
                connection.execute(
                    text("SELECT setval(:sequence, :number, :used)"),
                    {"sequence": sequence, "number": newest or 1, "used": newest is not None},
                )


def _full(database: Database, why: str) -> ConfigError:
    remedy = f"{why}; a backup is restored into an empty database only: name another one in storage.url"
    if database.file is not None:
        remedy += ", or move this file away (with its -wal and -shm)"
    return ConfigError(where=database.name, key="database", value=None, remedy=remedy)

"""Takes a backup: everything that the database holds at one moment, and the reports, in one file.

All tables are read in one transaction that writes nothing and locks nobody out: on SQLite beside the writer,
on PostgreSQL from one snapshot. Reports are copied after that, and each is written before the entry that
speaks of it, so whatever the snapshot speaks of is in the file. Rows pass through one by one.
"""

import asyncio
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, Table, select, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.orm import Session

from bot.domain.errors import ConfigError
from storage import portable
from storage.archive import Manifest, Writer, new_file, refused
from storage.database import Database
from storage.reports import reports_in
from storage.schema import HEAD, revision_of, revisions

# Journal entries are some kilobytes each; the server is asked rarely, and the memory stays small.
_ROWS_AT_ONCE = 100


async def back_up(url: str, artifacts: Path | None, to: Path) -> Manifest:
    """Write the backup of a database and its reports to a new file, and say what is in it.

    The bot may run meanwhile.

    Raises:
        ConfigError: there is no database, or something in it that a backup cannot carry.
        FileExistsError: there is a file of that name.
        Unreachable: the database does not answer.
        OSError: the file cannot be written.
    """
    database = Database(url)
    try:
        _refuse_nonsense(database, artifacts, to)
        # The time before anything is read: whatever happens from then on may be missing.
        with new_file(to) as stream, Writer(stream, datetime.now(UTC).replace(microsecond=0)) as writer:
            revision = await database.read(lambda session: _add_tables(writer, session, database))
            await asyncio.to_thread(_add_reports, writer, artifacts)
            return writer.finish(revision)
    finally:
        await database.close()


def of_table(name: str) -> str:
    """The part of a backup that holds this table."""
    return f"tables/{name}.jsonl"


def _refuse_nonsense(database: Database, artifacts: Path | None, to: Path) -> None:
    if database.file is not None and not database.file.is_file():
        raise _refused(database, "there is no such database: check storage.url")
    if artifacts is not None and to.resolve().is_relative_to(artifacts.resolve()):
        raise refused(
            to,
            "it would lie among the reports, and every backup would hold those before it",
            "name another folder",
        )


def _add_tables(writer: Writer, session: Session, database: Database) -> str:
    """The revision of the tables."""
    connection = _snapshot(session)
    try:
        revision = _known_revision(connection, database)
        for table in _tables(connection, revision):
            writer.add(of_table(table.name), _lines(connection, table), are_rows=True)
    except portable.Unportable as error:
        raise _refused(database, f"{error}, so a backup would not be whole") from error
    except (OperationalError, InterfaceError):
        raise  # it does not answer, which `Database` says
    except (DBAPIError, ValueError, TypeError) as error:
        raise _refused(database, f"it cannot be read: {first_line(error)}") from error
    return revision


def _add_reports(writer: Writer, folder: Path | None) -> None:
    if folder is None:
        return
    for name, pieces in reports_in(folder):
        writer.add(name, pieces, are_rows=False)


def _snapshot(session: Session) -> Connection:
    """The session's connection, which sees the database as it is now for as long as it reads."""
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        # A large database takes longer than a transaction of the bot's may.
        for limit in ("statement_timeout", "idle_in_transaction_session_timeout"):
            connection.execute(text(f"SET LOCAL {limit} = 0"))
    return connection


def _known_revision(connection: Connection, database: Database) -> str:
    found = revision_of(connection)
    if found is None:
        raise _refused(database, "it holds nothing of Slackwater's yet: check storage.url")
    if found not in revisions():
        raise _refused(
            database,
            f"a newer version of Slackwater has written it (revision {found}, this one knows up to {HEAD}); "
            "take the backup with that version",
        )
    return found


def _tables(connection: Connection, revision: str) -> Iterable[Table]:
    found = portable.found_tables(connection)
    missing = portable.missing_tables(found)
    if revision == HEAD and missing:
        raise portable.Unportable(f"the table {min(missing)} is missing")
    return found.values()


def _lines(connection: Connection, table: Table) -> Iterator[bytes]:
    to_line = portable.to_line(table)
    query = select(table).order_by(*table.primary_key.columns)
    for row in connection.execute(query, execution_options={"yield_per": _ROWS_AT_ONCE}):
        yield to_line(row)


def first_line(error: Exception) -> str:
    """What the driver says; SQLAlchemy's own words would repeat statements and values."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return str(cause).strip().partition("\n")[0]


def _refused(database: Database, why: str) -> ConfigError:
    return ConfigError(where=database.name, key="database", value=None, remedy=why)

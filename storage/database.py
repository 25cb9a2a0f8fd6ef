"""The database and the thread that talks to it.

SQLite has one writer at a time, so it gets one thread: transactions queue up there instead of colliding. With
PostgreSQL several may be under way, and the database sorts them out by row locks.

`run` is for writes: on SQLite it takes the write lock at once (`BEGIN IMMEDIATE`), since a transaction that
reads first and writes later would fail when another process wrote in between. `read` takes none, so a command
line that looks at a journal never holds the bot up.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.orm import Session

from bot.domain.errors import ConfigError, Unreachable
from storage.schema import upgrade

_Result = TypeVar("_Result")

# How long a transaction waits for another process's lock: a commit takes milliseconds, a frozen process may
# hold a lock for ever, and a rollback must not wait for it.
_LOCK_TIMEOUT_MS = 5_000

# Enough for a driver, a publisher and some presses at once; each is a connection of the server's.
_POSTGRESQL_THREADS = 4

_WRITES = "slackwater_writes"
_REMEDY = "write sqlite:////path/to/slackwater.db or postgresql+psycopg://user@host/name"


class Database:
    """One database by its URL.

    Raises:
        ConfigError: the URL is none, or names something that Slackwater cannot use.
    """

    def __init__(self, url: str) -> None:
        self._url = _checked(url)
        self._name = self._url.render_as_string(hide_password=True)
        sqlite = self._url.get_backend_name() == "sqlite"
        self._reads = _sqlite(self._url) if sqlite else _postgresql(self._url)
        self._writes = self._reads.execution_options(**{_WRITES: True})
        threads = 1 if sqlite else _POSTGRESQL_THREADS
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="database")

    async def migrate(self) -> None:
        """Bring the tables to what this version needs.

        Raises:
            ConfigError: the database cannot be opened, or was written by a newer version.
        """
        await asyncio.get_running_loop().run_in_executor(self._threads, self._migrate)

    async def run(self, work: Callable[[Session], _Result]) -> _Result:
        """What `work` returns, once its transaction is committed; if it raises, nothing of it was written.

        Raises:
            Unreachable: the database does not answer, or another process holds a lock for too long.
        """
        return await asyncio.get_running_loop().run_in_executor(
            self._threads, self._carry_out, self._writes, work
        )

    async def read(self, work: Callable[[Session], _Result]) -> _Result:
        """Like `run`, for work that changes nothing."""
        return await asyncio.get_running_loop().run_in_executor(
            self._threads, self._carry_out, self._reads, work
        )

    async def close(self) -> None:
        """Finish what is under way, then let go of the database."""
        await asyncio.to_thread(self._threads.shutdown)
        self._reads.dispose()

    def _carry_out(self, engine: Engine, work: Callable[[Session], _Result]) -> _Result:
        try:
            # Records are built inside the transaction, so nothing has to be read again after the commit.
            with Session(engine, expire_on_commit=False) as session, session.begin():
                return work(session)
        except (OperationalError, InterfaceError) as error:
            raise Unreachable("the database", _plain(error)) from error

    def _migrate(self) -> None:
        try:
            with self._writes.begin() as connection:
                upgrade(connection, self._name)
        except DBAPIError as error:
            raise ConfigError(
                where=self._name,
                key="database",
                value=None,
                remedy=f"it cannot be opened or prepared: {_plain(error)}; {_REMEDY}",
            ) from error


def _checked(text: str) -> URL:
    try:
        url = make_url(text)
    except ArgumentError as error:
        # The text may hold a password, so it is not repeated.
        raise _refused("is not a database URL") from error
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    if url.drivername == "postgresql+psycopg":
        return _with_driver(url)
    if url.drivername not in {"sqlite", "sqlite+pysqlite"}:
        raise _refused(f"{url.drivername} is neither SQLite nor PostgreSQL")
    if not url.database or url.database == ":memory:":
        raise _refused("a journal has to outlive the process, so SQLite needs a file")
    folder = Path(url.database).absolute().parent
    if not folder.is_dir():
        raise _refused(f"the folder {folder} does not exist; create it first")
    return url


def _with_driver(url: URL) -> URL:
    try:
        import psycopg  # noqa: F401 - an extra; asked here so that its absence is said in plain words
    except ImportError as error:
        raise _refused("PostgreSQL needs its driver: pip install 'slackwater[postgresql]'") from error
    return url


def _refused(why: str) -> ConfigError:
    return ConfigError(where="database", key="url", value=None, remedy=f"{why}; {_REMEDY}")


def _plain(error: DBAPIError) -> str:
    """The driver's own first line; SQLAlchemy's words would repeat statements and values."""
    lines = str(error.orig).strip().splitlines()
    return lines[0] if lines else type(error.orig).__name__


def _sqlite(url: URL) -> Engine:
    # The driver must not begin transactions by itself: `_begin` does, tables' changes included.
    engine = create_engine(url, connect_args={"isolation_level": None, "timeout": _LOCK_TIMEOUT_MS / 1000})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    for setting in (
        f"busy_timeout={_LOCK_TIMEOUT_MS}",
        "journal_mode=WAL",  # readers and the writer do not wait for each other
        "synchronous=FULL",  # what was committed survives a power cut; NORMAL would lose the newest entries
        "foreign_keys=ON",
    ):
        connection.execute(f"PRAGMA {setting}")


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _postgresql(url: URL) -> Engine:
    return create_engine(
        url,
        pool_size=_POSTGRESQL_THREADS,
        pool_pre_ping=True,  # the server may have been restarted since
        connect_args={"connect_timeout": 5, "options": f"-c lock_timeout={_LOCK_TIMEOUT_MS}"},
    )

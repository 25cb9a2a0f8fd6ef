"""The database and the thread that talks to it.

SQLite has one writer at a time, so it gets one thread: transactions queue up there instead of colliding. With
PostgreSQL several may be under way, and the database sorts them out by row locks. What cannot wait (a lease
is renewed in time or lost) has a thread of its own beside the queue, and on SQLite the next turn to write.

`run` is for writes: on SQLite it takes the write lock at once (`BEGIN IMMEDIATE`), since a transaction that
reads first and writes later would fail when another process wrote in between. `read` takes none, so a command
line that looks at a journal never holds the bot up.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.orm import Session

from bot.domain.errors import ConfigError, Unreachable
from bot.domain.points import around, passing
from storage import bell
from storage.folding import FoldedRuns
from storage.schema import expect_current, upgrade

_Result = TypeVar("_Result")

# How long a transaction waits for another process's lock: a commit takes milliseconds, a frozen process may
# hold a lock for ever, and a rollback must not wait for it.
_LOCK_TIMEOUT_MS = 5_000

# What the server itself breaks off, in milliseconds: a process that is frozen in the middle of a transaction
# must not keep its run's row from whoever takes over, and one that is cut off is not waited for.
_SERVER_LIMITS = (
    f"lock_timeout={_LOCK_TIMEOUT_MS}",
    "statement_timeout=10000",
    "idle_in_transaction_session_timeout=5000",
    "tcp_keepalives_idle=3",
    "tcp_keepalives_interval=2",
    "tcp_keepalives_count=2",
)

# Enough for a driver, a publisher and some presses at once; each is a connection of the server's.
_POSTGRESQL_THREADS = 4
# One connection may be dead without a word for nearly as long as a lease lasts.
_POSTGRESQL_URGENT_THREADS = 2

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
        urgent = 1 if sqlite else _POSTGRESQL_URGENT_THREADS
        self._urgent = ThreadPoolExecutor(urgent, thread_name_prefix="database-urgent")
        self._turns = _Turns() if sqlite else None
        self.folded = FoldedRuns()

    @property
    def name(self) -> str:
        """Its URL without the password."""
        return self._name

    @property
    def file(self) -> Path | None:
        """Where a SQLite database lies; None for a server's."""
        is_file = self._url.get_backend_name() == "sqlite"
        return Path(self._url.database or "") if is_file else None

    async def migrate(self) -> None:
        """Bring the tables to what this version needs.

        Raises:
            ConfigError: the database cannot be opened, or was written by a newer version.
        """
        with around("store/migrate"):
            await asyncio.get_running_loop().run_in_executor(self._threads, self._migrate)

    async def expect_current(self) -> None:
        """For those who only look: see that the tables are this version's, and change nothing.

        Raises:
            ConfigError: they are not.
        """
        await self.read(lambda session: expect_current(session.connection(), self._name))

    async def run(
        self, work: Callable[[Session], _Result], point: str, *, is_urgent: bool = False
    ) -> _Result:
        """What `work` returns, once its transaction is committed; if it raises, nothing of it was written.

        `point` names the write among the crash points: `point/before`, `point/commit`, `point/after`. Urgent
        work does not queue behind what else is to be read and written.

        Raises:
            Unreachable: the database does not answer, or another process holds a lock for too long.
        """

        def until_commit(session: Session) -> _Result:
            result = work(session)
            passing(f"{point}/commit")
            return result

        threads = self._urgent if is_urgent else self._threads
        with around(point):
            return await asyncio.get_running_loop().run_in_executor(
                threads, self._in_turn, is_urgent, self._writes, until_commit
            )

    async def read(self, work: Callable[[Session], _Result]) -> _Result:
        """Like `run`, for work that changes nothing."""
        return await asyncio.get_running_loop().run_in_executor(
            self._threads, self._carry_out, self._reads, work
        )

    async def listen(self, heard: Callable[[str], None]) -> None:
        """Tell of runs that any process has news for, until cancelled.

        Raises:
            OSError: the database does not answer, or does not any more.
        """
        await bell.listen(self._url, heard)

    async def close(self) -> None:
        """Finish what is under way, then let go of the database."""
        for threads in (self._threads, self._urgent):
            await asyncio.to_thread(threads.shutdown)
        self._reads.dispose()

    def _in_turn(self, is_urgent: bool, engine: Engine, work: Callable[[Session], _Result]) -> _Result:  # noqa: FBT001 - an executor passes no keywords
        with self._turns.taken(is_urgent=is_urgent) if self._turns else nullcontext():
            return self._carry_out(engine, work)

    def _carry_out(self, engine: Engine, work: Callable[[Session], _Result]) -> _Result:
        try:
            # Records are built inside the transaction, so nothing has to be read again after the commit.
            with Session(engine, expire_on_commit=False) as session, session.begin():
                return work(session)
        except DBAPIError as error:
            # A connection that the server closed is outside trouble, whatever the driver calls it.
            if isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated:
                raise Unreachable("the database", _plain(error)) from error
            raise

    def _migrate(self) -> None:
        try:
            with self._writes.begin() as connection:
                upgrade(connection, self._name)
                passing("store/migrate/commit")
        except DBAPIError as error:
            raise ConfigError(
                where=self._name,
                key="database",
                value=None,
                remedy=f"it cannot be opened or prepared: {_plain(error)}; {_REMEDY}",
            ) from error


class _Turns:
    """One write at a time within this process; who is urgent is next.

    SQLite would let them meet at its lock, where who waits only looks now and then whether it is free: beside
    a thread that writes without pause, a renewal took more than 4 s to get in.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._is_taken = False
        self._urgent = 0  # how many of them wait

    @contextmanager
    def taken(self, *, is_urgent: bool) -> Iterator[None]:
        with self._changed:
            self._urgent += is_urgent
            try:
                self._changed.wait_for(lambda: not self._is_taken and (is_urgent or not self._urgent))
            finally:
                self._urgent -= is_urgent
            self._is_taken = True
        try:
            yield
        finally:
            with self._changed:
                self._is_taken = False
                self._changed.notify_all()


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
        pool_size=_POSTGRESQL_THREADS + _POSTGRESQL_URGENT_THREADS,
        pool_pre_ping=True,  # the server may have been restarted since
        connect_args={**bell.KEPT_ALIVE, "options": " ".join(f"-c {one}" for one in _SERVER_LIMITS)},
    )

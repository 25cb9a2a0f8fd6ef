"""The real journal and store of runs behind one name, for a small run."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bot.ports import Clock
from storage import Database, SQLJournal, SQLRuns

_NOBODY = 65534


class Store:
    """`Journal` and `Runs` over one database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._journal = SQLJournal(database, clock)
        self._runs = SQLRuns(database, clock)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal if hasattr(self._journal, name) else self._runs, name)


class OtherProcess:
    """Somebody else who has the same SQLite file open."""

    def __init__(self, file: Path) -> None:
        self._connection = sqlite3.connect(file, isolation_level=None, timeout=5)

    def locks(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def lets_go(self) -> None:
        self._connection.execute("ROLLBACK")

    def close(self) -> None:
        self._connection.close()


def set_read_only(file: Path) -> None:
    """As a backup is kept: one file, without the log of a running bot beside it."""
    sqlite3.connect(file).execute("PRAGMA journal_mode=DELETE").connection.close()
    file.chmod(0o444)
    file.parent.chmod(0o755)  # others may look into it, and may not write


@contextmanager
def without_rights() -> Iterator[None]:
    """As an ordinary user, for whom a file's permissions count; root may write anywhere."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)

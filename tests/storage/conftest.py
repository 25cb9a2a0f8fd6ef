"""Databases of both kinds, and one in which much has happened."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from storage.schema import HEAD, upgrade
from tests.support import revisions as kept
from tests.support.history import InlineDatabase

SQLITE, POSTGRESQL = "sqlite", "postgresql"

Kind = str


@pytest.fixture
def url_of(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Kind, str], str]:
    """The URL of a new database of that kind; each name is another one. One is a server's at most."""

    def url(kind: Kind, name: str) -> str:
        if kind == POSTGRESQL:
            return str(request.getfixturevalue("postgresql_url"))
        return f"sqlite:///{tmp_path / name}.db"

    return url


def full(url: str, revision: str = HEAD, *, is_upgraded: bool = True) -> InlineDatabase:
    """A database as a bot of that revision has left it, upgraded to this version's."""
    database = InlineDatabase(url)
    with database._writes.begin() as connection:
        kept.load(connection, kept.KEPT / revision)
        if is_upgraded:
            upgrade(connection, "a test's database")
    return database


def contents(database: InlineDatabase) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table, as plain JSON."""
    with database._reads.connect() as connection:
        return {table: kept.now(connection, table) for table in kept.tables(connection)}

"""Databases as earlier versions left them: one folder for each revision, one line of JSON for each row."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from storage import portable
from storage.restore import _go_on_counting, _insert
from storage.schema import revision_of, upgrade

KEPT = Path(__file__).parents[1] / "storage" / "revisions"


def write(connection: Connection, folder: Path = KEPT) -> Path:
    """Keep what the database holds under its revision.

    Raises:
        FileExistsError: that revision is kept already; what is kept is never changed.
    """
    place = folder / str(revision_of(connection))
    place.mkdir(parents=True)
    for table in portable.found_tables(connection).values():
        line_of = portable.to_line(table)
        rows = connection.execute(select(table).order_by(*table.primary_key.columns))
        (place / f"{table.name}.jsonl").write_bytes(b"".join(map(line_of, rows)))
    return place


def load(connection: Connection, folder: Path) -> None:
    """An empty database as that revision left it."""
    upgrade(connection, "a test's database", folder.name)
    tables = portable.found_tables(connection)
    for name, table in tables.items():
        _insert(connection, table, _lines(folder / f"{name}.jsonl"))
    _go_on_counting(connection, tables)


def rows(folder: Path, table: str) -> list[dict[str, Any]]:
    """What is kept of a table, as plain JSON."""
    return [portable._object(line) for line in _lines(folder / f"{table}.jsonl")]


def now(connection: Connection, table: str) -> list[dict[str, Any]]:
    """The same of a table as it is, with the columns that it has today."""
    found = portable.found_tables(connection)[table]
    line_of = portable.to_line(found)
    query = select(found).order_by(*found.primary_key.columns)
    return [portable._object(line_of(row)) for row in connection.execute(query)]


def tables(connection: Connection) -> tuple[str, ...]:
    return tuple(portable.found_tables(connection))


def _lines(file: Path) -> Iterator[bytes]:
    with file.open("rb") as stream:
        yield from stream

"""Rows as lines of JSON and back, the same for both kinds of database.

The tables are read from the database itself, so a column that came later needs nothing here. A column whose
type cannot be carried stops a backup: what is left out in silence is missed only when it is needed.
"""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    String,
    Table,
)
from sqlmodel import SQLModel

import storage.tables  # noqa: F401 - fills the metadata

# Alembic's own; the revision stands in a backup's manifest.
_REVISION = "alembic_version"

_Change = Callable[[Any], Any]


class Unportable(ValueError):
    """A table, a column or a line that a backup cannot carry; the words are for people."""


def found_tables(connection: Connection) -> dict[str, Table]:
    """What the database has now: each table with its columns, those that others point to first.

    Raises:
        Unportable: there is a table that this version does not know.
    """
    found = MetaData()
    found.reflect(connection)
    strange = found.tables.keys() - SQLModel.metadata.tables.keys() - {_REVISION}
    if strange:
        raise Unportable(f"the table {min(strange)} is none of Slackwater's")
    return {table.name: table for table in found.sorted_tables if table.name != _REVISION}


def missing_tables(found: dict[str, Table]) -> set[str]:
    """Those that a database of this version's own revision would have."""
    return set(SQLModel.metadata.tables) - found.keys()


def to_line(table: Table) -> Callable[[Row[Any]], bytes]:
    """How a row of this table is written.

    Raises:
        Unportable: a column's type cannot be carried.
    """
    writers = [(column.name, _writer(column)) for column in table.columns]

    def write(row: Row[Any]) -> bytes:
        values = {
            name: None if value is None else change(value)
            for (name, change), value in zip(writers, row, strict=True)
        }
        return json.dumps(values, ensure_ascii=False).encode() + b"\n"

    return write


def from_line(table: Table, *, aware: bool) -> Callable[[bytes], dict[str, Any]]:
    """How a line becomes a row of this table; `aware`: whether the database knows time zones.

    Raises:
        Unportable: a column's type cannot be carried; or, from what is returned, the line is no such row.
    """
    readers = {column.name: (column, _reader(column, aware=aware)) for column in table.columns}

    def read(line: bytes) -> dict[str, Any]:
        values = _object(line)
        if values.keys() != readers.keys():
            raise Unportable(f"a row of {table.name} has other columns than the table")
        return {name: _read(*readers[name], value) for name, value in values.items()}

    return read


def _object(line: bytes) -> dict[str, Any]:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise Unportable("a line is not JSON") from error
    if not isinstance(values, dict):
        raise Unportable("a line is no row")
    return values


def _read(column: Column[Any], change: _Change, value: Any) -> Any:
    if value is None and column.nullable:
        return None
    try:
        return change(value)
    except (ValueError, TypeError, AttributeError) as error:
        raise Unportable(f"a value of {column.table.name}.{column.name} does not fit") from error


def _writer(column: Column[Any]) -> _Change:
    kind = column.type
    if isinstance(kind, DateTime):
        return _moment_to_text
    if isinstance(kind, LargeBinary):
        return lambda value: base64.b64encode(value).decode()
    if isinstance(kind, (Integer, Boolean, String)):
        return lambda value: value
    raise Unportable(f"{column.table.name}.{column.name} is of type {kind}, which a backup cannot carry")


def _reader(column: Column[Any], *, aware: bool) -> _Change:
    kind = column.type
    if isinstance(kind, DateTime):
        return lambda value: _moment_from_text(value, aware=aware)
    if isinstance(kind, LargeBinary):
        return lambda value: base64.b64decode(value, validate=True)
    for of, plain in ((Boolean, bool), (Integer, int), (String, str)):
        if isinstance(kind, of):
            return lambda value: _exactly(plain, value)
    raise Unportable(f"{column.table.name}.{column.name} is of type {kind}, which a backup cannot carry")


def _exactly(kind: type, value: Any) -> Any:
    if type(value) is not kind:
        raise TypeError(f"{type(value).__name__} instead of {kind.__name__}")
    return value


def _moment_to_text(value: datetime) -> str:
    """SQLite knows no zones and holds UTC (`storage.tables.UTCDateTime`)."""
    moment = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return moment.isoformat()


def _moment_from_text(text: str, *, aware: bool) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text} has no time zone")
    moment = moment.astimezone(UTC)
    return moment if aware else moment.replace(tzinfo=None)

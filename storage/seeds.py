"""The rows that a database has before anybody has used it: migrations write them, such as the audit's end.

A restore has to tell them from rows of somebody's, and to overwrite them instead of adding them again.
"""

import json
from typing import Any

from sqlalchemy import Connection, Table, create_engine, select

from storage import portable
from storage.schema import revisions, upgrade

Key = tuple[Any, ...]


def used_tables(connection: Connection, tables: dict[str, Table], revision: str | None) -> list[str]:
    """The tables that hold anything but what a fresh database of that revision holds."""
    fresh = _fresh(revision) if revision is not None and revision in revisions() else {}
    return [name for name, table in tables.items() if _first(connection, table, fresh) != fresh.get(name, [])]


def keys_of(connection: Connection, table: Table) -> dict[Key, dict[str, Any]]:
    """The rows that are there, by their keys."""
    rows = (dict(row) for row in connection.execute(select(table)).mappings())
    return {key_of(table, row): row for row in rows}


def key_of(table: Table, row: dict[str, Any]) -> Key:
    return tuple(row[column.name] for column in table.primary_key.columns)


def _fresh(revision: str) -> dict[str, list[Any]]:
    engine = create_engine("sqlite://")
    try:
        with engine.begin() as connection:
            upgrade(connection, "a fresh database", revision)
            tables = portable.found_tables(connection)
            return {name: _rows(connection, table) for name, table in tables.items()}
    finally:
        engine.dispose()


def _first(connection: Connection, table: Table, fresh: dict[str, list[Any]]) -> list[Any]:
    """As many rows as a fresh database has, and one more if there is one."""
    return _rows(connection, table, limit=len(fresh.get(table.name, [])) + 1)


def _rows(connection: Connection, table: Table, limit: int | None = None) -> list[Any]:
    to_line = portable.to_line(table)
    query = select(table).order_by(*table.primary_key.columns).limit(limit)
    return [json.loads(to_line(row)) for row in connection.execute(query)]

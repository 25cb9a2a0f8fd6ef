"""Adding a row unless it is there: both databases can, each through its own dialect's statement."""

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import CursorResult, Executable, Table, inspect
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session
from sqlmodel import SQLModel


def insert_if_absent(session: Session, row: SQLModel, *, generated: frozenset[str] = frozenset()) -> bool:
    """Whether the row was added; False if one with the same unique key is there already.

    `generated` names the columns that the database fills in.
    """
    table = _table(row)
    statement = _insert(session, table).values(row.model_dump(exclude=set(generated)))
    # The key comes back only for a row that was added; not every driver counts inserted rows.
    added = session.execute(statement.returning(*table.primary_key.columns))
    return added.first() is not None


def insert_absent(
    session: Session, rows: Sequence[SQLModel], *, generated: frozenset[str] = frozenset()
) -> None:
    """Those of the rows, all of one table, whose unique keys are not there yet; hundreds in one go."""
    if rows:
        values = [row.model_dump(exclude=set(generated)) for row in rows]
        session.execute(_insert(session, _table(rows[0])), values)


def changed(session: Session, statement: Executable) -> int:
    """How many rows an UPDATE has touched."""
    return cast("CursorResult[Any]", session.execute(statement)).rowcount


def _table(row: SQLModel) -> Table:
    return cast("Table", inspect(type(row)).local_table)


def _insert(session: Session, table: Table) -> sqlite.Insert | postgresql.Insert:
    if session.get_bind().dialect.name == "sqlite":
        return sqlite.insert(table).on_conflict_do_nothing()
    return postgresql.insert(table).on_conflict_do_nothing()

"""Adding a row unless it is there: both databases can, each through its own dialect's statement."""

from typing import Any, cast

from sqlalchemy import CursorResult, Executable, inspect
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session
from sqlmodel import SQLModel


def insert_if_absent(session: Session, row: SQLModel, *, generated: frozenset[str] = frozenset()) -> bool:
    """Whether the row was added; False if one with the same unique key is there already.

    `generated` names the columns that the database fills in.
    """
    values = row.model_dump(exclude=set(generated))
    table = inspect(type(row)).local_table
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    statement = dialect.insert(table).values(values).on_conflict_do_nothing()
    # The key comes back only for a row that was added; not every driver counts inserted rows.
    added = session.execute(statement.returning(*table.primary_key.columns))
    return added.first() is not None


def changed(session: Session, statement: Executable) -> int:
    """How many rows an UPDATE has touched."""
    return cast("CursorResult[Any]", session.execute(statement)).rowcount

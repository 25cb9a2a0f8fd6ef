"""Each line of the audit bears the hash of the line before and its own; the trail's end is recorded.

What is hashed is written down in `storage.chain`. It is repeated here, because a migration must go on doing
what it did when it was released. The lines that are there are taken as they are: the chain proves what
happens to them from now on.
"""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# Lines that are read and written at a time: a trail may be long, the bot's memory is not.
_PAGE = 1_000
_BEGINNING = "0" * 64

_AUDIT = sa.table(
    "audit",
    sa.column("id", sa.Integer),
    sa.column("at", sa.DateTime(timezone=True)),
    *(sa.column(name, sa.Text) for name in ("person", "what", "run", "result", "previous", "hash")),
)


def upgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    _let_go(is_sqlite=is_sqlite)
    op.add_column("audit", sa.Column("previous", sa.Text(), nullable=True))
    op.add_column("audit", sa.Column("hash", sa.Text(), nullable=True))
    lines, newest = _chain()
    with op.batch_alter_table("audit", table_kwargs={"sqlite_autoincrement": True}) as audit:
        audit.alter_column("previous", existing_type=sa.Text(), nullable=False)
        audit.alter_column("hash", existing_type=sa.Text(), nullable=False)
    head = op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.CheckConstraint("id = 1", name="audit_has_one_head"),
    )
    if lines:
        op.bulk_insert(head, [{"id": 1, "lines": lines, "hash": newest}])
    if is_sqlite:
        _sqlite_triggers()
    else:
        _postgresql_triggers()


def _let_go(*, is_sqlite: bool) -> None:
    """For this transaction: nobody else sees the audit without its guards."""
    if is_sqlite:
        for name in ("audit_refuses_update", "audit_refuses_delete", "audit_is_written_in_order"):
            op.execute(f"DROP TRIGGER {name}")
    else:
        op.execute("DROP TRIGGER audit_refuses_changes ON audit")


def _chain() -> tuple[int, str]:
    """How many lines there are, and the newest one's hash."""
    bind, lines, newest = op.get_bind(), 0, _BEGINNING
    fill = (
        sa.update(_AUDIT)
        .where(_AUDIT.c.id == sa.bindparam("line"))
        .values(previous=sa.bindparam("before"), hash=sa.bindparam("own"))
    )
    for page in _pages():
        filled = []
        for row in page:
            own = _hash(row, newest)
            filled.append({"line": row.id, "before": newest, "own": own})
            lines, newest = lines + 1, own
        bind.execute(fill, filled)
    return lines, newest


def _pages() -> Iterator[Any]:
    after = 0
    query = sa.select(_AUDIT).order_by(_AUDIT.c.id).limit(_PAGE)
    while page := op.get_bind().execute(query.where(_AUDIT.c.id > after)).all():
        yield page
        after = page[-1].id


def _hash(row: Any, previous: str) -> str:
    content = {
        "at": _moment(row.at),
        "id": row.id,
        "person": row.person,
        "previous": previous,
        "result": row.result,
        "run": row.run,
        "what": row.what,
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _moment(at: datetime) -> str:
    aware = at if at.tzinfo is not None else at.replace(tzinfo=UTC)  # SQLite knows no zones and holds UTC
    return aware.astimezone(UTC).isoformat(timespec="microseconds")


def _sqlite_triggers() -> None:
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER audit_refuses_{change.lower()} BEFORE {change} ON audit "
            "BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END"
        )
    # INSERT OR REPLACE would remove a row without asking the trigger above.
    op.execute(
        "CREATE TRIGGER audit_is_written_in_order BEFORE INSERT ON audit "
        "WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id) "
        "BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END"
    )
    op.execute(
        "CREATE TRIGGER audit_head_goes_on BEFORE UPDATE ON audit_head "
        "WHEN NEW.id <> OLD.id OR NEW.lines <= OLD.lines "
        "BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END"
    )
    op.execute(
        "CREATE TRIGGER audit_head_refuses_delete BEFORE DELETE ON audit_head "
        "BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END"
    )
    op.execute(
        "CREATE TRIGGER audit_head_refuses_another BEFORE INSERT ON audit_head "
        "WHEN EXISTS (SELECT 1 FROM audit_head) "
        "BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END"
    )


def _postgresql_triggers() -> None:
    op.execute(
        "CREATE TRIGGER audit_refuses_changes BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        "CREATE FUNCTION audit_head_goes_on() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF NEW.id <> OLD.id OR NEW.lines <= OLD.lines THEN "
        "RAISE EXCEPTION 'the audit is append-only'; END IF; RETURN NEW; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_head_goes_on BEFORE UPDATE ON audit_head "
        "FOR EACH ROW EXECUTE FUNCTION audit_head_goes_on()"
    )
    op.execute(
        "CREATE TRIGGER audit_head_refuses_changes BEFORE DELETE OR TRUNCATE ON audit_head "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )

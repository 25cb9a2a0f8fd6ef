"""Bringing a database to the tables that this version needs.

Alembic does it, from the first table on; it is loaded only when there is something to do, because a start
with an up-to-date database should not pay for it.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from bot.domain.errors import ConfigError

if TYPE_CHECKING:
    from alembic.config import Config

# The newest revision in `migrations/versions`; a test holds the two together.
HEAD = "0003"

# Two replicas may start at once: the second waits for the first. The number only has to be our own.
_ADVISORY_LOCK = 7_225_291


def upgrade(connection: Connection, name: str, to: str = HEAD) -> None:
    """Apply what is missing up to revision `to`, in the connection's transaction.

    Raises:
        ConfigError: the database was written by a newer version.
    """
    take_turn(connection)
    found = revision_of(connection)
    if found == to:
        return
    from alembic import command

    if found is not None and found not in revisions():
        raise ConfigError(
            where=name,
            key="database",
            value=None,
            remedy=f"a newer version of Slackwater has written it (revision {found}, this one knows up to "
            f"{HEAD}); start that version, or restore the backup from before it",
        )
    settings = alembic_settings()
    settings.attributes["connection"] = connection
    command.upgrade(settings, to)


def revisions() -> tuple[str, ...]:
    """Every revision that this version knows, oldest first."""
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(alembic_settings()).walk_revisions()
    return tuple(reversed([script.revision for script in scripts]))


def take_turn(connection: Connection) -> None:
    """Until the transaction ends nobody else prepares the database; SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        # Loading Alembic or filling a column may take longer than the bot's own transactions ever do.
        for limit in ("statement_timeout", "idle_in_transaction_session_timeout"):
            connection.execute(text(f"SET LOCAL {limit} = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _ADVISORY_LOCK})


def expect_current(connection: Connection, name: str) -> None:
    """Change nothing.

    Raises:
        ConfigError: the tables are not those of this version.
    """
    found = revision_of(connection)
    if found != HEAD:
        raise ConfigError(
            where=name,
            key="database",
            value=None,
            remedy=f"its tables are of revision {found or 'none'}, and this version reads {HEAD}; start the "
            "bot once, which brings them up to date, or look with the version that wrote them",
        )


def alembic_settings() -> "Config":
    """Alembic's settings for the migrations in this package; there is no alembic.ini."""
    from alembic.config import Config

    settings = Config()
    folder = str(Path(__file__).parent / "migrations")
    settings.set_main_option("script_location", folder.replace("%", "%%"))
    settings.set_main_option("path_separator", "os")
    return settings


def revision_of(connection: Connection) -> str | None:
    """Where a database stands; None for one that was never prepared."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found

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
HEAD = "0001"

# Two replicas may start at once: the second waits for the first. The number only has to be our own.
_ADVISORY_LOCK = 7_225_291


def upgrade(connection: Connection, name: str) -> None:
    """Apply what is missing, in the connection's transaction.

    Raises:
        ConfigError: the database was written by a newer version.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _ADVISORY_LOCK})
    found = _revision(connection)
    if found == HEAD:
        return
    from alembic import command
    from alembic.script import ScriptDirectory

    settings = alembic_settings()
    known = {script.revision for script in ScriptDirectory.from_config(settings).walk_revisions()}
    if found is not None and found not in known:
        raise ConfigError(
            where=name,
            key="database",
            value=None,
            remedy=f"a newer version of Slackwater has written it (revision {found}, this one knows up to "
            f"{HEAD}); start that version, or restore the backup from before it",
        )
    settings.attributes["connection"] = connection
    command.upgrade(settings, "head")


def alembic_settings() -> "Config":
    """Alembic's settings for the migrations in this package; there is no alembic.ini."""
    from alembic.config import Config

    settings = Config()
    folder = str(Path(__file__).parent / "migrations")
    settings.set_main_option("script_location", folder.replace("%", "%%"))
    settings.set_main_option("path_separator", "os")
    return settings


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found

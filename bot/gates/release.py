"""What a gate is asked about."""

from pathlib import Path

from bot.domain.record import Record


class Release(Record):
    """One version of one application, and what runs now."""

    application: str
    version: str
    commit: str
    running_version: str | None = None
    running_commit: str | None = None  # None: unknown; then everything counts as new
    repository: Path
    github: str | None = None  # owner/name, where the team's reviews are
    image: str = ""  # without tag or digest
    artifacts: Path  # where the run's reports go

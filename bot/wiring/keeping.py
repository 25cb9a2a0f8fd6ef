"""Backup and restore of the bot's own state, for the command line."""

import os
from datetime import UTC, datetime
from pathlib import Path

from bot.clients.clock import VARIABLE, clock_from
from bot.config import S3Place, Settings, load
from bot.domain.errors import ConfigError
from bot.views.text import plural
from bot.wiring.deployables import deployables
from bot.wiring.identity import at_the_console
from storage import Database, Manifest, Restored, Restoring, SQLRuns
from storage import back_up as take
from storage import restore as bring_back


async def back_up(config: Path, to: Path) -> list[str]:
    """Take a backup, and say what is in it.

    Raises:
        ConfigError: it cannot be taken, or not to there.
        OutsideError: the database does not answer.
        OSError: the file cannot be written.
    """
    settings = load(config)
    _check_folder_of(to)
    try:
        manifest = await take(settings.storage.url, _reports(settings), to)
    except FileExistsError as error:
        raise _cannot("TO", to, "is there already, and is not overwritten: name a new file") from error
    return [f"{to}: {_contents(manifest)}; {_size(to)}, tables of revision {manifest.revision}."]


async def restore(config: Path, source: Path, *, nothing_since: bool) -> list[str]:
    """Restore a backup into the empty database that the configuration names, and say what is to be done.

    Raises:
        ConfigError: the database is not empty, or the backup cannot be used; nothing has changed.
        OutsideError: the database does not answer; nothing has changed.
        OSError: a file cannot be read or written; nothing has changed.
    """
    settings, clock = load(config), clock_from(os.environ.get(VARIABLE))
    _check_is_file(source)
    by = at_the_console()
    restoring = Restoring(
        by=by,
        at=datetime.now(UTC),
        now=clock.now(),
        applications=tuple(sorted({d.application for d in deployables(settings)})),
        nothing_since=nothing_since,
    )
    restored = await bring_back(settings.storage.url, _reports(settings), source, restoring)
    database = Database(settings.storage.url)
    try:
        taken_at = f"{restored.manifest.taken_at:%Y-%m-%d %H:%M:%S} UTC"
        what, result = f"restore a backup of {taken_at}", "restored"
        await SQLRuns(database, clock).audit(at=clock.now(), person=by, what=what, run=None, result=result)
        return _said(restored, database.name, taken_at, nothing_since=nothing_since)
    finally:
        await database.close()


def _said(restored: Restored, name: str, taken_at: str, *, nothing_since: bool) -> list[str]:
    lines = [f"{name} holds what it held at {taken_at}: {_contents(restored.manifest)}."]
    if restored.held:
        lines.append(
            f"Held until an approver resumes or somebody rolls back: {', '.join(restored.held)}. "
            "What happened after the backup is not in it, so look at what serves first."
        )
    if not nothing_since:
        lines.append("Make sure that no other process of the bot runs, then start it.")
    return lines


def _contents(manifest: Manifest) -> str:
    rows = {part.name: part.rows for part in manifest.parts}
    reports = sum(part.rows is None for part in manifest.parts)
    entries = rows["tables/journal.jsonl"] or 0
    return (
        f"{plural(rows['tables/runs.jsonl'] or 0, 'run')} with {entries} journal entries, "
        f"{plural(rows['tables/audit.jsonl'] or 0, 'line')} of audit, {plural(reports, 'report')}"
    )


def _reports(settings: Settings) -> Path | None:
    """The local folder of reports; None where they lie in object storage, which keeps itself."""
    artifacts = settings.storage.artifacts
    return None if isinstance(artifacts, S3Place) else artifacts


def _check_folder_of(to: Path) -> None:
    folder = to.absolute().parent
    if not folder.is_dir():
        raise _cannot("TO", to, f"the folder {folder} does not exist: create it first")


def _check_is_file(source: Path) -> None:
    if not source.is_file():
        raise _cannot("FROM", source, "there is no such file: name a backup")


def _size(file: Path) -> str:
    size = file.stat().st_size
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"


def _cannot(key: str, value: Path, remedy: str) -> ConfigError:
    return ConfigError(where="command line", key=key, value=str(value), remedy=remedy)

"""The folder of reports as part of a backup: read from it, and put back without touching what is there."""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from bot.domain.errors import ConfigError
from storage.archive import Archive, new_file

_FOLDER = "artifacts/"
_CHUNK = 1 << 20
# As any file that a process writes; the umask takes away what it does not want.
_MODE = 0o666


def reports_in(folder: Path) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Each plain file below the folder: its name in a backup, and its content in pieces.

    Links are not followed, since they may lead anywhere.
    """
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            file = Path(place, name)
            if stat.S_ISREG(file.lstat().st_mode):
                yield f"{_FOLDER}{file.relative_to(folder).as_posix()}", _pieces(file)


class Placed:
    """Reports from a backup that were put into the folder, and can be taken out again."""

    def __init__(self, folder: Path | None) -> None:
        """Without a folder there is nowhere to put them, and they stay in the backup."""
        self._folder = folder
        self._files: list[Path] = []

    def __len__(self) -> int:
        return len(self._files)

    def add_all(self, archive: Archive) -> None:
        """Put back what is missing; a report that is there is not older than the backup, and stays.

        Raises:
            ConfigError: the folder has a link in it that leads out of it.
            OSError: something cannot be written.
        """
        if self._folder is None:
            return
        for name in archive.names(_FOLDER):
            file = self._folder / name.removeprefix(_FOLDER)
            if os.path.lexists(file):
                continue
            _prepare(file.parent, self._folder)
            with new_file(file, _MODE) as stream:
                for piece in archive.pieces(name):
                    stream.write(piece)
            self._files.append(file)

    def take_back(self) -> None:
        """As it was before."""
        for file in self._files:
            file.unlink(missing_ok=True)
            folders = len(file.relative_to(self._folder or "/").parts) - 1
            for parent in file.parents[:folders]:
                with suppress(OSError):  # it has something else in it
                    parent.rmdir()
        self._files.clear()


def _prepare(parent: Path, folder: Path) -> None:
    if not parent.resolve().is_relative_to(folder.resolve()):
        raise ConfigError(
            where=str(parent),
            key="storage.artifacts",
            value=None,
            remedy="a link leads out of the folder of reports: remove it, or name another folder",
        )
    parent.mkdir(parents=True, exist_ok=True)


def _pieces(file: Path) -> Iterator[bytes]:
    with file.open("rb") as stream:
        while piece := stream.read(_CHUNK):
            yield piece

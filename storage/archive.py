"""The file that a backup is: a zip of plain parts, and a manifest that says what has to be in it.

It is written under a temporary name and gets its own only when it is complete and on disk, so a file of that
name is a whole backup. It is read suspiciously: what is missing, too much, damaged, cut short or written by
a newer version is refused with its name, before anything is done with what is in it.
"""

import hashlib
import json
import os
import secrets
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import IO, Annotated, Literal, Self

from pydantic import AwareDatetime, Field, StringConstraints, ValidationError

from bot.domain.errors import ConfigError
from bot.domain.record import Record

# Raised when the layout changes in a way that this version could not read.
FORMAT = 1

_MANIFEST = "manifest.json"
_PIECE = 1 << 20
# The manifest is the only part that is read in one piece. A part takes about 200 bytes in it.
_LONGEST_MANIFEST = 64 << 20
# A journal entry is some kilobytes; a line that never ends must not fill the memory.
_LONGEST_LINE = 64 << 20
# What `zipfile` raises for a file that is damaged, cut short, encrypted or packed in a way it does not know.
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)

Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Part(Record):
    """One file in the backup."""

    name: str
    size: int = Field(ge=0)  # bytes, unpacked
    sha256: Digest
    rows: int | None = Field(default=None, ge=0)  # lines; None for what is no table


class Manifest(Record):
    """What a backup says of itself."""

    format: Literal["slackwater-backup"] = "slackwater-backup"
    format_version: int = FORMAT
    revision: str  # of the tables
    taken_at: AwareDatetime  # real time; what happened later is not in it
    parts: tuple[Part, ...]


class Writer:
    """A backup under way. It is whole once it is finished; leaving it earlier lets go of the stream."""

    def __init__(self, stream: IO[bytes], taken_at: datetime) -> None:
        self._zip = zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED)
        self._taken_at = taken_at
        self._parts: list[Part] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def add(self, name: str, pieces: Iterable[bytes], *, are_rows: bool) -> Part:
        """One part, packed as it comes; each piece is a row, or some of a file."""
        digest, size, number = hashlib.sha256(), 0, 0
        with self._zip.open(self._entry(name), "w", force_zip64=True) as packed:
            for piece in pieces:
                packed.write(piece)
                digest.update(piece)
                size, number = size + len(piece), number + 1
        rows = number if are_rows else None
        part = Part(name=name, size=size, sha256=digest.hexdigest(), rows=rows)
        self._parts.append(part)
        return part

    def finish(self, revision: str) -> Manifest:
        manifest = Manifest(revision=revision, taken_at=self._taken_at, parts=tuple(self._parts))
        self._zip.writestr(self._entry(_MANIFEST), manifest.model_dump_json(indent=1) + "\n")
        self._zip.close()
        return manifest

    def _entry(self, name: str) -> zipfile.ZipInfo:
        entry = zipfile.ZipInfo(name, self._taken_at.timetuple()[:6])
        entry.compress_type = zipfile.ZIP_DEFLATED
        entry.external_attr = 0o600 << 16
        return entry


class Archive:
    """A backup that was opened: its manifest makes sense and names exactly what is there."""

    def __init__(self, path: Path, packed: zipfile.ZipFile) -> None:
        self.path = path
        self._zip = packed
        self.manifest = self._read_manifest()
        self._parts = {part.name: part for part in self.manifest.parts}
        self._check_names()

    @classmethod
    @contextmanager
    def opened(cls, path: Path) -> Iterator[Self]:
        """The backup in that file.

        Raises:
            ConfigError: it is none, or not whole, or of a newer version.
            OSError: there is no such file, or it may not be read.
        """
        with path.open("rb") as stream:
            try:
                packed = zipfile.ZipFile(stream)
            except _BROKEN as error:
                raise refused(path, "it is no backup, or was cut short") from error
            with packed:
                yield cls(path, packed)

    def check(self) -> None:
        """Read everything once and compare it with the manifest.

        Raises:
            ConfigError: a part is not what was written.
        """
        for part in self._parts.values():
            digest, size, lines = hashlib.sha256(), 0, 0
            for piece in self.pieces(part.name):
                digest.update(piece)
                size, lines = size + len(piece), lines + piece.count(b"\n")
            same = (digest.hexdigest(), size) == (part.sha256, part.size)
            if not same or part.rows not in {None, lines}:
                raise self._damaged(part.name)

    def names(self, folder: str) -> tuple[str, ...]:
        """The parts below a folder."""
        return tuple(name for name in self._parts if name.startswith(folder))

    def rows(self, name: str) -> int:
        return self._parts[name].rows or 0

    def lines(self, name: str) -> Iterator[bytes]:
        """The part line by line.

        Raises:
            ConfigError: it is damaged.
        """
        return self._read(name, lambda part: part.readline(_LONGEST_LINE))

    def pieces(self, name: str) -> Iterator[bytes]:
        """The part in pieces.

        Raises:
            ConfigError: it is damaged.
        """
        return self._read(name, lambda part: part.read(_PIECE))

    def _read(self, name: str, next_of: Callable[[IO[bytes]], bytes]) -> Iterator[bytes]:
        try:
            with self._zip.open(name) as part:
                while found := next_of(part):
                    yield found
        except _BROKEN as error:
            raise self._damaged(name) from error

    def _read_manifest(self) -> Manifest:
        try:
            if self._zip.getinfo(_MANIFEST).file_size > _LONGEST_MANIFEST:
                raise refused(self.path, "its manifest is too large")
            told = json.loads(self._zip.read(_MANIFEST))
        except (KeyError, *_BROKEN) as error:
            raise refused(self.path, "it is no backup of Slackwater's, or it is damaged") from error
        version = told.get("format_version") if isinstance(told, dict) else None
        if isinstance(version, int) and version > FORMAT:
            raise refused(
                self.path, "a newer version of Slackwater has written it", "restore it with that version"
            )
        try:
            return Manifest.model_validate(told)
        except ValidationError as error:
            raise refused(self.path, "its manifest makes no sense") from error

    def _check_names(self) -> None:
        there = sorted(self._zip.namelist())
        told = sorted([_MANIFEST, *(part.name for part in self.manifest.parts)])
        if there != told or len(set(told)) != len(told):
            raise refused(self.path, "it does not hold what its manifest says")
        for name in told:
            if not is_plain(name):
                raise refused(self.path, f"{name!r} would lead out of its folder")
            if name != _MANIFEST and self._zip.getinfo(name).file_size != self._parts[name].size:
                raise self._damaged(name)

    def _damaged(self, name: str) -> ConfigError:
        return refused(self.path, f"{name} is damaged")


def is_plain(name: str) -> bool:
    """Whether a part's name stays below the folder that it is put into."""
    return "\0" not in name and all(step not in {"", ".", ".."} for step in name.split("/"))


def refused(path: Path, why: str, remedy: str = "use another backup") -> ConfigError:
    return ConfigError(where=str(path), key="backup", value=None, remedy=f"{why}; {remedy}")


@contextmanager
def new_file(path: Path, mode: int = 0o600) -> Iterator[IO[bytes]]:
    """A file that is there, complete and on disk, once the block is through; before that, and if it raises,
    it is not.

    Raises:
        FileExistsError: there is something of that name; nothing is ever overwritten.
    """
    if os.path.lexists(path):
        raise FileExistsError(f"{path} is there already")
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    descriptor = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        _give_name(partial, path)
    finally:
        with suppress(FileNotFoundError):
            partial.unlink()
    _sync_folder(path.parent)


def _give_name(partial: Path, path: Path) -> None:
    try:
        # Unlike a rename, a link does not replace what somebody else has put there meanwhile.
        os.link(partial, path)
    except FileExistsError:
        raise
    except OSError:
        # Network shares often know no links.
        if os.path.lexists(path):
            raise FileExistsError(f"{path} is there already") from None
        partial.rename(path)


def _sync_folder(folder: Path) -> None:
    """The name is on disk only when its folder is; not every file system can be told so."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)

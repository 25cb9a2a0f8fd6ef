"""A unified diff, read into the lines that a release adds."""

import re
from functools import cached_property

from unidiff.errors import UnidiffParseError
from unidiff.patch import PatchSet

from bot.domain.errors import Unreadable
from bot.domain.record import Record

_TEST = re.compile(
    r"(?:^|/)(?:tests?|__tests__|spec|testdata|fixtures)/|(?:^|/)(?:test_[^/]*|conftest)\.py$"
    r"|_test\.(?:py|go)$|\.(?:test|spec)\.[cm]?[jt]sx?$|Tests?\.java$"
)


class ChangedFile(Record):
    """One file that differs between the running and the new version."""

    path: str
    added: tuple[tuple[int, str], ...] = ()  # line number in the new version, and the line
    is_removed: bool = False
    is_binary: bool = False
    text: str | None = None  # the whole file in the new version, where it was read

    @cached_property
    def lines(self) -> frozenset[int]:
        return frozenset(number for number, _ in self.added)

    @property
    def is_test(self) -> bool:
        return is_test(self.path)

    @property
    def suffix(self) -> str:
        name = self.path.rsplit("/", 1)[-1]
        return name[name.rfind(".") :] if "." in name else ""


def is_test(path: str) -> bool:
    """Whether a path looks like a test or something that only tests use."""
    return _TEST.search(path) is not None


def read_diff(text: str) -> tuple[ChangedFile, ...]:
    """The changed files of a diff as git prints it.

    Raises:
        Unreadable: it is not one.
    """
    try:
        patches = PatchSet(text)
    except (UnidiffParseError, ValueError) as error:
        raise Unreadable("git", f"its diff cannot be read: {error}") from error
    # git marks every file with a line of its own; a file more or less was misread.
    if len(patches) != len(re.findall(r"^diff --git ", text, re.MULTILINE)):
        raise Unreadable("git", "its diff names other files than were read from it")
    return tuple(
        ChangedFile(
            path=_unquoted(patch.path),
            added=tuple(
                (line.target_line_no, line.value.rstrip("\r\n"))
                for hunk in patch
                for line in hunk
                if line.is_added
            ),
            is_removed=patch.is_removed_file,
            is_binary=patch.is_binary_file,
        )
        for patch in patches
    )


def _unquoted(path: str) -> str:
    """Git quotes a path with special characters as C does."""
    if not (path.startswith('"') and path.endswith('"')):
        return path
    return path[1:-1].encode("latin-1", "replace").decode("unicode_escape")

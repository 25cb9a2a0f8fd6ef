"""Files of a checkout, which comes from outside: nothing beyond its folder, nothing huge, no surprises."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from bot.domain.errors import NotFound, Unreadable

_MOST_FILES = 50_000
_SYSTEM = "the checkout"


def read(tree: Path, file: Path, most: int) -> bytes:
    """The content of `file`, which must be a regular file below `tree` of at most `most` bytes.

    Raises:
        NotFound: it is not there.
        Unreadable: it leads outside, is no regular file, or is too large.
    """
    name = file.relative_to(tree).as_posix()
    try:
        real = file.resolve(strict=True)
        if not real.is_relative_to(tree.resolve()):
            raise Unreadable(_SYSTEM, f"{name} leads outside the repository")
        if not real.is_file():
            raise Unreadable(_SYSTEM, f"{name} is not a regular file")
        with real.open("rb") as source:
            content = source.read(most + 1)
    except FileNotFoundError as error:
        raise NotFound(_SYSTEM, f"{name} is not there") from error
    except (OSError, RuntimeError) as error:  # RuntimeError: a circle of links
        raise Unreadable(_SYSTEM, f"{name} cannot be read") from error
    if len(content) > most:
        raise Unreadable(_SYSTEM, f"{name} is larger than {most // 1024 // 1024} MiB")
    return content


def listed(tree: Path) -> Iterator[str]:
    """Every file's path below `tree`, with slashes, git's own left out; links to folders are not followed."""
    left = _MOST_FILES
    for folder, folders, files in os.walk(tree):
        folders[:] = sorted(name for name in folders if name not in {".git", "node_modules", ".venv"})
        for name in sorted(files):
            if left == 0:
                raise Unreadable(_SYSTEM, f"there are more than {_MOST_FILES:,} files")
            left -= 1
            yield (Path(folder) / name).relative_to(tree).as_posix()


def matches(path: str, pattern: str) -> bool:
    """Whether a path fits a glob in which `*` stays in its folder and `**` does not."""
    return _expression(pattern).fullmatch(path) is not None


def _expression(pattern: str) -> re.Pattern[str]:
    forms = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    words = re.split(r"(\*\*/|\*\*|\*|\?)", pattern.removeprefix("./"))
    return re.compile("".join(forms.get(word, re.escape(word)) for word in words), re.DOTALL)

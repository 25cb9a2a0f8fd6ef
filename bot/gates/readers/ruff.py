"""Ruff's JSON output."""

from pathlib import Path

from pydantic import BaseModel, TypeAdapter, ValidationError

from bot.domain.errors import Unreadable
from bot.domain.record import Record


class Complaint(Record):
    """One thing that the linter does not like."""

    path: str
    line: int
    code: str  # "invalid-syntax" where the file is no Python
    message: str


class _Location(BaseModel):
    row: int


class _Entry(BaseModel):
    """What is used of an entry; newer versions may say more."""

    filename: str
    location: _Location
    code: str | None
    message: str


_ENTRIES = TypeAdapter(list[_Entry])


def read_ruff(output: str, tree: Path) -> tuple[Complaint, ...]:
    """The complaints in `ruff check --output-format json`, with paths relative to `tree`.

    Raises:
        Unreadable: it is something else.
    """
    try:
        entries = _ENTRIES.validate_json(output)
    except ValidationError as error:
        raise Unreadable("ruff", "its output is not the JSON that was asked for") from error
    return tuple(
        Complaint(
            path=_relative(entry.filename, tree),
            line=entry.location.row,
            code=entry.code or "invalid-syntax",
            message=entry.message,
        )
        for entry in entries
    )


def _relative(name: str, tree: Path) -> str:
    path = Path(name)
    for root in (tree, tree.resolve()):
        if path.is_relative_to(root):
            return path.relative_to(root).as_posix()
    return path.as_posix()

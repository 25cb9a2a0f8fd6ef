"""Which crash points are passed meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager

from bot.domain import points


@contextmanager
def passed_points() -> Iterator[list[str]]:
    """The names, in order, as they are passed within the block."""
    names: list[str] = []
    points.set_hook(names.append)
    try:
        yield names
    finally:
        points.set_hook(None)

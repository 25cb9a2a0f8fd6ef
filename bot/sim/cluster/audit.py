"""The API server's audit log, in memory: every change that a client asked for, and what came of it.

A demo and the tests prove with it in which order things happened. The controllers' changes are not in it.
"""

from collections import deque
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from bot.sim.cluster.objects import Object

# A whole rehearsal fits; an object of more than this many characters is left out, not cut.
_ENTRIES = 5000
_LARGEST = 60_000


@dataclass(frozen=True)
class Entry:
    """One request that was meant to change something."""

    at: datetime
    user_agent: str
    verb: str
    path: str
    code: int
    request: Any
    response: Any


class AuditLog:
    """The last changes, oldest first."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=_ENTRIES)

    def write(self, entry: Entry) -> None:
        self._entries.append(entry)

    @property
    def entries(self) -> tuple[Entry, ...]:
        return tuple(self._entries)

    def as_json(self) -> list[Object]:
        return [{**asdict(entry), "at": entry.at.isoformat()} for entry in self._entries]


def bounded(value: Any, length: int) -> Any:
    """`value`, or a word in its place where its text was longer than an entry may hold."""
    return value if length <= _LARGEST else f"left out: {length} characters"

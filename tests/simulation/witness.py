"""What was committed, in the order of the commits, read from the database file and not through the bot.

After each transaction that wrote something the witness looks at what is new there. Its numbers are shared
with the cluster's effects, so that "before" is the order in which things really happened, whatever the
clocks of the processes say.
"""

import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.domain.events import Entry, event_from_json
from bot.domain.folding import fold_all
from bot.domain.people import Person
from bot.domain.run import Run
from tests.simulation.trace import Trace


@dataclass(frozen=True)
class Committed:
    """A journal entry, and when it was committed."""

    number: int  # in the order of all entries, interrupts and effects
    at: float
    entry: Entry


@dataclass(frozen=True)
class Told:
    """An interrupt that was committed: a press, a timer, a trigger."""

    number: int
    run: str
    kind: str
    purpose: str | None
    was_active: bool  # the run had not ended by then


class Witness:
    """Reads the one database that all processes share."""

    def __init__(
        self, file: Path, seconds: Callable[[], float], trace: Trace, next_number: Callable[[], int]
    ) -> None:
        self.entries: list[Committed] = []
        self.interrupts: list[Told] = []
        self._seconds, self._trace, self._next = seconds, trace, next_number
        self._connection = sqlite3.connect(file)
        self._journal_row = self._interrupt_row = 0
        self._running: set[str] = set()

    def committed(self) -> tuple[str, ...]:
        """Some process has just committed something: for which runs there is news."""
        news: dict[str, None] = {}
        for row in self._rows(_INTERRUPTS, self._interrupt_row):
            self._interrupt_row, run, kind, purpose, consumed = row
            told = Told(self._next(), run, kind, purpose, was_active=consumed is None)
            self.interrupts.append(told)
            self._trace.note("store", f"interrupt {told.kind} {told.purpose or ''}".rstrip())
            news[run] = None
        for row in self._rows(_JOURNAL, self._journal_row):
            self._journal_row = row[0]
            entry = _entry(row[1:])
            self.entries.append(Committed(self._next(), self._seconds(), entry))
            if entry.kind in {"planned", "ended"}:
                (self._running.discard if entry.kind == "ended" else self._running.add)(entry.run)
            self._trace.note("journal", _in_short(entry))
            if entry.kind == "planned":
                news[entry.run] = None
        return tuple(news)

    def runs(self) -> tuple[str, ...]:
        """The runs that there are, oldest first."""
        return tuple(dict.fromkeys(one.entry.run for one in self.entries))

    def of(self, run: str) -> list[Committed]:
        return [one for one in self.entries if one.entry.run == run]

    def folded(self, run: str) -> Run:
        return fold_all(one.entry for one in self.of(run))

    @property
    def is_over(self) -> bool:
        """Every run that was started has ended."""
        return bool(self.entries) and not self._running

    @property
    def is_closed(self) -> bool:
        """And nothing that they have left is still to be done."""
        return self.is_over and all(self.folded(run).is_closed for run in self.runs())

    def newest(self) -> str:
        return _in_short(self.entries[-1].entry) if self.entries else "nothing was begun"

    def rows(self, query: str) -> list[Any]:
        """What the tables say now."""
        return self._connection.execute(query).fetchall()

    def close(self) -> None:
        self._connection.close()

    def _rows(self, query: str, after: int) -> list[Any]:
        return self._connection.execute(query, (after,)).fetchall()


_JOURNAL = (
    "SELECT rowid, run, seq, at, step, attempt, kind, person, evidence, lease FROM journal "
    "WHERE rowid > ? ORDER BY rowid"
)
_INTERRUPTS = "SELECT id, run, kind, purpose, consumed_at FROM interrupts WHERE id > ? ORDER BY id"


def _entry(row: tuple[Any, ...]) -> Entry:
    run, seq, at, step, attempt, kind, person, evidence, lease = row
    return Entry(
        run=run,
        seq=seq,
        at=datetime.fromisoformat(at).replace(tzinfo=UTC),
        step=step,
        attempt=attempt,
        person=Person.model_validate_json(person) if person else None,
        event=event_from_json(kind, json.loads(evidence)),
        lease=lease,
    )


def _in_short(entry: Entry) -> str:
    event = entry.event
    said = getattr(event, "awaiting", "") or getattr(event, "sentence", "") or getattr(event, "owner", "")
    ending = getattr(event, "ending", None)
    words = (
        f"{entry.run} {entry.seq} {entry.kind}",
        entry.step or "",
        f"by {entry.person.name}" if entry.person else "",
        ending.value if ending else "",
        f"[{said[:80]}]" if said else "",
        f"lease {entry.lease}" if entry.lease is not None else "",
    )
    return " ".join(word for word in words if word)

"""Runs as their journals fold, remembered so that a write does not read a whole journal again.

Entries never change, so what was folded stays true; only what came after it has to be read.
"""

import threading
from collections import OrderedDict

from sqlalchemy import bindparam, inspect, select
from sqlalchemy.orm import Session
from sqlmodel import col

from bot.domain.errors import UnknownRun
from bot.domain.events import Entry
from bot.domain.folding import begin, fold
from bot.domain.run import Run
from storage.rows import entry_from_row
from storage.tables import JournalRow

# More than are active at once in one bot; an older run is simply folded anew. A run takes up some 100 kB.
_REMEMBERED = 1024
# Built once, and of columns instead of whole objects: at a start, hundreds of journals are read.
_ENTRIES = (
    select(*inspect(JournalRow).columns.values())
    .where(col(JournalRow.run) == bindparam("run"), col(JournalRow.seq) > bindparam("after"))
    .order_by(col(JournalRow.seq))
)


def entries_after(session: Session, run: str, seq: int) -> tuple[Entry, ...]:
    """Raises `UnknownEvent` for what this version cannot read."""
    rows = session.execute(_ENTRIES, {"run": run, "after": seq})
    return tuple(entry_from_row(row) for row in rows)


class FoldedRuns:
    """The runs as of their newest committed entry, for all threads of one database."""

    def __init__(self) -> None:
        self._runs: OrderedDict[str, Run] = OrderedDict()
        self._lock = threading.Lock()

    def load(self, session: Session, run_id: str) -> Run:
        """The run now. To be asked before the transaction writes: what is remembered must be committed.

        Raises:
            UnknownRun: no journal by that name.
            UnknownEvent: it holds something that this version cannot read.
        """
        run = self._runs.get(run_id)
        for entry in entries_after(session, run_id, run.seq if run else 0):
            run = begin(entry) if run is None else fold(run, entry)
        if run is None:
            raise unknown_run(run_id)
        self.remember(run)
        return run

    def at(self, seq: int, session: Session, run_id: str) -> Run:
        """The run as of its newest entry, which is this one. See `load`."""
        run = self._runs.get(run_id)
        return run if run is not None and run.seq == seq else self.load(session, run_id)

    def forget(self, run_id: str) -> None:
        """The database lost what was committed: a restore, or a standby that took over."""
        with self._lock:
            self._runs.pop(run_id, None)

    def remember(self, run: Run) -> None:
        """Keep what is committed by now."""
        with self._lock:
            self._runs[run.id] = run
            self._runs.move_to_end(run.id)
            while len(self._runs) > _REMEMBERED:
                self._runs.popitem(last=False)


def unknown_run(run: str) -> UnknownRun:
    return UnknownRun(f"There is no run called {run}.", "See the newest ones with /deploy history.")

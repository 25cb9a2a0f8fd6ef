"""What must survive: runs, their journals, interrupts, questions, timers, and what was posted to Slack.

Rows (`tables`) and records (the domain's) are kept apart: `rows` turns one into the other, so that a column
can change without the domain noticing. `Database` owns connection and thread; `SQLJournal` stands behind the
engine's `Journal` port, `SQLRuns` behind `Runs`, `Messages` is the publisher's memory. Only `wiring` and the
command line may import this room, and this is the only room that speaks SQL. The journal is append-only, and
the database itself refuses to change it; the rest can be rebuilt from it.
"""

from storage.database import Database
from storage.journal import SQLJournal
from storage.messages import Messages
from storage.runs import AuditEntry, Quarantined, SQLRuns

__all__ = ["AuditEntry", "Database", "Messages", "Quarantined", "SQLJournal", "SQLRuns"]

"""What must survive: runs, their journals, interrupts, questions, timers, and what was posted to Slack.

Rows (`tables`) and records (the domain's) are kept apart: `rows` turns one into the other, so that a column
can change without the domain noticing. `Database` owns connection and thread; `SQLJournal` stands behind the
engine's `Journal` port, `SQLRuns` behind `Runs`, `Messages` is the publisher's memory. Only `wiring` and the
command line may import this room, and this is the only room that speaks SQL. Journal and audit are
append-only, and the database itself refuses to change them; the audit is chained by hashes too (`chain`,
`verification`). The rest can be rebuilt from the journal.
"""

from storage.aftermath import Restoring
from storage.archive import Manifest
from storage.backup import back_up
from storage.database import Database
from storage.journal import SQLJournal
from storage.messages import Messages
from storage.restore import Restored, restore
from storage.runs import AuditEntry, Quarantined, SQLRuns
from storage.verification import Flaw, FlawKind, Verified

__all__ = [
    "AuditEntry",
    "Database",
    "Flaw",
    "FlawKind",
    "Manifest",
    "Messages",
    "Quarantined",
    "Restored",
    "Restoring",
    "SQLJournal",
    "SQLRuns",
    "Verified",
    "back_up",
    "restore",
]

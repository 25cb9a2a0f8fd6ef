"""What a person may ask for, one function each.

An operation checks who asks, looks at the world where it must, commits what was asked, and tells the engine.
It knows nothing of Slack: handlers and the command line call the same functions. Every refusal is a
`Refused` with a plain sentence and what to do next, and is written to the audit trail like every success.
"""

from bot.operations.caring import do_now, put_off
from bot.operations.deciding import abort, approve, hold, resume, rollback, stale
from bot.operations.desk import Deployable, Desk, audited
from bot.operations.looking import Active, find_run, history, status
from bot.operations.planning import VERSION, Wish, draw_up
from bot.operations.releasing import release
from bot.operations.starting import start
from bot.operations.undoing import undo

__all__ = [
    "VERSION",
    "Active",
    "Deployable",
    "Desk",
    "Wish",
    "abort",
    "approve",
    "audited",
    "do_now",
    "draw_up",
    "find_run",
    "history",
    "hold",
    "put_off",
    "release",
    "resume",
    "rollback",
    "stale",
    "start",
    "status",
    "undo",
]

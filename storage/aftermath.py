"""What a restored database has to forget, and what it must not do without a person.

Nobody drives a restored run. And **what happened after the backup is unknown**: the lost database may have
given away lease numbers and run numbers, people may have decided, and Slack shows what came of it. So
numbers that may be in use out there are skipped, each message is taken to say something unknown and will be
edited, and each run on its way forward is held until a person has looked. On its way back a run goes on.
What a finished run has left is kept for as long again: somebody may have wanted that. If
the bot has not run since the backup (a move to another database), only the leases are let go.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from bot.domain.aftercare import CARE
from bot.domain.interrupts import Interrupt, InterruptKind
from bot.domain.people import Person
from bot.domain.run import RunState
from storage.rows import interrupt_to_row
from storage.tables import CounterRow, MessageRow, RunRow, TimerRow
from storage.upsert import insert_if_absent

# Nobody claims a run, or starts one of the same application, more often than this for long.
_CLAIM, _START = timedelta(seconds=1), timedelta(minutes=1)
# For a short while they may.
_HASTE = 10

_FORWARD = (RunState.RUNNING, RunState.WAITING)


@dataclass(frozen=True)
class Restoring:
    """What a backup cannot know of its own restoring."""

    by: Person
    at: datetime  # real time
    now: datetime  # on the bot's clock
    applications: tuple[str, ...]  # that may be deployed from now on
    nothing_since: bool = False  # the bot has not run after the backup was taken


def settle(session: Session, taken_at: datetime, restoring: Restoring) -> tuple[str, ...]:
    """The runs that are held now."""
    lost = max(timedelta(0), restoring.at - taken_at)
    if restoring.nothing_since:
        _let_go(session, skip=1)
        return ()
    # A process that still runs somewhere must not find its own number here again.
    _let_go(session, skip=_HASTE + lost // _CLAIM)
    # A run that is lost has a thread in Slack and marks in the cluster: its name is not given away again.
    _skip_runs(session, restoring.applications, _HASTE + lost // _START)
    session.execute(update(MessageRow).values(hash=None))
    _keep_longer(session, restoring)
    return _hold(session, taken_at, restoring)


def _let_go(session: Session, skip: int) -> None:
    """Whatever of a lease can be empty is: owner and time, but not the number."""
    columns = RunRow.metadata.tables["runs"].columns
    empty = {c.name: None for c in columns if c.name.startswith("lease_") and c.nullable}
    session.execute(update(RunRow).values(lease_number=col(RunRow.lease_number) + skip, **empty))


def _skip_runs(session: Session, applications: tuple[str, ...], skip: int) -> None:
    for application in applications:
        # It may have had its first run after the backup.
        insert_if_absent(session, CounterRow(application=application, newest=0))
    session.execute(update(CounterRow).values(newest=col(CounterRow.newest) + skip))


def _keep_longer(session: Session, restoring: Restoring) -> None:
    """And shown anew, as the buttons in Slack may be of a time that is lost."""
    still_open = or_(col(TimerRow.fired_at).is_(None), col(RunRow.told_at).is_(None))
    query = (
        select(TimerRow)
        .join(RunRow, col(RunRow.id) == col(TimerRow.run))
        .where(col(RunRow.state) == RunState.FINISHED.value, still_open)
        .where(col(TimerRow.purpose).startswith(CARE))
    )
    for timer in session.scalars(query).all():
        interrupt = Interrupt(
            run=timer.run,
            kind=InterruptKind.PUT_OFF,
            at=restoring.now,
            person=restoring.by,
            purpose=timer.purpose.removeprefix(CARE),
        )
        session.add(interrupt_to_row(interrupt))
        session.execute(update(RunRow).where(col(RunRow.id) == timer.run).values(told_at=None))


def _hold(session: Session, taken_at: datetime, restoring: Restoring) -> tuple[str, ...]:
    """By the person who restores: it does not lapse, and what others changed is still minded after it."""
    states = [state.value for state in _FORWARD]
    query = select(col(RunRow.id)).where(col(RunRow.state).in_(states)).order_by(col(RunRow.started_at))
    held = tuple(session.scalars(query))
    sentence = (
        f"Restored from a backup of {taken_at:%Y-%m-%d %H:%M} UTC; what happened after it is not known here. "
        "Look at what serves now, then resume, or roll back."
    )
    for run in held:
        interrupt = Interrupt(
            run=run, kind=InterruptKind.HOLD, at=restoring.now, person=restoring.by, sentence=sentence
        )
        session.add(interrupt_to_row(interrupt))
    return held

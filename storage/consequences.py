"""What follows from an entry in the other tables, in the entry's own transaction.

The tables say what the fold says: a question is closed with the answer that the fold gives it, and the run's
state is the folded one. So all of this could be rebuilt from the journal.
"""

from sqlalchemy import update
from sqlalchemy.orm import Session
from sqlmodel import col

from bot.domain.events import Approved, Asked, Ended, Entry, TurnedBack
from bot.domain.run import ClosedQuestion, Run
from storage.tables import InterruptRow, QuarantineRow, QuestionRow, RunRow, TimerRow

PENDING, APPROVED, CLOSED = "pending", "approved", "closed"


def follow(session: Session, before: Run, entry: Entry, after: Run) -> None:
    """Bring questions, quarantine and the run's own row to where the entry has led."""
    if isinstance(entry.event, Asked):
        session.add(_question(entry, entry.event, before))
    for closed in after.closed[len(before.closed) :]:
        _settle(session, closed, APPROVED if isinstance(entry.event, Approved) else CLOSED)
    if isinstance(entry.event, TurnedBack) and entry.event.quarantine:
        session.add(_quarantine(entry, entry.event, after))
    if after.state is not before.state:
        _set(session, after)
    if isinstance(entry.event, Ended) or (after.is_closed and not before.is_closed):
        _end(session, entry)


def _question(entry: Entry, event: Asked, run: Run) -> QuestionRow:
    return QuestionRow(
        id=event.question,
        run=entry.run,
        step=entry.step or "",
        attempt=entry.attempt,
        needed=run.plan.approvals.people,
        state=PENDING,
    )


def _settle(session: Session, closed: ClosedQuestion, state: str) -> None:
    statement = update(QuestionRow).where(col(QuestionRow.id) == closed.question.id)
    session.execute(statement.values(state=state, answer=closed.answer, answered_at=closed.at))


def _quarantine(entry: Entry, event: TurnedBack, run: Run) -> QuarantineRow:
    request = run.plan.request
    return QuarantineRow(
        application=request.application,
        version=request.version,
        run=run.id,
        why=event.sentence,
        at=entry.at,
    )


def _set(session: Session, run: Run) -> None:
    statement = update(RunRow).where(col(RunRow.id) == run.id)
    reason = run.ended.reason.value if run.ended else None
    if run.is_terminal:
        statement = statement.values(ended_at=run.ended_at, reason=reason, lock_key=None)
    session.execute(statement.values(state=run.state.value))


def _end(session: Session, entry: Entry) -> None:
    """Nothing that came before may wake or answer a run that has ended, or is closed."""
    timers = update(TimerRow).where(col(TimerRow.run) == entry.run, col(TimerRow.fired_at).is_(None))
    session.execute(timers.values(fired_at=entry.at))
    late = update(InterruptRow).where(
        col(InterruptRow.run) == entry.run, col(InterruptRow.consumed_at).is_(None)
    )
    session.execute(late.values(consumed_at=entry.at))
    questions = update(QuestionRow).where(
        col(QuestionRow.run) == entry.run, col(QuestionRow.answered_at).is_(None)
    )
    session.execute(questions.values(state=CLOSED, answer="Closed: the run ended", answered_at=entry.at))

"""What is left to do once a run has finished: each step at its own time, or when a person wants it.

The run's lock is free by then, so a step has to see for itself whether what it was planned for is still so.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from bot.domain.errors import IllegalTransition
from bot.domain.events import Draft, Due, Entry, PutOff, Timer
from bot.domain.people import Person
from bot.domain.plan import Step
from bot.domain.run import Care, Delay, Run, StepRecord, StepStatus

CARE = "care:"  # begins the purpose of a timer

_AGAIN, _AGAIN_AT_LEAST_EVERY = timedelta(hours=1), timedelta(hours=24)


def begun(run: Run, entry: Entry) -> dict[str, Care]:
    """When each step is due, counted from the entry that ends the run."""
    return {
        step.id: Care(seq=entry.seq, due_at=entry.at + (step.due or timedelta(0)))
        for step in run.plan.aftercare
    }


def changed(run: Run, entry: Entry, event: Due | PutOff) -> Run:
    """The run once a step has become due, or was put off.

    Raises:
        IllegalTransition: the run has no such step, or it is done, or due already.
    """
    name = entry.step or ""
    care, record = run.care.get(name), run.record(name)
    if care is None or not _may_change(care, record, event):
        raise IllegalTransition(f"{run.id}: {entry.kind!r} cannot happen to the aftercare {name!r}")
    if isinstance(event, Due):
        return run.with_(care={**run.care, name: care.with_(is_due=True, called_by=entry.person)})
    delay = Delay(seq=entry.seq, at=entry.at, until=event.until, by=entry.person, why=event.why)
    new = Care(seq=entry.seq, due_at=event.until, delays=(*care.delays, delay))
    # It begins anew then.
    steps = {**run.steps, name: StepRecord(attempt=record.attempt)}
    return run.with_(care={**run.care, name: new}, steps=steps)


def to_do(run: Run) -> Step | None:
    """The step that is to be carried out now."""
    return next((step for step in run.plan.aftercare if may_do(run, step)), None)


def may_do(run: Run, step: Step) -> bool:
    care, status = run.care.get(step.id), run.record(step.id).status
    return care is not None and care.is_due and status in {StepStatus.PENDING, StepStatus.INTENDED}


def timers(run: Run, seq: int) -> tuple[Timer, ...]:
    """For what the entry of that number has set a time."""
    return tuple(
        Timer(purpose=f"{CARE}{handle(step, care)}", due=care.due_at)
        for step, care in run.care.items()
        if care.seq == seq and not care.is_due
    )


def handle(step: str, care: Care) -> str:
    """By which a timer and a person say what they speak about: the step, and the time that was set for it."""
    return f"{step}:{care.seq}"


def called(run: Run, said: str, by: Person | None) -> tuple[Draft, ...]:
    """The entry by which that step is due now; none if another time was set for it, or it is due or done."""
    return _answer(run, said, by, lambda _step, _care: Due())


def put_off(run: Run, said: str, by: Person | None, at: datetime) -> tuple[Draft, ...]:
    """The entry that sets another time; none if one was set already, or it is done."""
    return _answer(run, said, by, lambda step, care: PutOff(until=max(care.due_at, at) + longer(step)))


def longer(step: Step) -> timedelta:
    """By how much a person puts it off: as long again as it was to wait at first."""
    return step.due or _AGAIN


def not_now(run: Run, step: Step, why: str, now: datetime) -> PutOff:
    """It cannot be done: when it is tried again, after twice as long each time, and not before its time."""
    care, pause = run.care[step.id], _AGAIN
    for delay in reversed(care.delays):
        if not delay.why or pause >= _AGAIN_AT_LEAST_EVERY:
            break
        pause *= 2
    return PutOff(until=max(care.due_at, now + min(pause, _AGAIN_AT_LEAST_EVERY)), why=why)


def _answer(
    run: Run, said: str, by: Person | None, event_for: Callable[[Step, Care], Due | PutOff]
) -> tuple[Draft, ...]:
    for step in run.plan.aftercare:
        care = run.care.get(step.id)
        if care is not None and said == handle(step.id, care):
            event = event_for(step, care)
            may = _may_change(care, run.record(step.id), event)
            return (Draft(event=event, step=step.id, person=by),) if may else ()
    return ()


def _may_change(care: Care, record: StepRecord, event: Due | PutOff) -> bool:
    if record.status is StepStatus.DONE:
        return False
    if isinstance(event, PutOff):
        # What was already sent may still be carried out; then there is nothing left to do later.
        return care.is_due or not event.why
    return not care.is_due

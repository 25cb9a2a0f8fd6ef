"""Judges of what was written: the journals, the leases, approvals, decisions, timers and the other tables."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from bot.domain.events import (
    Approved,
    Asked,
    Basis,
    Claimed,
    Ended,
    Ending,
    Escalated,
    Reminded,
    TurnedBack,
)
from bot.domain.folding import begin, fold
from bot.domain.run import Run, RunState
from bot.domain.verdict import VerdictKind
from tests.simulation.people import APPROVERS
from tests.simulation.simulation import Simulation
from tests.simulation.witness import Committed

_BACK = frozenset({"rollback", "abort", "trigger"})
# What can keep a timer from being heard in time, and for how long in all.
_DELAYS = frozenset({"crashes", "freezes", "cut-offs", "outages", "database", "restarts"})
_AT_ONCE, _IN_TROUBLE = timedelta(seconds=10), timedelta(seconds=180)


def journals(simulation: Simulation) -> Iterator[str]:
    """A journal has no gaps, follows from itself, and the run's row says what it folds to."""
    states = dict(simulation.witness.rows("SELECT id, state FROM runs"))
    for name in simulation.witness.runs():
        entries = [one.entry for one in simulation.witness.of(name)]
        if [entry.seq for entry in entries] != list(range(1, len(entries) + 1)):
            yield f"{name}: the numbers have gaps"
        run = simulation.witness.folded(name)
        if states[name] != run.state.value:
            yield f"{name} is {run.state.value}, its row says {states[name]}"
        if not run.is_terminal:
            yield f"{name} is still {run.state.value}"
        elif not run.is_closed:
            yield f"{name} has something left to do"
        ended = [entry.seq for entry in entries if isinstance(entry.event, Ended)]
        if len(ended) > 1:
            yield f"{name} ended {len(ended)} times"
        for entry in entries:
            if ended and entry.seq > ended[0] and entry.step not in run.care and entry.kind != "claimed":
                yield f"{name}: entry {entry.seq} follows the end, and is {entry.kind}"


def claims(simulation: Simulation) -> Iterator[str]:
    """Leases rise, and whoever writes under a new one says first who it is."""
    for name in simulation.witness.runs():
        highest = 0
        for entry in (one.entry for one in simulation.witness.of(name)):
            lease = entry.lease
            if lease is None:
                continue
            if lease < highest:
                yield f"{name}: entry {entry.seq} was written under lease {lease}, after lease {highest}"
            elif lease > highest and not isinstance(entry.event, Claimed):
                yield f"{name}: lease {lease} begins with {entry.kind}"
            highest = max(highest, lease)


def approvals(simulation: Simulation) -> Iterator[str]:
    """A yes is by enough people who may, or follows from one that knew how the new version was doing."""
    for name in simulation.witness.runs():
        run: Run | None = None
        for one in simulation.witness.of(name):
            if run is not None and isinstance(one.entry.event, Approved):
                yield from _judged(run, one.entry.step or "", one.entry.event)
            run = begin(one.entry) if run is None else fold(run, one.entry)


def _judged(run: Run, step: str, approved: Approved) -> Iterator[str]:
    policy = run.plan.approvals
    if approved.basis is Basis.PERSON:
        people = {person.id for person in approved.people}
        asked = run.question
        if asked is None or asked.id != approved.question or asked.step != step:
            yield f"{run.id}: {step} was approved by an answer to another question"
        if len(people) < policy.people:
            yield f"{run.id}: {step} was approved by {len(people)} instead of {policy.people} people"
        if not people <= set(APPROVERS):
            yield f"{run.id}: {step} was approved by somebody who may not"
        return
    verdict, covered_by = run.verdict, run.plan.step(step).covered_by
    is_known = approved.basis is Basis.COVERED and covered_by is not None and _knew(run, covered_by)
    if verdict is not None and verdict.kind is not VerdictKind.HEALTHY and not is_known:
        yield f"{run.id}: {step} was approved by {approved.basis.value} while {verdict.kind.value}"
    if approved.basis is Basis.GRANT and run.grant is None:
        yield f"{run.id}: {step} was approved by a grant that nobody gave"
    if approved.basis is Basis.POLICY and policy.required == "each-shift":
        yield f"{run.id}: {step} was approved by nobody"


def _knew(run: Run, step: str) -> bool:
    return 0 < run.record(step).approved_seq >= run.verdict_seq


def decisions(simulation: Simulation) -> Iterator[str]:
    """What was committed is heard: a run that somebody or a trigger turned back does not finish."""
    for name in simulation.witness.runs():
        entries = simulation.witness.of(name)
        ended = next((one for one in entries if isinstance(one.entry.event, Ended)), None)
        if ended is None:
            continue
        told = [
            one
            for one in simulation.witness.interrupts
            if one.run == name and one.kind in _BACK and one.was_active and one.number < ended.number
        ]
        turned = any(isinstance(one.entry.event, TurnedBack) for one in entries)
        if told and not turned:
            yield f"{name}: {told[0].kind} was committed and not heard"
        if turned and simulation.witness.folded(name).state is RunState.FINISHED:
            yield f"{name}: it turned back and finished all the same"
    waiting = simulation.witness.rows("SELECT run, kind FROM interrupts WHERE consumed_at IS NULL")
    for run, kind in waiting:
        yield f"{run}: {kind} was committed and never consumed"


def timers(simulation: Simulation) -> Iterator[str]:
    """Each reminder once, and in time as far as somebody was there."""
    is_troubled = not _DELAYS.isdisjoint(simulation.forecast.troubles)
    grace = _IN_TROUBLE if is_troubled else _AT_ONCE
    for name in simulation.witness.runs():
        entries = simulation.witness.of(name)
        told = Counter(
            (one.entry.kind, one.entry.event.question)
            for one in entries
            if isinstance(one.entry.event, Reminded | Escalated) and one.entry.event.question
        )
        for (kind, question), number in told.items():
            if number > 1:
                yield f"{name}: {kind} {number} times about {question}"
        if "clock jumps" not in simulation.forecast.troubles:
            for asked in entries:
                if isinstance(asked.entry.event, Asked):
                    yield from _in_time(simulation, entries, asked, grace, told)


def _in_time(
    simulation: Simulation,
    entries: list[Committed],
    asked: Committed,
    grace: timedelta,
    told: Counter[tuple[str, str]],
) -> Iterator[str]:
    event = asked.entry.event
    assert isinstance(event, Asked)
    run = simulation.witness.folded(asked.entry.run)
    closed = next((c for c in run.closed if c.question.id == event.question), None)
    ends = [one.at for one in entries if one.number > asked.number and closed and one.entry.at == closed.at]
    if not ends:
        return
    open_for = timedelta(seconds=ends[0] - asked.at)
    policy = run.plan.approvals
    for kind, after in (("reminded", policy.remind), ("escalated", policy.escalate)):
        if open_for > after + grace and not told[kind, event.question]:
            yield f"{run.id}: {event.question} was open for {open_for} and nobody was {kind}"
    if open_for > policy.expire + grace:
        yield f"{run.id}: {event.question} was open for {open_for}, and expires after {policy.expire}"


def tables(simulation: Simulation) -> Iterator[str]:
    """Everything beside the journal says what the journal says: locks, questions, timers, quarantine."""
    rows = simulation.witness.rows
    for run, key in rows("SELECT id, lock_key FROM runs"):
        if key is not None:
            yield f"{run} has ended and still holds the lock {key}"
    for (question,) in rows("SELECT id FROM questions WHERE answered_at IS NULL"):
        yield f"question {question} is still open"
    for run, purpose in rows("SELECT run, purpose FROM timers WHERE fired_at IS NULL"):
        yield f"{run}: timer {purpose} is still to come"
    quarantined = Counter(run for (run,) in rows("SELECT run FROM quarantine"))
    for name in simulation.witness.runs():
        run = simulation.witness.folded(name)
        ending = run.ended.ending if run.ended else None
        wanted = 1 if run.turn is not None and run.turn.quarantine else 0
        if quarantined[name] != wanted:
            yield f"{name} ended as {ending}, and is quarantined {quarantined[name]} times"
        if ending is Ending.ROLLED_BACK and not wanted:
            yield f"{name} was rolled back without quarantine"

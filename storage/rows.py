"""Rows to records and back, one explicit pair per kind.

What is read back goes through the domain's own parsers: a kind that this version does not know raises
`UnknownEvent` here, and stops the run instead of being passed over.
"""

import json
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Row

from bot.domain.errors import UnknownEvent
from bot.domain.events import Entry, event_from_json
from bot.domain.interrupts import Interrupt, InterruptKind
from bot.domain.people import Person
from bot.domain.reasons import Reason
from bot.domain.run import RunState
from bot.ports import RunSummary
from storage.tables import InterruptRow, JournalRow, RunRow


def entry_to_row(entry: Entry) -> JournalRow:
    return JournalRow(
        run=entry.run,
        seq=entry.seq,
        at=entry.at,
        step=entry.step,
        attempt=entry.attempt,
        kind=entry.kind,
        person=person_to_text(entry.person) if entry.person else None,
        evidence=json.dumps(entry.event.model_dump(mode="json", exclude={"kind"})),
        lease=entry.lease,
    )


def entry_from_row(row: JournalRow | Row[Any]) -> Entry:
    """Raises `UnknownEvent`: the row was written by a newer version, or was damaged."""
    where = f"entry {row.seq} of {row.run}"
    try:
        return Entry(
            run=row.run,
            seq=row.seq,
            at=row.at,
            step=row.step,
            attempt=row.attempt,
            person=person_from_text(row.person),
            event=event_from_json(row.kind, _object(row.evidence, where)),
            lease=row.lease,
        )
    except UnknownEvent as error:
        raise UnknownEvent(f"{where}: {error}") from error
    except ValidationError as error:
        raise UnknownEvent(f"{where} cannot be read by this version") from error


def interrupt_to_row(interrupt: Interrupt) -> InterruptRow:
    return InterruptRow(
        run=interrupt.run,
        kind=interrupt.kind.value,
        at=interrupt.at,
        person=person_to_text(interrupt.person) if interrupt.person else None,
        question=interrupt.question,
        purpose=interrupt.purpose,
        reason=interrupt.reason.value if interrupt.reason else None,
        sentence=interrupt.sentence,
        first_seen=interrupt.first_seen,
        dedupe=_dedupe(interrupt),
    )


def interrupt_from_row(row: InterruptRow) -> Interrupt:
    """Raises `UnknownEvent`: the row was written by a newer version."""
    try:
        return Interrupt(
            id=row.id or 0,
            run=row.run,
            kind=InterruptKind(row.kind),
            at=row.at,
            person=person_from_text(row.person),
            question=row.question,
            purpose=row.purpose,
            reason=Reason(row.reason) if row.reason else None,
            sentence=row.sentence,
            first_seen=row.first_seen,
        )
    except ValueError as error:  # of pydantic's too
        raise UnknownEvent(f"interrupt {row.id} of {row.run} cannot be read by this version") from error


def _dedupe(interrupt: Interrupt) -> str | None:
    """A run has one timer per purpose, and goes back by a trigger once; people may say a thing again."""
    if interrupt.kind is InterruptKind.TIMER:
        return f"timer {interrupt.run} {interrupt.purpose}"
    if interrupt.kind is InterruptKind.TRIGGER:
        return f"trigger {interrupt.run}"
    return None


def summary_from_row(row: RunRow) -> RunSummary:
    """Raises `UnknownEvent`: the row was written by a newer version."""
    return RunSummary(
        id=row.id,
        application=row.application,
        environment=row.environment,
        version=row.version,
        strategy=row.strategy,
        state=_state(row),
        asked_by=person_from_text(row.asked_by),
        started_at=row.started_at,
        ended_at=row.ended_at,
        reason=row.reason,
    )


def _state(row: RunRow) -> RunState:
    try:
        return RunState(row.state)
    except ValueError as error:
        raise UnknownEvent(f"the state of {row.id}, {row.state!r}, is not known to this version") from error


def commit_from_plan(text: str, run: str) -> str:
    """The commit that a run brought, without reading the rest of its plan.

    Raises:
        UnknownEvent: another version wrote the plan, or it was damaged.
    """
    request = _object(text, f"the plan of {run}").get("request")
    commit = request.get("commit") if isinstance(request, dict) else None
    if not isinstance(commit, str):
        raise UnknownEvent(f"the plan of {run} names no commit that this version can read")
    return commit


def person_to_text(person: Person) -> str:
    return json.dumps(person.model_dump())


def person_from_text(text: str | None) -> Person | None:
    if text is None:
        return None
    try:
        return Person.model_validate(_object(text, "a person"))
    except ValidationError as error:
        raise UnknownEvent("a stored person cannot be read by this version") from error


def _object(text: str, what: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnknownEvent(f"{what} is damaged: {error}") from error
    if not isinstance(found, dict):
        raise UnknownEvent(f"{what} is damaged: it is no object")
    return found

"""Journals as text, one JSON object a line as `slackwater journal RUN --json` prints them, and their gist."""

import json
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

from bot.domain.events import Entry, event_from_json
from bot.domain.people import Person
from bot.domain.run import Run

KEPT = Path(__file__).parents[1] / "domain" / "journals"


def to_text(entries: Iterable[Entry]) -> str:
    return "".join(json.dumps(entry.as_json(), ensure_ascii=False) + "\n" for entry in entries)


def from_text(text: str) -> tuple[Entry, ...]:
    """Raises `UnknownEvent` for what this version cannot read."""
    return tuple(_entry(json.loads(line)) for line in text.splitlines())


def _entry(told: dict[str, Any]) -> Entry:
    event = event_from_json(told.pop("kind"), told.pop("evidence"))
    person = told.pop("person")
    return Entry(event=event, person=None if person is None else Person.model_validate(person), **told)


def gist(run: Run) -> dict[str, Any]:
    """What a journal comes to, in words that do not change when records get new fields."""
    return {
        "run": run.id,
        "version": run.plan.request.version,
        "state": run.state.value,
        "phase": run.phase.value,
        "seq": run.seq,
        "weight": run.weight,
        "digest": run.digest,
        "has_touched_production": run.has_touched_production,
        "steps": {step: _step(run, step) for step in run.steps},
        "question": None if run.question is None else [run.question.id, run.question.step],
        "votes": [] if run.question is None else [person.name for person in run.question.votes],
        "closed": [[closed.question.step, closed.answer] for closed in run.closed],
        "granted_by": None if run.granted_by is None else run.granted_by.name,
        "held": None if run.held_at is None else [run.held_by and run.held_by.name, run.held_why],
        "holds": [[hold.by and hold.by.name, _seconds(hold.ended - hold.began)] for hold in run.holds],
        "fired": None if run.fired is None else run.fired.reason.value,
        "turn": None if run.turn is None else [run.turn.ending.value, run.turn.reason.value],
        "quarantine": run.turn is not None and run.turn.quarantine,
        "verdict": None if run.verdict is None else run.verdict.kind.value,
        "remarks": [remark.key for remark in run.remarks],
        "ended": None if run.ended is None else [run.ended.ending.value, run.ended.reason.value],
        "sentence": None if run.ended is None else run.ended.sentence,
        "took": None if run.ended_at is None else _seconds(run.ended_at - run.started_at),
    }


def _step(run: Run, step: str) -> str:
    record = run.record(step)
    approval = "" if record.approval is None else f", approved by {record.approval.basis.value}"
    return f"{record.status.value}, attempt {record.attempt}{approval}"


def _seconds(time: timedelta) -> float:
    return round(time.total_seconds(), 1)

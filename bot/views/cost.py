"""What a version that was taken back has cost its users, as far as the journal proves it."""

from datetime import datetime, timedelta

from bot.domain.actions import Bake, RestoreStable, RollOut, SetWeight, TrafficToStable
from bot.domain.run import Run, StepStatus
from bot.views.text import count, escaped, span


def cost(run: Run) -> str:
    """Sentences, each with a space behind it; empty if nothing is known, or nobody met it."""
    lasted = _affected(run)
    return f"{_failed(run)}" + (f"Users were affected for {span(lasted)}. " if lasted is not None else "")


def _affected(run: Run) -> timedelta | None:
    """How long users met what was wrong: from when it was first seen to when all traffic was on stable."""
    first_seen, accepted = run.turn.first_seen if run.turn else None, traffic_home(run)
    if first_seen is None or accepted is None or not has_reached_users(run):
        return None
    return accepted - first_seen


def _failed(run: Run) -> str:
    """How many requests failed on the new version, as counted while it was compared."""
    counting = (step for step in run.plan.steps if isinstance(step.action, Bake | RollOut))
    tallies = [run.record(step.id).evidence.canary for step in counting]
    known = [tally for tally in tallies if tally is not None]
    if not known:
        return ""
    failed, of = sum(t.errors for t in known), sum(t.requests for t in known)
    return f"{count(failed)} of {count(of)} counted requests on {escaped(run.plan.request.version)} failed. "


def traffic_home(run: Run) -> datetime | None:
    """When the way back had taken all traffic home."""
    home = TrafficToStable if run.plan.target.is_beside else RestoreStable
    for step in run.plan.way_back:
        record = run.record(step.id)
        if isinstance(step.action, home) and record.status is StepStatus.DONE:
            return record.evidence.accepted_at
    return None


def has_reached_users(run: Run) -> bool:
    shifts = (step for step in run.plan.steps if isinstance(step.action, SetWeight | RollOut))
    return any(run.record(step.id).status is not StepStatus.PENDING for step in shifts)

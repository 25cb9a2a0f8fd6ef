"""How much of a step that lasts has passed: held time, and time in which nobody looked, do not count."""

from datetime import datetime, timedelta

from bot.domain.outcome import Evidence
from bot.ports import StepContext
from bot.steps.actions import is_set_back

# Two looks may be as far apart as a few time-outs of metrics and platform; more is absence (real time).
_ABSENCE = timedelta(minutes=1)


def is_over(context: StepContext, evidence: Evidence, duration: timedelta) -> bool:
    if context.record.began is None or context.run.held_at is not None:
        return False
    return counted(context) - evidence.unwatched >= duration


def remembered(context: StepContext) -> Evidence:
    """What was seen so far, with the time added in which nobody looked."""
    before = context.record.evidence
    looked_at = before.looked_at or context.record.began
    if looked_at is None:
        return before
    if is_set_back(context, looked_at):
        return Evidence(unwatched=counted(context))
    gap = context.now - looked_at - _held_between(context, looked_at)
    is_absence = gap > _ABSENCE * max(1.0, context.speed)
    return before.with_(unwatched=before.unwatched + gap) if is_absence else before


def counted(context: StepContext) -> timedelta:
    """The time since the step began, without what was held of it."""
    began = context.record.began or context.now
    return context.now - began - (context.run.held_until(context.now) - context.record.held_before)


def _held_between(context: StepContext, since: datetime) -> timedelta:
    """How much of the time since then the run was held: it does not count anyway."""
    run = context.run
    holds = [(hold.began, hold.ended) for hold in run.holds]
    holds += [(run.held_at, context.now)] if run.held_at is not None else []
    overlaps = (min(ended, context.now) - max(began, since) for began, ended in holds)
    return sum((max(overlap, timedelta(0)) for overlap in overlaps), timedelta(0))

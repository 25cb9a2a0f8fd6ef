"""Which action a step kind was given, with its type."""

from datetime import datetime, timedelta
from typing import TypeVar

from bot.domain.errors import UnknownEvent
from bot.domain.outcome import TrafficSplit, Workload
from bot.domain.run import StepStatus
from bot.ports import StepContext

A = TypeVar("A")

# Clocks of several machines differ by less; a clock that is further behind was set back.
_SET_BACK = timedelta(seconds=5)
# The platform's client gives up after 10 s, and the platform itself soon after.
_LATEST = timedelta(seconds=15)


def action_of(context: StepContext, kind: type[A]) -> A:
    """The step's action as the type that this step kind carries out.

    Raises:
        UnknownEvent: the catalogue leads an action to the wrong step kind.
    """
    action = context.step.action
    if not isinstance(action, kind):
        raise UnknownEvent(f"{context.step.id} bears {action.kind!r}, which is not {kind.__name__}")
    return action


def is_ours_to_mind(context: StepContext) -> bool:
    """Whether a change from outside has to stop the run: not again after a person resumed it in full view."""
    if context.run.held_at is not None:
        return False
    began, accepted = context.record.began_seq, context.run.accepted_seq
    return began == 0 or accepted < began


def is_set_back(context: StepContext, looked_at: datetime) -> bool:
    """Whether the clock was set back since: what was counted bears times that are still to come."""
    return looked_at - context.now > _SET_BACK


def is_anothers(context: StepContext, seen: Workload) -> bool:
    """Whether another Slackwater's run has it. An older version of the bot signed nothing."""
    return seen.owner not in {None, context.run.signature}


def is_forward(context: StepContext) -> bool:
    """Whether the step is not one of the way back."""
    return context.step not in context.run.plan.way_back


def mark_of(context: StepContext) -> str | None:
    """What a step of the way back leaves on the object that it takes home; None for a step forward."""
    return context.run.id if context.step.undoes is not None else None


def is_marked(context: StepContext, seen: TrafficSplit | Workload) -> bool:
    """Whether nothing that an earlier step still has under way can fit this object any more.

    A request that nobody waits for, or of a process that was frozen, can land at any time later. It names the
    revision it was made on, and the mark moves that even where the object was at rest. If somebody's tool
    takes the mark away, the revision has moved all the same.
    """
    mark = mark_of(context)
    return mark is None or seen.mark == mark or _has_moved(context, seen)


def _has_moved(context: StepContext, seen: TrafficSplit | Workload) -> bool:
    """Whether the object is not what this step of the way back saw first, after all that went forward."""
    before = context.record.before
    first = before.split if isinstance(seen, TrafficSplit) else before.workload
    return first is not None and first.revision not in {"", seen.revision}


def may_still_arrive(context: StepContext) -> bool:
    """Whether a creation that was under way when the run turned back may yet land at the platform.

    A creation names no revision, so the way back can only wait until it has landed or is lost. A step can end
    while a request of it is still under way: it failed because its time was over, or it was done by a second
    request while nobody waited for the first any more.
    """
    undone, turn = context.step.undoes, context.run.turn
    if undone is None or turn is None:
        return False
    created = context.run.record(undone)
    return created.status is not StepStatus.PENDING and context.now - (created.ended or turn.at) < _LATEST

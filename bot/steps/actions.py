"""Which action a step kind was given, with its type."""

from datetime import timedelta
from typing import TypeVar

from bot.domain.errors import UnknownEvent
from bot.domain.run import StepStatus
from bot.ports import StepContext

A = TypeVar("A")

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
    began, accepted = context.record.began, context.run.accepted_at
    if context.run.held_at is not None:
        return False
    return began is None or accepted is None or accepted < began


def may_still_arrive(context: StepContext) -> bool:
    """Whether a change that was under way when the run turned back may yet land at the platform.

    A request that nobody waits for any more can still be carried out. What the way back has changed is safe
    from it, because such a change names the revision it was made on; what was still at rest is not.
    """
    undone, turn = context.step.undoes, context.run.turn
    if undone is None or turn is None:
        return False
    # A step can fail because its time is over while its last request is still under way.
    is_unknown = context.run.record(undone).status in {StepStatus.INTENDED, StepStatus.FAILED}
    return is_unknown and context.now - turn.at < _LATEST

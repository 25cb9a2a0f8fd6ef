"""Which action a step kind was given, with its type."""

from typing import TypeVar

from bot.domain.errors import UnknownEvent
from bot.ports import StepContext

A = TypeVar("A")


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
    began = context.record.began
    if context.run.held_at is not None:
        return False
    return began is None or context.run.held_for <= context.record.held_before

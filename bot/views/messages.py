"""All messages of a run, in the order in which they are posted."""

from bot.domain.run import Run
from bot.views.card import card
from bot.views.endings import end, rollback, stakeholders
from bot.views.items import Item, Setting
from bot.views.questions import questions
from bot.views.thread import canary, gates, plan_item, remarks, stages

# Slack truncates a message's text at 40,000 characters and asks for 4,000 at most.
_TEXT = 4_000


def messages(run: Run, setting: Setting) -> tuple[Item, ...]:
    """How the run should stand in Slack: a pure function of what its journal says."""
    items = [
        card(run, setting),
        *stakeholders(run, setting),
        plan_item(run),
        *gates(run),
        *canary(run),
        # The snapshot stands above the question that it leads to.
        *stages(run),
        *questions(run, setting),
        *remarks(run, setting),
        *rollback(run, setting),
        *end(run),
    ]
    return tuple(item if len(item.text) <= _TEXT else item.with_(text=item.text[:_TEXT]) for item in items)

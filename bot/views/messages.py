"""All messages of a run, in the order in which they are posted."""

from datetime import datetime

from bot.domain.run import Run
from bot.views import aftercare, blocks
from bot.views.card import card
from bot.views.endings import end, rollback, stakeholders
from bot.views.items import Item, Setting, Told
from bot.views.plans import plan_item
from bot.views.questions import questions
from bot.views.rehearsal import rehearsal
from bot.views.stages import stages
from bot.views.thread import deployed, gates, remarks

# Slack truncates a message's text at 40,000 characters and asks for 4,000 at most.
_TEXT = 4_000


def messages(run: Run, setting: Setting) -> tuple[Item, ...]:
    """How the run should stand in Slack: a pure function of what its journal says.

    The thread is in the order in which things happened, so that it reads as a story even if Slack was away
    for an hour. A snapshot stands above the question that it leads to, and the stage's picture below it:
    that takes a while to draw.
    """
    told = [
        *gates(run),
        *rehearsal(run),
        *deployed(run),
        *stages(run),
        *questions(run, setting),
        *remarks(run, setting),
        *rollback(run, setting),
    ]
    told.sort(key=_turn)
    thread = [plan_item(run), *(item for _, item in told), *end(run), *aftercare.told(run)]
    return tuple(_fitted(item) for item in (card(run, setting), *stakeholders(run, setting), *thread))


def _turn(one: Told) -> tuple[datetime, bool]:
    moment, item = one
    return moment, item.picture is not None


def _fitted(item: Item) -> Item:
    """Inside Slack's limits, whatever outside text the run carries."""
    return item.with_(text=blocks.cut(item.text, _TEXT), blocks=blocks.fitted(item.blocks))

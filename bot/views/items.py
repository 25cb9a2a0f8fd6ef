"""One message of a run, as it should stand in Slack.

A run's messages are a list of items with stable keys; the publisher brings the channel to that state. Same
key: same message, edited; a new key: a new message.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

from bot.domain.figures import Point
from bot.domain.record import Record

Block = dict[str, Any]


class Place(StrEnum):
    """Where an item stands."""

    ROOT = "root"  # the run's card in the deploys channel
    THREAD = "thread"  # under the card
    STAKEHOLDERS = "stakeholders"  # a message of its own in each stakeholder channel


class Picture(Record):
    """A plot, drawn when it is uploaded; its figures are known, so it is the same whenever it is drawn."""

    name: str  # the file's name, unique in the run: "canary-25.png"
    title: str
    alt: str  # the figures in words
    points: tuple[Point, ...]
    weight: int
    canary: str  # the version on trial
    stable: str  # the one that is trusted
    allowed: dict[str, float] = {}  # by figure: how much worse than stable the new version may be


class Item(Record):
    """`text` is a whole sentence (phones show only that); `blocks` is what else there is to see."""

    key: str
    place: Place
    text: str
    blocks: tuple[Block, ...] = ()
    is_urgent: bool = False  # questions, rollbacks and ends go before everything else
    is_broadcast: bool = False  # shown in the channel as well; only for the end, and without buttons
    picture: Picture | None = None


# A thing of the thread, and when it came to be: the thread is in that order.
Told = tuple[datetime, Item]


class Setting(Record):
    """What the views need to know of the workspace."""

    command: str = "/deploy"
    approvers: tuple[str, ...] = ()  # as mentions: "<!subteam^S123>" or "<@U123>"
    escalate_to: tuple[str, ...] = ()
    thread: str | None = None  # permalink of the root card, once it is posted

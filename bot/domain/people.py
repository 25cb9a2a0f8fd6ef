"""People and what they may do."""

from enum import StrEnum

from bot.domain.record import Record


class Person(Record):
    """Who asked, pressed or decided: Slack's id, and the name people know them by."""

    id: str
    name: str


class Role(StrEnum):
    """What a person may do, by Slack user group or explicit id; an empty list is nobody."""

    VIEWER = "viewer"  # read
    DEPLOYER = "deployer"  # start, hold, abort, roll back
    APPROVER = "approver"  # the same but start, and approve and resume
    ADMIN = "admin"  # everything but approving


# The bot's own decisions carry this name in the journal.
SLACKWATER = Person(id="slackwater", name="Slackwater")

"""Slack out: the publisher, its pace, its memory of what was posted, and who has which role.

What Slack shows is derived state: the views say how a run's messages should stand, the publisher brings the
workspace to that, in its own time. Nothing here decides anything about a run, and nothing that drives a run
ever waits for this room.
"""

from bot.slack.calls import SlackCalls
from bot.slack.changes import Channels
from bot.slack.directory import Directory
from bot.slack.publisher import SlackPublisher
from bot.slack.roles import SlackRoles
from bot.slack.thread import Tempo

__all__ = ["Channels", "Directory", "SlackCalls", "SlackPublisher", "SlackRoles", "Tempo"]

"""Slack's rates: so many calls a minute to each method, and one message a second to each channel.

Real time, whatever the simulated clock says: these are facts of Slack, not of the world in it.
"""

import math
import time
from collections import deque
from collections.abc import Callable

from bot.sim.workspace.errors import RateLimited

_WINDOW = 60.0
_TIER_2, _TIER_3, _TIER_4 = 20, 50, 100

_PER_MINUTE = {
    # Slack's sample data says tier 1, a copy of its documentation tier 3: with 1 a minute, no app could be
    # restarted twice, and Slack's own clients reconnect more often than that.
    "apps.connections.open": _TIER_3,
    "api.test": _TIER_4,
    "auth.test": 600,  # "special": hundreds a minute are fine
    "blocks.validate": _TIER_4,
    "chat.delete": _TIER_3,
    "chat.getPermalink": 600,  # "special", likewise
    "chat.postEphemeral": _TIER_4,
    "chat.postMessage": 300,  # the limit that spans the workspace is undocumented: "several hundred a minute"
    "chat.update": _TIER_3,
    "conversations.history": _TIER_3,
    "conversations.info": _TIER_3,
    "conversations.join": _TIER_3,
    "conversations.list": _TIER_2,
    "conversations.members": _TIER_4,
    "conversations.open": _TIER_3,
    "conversations.replies": _TIER_3,
    "files.completeUploadExternal": _TIER_4,
    "files.delete": _TIER_3,
    "files.getUploadURLExternal": _TIER_4,
    "files.info": _TIER_4,
    "reactions.add": _TIER_3,
    "reactions.remove": _TIER_2,
    "usergroups.list": _TIER_2,
    "usergroups.users.list": _TIER_2,
    "users.info": _TIER_4,
    "users.list": _TIER_2,
    "users.lookupByEmail": _TIER_3,
    "views.open": _TIER_4,
    "views.publish": _TIER_4,
    "views.push": _TIER_4,
    "views.update": _TIER_4,
}

# Slack lets "short bursts" pass; three is what a root card with two replies takes.
_BURST = 3


class Rates:
    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._calls: dict[str, deque[float]] = {}
        self._posts: dict[str, tuple[float, float]] = {}
        self.are_lifted = False

    def admit(self, method: str) -> None:
        """Count a call of `method`.

        Raises:
            RateLimited: its tier is used up; the call does not count.
        """
        if self.are_lifted:
            return
        now = self._now()
        calls = self._calls.setdefault(method, deque())
        while calls and now - calls[0] >= _WINDOW:
            calls.popleft()
        if len(calls) >= _PER_MINUTE.get(method, _TIER_3):
            raise RateLimited(math.ceil(_WINDOW - (now - calls[0])))
        calls.append(now)

    def admit_post(self, channel: str) -> None:
        """Count a message to `channel`: one a second, after a burst of three.

        Raises:
            RateLimited: too soon after the ones before.
        """
        if self.are_lifted:
            return
        now = self._now()
        left, since = self._posts.get(channel, (float(_BURST), now))
        left = min(float(_BURST), left + now - since)
        if left < 1.0:
            self._posts[channel] = (left, now)
            raise RateLimited(max(1, math.ceil(1.0 - left)))
        self._posts[channel] = (left - 1.0, now)

    def forget(self) -> None:
        self._calls.clear()
        self._posts.clear()


def per_minute(method: str) -> int:
    """How many calls of `method` a minute may have."""
    return _PER_MINUTE.get(method, _TIER_3)

"""Keeps to Slack's rates: one message a second and channel, and the tier of each method in the workspace.

Waiting happens before the content is chosen, so what is sent then is the newest state and nothing in between
is ever posted only to be edited.
"""

import asyncio

# Slack: "1 message per second per channel"; bursts beyond may silently not be shown.
_PER_CHANNEL = 1.0
# `chat.update` is tier 3, 50 a minute. A burst of this many is fine, then it is one each 1.2 s.
_UPDATE_EVERY, _UPDATE_BURST = 1.2, 8


class Pace:
    """One workspace's allowance, in real time."""

    def __init__(self) -> None:
        self._channels: dict[str, float] = {}
        self._updates = float(_UPDATE_BURST)
        self._refilled = 0.0

    async def for_post(self, channel: str) -> None:
        """Until a message may be posted in the channel."""
        now = _now()
        turn = max(now, self._channels.get(channel, 0.0))
        self._channels[channel] = turn + _PER_CHANNEL
        await asyncio.sleep(turn - now)

    async def for_update(self) -> None:
        """Until a message may be edited."""
        now = _now()
        refill = (now - self._refilled) / _UPDATE_EVERY
        self._updates = min(float(_UPDATE_BURST), self._updates + refill)
        self._refilled = now
        self._updates -= 1.0
        if self._updates < 0:
            await asyncio.sleep(-self._updates * _UPDATE_EVERY)


def _now() -> float:
    return asyncio.get_running_loop().time()

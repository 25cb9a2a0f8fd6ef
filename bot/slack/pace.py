"""Keeps to Slack's rates: one message a second and channel, and the tier of `chat.update` in the workspace.

Each of these limits is a lane. Whoever wants to send waits for a turn before the content is chosen, so what
is sent is the newest state, and nothing in between is ever posted only to be edited. In a lane the urgent go
first, then the run that was served least recently: many runs at once are slow, but equally slow.
"""

import asyncio
import heapq
from itertools import count

# Slack: "1 message per second per channel"; bursts beyond may silently not be shown. A tenth more, because a
# message may be under way for longer than the next one.
_POST_EVERY = 1.1
# `chat.update` is tier 3, 50 a minute: a burst of 8, then one each 1.5 s, are 48 in any minute.
_UPDATE_EVERY, _UPDATE_BURST = 1.5, 8

# The smaller goes first: not urgent, when the run had its last turn.
Rank = tuple[bool, float]


class Lane:
    """One of Slack's limits: a turn each `every` seconds, after a burst."""

    def __init__(self, every: float, burst: int = 1) -> None:
        self._every = every
        self._burst = float(burst)
        self._left = float(burst)
        self._filled_at = _now()
        self._closed_until = 0.0
        self._waiting: list[tuple[Rank, int, asyncio.Future[None]]] = []
        self._arrivals = count()
        self._timer: asyncio.TimerHandle | None = None

    async def turn(self, rank: Rank) -> None:
        """Until it is this one's turn. A turn that is granted to nobody is not used up."""
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (rank, next(self._arrivals), granted)
        heapq.heappush(self._waiting, entry)
        self._serve()
        try:
            await granted
        except asyncio.CancelledError:
            self._leave(entry)
            raise

    def close_for(self, seconds: float) -> None:
        """Slack said when to come again."""
        self._closed_until = max(self._closed_until, _now() + seconds)
        self._serve()

    def _leave(self, entry: tuple[Rank, int, asyncio.Future[None]]) -> None:
        if entry in self._waiting:
            self._waiting.remove(entry)
            heapq.heapify(self._waiting)
        else:
            self._left += 1.0
        self._serve()

    def _serve(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._waiting:
            wait = self._wait()
            if wait > 0:
                self._timer = asyncio.get_running_loop().call_later(wait, self._serve)
                return
            _, _, granted = heapq.heappop(self._waiting)
            if not granted.done():
                self._left -= 1.0
                granted.set_result(None)

    def _wait(self) -> float:
        now = _now()
        self._left = min(self._burst, self._left + (now - self._filled_at) / self._every)
        self._filled_at = now
        # A hair less than one is one: clocks and floats do not meet exactly.
        missing = 0.0 if self._left > 1.0 - 1e-6 else (1.0 - self._left) * self._every
        return max(missing, self._closed_until - now)


class Pace:
    """One workspace's lanes, in real time."""

    def __init__(self, post_every: float = _POST_EVERY, update_every: float = _UPDATE_EVERY) -> None:
        self._post_every = post_every
        self._channels: dict[str, Lane] = {}
        self._updates: Lane | None = None
        self._update_every = update_every

    def posts(self, channel: str) -> Lane:
        """Where messages to this channel wait."""
        if channel not in self._channels:
            self._channels[channel] = Lane(self._post_every)
        return self._channels[channel]

    def updates(self) -> Lane:
        """Where edits wait, whatever the channel."""
        if self._updates is None:
            self._updates = Lane(self._update_every, _UPDATE_BURST)
        return self._updates


def _now() -> float:
    return asyncio.get_running_loop().time()

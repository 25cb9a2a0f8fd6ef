"""Time that jumps: an event loop whose clock moves to the next sleeper as soon as nobody has anything to do.

Everything that waits through asyncio waits in this time: the bot's clock, its leases, its pauses. So days
pass in milliseconds, and what happens when is the same in every run.
"""

import asyncio
import selectors
from datetime import datetime, timedelta
from typing import Any

from tests.support.builders import MORNING

# Real seconds. Only threads can wake a loop that has no sleepers; without them it would wait for ever.
_PATIENCE = 5.0


class _Jumping(selectors.DefaultSelector):
    """Asks for events without waiting, and lets the loop's time pass instead."""

    passed = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            events = super().select(_PATIENCE)
            if not events:
                raise RuntimeError("everybody waits, and nothing is left that could happen")
            return events
        events = super().select(0)
        if not events:
            self.passed += max(0.0, timeout)
        return events


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time, which begins at 0."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.passed


class VirtualClock:
    """The `Clock` of a virtual loop."""

    speed = 1.0

    def __init__(self, origin: datetime = MORNING) -> None:
        self._origin = origin

    def now(self) -> datetime:
        return self._origin + timedelta(seconds=asyncio.get_running_loop().time())

    def seconds(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, duration: timedelta) -> None:
        await asyncio.sleep(max(0.0, duration.total_seconds()))

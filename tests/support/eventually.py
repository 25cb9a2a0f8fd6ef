"""Waiting for what real servers do in their own time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

_Seen = TypeVar("_Seen")

# Between two looks: short beside what is waited for, long beside one request (real seconds).
_PAUSE = 0.1


async def eventually(
    look: Callable[[], Awaitable[_Seen]], holds: Callable[[_Seen], object], within: float = 30.0
) -> _Seen:
    """What `look` saw when it first satisfied `holds`.

    Raises:
        AssertionError: it did not within that many real seconds; the message tells what was seen last.
    """
    until = time.monotonic() + within
    while True:
        seen = await look()
        if holds(seen):
            return seen
        if time.monotonic() > until:
            raise AssertionError(f"not within {within:g} s; last seen: {seen!r}")
        await asyncio.sleep(_PAUSE)

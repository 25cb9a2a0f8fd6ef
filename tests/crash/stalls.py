"""Notices when this machine stood still: a run that could not run says nothing about the bot."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

_BEAT = 0.5
# A busy machine is late by a second; more than this costs leases and everybody's patience.
_LATE = 5.0


class Stalls:
    """When the newest one ended."""

    def __init__(self) -> None:
        self._ended = float("-inf")

    def any_since(self, moment: float) -> bool:
        return self._ended > moment

    async def watch(self) -> None:
        while True:
            began = time.monotonic()
            await asyncio.sleep(_BEAT)
            if time.monotonic() - began - _BEAT > _LATE:
                self._ended = time.monotonic()


@asynccontextmanager
async def watched() -> AsyncIterator[Stalls]:
    stalls = Stalls()
    watching = asyncio.create_task(stalls.watch())
    try:
        yield stalls
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching

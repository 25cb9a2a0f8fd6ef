"""One answer of Slack's: read once for all who ask at the same time, and kept for a while.

Slack's directory methods are its slowest (20 calls a minute), and fifty people may type at once. A failure is
remembered too, for a moment, so that a Slack that hangs is not asked again by each of them.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Generic, TypeVar

from bot.domain.errors import OutsideError, Throttled, Unreachable

_Answer = TypeVar("_Answer")

# How long a failure counts as the answer (real seconds), if Slack did not say itself.
_AFTER_FAILURE = 2.0


class Remembered(Generic[_Answer]):
    """An answer is fresh for `fresh` seconds; while Slack does not answer, usable for `usable` seconds."""

    def __init__(
        self, read: Callable[[], Awaitable[_Answer]], *, fresh: float, usable: float = float("inf")
    ) -> None:
        self._read = read
        self._fresh = fresh
        self._usable = usable
        self._answer: _Answer | None = None
        self._read_at = float("-inf")
        self._failed_until = float("-inf")
        self._failure = ""
        self._reading: asyncio.Task[None] | None = None

    @property
    def last(self) -> _Answer | None:
        """What was read last, however long ago; None if nothing ever was."""
        return self._answer

    async def get(self, *, fresh: float | None = None) -> _Answer:
        """The answer.

        Raises:
            OutsideError: it cannot be read, and what was read before is too old to count.
        """
        if self._age() >= (self._fresh if fresh is None else fresh) and now() >= self._failed_until:
            await self._read_again()
        if self._answer is None or self._age() >= self._usable:
            raise Unreachable("Slack", self._failure or "there was no answer")
        return self._answer

    async def _read_again(self) -> None:
        if self._reading is None or self._reading.done():
            self._reading = asyncio.ensure_future(self._try())
        # One who asks may give up; the others still wait.
        await asyncio.shield(self._reading)

    async def _try(self) -> None:
        try:
            self._answer = await self._read()
        except OutsideError as error:
            wait = error.retry_after if isinstance(error, Throttled) else None
            self._failed_until = now() + (wait or timedelta(seconds=_AFTER_FAILURE)).total_seconds()
            self._failure = error.message
        else:
            self._read_at = now()

    def _age(self) -> float:
        return now() - self._read_at


def now() -> float:
    """Real seconds, as the loop counts them."""
    return asyncio.get_running_loop().time()

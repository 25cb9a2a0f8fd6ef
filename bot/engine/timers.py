"""Wakes the bot for its timer rows.

The rows are the truth, the alarm clock only rings: it is set for the row that is due next and filled from the
rows at start, so a late timer fires at once.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog

from bot.ports import Clock, Journal

_log = structlog.get_logger(__name__)

# How long the alarm may sleep (real time). It is set anew whenever this process writes a row; the limit only
# covers rows that another replica wrote.
_LONGEST = timedelta(seconds=30)
# On a fast clock whose pace may change, what was computed from the old pace soon no longer holds.
_LONGEST_ON_A_FAST_CLOCK = timedelta(milliseconds=250)
_AGAIN = timedelta(milliseconds=200)


class Alarm:
    """Rings once, at a time of the bot's clock; setting it anew forgets the old setting.

    It waits by the loop's watch, so a wall clock that is set meanwhile makes it neither early nor late.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._handle: asyncio.TimerHandle | None = None
        self._answers: set[asyncio.Future[None]] = set()

    def stop(self) -> None:
        self._forget()
        for answer in self._answers:
            answer.cancel()

    def set(self, at: datetime | None, ring: Callable[[], Awaitable[None]]) -> None:
        """Ring at `at`, or earlier; None: nothing is due, so ring whenever it suits."""
        self._forget()
        speed = self._clock.speed
        left = _LONGEST if speed == 1.0 else _LONGEST_ON_A_FAST_CLOCK
        if at is not None:
            left = min(left, max(timedelta(0), (at - self._clock.now()) / speed))
        self._handle = asyncio.get_running_loop().call_later(left.total_seconds(), self._ring, ring)

    def _forget(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _ring(self, ring: Callable[[], Awaitable[None]]) -> None:
        """An earlier ring may still be being answered: a slow database must not cost the next one."""
        answer = asyncio.ensure_future(ring())
        self._answers.add(answer)
        answer.add_done_callback(self._answers.discard)


class Timers:
    """The timer rows of one bot process."""

    def __init__(self, journal: Journal, clock: Clock, wake: Callable[[str], None]) -> None:
        self._journal = journal
        self._clock = clock
        self._alarm = Alarm(clock)
        self._wake = wake
        self._is_on = False

    async def start(self) -> None:
        self._is_on = True
        await self.arm()

    def stop(self) -> None:
        self._is_on = False
        self._alarm.stop()

    async def arm(self, pause: timedelta = timedelta(0)) -> None:
        """Set the alarm for the row that is due next, but for no time before `pause` (real) is over.

        If the rows cannot be read, it rings before long.
        """
        due = None
        try:
            due = await self._journal.next_due()
        except Exception:  # noqa: BLE001 - as in the engine: an alarm that is not set never rings again
            _log.exception("timers-unreadable")
        if due is not None and pause:
            due = max(due, self._clock.now() + pause * self._clock.speed)
        if self._is_on:
            self._alarm.set(due, self._ring)

    async def _ring(self) -> None:
        fired: tuple[str, ...] = ()
        try:
            fired = await self._journal.due(self._clock.now())
            for run in fired:
                self._wake(run)
        except Exception:  # noqa: BLE001 - see `arm`
            _log.exception("timers-unreadable")
        finally:
            # A row that is due and cannot be fired now, or that another process holds, is not asked for again
            # at once.
            await self.arm(timedelta(0) if fired else _AGAIN)

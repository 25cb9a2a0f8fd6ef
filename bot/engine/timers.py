"""Wakes the bot for its timer rows.

The rows are the truth, the alarm clock only rings: it is set for the row that is due next and filled from the
rows at start, so a late timer fires at once. APScheduler is that alarm clock in the bot; whoever runs on a
virtual clock brings another one.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.domain.errors import SlackwaterError
from bot.ports import Clock, Journal

_log = structlog.get_logger(__name__)

# How long the alarm may sleep (real time). It is set anew whenever this process writes a row; the limit only
# covers rows that another replica wrote.
_LONGEST = timedelta(seconds=30)
# On a fast clock whose pace may change, what was computed from the old pace soon no longer holds.
_LONGEST_ON_A_FAST_CLOCK = timedelta(milliseconds=250)


class Alarm(Protocol):
    """Rings once, at a time of the bot's clock; setting it anew forgets the old setting."""

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def set(self, at: datetime | None, ring: Callable[[], Awaitable[None]]) -> None:
        """Ring at `at`, or earlier; None: nothing is due, so ring whenever it suits."""
        ...


class APSchedulerAlarm:
    """The alarm of the real bot."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._scheduler = AsyncIOScheduler(timezone=UTC)

    def start(self) -> None:
        self._scheduler.start()

    def stop(self) -> None:
        self._scheduler.shutdown(wait=False)

    def set(self, at: datetime | None, ring: Callable[[], Awaitable[None]]) -> None:
        speed = self._clock.speed
        left = _LONGEST if speed == 1.0 else _LONGEST_ON_A_FAST_CLOCK
        if at is not None:
            left = min(left, max(timedelta(0), (at - self._clock.now()) / speed))
        self._scheduler.add_job(
            ring,
            "date",
            run_date=datetime.now(UTC) + left,
            id="next-timer",
            replace_existing=True,
            misfire_grace_time=None,
        )


class Timers:
    """The timer rows of one bot process."""

    def __init__(self, journal: Journal, clock: Clock, alarm: Alarm, wake: Callable[[str], None]) -> None:
        self._journal = journal
        self._clock = clock
        self._alarm = alarm
        self._wake = wake

    async def start(self) -> None:
        self._alarm.start()
        await self.arm()

    def stop(self) -> None:
        self._alarm.stop()

    async def arm(self) -> None:
        """Set the alarm for the row that is due next; if the rows cannot be read, it rings before long."""
        due = None
        try:
            due = await self._journal.next_due()
        except SlackwaterError:
            _log.exception("timers-unreadable")
        self._alarm.set(due, self._ring)

    async def _ring(self) -> None:
        try:
            for run in await self._journal.due(self._clock.now()):
                self._wake(run)
        except SlackwaterError:
            _log.exception("timers-unreadable")
        finally:
            await self.arm()

"""Wakes the bot for its timer rows.

The rows are the truth, APScheduler is the alarm clock: it holds one job, for the row that is due next, and is
filled from the rows at start. A late timer fires at once. On a fast clock whose pace may change, the alarm
never sleeps longer than a moment, because what it computed from the old pace no longer holds.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.domain.errors import JournalError
from bot.ports import Clock, Journal

_log = structlog.get_logger(__name__)

_JOB = "next-timer"
# How long the alarm may sleep (real time). On real time the rows of this process re-arm it when they are
# written, and the limit only covers rows that another replica wrote.
_LONGEST = timedelta(seconds=30)
_LONGEST_ON_A_FAST_CLOCK = timedelta(milliseconds=250)


class Timers:
    """The alarm clock of one bot process."""

    def __init__(self, journal: Journal, clock: Clock, wake: Callable[[str], Awaitable[None]]) -> None:
        self._journal = journal
        self._clock = clock
        self._wake = wake
        self._alarm = AsyncIOScheduler(timezone=UTC)

    async def start(self) -> None:
        self._alarm.start()
        await self.arm()

    def stop(self) -> None:
        self._alarm.shutdown(wait=False)

    async def arm(self) -> None:
        """Set the alarm for the row that is due next."""
        speed = self._clock.speed
        longest = _LONGEST if speed == 1.0 else _LONGEST_ON_A_FAST_CLOCK
        due = await self._journal.next_due()
        left = longest
        if due is not None:
            left = min(longest, max(timedelta(0), (due - self._clock.now()) / speed))
        self._alarm.add_job(
            self._ring,
            "date",
            run_date=datetime.now(UTC) + left,
            id=_JOB,
            replace_existing=True,
            misfire_grace_time=None,
        )

    async def _ring(self) -> None:
        try:
            for run in await self._journal.due(self._clock.now()):
                await self._wake(run)
        except JournalError:
            _log.exception("timers-unreadable")
        finally:
            await self.arm()

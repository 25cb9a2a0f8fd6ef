"""The bot's alarm clock: it has to ring for every row that is due, whatever else goes on at that moment."""

import asyncio
from datetime import datetime

from bot.clients.clock import RealClock
from bot.engine.timers import Alarm, Timers
from tests.support.memory_journal import MemoryJournal

# Far more than a few rings take; a test that waits so long has failed.
_LONG = 20.0


async def test_an_alarm_that_is_set_while_it_rings_rings_again() -> None:
    """Two rows may be due within a millisecond: the second one is due when the first one's ring ends."""
    clock, alarm = RealClock(), Alarm(RealClock())
    rung: list[datetime] = []
    all_rung = asyncio.Event()

    async def ring() -> None:
        rung.append(clock.now())
        if len(rung) == 3:
            all_rung.set()
        else:
            alarm.set(clock.now(), ring)

    alarm.set(clock.now(), ring)

    await asyncio.wait_for(all_rung.wait(), _LONG)
    alarm.stop()


async def test_an_alarm_rings_while_an_earlier_ring_is_still_being_answered() -> None:
    """A database that is slow to answer must not cost the row that becomes due meanwhile."""
    clock, alarm = RealClock(), Alarm(RealClock())
    second = asyncio.Event()

    async def ring_first() -> None:
        alarm.set(clock.now(), ring_second)
        await second.wait()

    async def ring_second() -> None:
        second.set()

    alarm.set(clock.now(), ring_first)

    await asyncio.wait_for(second.wait(), _LONG)
    alarm.stop()


async def test_a_row_that_is_due_and_cannot_be_fired_is_not_asked_for_without_a_pause() -> None:
    """Another process may hold it; who asks a thousand times a second leaves the database no rest."""
    clock, asked = RealClock(), asyncio.Queue[datetime]()

    class Held(MemoryJournal):
        async def next_due(self) -> datetime | None:
            return clock.now()

        async def due(self, now: datetime) -> tuple[str, ...]:
            asked.put_nowait(now)
            return ()

    timers = Timers(Held(clock), clock, lambda run: None)
    await timers.start()
    async with asyncio.timeout(_LONG):
        first, second, third = [await asked.get() for _ in range(3)]
    timers.stop()

    assert min(second - first, third - second).total_seconds() > 0.1

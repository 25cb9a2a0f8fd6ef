"""Time that moves when a test says so."""

from datetime import datetime, timedelta

from tests.support.builders import MORNING


class HandClock:
    """A `Clock` that a test turns by hand; also a watch (`seconds`). Sleeping moves it at once."""

    speed = 1.0

    def __init__(self, start: datetime = MORNING) -> None:
        self._now = start

    def now(self) -> datetime:
        return self._now

    def seconds(self) -> float:
        return self._now.timestamp()

    def advance(self, by: timedelta) -> None:
        self._now += by

    async def sleep(self, duration: timedelta) -> None:
        self.advance(max(duration, timedelta(0)))

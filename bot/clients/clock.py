"""The clocks behind the `Clock` port: real time, and real time made faster.

A demo or a rehearsal runs bot, cluster and metrics as separate processes on one fast clock. They share
it through the environment: `SLACKWATER_CLOCK=60@2026-11-23T09:00:00Z` means that at real time 09:00 UTC
simulated time was 09:00 too, and has run sixty times as fast since. Nothing else is shared, so a process
that is killed and started again is on time at once.

The demo slows down while a person is asked. Then the variable carries a file as well
(`60@2026-11-23T09:00:00Z@/tmp/pace`): one line, `<real> <simulated> <speed>`, replaced in one move by whoever
sets the pace. A missing or unreadable file means that the origin and speed of the variable hold.
"""

import asyncio
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.domain.errors import ConfigError

VARIABLE = "SLACKWATER_CLOCK"

# A sleeper on a paced clock looks this often whether the pace has changed (real seconds).
_PACE_CHECK = 0.2


class RealClock:
    """Time as it is."""

    speed = 1.0

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, duration: timedelta) -> None:
        await asyncio.sleep(max(0.0, duration.total_seconds()))


@dataclass(frozen=True)
class Pace:
    """From the real moment `real` (Unix seconds), which was `simulated`, time runs `speed` times as fast."""

    real: float
    simulated: float
    speed: float

    def at(self, real: float) -> float:
        return self.simulated + (real - self.real) * self.speed


class ScaledClock:
    """Real time made faster; several processes with the same origin, speed and pace file agree on it."""

    def __init__(self, origin: datetime, speed: float, pace_file: Path | None = None) -> None:
        start = origin.timestamp()
        self._pace = Pace(start, start, speed)
        self._pace_file = pace_file
        self._stamp: tuple[int, int] | None = None

    @property
    def speed(self) -> float:
        return self._current().speed

    def now(self) -> datetime:
        real = datetime.now(UTC).timestamp()
        return datetime.fromtimestamp(self._current().at(real), UTC)

    async def sleep(self, duration: timedelta) -> None:
        until = self.now() + duration
        while (left := (until - self.now()).total_seconds()) > 0:
            real = left / self.speed
            await asyncio.sleep(real if self._pace_file is None else min(real, _PACE_CHECK))

    def _current(self) -> Pace:
        if self._pace_file is not None:
            self._read_pace(self._pace_file)
        return self._pace

    def _read_pace(self, file: Path) -> None:
        try:
            status = file.stat()
            stamp = (status.st_mtime_ns, status.st_ino)
            if stamp == self._stamp:
                return
            real, simulated, speed = (float(word) for word in file.read_text().split())
        except (OSError, ValueError):
            return
        if speed > 0:
            self._stamp, self._pace = stamp, Pace(real, simulated, speed)


def set_pace(file: Path, clock: ScaledClock, speed: float) -> None:
    """Let time run `speed` times as fast from now on, for every process that reads `file`."""
    line = f"{datetime.now(UTC).timestamp()!r} {clock.now().timestamp()!r} {speed!r}\n"
    fresh = file.with_name(f"{file.name}.{os.getpid()}")
    fresh.write_text(line)
    fresh.replace(file)


def clock_from(text: str | None) -> RealClock | ScaledClock:
    """The clock that the value of `SLACKWATER_CLOCK` describes; real time where it is unset or empty.

    Raises:
        ConfigError: the value is not `<speed>@<origin>` or `<speed>@<origin>@<file>`.
    """
    if not text:
        return RealClock()
    speed, _, rest = text.partition("@")
    origin, _, file = rest.partition("@")
    try:
        start = datetime.fromisoformat(origin)
        factor = float(speed)
    except ValueError as error:
        raise _unreadable(text) from error
    if start.tzinfo is None or not 0 < factor < 1_000_000:
        raise _unreadable(text)
    return ScaledClock(start, factor, Path(file) if file else None)


def _unreadable(text: str) -> ConfigError:
    return ConfigError(
        where=VARIABLE,
        key=VARIABLE,
        value=text,
        remedy="write <speed>@<origin>, for example 60@2026-11-23T09:00:00Z, or unset it for real time",
    )

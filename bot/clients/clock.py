"""The clocks behind the `Clock` port: real time, and real time made faster.

A demo or a rehearsal runs bot, cluster and metrics as separate processes on one fast clock. They share
it through the environment: `SLACKWATER_CLOCK=60@2026-11-23T09:00:00Z` means that at real time 09:00 UTC
simulated time was 09:00 too, and has run sixty times as fast since. Nothing else is shared, so a process
that is killed and started again is on time at once.

The demo slows down while a person is asked. Then the variable carries a file as well
(`60@2026-11-23T09:00:00Z@/tmp/pace`): one line, `<real> <simulated> <speed> <steady>`, replaced in one move
by whoever sets the pace. A missing or unreadable file means that the variable's origin and speed hold.

**A wall clock that is set.** The machine's time may be set by an hour while the bot runs. Bakes and questions
must neither end early nor last longer for it. So the wall is read once, at the start of the process; from
there on a steady clock counts, which nobody sets and which goes on while the machine sleeps. It is the same
for all processes of a machine: with `<steady>` in the pace file, those that were started before and after the
wall clock was set agree.
"""

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

from bot.domain.errors import ConfigError

VARIABLE = "SLACKWATER_CLOCK"

_log = structlog.get_logger(__name__)

# A sleeper on a paced clock looks this often whether the pace has changed (real seconds).
_PACE_CHECK = 0.2
# A wall clock that is further away was set; what time servers correct by themselves is far below.
_SET = 5.0
# Linux; elsewhere the monotonic clock does the same, or stops while the machine sleeps, which is said then.
_STEADY: int | None = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))


def steady() -> float:
    """Seconds on the machine's steady clock; from when it counts is the system's business."""
    return time.monotonic() if _STEADY is None else time.clock_gettime(_STEADY)


class RealTime:
    """Unix seconds that run evenly, whatever becomes of the wall clock."""

    def __init__(self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = steady) -> None:
        self._wall = wall
        self._steady = steady
        self._began = wall() - steady()
        self._told = 0.0  # how far the wall clock was away when that was last said

    def now(self) -> float:
        now = self.at(self._steady())
        away = self._wall() - now
        if abs(away - self._told) > _SET:
            self._told = away
            _log.error(
                "wall-clock-was-set",
                seconds=round(away, 1),
                remedy="the bot's time runs on evenly and differs by that much until it is started again",
            )
        return now

    def at(self, shown: float) -> float:
        """When the steady clock showed this."""
        return self._began + shown

    def steady(self) -> float:
        return self._steady()


class RealClock:
    """Time as it was at the start, and evenly on from there."""

    speed = 1.0

    def __init__(self, real: RealTime | None = None) -> None:
        self._real = real or RealTime()

    def now(self) -> datetime:
        return _moment(self._real.now())

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

    def __init__(
        self, origin: datetime, speed: float, pace_file: Path | None = None, real: RealTime | None = None
    ) -> None:
        start = origin.timestamp()
        self._real = real or RealTime()
        self._pace = Pace(start, start, speed)
        self._pace_file = pace_file
        self._stamp: tuple[int, int] | None = None

    @property
    def speed(self) -> float:
        return self._current().speed

    def now(self) -> datetime:
        return _moment(self._current().at(self._real.now()))

    def paced(self, speed: float) -> str:
        """The line of a pace file by which time runs `speed` times as fast from now on."""
        now = self._real.now()
        return f"{now!r} {self._current().at(now)!r} {speed!r} {self._real.steady()!r}\n"

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
            pace = self._pace_of(file.read_text())
            _moment(pace.at(self._real.now()))
        except (OSError, ValueError, OverflowError):
            return
        if pace.speed > 0:
            self._stamp, self._pace = stamp, pace

    def _pace_of(self, line: str) -> Pace:
        real, simulated, speed, *told = (float(word) for word in line.split())
        # Whoever wrote it may have been started before the wall clock was set, or after.
        return Pace(self._real.at(told[0]) if told else real, simulated, speed)


def set_pace(file: Path, clock: ScaledClock, speed: float) -> None:
    """Let time run `speed` times as fast from now on, for every process that reads `file`."""
    fresh = file.with_name(f"{file.name}.{os.getpid()}")
    fresh.write_text(clock.paced(speed))
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
    try:
        clock = ScaledClock(start, factor, Path(file) if file else None)
        clock.now()
    except (ValueError, OverflowError) as error:
        raise _unreadable(text) from error
    return clock


def _moment(seconds: float) -> datetime:
    """Raises `ValueError` or `OverflowError` where no calendar reaches."""
    return datetime.fromtimestamp(seconds, UTC)


def _unreadable(text: str) -> ConfigError:
    return ConfigError(
        where=VARIABLE,
        key=VARIABLE,
        value=text,
        remedy="write <speed>@<origin>, for example 60@2026-11-23T09:00:00Z, or unset it for real time",
    )

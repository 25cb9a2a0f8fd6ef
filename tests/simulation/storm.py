"""What goes wrong by itself, not at a call: outages, cut-offs, kills out of the blue, clocks that are set.

It happens at times drawn from the seed, from the start of the run until the storm is over.
"""

import random
from collections.abc import Callable
from datetime import timedelta

from tests.simulation.bot import SimulatedBot
from tests.simulation.figures import Users
from tests.simulation.loop import SeededLoop
from tests.simulation.trace import Trace
from tests.simulation.weather import Weather

# By how much a clock is set: a little, and an hour forward as at the beginning of summer time. An hour back
# makes whatever waits by that clock wait an hour longer, and each simulation with it.
_JUMPS = (-180.0, -60.0, -5.0, 5.0, 60.0, 3600.0)


class Storm:
    """Plans its misfortunes when it begins; each looks at what is there when its time has come."""

    def __init__(
        self,
        seed: int,
        loop: SeededLoop,
        weather: Weather,
        trace: Trace,
        bots: dict[str, SimulatedBot],
        restart: Callable[[SimulatedBot], None],
    ) -> None:
        self._loop = loop
        self._weather = weather
        self._trace = trace
        self._bots = bots
        self._restart = restart
        self._chance = random.Random(f"{seed}/storm")

    def begins(self) -> None:
        forecast = self._weather.forecast
        if forecast.outages:
            at = self._chance.expovariate(1 / forecast.outages)
            while at < forecast.storm:
                self._plan(at, self._weather.outage)
                at += self._chance.expovariate(1 / forecast.outages)
        misfortunes = (
            (forecast.crashes, self._kill),
            (forecast.freezes, self._freeze),
            (forecast.cut_offs, self._cut_off),
            (forecast.jumps, self._set_clock),
            (forecast.restarts, self._replace),
        )
        for number, happens in misfortunes:
            for _ in range(number):
                self._plan(self._chance.uniform(0, forecast.storm), happens)

    def _plan(self, at: float, happens: Callable[[], None]) -> None:
        self._loop.later_in_world(at, self._unless_calm, happens)

    def _unless_calm(self, happens: Callable[[], None]) -> None:
        if not self._weather.is_calm:
            happens()

    def _kill(self) -> None:
        bot = self._any()
        if bot is not None and self._weather.crashes < self._weather.forecast.crashes:
            self._weather.kill(bot.life, "out of the blue")

    def _freeze(self) -> None:
        bot = self._any()
        if bot is not None and self._weather.freezes < self._weather.forecast.freezes:
            self._weather.freeze(bot.life, "out of the blue")

    def _cut_off(self) -> None:
        bot = self._any()
        if bot is not None:
            self._weather.away(f"database of {bot.life}", self._chance.uniform(2, 30))

    def _set_clock(self) -> None:
        bot = self._any()
        if bot is None:
            return
        by = self._chance.choice(_JUMPS)
        self._trace.note(bot.life, f"its clock is set by {by:+.0f} s")
        self._trace.count("clock jumps")
        is_shared = self._weather.forecast.is_one_machine
        for one in self._bots.values() if is_shared else (bot,):
            one.clock.offset += timedelta(seconds=by)

    def _replace(self) -> None:
        bot = self._any()
        if bot is not None:
            self._restart(bot)

    def _any(self) -> SimulatedBot | None:
        """A process that is up."""
        up = [bot for bot in self._bots.values() if bot.is_up]
        return self._chance.choice(up) if up else None


def spoil(version: str, how: str, users: Users, unhealthy: set[str]) -> dict[str, dict[str, bool]]:
    """Let a version be bad; what the cluster has to know of it."""
    match how:
        case "errors":
            users.error_rate[version] = 0.1
        case "slow":
            users.slow.add(version)
        case "unhealthy":
            unhealthy.add(version)
        case "never ready":
            return {version: {"never_ready": True}}
        case "crashing":
            return {version: {"crash": True}}
    return {}

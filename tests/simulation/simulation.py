"""One seed's world: the bot's processes, their store, Slack, the cluster, people and weather, on one clock.

`Simulation` puts it together and lets it run: a storm first, then calm, in which the run has to end and
everything has to be said. What must hold then is judged elsewhere (`judgement`), from the outside.
"""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from bot.domain.errors import IllegalTransition, OutsideError, SlackwaterError, UnknownEvent
from tests.simulation.bot import Neighbours, ProcessClock, SimulatedBot
from tests.simulation.cluster import SimulatedCluster
from tests.simulation.database import Bell, Store, fresh
from tests.simulation.figures import (
    SimulatedGates,
    SimulatedHealth,
    SimulatedMetrics,
    SimulatedVersions,
    Users,
)
from tests.simulation.forecast import Forecast
from tests.simulation.kubernetes import KubeRoad
from tests.simulation.loop import Life, SeededLoop
from tests.simulation.people import ADA, People
from tests.simulation.slack import SimulatedSlack
from tests.simulation.staging import StagingHealth
from tests.simulation.storm import Storm, spoil
from tests.simulation.trace import Trace
from tests.simulation.weather import Weather
from tests.simulation.witness import Witness
from tests.support.builders import MORNING

NEW = "v2.5.0"
_LOOK = 1.0
# A run that has not ended after this much calm (virtual seconds) will never end.
_LONGEST = 3 * 3600.0
_RESTART = (0.5, 10.0)
# What asyncio says of a task that nobody holds any more: a killed process leaves such tasks behind.
_DROPPED = "Task was destroyed but it is pending!"
# People type again if nothing has come of it.
_PATIENCE = 15.0


# Of Slackwater's own errors these are never an answer to trouble: they say that the bot is wrong.
_BUGS = (IllegalTransition, UnknownEvent)


class Stuck(AssertionError):
    """What has to happen does not."""


def is_a_bug(error: object) -> bool:
    """Whether nobody has made this error on purpose."""
    return not isinstance(error, SlackwaterError) or isinstance(error, _BUGS)


class Simulation:
    """All of one seed."""

    def __init__(self, seed: int, forecast: Forecast, loop: SeededLoop, template: Path) -> None:
        self.forecast = forecast
        self.loop = loop
        self.trace = Trace(loop.time)
        self.weather = Weather(seed, forecast, loop, self.trace)
        self.weather.killed = self._killed
        self.unhealthy: set[str] = set()
        self.bots: dict[str, SimulatedBot] = {}  # by name; those that are dead are kept
        self.unexpected: list[str] = []  # errors that nobody has made on purpose
        self._seed = seed
        self._has_people = False
        self._numbers = count(1)
        self._names = count(1)
        self._dead: set[str] = set()
        self._background: set[asyncio.Task[None]] = set()
        self._chance = random.Random(f"{seed}/world")
        self._build(template)

    def _build(self, template: Path) -> None:
        seed, loop, weather, trace = self._seed, self.loop, self.weather, self.trace
        file = template.with_name(f"{template.stem}-run.db")
        fresh(template, file)
        self.witness = Witness(file, loop.time, trace, self._next_number)
        self.cluster = SimulatedCluster(seed, self.forecast, self._now, loop.time, trace)
        self.cluster.next_number = self._next_number
        self.users = Users(self.cluster)
        self.cluster.counted = self.users.count
        self.slack = SimulatedSlack(seed, loop, weather, trace)
        self.people = People(seed, self.slack, weather, trace, self.bots)
        self.storm = Storm(seed, loop, weather, trace, self.bots, self._replace)
        self._around = Neighbours(
            loop=loop,
            weather=weather,
            database=file,
            store=Store(Bell(seed, loop, weather), self.witness),
            slack=self.slack,
            kubernetes=KubeRoad(seed, loop, self.cluster, weather, trace),
            metrics=lambda clock: SimulatedMetrics(seed, self.users, self.cluster, weather, clock),
            health=SimulatedHealth(seed, self.cluster, self.unhealthy),
            staging_health=StagingHealth(seed, self.cluster, self.unhealthy),
            gates=SimulatedGates(seed, weather, trace),
            versions=SimulatedVersions(),
            ids=random.Random(f"{seed}/ids"),
            dead=self._dead,
        )

    async def play(self) -> None:
        """The seed's story, until the storm is over or the run has ended."""
        await self.begins()
        self.people_come()
        with suppress(Stuck):
            await self.until(lambda: self.witness.is_over, "a storm ends by itself", self.forecast.storm)
        if self.witness.is_over:
            # Some more bad weather for those who tell of the end.
            await asyncio.sleep(self._chance.uniform(0, 15))

    async def ends(self) -> None:
        """All is mended and people answer, so the run has to end."""
        self.calms_down()
        if not self._has_people:
            self.people_come()
        await self.until(lambda: self.witness.is_over, "the run has not ended")
        await self.until(lambda: self.witness.is_closed, "what the run has left is still there")

    def people_come(self) -> None:
        self._has_people = True
        self._keep(self.loop.in_world(self.people.live()))

    async def begins(self) -> None:
        """The processes are up, and somebody has started a run."""
        self.loop.set_exception_handler(self._not_expected)
        self.trace.note("seed", f"{self._seed}: {self.forecast}")
        self.trace.count(f"strategy: {self.forecast.strategy}")
        if self.forecast.rehearses:
            self.trace.count("rehearsed on staging")
        for _ in range(self.forecast.processes):
            self.start_process()
        if self.forecast.bad is not None:
            self.cluster.put_faults(spoil(NEW, self.forecast.bad, self.users, self.unhealthy))
        self.storm.begins()
        typed = -_PATIENCE
        while not self.witness.entries:
            if self.loop.time() - typed >= _PATIENCE:
                self.people.type(ADA, f"{NEW} {self.forecast.strategy}")
                typed = self.loop.time()
            await asyncio.sleep(_LOOK)

    def start_process(self) -> SimulatedBot:
        name = f"bot-{next(self._names)}"
        clock = ProcessClock(MORNING)
        if self.forecast.is_one_machine and self.bots:
            clock.offset = next(iter(self.bots.values())).clock.offset
        bot = SimulatedBot(name, self._around, clock)
        self.bots[name] = bot
        self.trace.note(name, "starts")
        bot.start().add_done_callback(lambda starting: self._started(bot, starting))
        return bot

    def calms_down(self) -> None:
        """All is mended: who is frozen goes on, who is dead is started again, people answer."""
        self.weather.ends()
        self.cluster.put_faults({})
        self.users.error_rate.clear()
        self.users.slow.clear()
        self.unhealthy.clear()
        for bot in list(self.bots.values()):
            self.weather.thaw(bot.life)

    async def until(
        self, condition: Callable[[], bool], otherwise: str, limit: float = _LONGEST, look: float = _LOOK
    ) -> None:
        """Wait until it is so.

        Raises:
            Stuck: it is still not so after the limit.
        """
        end = self.loop.time() + limit
        while not condition():
            if self.loop.time() >= end:
                raise Stuck(f"{otherwise} after {limit:.0f} s of calm; newest: {self.witness.newest()}")
            await asyncio.sleep(look)

    async def stop(self) -> None:
        """Everybody goes home, in an orderly way."""
        up = [bot for bot in self.bots.values() if bot.is_up]
        await asyncio.gather(*(bot.stops() for bot in up))
        for task in self._background:
            task.cancel()

    def close(self) -> None:
        self.witness.close()

    def _started(self, bot: SimulatedBot, starting: asyncio.Task[None]) -> None:
        error = None if starting.cancelled() else starting.exception()
        if isinstance(error, OutsideError) and bot.life.is_alive:
            # As `slackwater serve` does: it says why, and whoever watches over it starts it again.
            self.trace.note(bot.life, f"exits: {error}")
            bot.life.is_alive = False
            self._killed(bot.life)
        elif error is not None:
            self._not_expected(self.loop, {"message": f"{bot.life} does not start", "exception": error})

    def _killed(self, life: Life) -> None:
        self._dead.add(life.name)
        self.loop.later_in_world(self._chance.uniform(*_RESTART), self.start_process)

    def _replace(self, bot: SimulatedBot) -> None:
        """A rolling update: a process is told to stop, and another one is started."""
        self.trace.note(bot.life, "is told to stop")
        self.trace.count("restarts")
        self._keep(bot.stops())
        self._keep(self.loop.in_world(self._followed(bot)))

    async def _followed(self, bot: SimulatedBot) -> None:
        await asyncio.sleep(self._chance.uniform(*_RESTART))
        self.start_process()

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def _now(self) -> datetime:
        return MORNING + timedelta(seconds=self.loop.time())

    def _next_number(self) -> int:
        return next(self._numbers)

    def _not_expected(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if context["message"] == _DROPPED:
            return  # what a killed process was about to do
        error = context.get("exception")
        told = f"{context['message']}: {type(error).__name__}: {error}" if error else context["message"]
        self.trace.note("loop", told)
        self.unexpected.append(told)

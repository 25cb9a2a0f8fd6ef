"""One process of the bot: the real rooms, introduced to each other as `bot.wiring.assembly` does it.

This is the only place that knows how a bot is put together. Its neighbours are simulated: the database's
road, Slack's client, the cluster's API, metrics, the clock. Everything runs in the context of one `Life`, so
that it can be frozen or killed.
"""

import asyncio
import random
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from bot.analysis import Limits, TriggerLimits
from bot.clients.kube import KubeClient
from bot.domain.journeys import Journey, Request
from bot.domain.people import Person, Role
from bot.domain.plan import Plan, Target
from bot.domain.run import Run
from bot.domain.traffic import ByColour
from bot.engine import Engine, TriggerWatch
from bot.operations import Deployable, Desk
from bot.platforms.kubernetes import KubernetesPlatform, router
from bot.ports import GateRunner, HealthProbe, MetricSource, StepKind, Versions, World
from bot.slack import Channels, Directory, SlackCalls, SlackPublisher, SlackRoles
from bot.slack.roles import Grantee
from bot.steps import catalogue
from bot.views.answers import Answer
from bot.views.items import Item, Picture, Setting
from bot.views.messages import messages
from handlers.office import Office
from storage import Messages, SQLJournal, SQLRuns
from strategies import blue_green, canary, rolling
from strategies.settings import BlueGreenSettings, CanarySettings, RollingSettings, StagingSettings
from strategies.staging import rehearsed
from tests.simulation.cluster import IMAGE, target
from tests.simulation.database import SimulatedDatabase, Store
from tests.simulation.kubernetes import KubeRoad
from tests.simulation.loop import Life, SeededLoop
from tests.simulation.slack import SimulatedCalls, SimulatedSlack, SlackClient
from tests.simulation.staging import StagingMetrics, ground
from tests.simulation.weather import Weather
from tests.support.virtual import VirtualClock

_Result = TypeVar("_Result")

COMMAND = "/deploy"
_PATH = Journey(name="buy", requests=(Request(method="GET", path="/cart"),))
_REHEARSAL = StagingSettings(smoke=("make", "smoke"), journeys=(_PATH,), watch=timedelta(seconds=6))
LIMITS = Limits(min_requests=50, skip_first=timedelta(seconds=2))
TRIGGERS = TriggerLimits(
    error_rate_for=timedelta(seconds=20), p95_for=timedelta(seconds=30), health_for=timedelta(seconds=20)
)


class ProcessClock(VirtualClock):
    """The clock on one process's wall, which somebody may set."""

    def __init__(self, origin: datetime) -> None:
        super().__init__(origin)
        self.offset = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.offset


@dataclass(frozen=True)
class Neighbours:
    """All that is outside the processes, and the same for each of them."""

    loop: SeededLoop
    weather: Weather
    database: Path
    store: Store
    slack: SimulatedSlack
    kubernetes: KubeRoad
    metrics: Any
    health: HealthProbe
    staging_health: HealthProbe
    gates: GateRunner
    versions: Versions
    ids: random.Random
    dead: set[str]  # the names of processes that are no more


class SimulatedBot:
    """A process of the bot, ready to start."""

    def __init__(self, name: str, neighbours: Neighbours, clock: ProcessClock) -> None:
        self.life = Life(name)
        self.clock = clock
        self.is_stopping = False
        self._around = neighbours
        self.office: Office
        self.life.context.run(self._assemble)

    def _assemble(self) -> None:
        around, forecast = self._around, self._around.weather.forecast
        self.database = SimulatedDatabase(around.database, around.weather, around.store)
        self._runs = SQLRuns(self.database, self.clock)
        journal = SQLJournal(
            self.database,
            self.clock,
            around.loop.time,
            is_gone=self._is_gone if forecast.is_one_machine else None,
        )
        self._calls: SlackCalls = SimulatedCalls(SlackClient(around.slack))
        self._directory = Directory(self._calls)
        self._roles = SlackRoles(self._directory, GRANTED)
        self._publisher = SlackPublisher(
            calls=self._calls,
            memory=Messages(self.database, self.clock.now),
            channels=self._channels,
            setting=self._setting_of,
            views=Views(),
            draw=_draw,
            speaks_for=self._speaks_for,
        )
        self._kube: KubeClient = around.kubernetes.client()
        self._metrics: MetricSource = around.metrics(self.clock)
        self._staging_metrics = StagingMetrics(self.clock.now(), around.weather, self.clock)
        self.engine = Engine(
            journal=journal,
            clock=self.clock,
            publisher=self._publisher,
            world=self._world,
            kinds=self._kinds,
            triggers=lambda plan, world: TriggerWatch(
                journal, self.clock, world.metrics, world.health, TRIGGERS
            ),
            owner=self.life.name,
            new_id=lambda: f"{around.ids.getrandbits(64):016x}",
        )
        desk = Desk(
            deployables=(_deployable(self._around.weather),),
            strategies={
                forecast.strategy: lambda request, where: _write_plan(request, where, forecast.settings)
            },
            versions=lambda application: around.versions,
            platform=self._platform,
            runs=self._runs,
            journal=journal,
            roles=self._roles,
            clock=self.clock,
            nudge=self.engine.nudge,
        )
        self.office = Office(desk=desk, slack=self, setting=self._setting, command=COMMAND)

    @property
    def is_up(self) -> bool:
        """Neither dead nor frozen, nor on its way out."""
        return self.life.is_alive and not self.life.is_frozen and not self.is_stopping

    def start(self) -> asyncio.Task[None]:
        self._starting = self.does(self.engine.start())
        return self._starting

    def stops(self) -> asyncio.Task[None]:
        """As it does when it is told to (SIGTERM)."""
        return self.does(self._stop())

    def does(self, work: Coroutine[Any, Any, _Result]) -> asyncio.Task[_Result]:
        """Something is carried out in this process."""
        context = self.life.context.copy()
        return self._around.loop.create_task(work, context=context)

    async def _stop(self) -> None:
        self.is_stopping = True
        # `serve` looks whether it was told to stop once it has started.
        await asyncio.wait({self._starting})
        await self.engine.park()
        await self._publisher.hush()
        await self.engine.release()
        await self._publisher.close()

    # What handlers ask of the workspace (`handlers.office.Slack`).

    async def person(self, user: str) -> Person:
        return await self._directory.person(user)

    def threads(self) -> dict[str, str]:
        return self._publisher.links()

    async def open_view(self, trigger: str, view: dict[str, Any]) -> None:
        await self._calls.open_view(trigger, view)

    async def publish_home(self, user: str, view: dict[str, Any]) -> None:
        await self._calls.publish_home(user, view)

    async def whisper(self, channel: str, user: str, answer: Answer, thread: str | None) -> None:
        await self._calls.ephemeral(channel, user, text=answer.text, blocks=answer.blocks, thread=thread)

    # What the rooms ask of each other.

    def _is_gone(self, owner: str) -> bool:
        return owner in self._around.dead

    def _speaks_for(self, run: str) -> bool:
        return self.engine.holds(run)

    def _world(self, plan: Plan) -> World:
        around, staging = self._around, None
        if plan.staging is not None:
            staging = self._reached(plan.staging.target, around.staging_health, self._staging_metrics)
        return replace(self._reached(plan.target, around.health, self._metrics), staging=staging)

    def _reached(self, target: Target, health: HealthProbe, metrics: MetricSource) -> World:
        return World(
            platform=self._platform(target),
            traffic=router(self._kube, target),
            health=health,
            metrics=metrics,
            gates=self._around.gates,
        )

    def _platform(self, target: Target) -> KubernetesPlatform:
        return KubernetesPlatform(self._kube, target)

    def _kinds(self, plan: Plan, world: World) -> dict[str, StepKind]:
        return dict(catalogue(world, LIMITS))

    async def _channels(self) -> Channels:
        return await self._directory.channels("#deploys", ("#releases",))

    async def _setting(self) -> Setting:
        return Setting(command=COMMAND, approvers=await self._roles.mentions(Role.APPROVER))

    async def _setting_of(self, run: Run) -> Setting:
        return await self._setting()


class Views:
    """How a run's messages should stand; worked out once for what is asked several times over."""

    def __init__(self) -> None:
        self._last: tuple[Run, Setting, tuple[Item, ...]] | None = None

    def __call__(self, run: Run, setting: Setting) -> tuple[Item, ...]:
        last = self._last
        if last is None or last[0] is not run or last[1] != setting:
            last = self._last = (run, setting, messages(run, setting))
        return last[2]


GRANTED: dict[Role, tuple[Grantee, ...]] = {
    Role.DEPLOYER: (Grantee(handle="engineers"),),
    Role.APPROVER: (Grantee(handle="oncall"),),
}


def _deployable(weather: Weather) -> Deployable:
    traffic = weather.forecast.routing.traffic
    return Deployable(
        application="checkout",
        environment="production",
        image=IMAGE,
        strategies=(weather.forecast.strategy,),
        is_default=True,
        target=target(weather.forecast.routing),
        staging=ground() if weather.forecast.rehearses else None,
        colours=traffic if isinstance(traffic, ByColour) else None,
        approvals=weather.forecast.approvals,
        gates=weather.forecast.gates,
    )


def _write_plan(
    request: Any, where: Deployable, settings: CanarySettings | RollingSettings | BlueGreenSettings
) -> Plan:
    written = _written(request, where, settings)
    return written if where.staging is None else rehearsed(written, where.staging, _REHEARSAL)


def _written(
    request: Any, where: Deployable, settings: CanarySettings | RollingSettings | BlueGreenSettings
) -> Plan:
    if isinstance(settings, CanarySettings):
        return canary.plan(request, where.target, settings, where.approvals, where.gates, where.findings)
    if isinstance(settings, BlueGreenSettings):
        return blue_green.plan(request, where.target, settings, where.approvals, where.gates, where.findings)
    return rolling.plan(request, where.target, settings, where.approvals, where.gates, where.findings)


def _draw(picture: Picture) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + picture.name.encode()

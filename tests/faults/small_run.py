"""A whole run in little, with nothing but the real parts: engine, steps, adapters, journal.

The plan is the middle of a canary's: bring it up, shift 25 %, bake; and the way back. The cluster is the
simulated one, on a fast clock, behind two roads: one on which requests meet trouble, and one that breaks
below HTTP.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from bot.analysis import Limits, TriggerLimits
from bot.clients.clock import RealTime, ScaledClock
from bot.clients.kube import connect
from bot.domain.actions import Bake, DeployCanary, RemoveCanary, SetWeight, TrafficToStable
from bot.domain.errors import SlackwaterError
from bot.domain.events import Entry
from bot.domain.folding import fold_all
from bot.domain.interrupts import Interrupt, InterruptKind
from bot.domain.people import Person
from bot.domain.plan import ApprovalPolicy, DeployRequest, Phase, Plan, Step
from bot.domain.run import Run, RunState, StepStatus
from bot.engine import Engine, TriggerWatch
from bot.platforms.kubernetes import KubernetesPlatform, router
from bot.ports import Journal, Publisher, World
from bot.sim.cluster import ClusterServer, serve
from bot.sources.health import HTTPHealth
from bot.sources.prometheus import PrometheusSource
from bot.sources.server import PrometheusServer
from bot.steps import catalogue
from tests.support.bad_weather import Road
from tests.support.builders import BO
from tests.support.memory_journal import MemoryJournal
from tests.support.rough_road import RoughRoad
from tests.support.shop import NEW, RUNNING, Shop, Team, image

SPEED = 60.0
UP, SHIFT, WATCH = "canary/deploy", "canary/25/weight", "canary/25/bake"
HOME = "back/traffic"

_QUERIES = {
    "requests_total": "sum(http_requests_total{$selector})",
    "errors_total": 'sum(http_requests_total{$selector,status=~"5.."}) or vector(0)',
    "latency_buckets": "sum by (le) (http_request_duration_seconds_bucket{$selector})",
}
_LONGEST = 60.0  # real seconds; every wait here is far shorter, unless the machine is busy
_LOOK = 0.01


class SmallRun:
    """The run, the world around it, and what happened to both."""

    def __init__(
        self,
        server: ClusterServer,
        roads: tuple[Road, RoughRoad],
        shop: Shop,
        journal: Any,
        clock: ScaledClock,
    ) -> None:
        self.server = server
        self.road, self.cable = roads
        self.shop = shop
        self.journal = journal
        self.clock = clock
        self.troubles: list[str] = []  # what the engine said of itself
        self.publisher: Publisher | None = None  # who tells Slack, if anybody does
        self.id = ""
        self._when: dict[str, Callable[[], None]] = {}
        self._engine: Engine | None = None

    def changed(self, run: Run) -> None:
        """The publisher's part: the journal of the run has a new entry."""
        for step in list(self._when):
            if run.record(step).approval is not None or run.record(step).status is not StepStatus.PENDING:
                self._when.pop(step)()
        if self.publisher is not None:
            self.publisher.changed(run)

    def trouble(self, run: str, sentence: str) -> None:
        self.troubles.append(sentence)

    def dropped(self, run: str) -> None: ...

    async def said(self, run: str) -> None: ...

    def at(self, step: str, act: Callable[[], None]) -> None:
        """Do this the moment the step is approved, or begins."""
        self._when[step] = act

    async def begins(self, engine: Engine, plan: Plan) -> None:
        run = await self.journal.create(plan, BO)
        self.id = run.id
        self._engine = engine
        await engine.start()

    async def is_rolled_back_by_a_person(self) -> None:
        rollback = Interrupt(run=self.id, kind=InterruptKind.ROLLBACK, at=self.clock.now(), person=BO)
        await self.journal.interrupt(rollback)
        assert self._engine is not None, "it was started"
        self._engine.nudge(self.id)

    async def entries(self) -> tuple[Entry, ...]:
        found: tuple[Entry, ...] = await self.journal.entries(self.id)
        return found

    async def now(self) -> Run:
        return fold_all(await self.entries())

    async def until(self, holds: Callable[[Run], bool]) -> Run:
        """The run as it was when this first held."""
        async with asyncio.timeout(_LONGEST):
            while True:
                try:
                    run = await self.now()
                except SlackwaterError:
                    run = None  # the fault may be the journal's own
                if run is not None and holds(run):
                    return run
                await asyncio.sleep(_LOOK)

    async def world_is(self, so: Callable[[], bool]) -> None:
        """Until this holds, whatever the journal says, if it can be read at all."""
        async with asyncio.timeout(_LONGEST):
            while not so():  # noqa: ASYNC110 - the world has no event for it
                await asyncio.sleep(_LOOK)

    async def is_done(self, step: str) -> Run:
        return await self.until(lambda run: run.record(step).status is StepStatus.DONE)

    async def is_over(self) -> Run:
        return await self.until(lambda run: run.is_terminal)

    async def goes_back(self) -> Run:
        return await self.until(lambda run: run.state is RunState.GOING_BACK or run.is_terminal)

    @property
    def weights(self) -> list[int]:
        """The canary's weight after each change that the platform accepted from the bot."""
        found = []
        for entry in self.server.audit.entries:
            is_ours = entry.user_agent.startswith("slackwater") and entry.code < 300
            if is_ours and entry.verb == "patch" and "virtualservices" in entry.path:
                found.append(_weight(entry.response))
        return found

    @property
    def weight(self) -> int:
        """What is served now, read without the road."""
        return self.weights[-1] if self.weights else 0


def _weight(virtual_service: dict[str, Any]) -> int:
    for route in virtual_service["spec"]["http"]:
        hosts = {part["destination"]["host"]: part.get("weight", 100) for part in route["route"]}
        if "checkout-stable" in hosts and not route.get("match"):
            return int(hosts.get("checkout-canary", 0))
    return 0


@asynccontextmanager
async def small_run(
    folder: Path,
    journal: Callable[[ScaledClock], Any] = MemoryJournal,
    *,
    patience: timedelta = timedelta(minutes=5),
    bake: timedelta = timedelta(hours=1),
    real: RealTime | None = None,
) -> AsyncIterator[SmallRun]:
    """A run that has begun; whatever is still under way at the end of the block is given up.

    The shift may take as long as `patience` and the stage lasts for `bake`, in the cluster's time, which runs
    fast over `real` time.
    """
    async with AsyncExitStack() as stack:
        server = await serve(0, clock=_fast(real), rps=0, kubeconfig=folder / "kubeconfig")
        await stack.enter_async_context(server)
        road = await stack.enter_async_context(Road(server.url, None))
        cable = await stack.enter_async_context(RoughRoad.to(road.url))
        team = await Team.of(folder / "kubeconfig")
        stack.push_async_callback(team.close)
        shop = Shop(team)
        await shop.open()
        kube = await connect(_by_cable(folder, road, cable))
        stack.push_async_callback(kube.close)
        clock = server.simulation.clock
        assert isinstance(clock, ScaledClock)
        prometheus = PrometheusServer(server.prometheus_url)
        stack.callback(prometheus.close)
        metrics = PrometheusSource(prometheus, _QUERIES, clock)
        run = SmallRun(server, (road, cable), shop, journal(clock), clock)
        target = shop.target()
        world = World(
            platform=KubernetesPlatform(kube, target),
            traffic=router(kube, target),
            health=HTTPHealth(target),
            metrics=metrics,
            gates=None,  # type: ignore[arg-type]  # the plan has none
        )
        engine = _engine(run, world, run.journal, clock)
        stack.push_async_callback(engine.stop)
        await run.begins(engine, _plan(shop, clock.now(), patience, bake))
        yield run


def _by_cable(folder: Path, road: Road, cable: RoughRoad) -> Path:
    """A kubeconfig that leads over both."""
    told = road.kubeconfig(folder / "kubeconfig", folder / "by-road").read_text()
    file = folder / "by-cable"
    file.write_text(told.replace(road.url, cable.url))
    return file


def _fast(real: RealTime | None) -> ScaledClock:
    return ScaledClock(datetime.now(UTC), SPEED, real=real)


def _engine(run: SmallRun, world: World, journal: Journal, clock: ScaledClock) -> Engine:
    ids = count(1)
    return Engine(
        journal=journal,
        clock=clock,
        publisher=run,
        world=lambda _plan: world,
        kinds=lambda _plan, world: catalogue(world, Limits()),
        triggers=lambda _plan, world: TriggerWatch(
            journal, clock, world.metrics, world.health, TriggerLimits()
        ),
        owner="small-run",
        new_id=partial(lambda: f"question-{next(ids)}"),
    )


def _plan(shop: Shop, at: datetime, patience: timedelta, bake: timedelta) -> Plan:
    request = DeployRequest(
        application="checkout",
        environment="production",
        version=NEW,
        strategy="canary",
        image=image(NEW),
        commit="c0ffee1",
        running_version=RUNNING,
        running_image=image(RUNNING),
        by=Person(id="U01ADA", name="Ada"),
        at=at,
    )
    return Plan(
        request=request,
        target=shop.target(),
        approvals=ApprovalPolicy(required="none"),
        steps=(
            Step(
                id=UP,
                title="Bring it up",
                action=DeployCanary(image=image(NEW), version=NEW),
                phase=Phase.PRODUCTION,
                changes_production=True,
            ),
            Step(
                id=SHIFT,
                title="Shift 25 %",
                action=SetWeight(weight=25),
                phase=Phase.PRODUCTION,
                shifts_traffic=True,
                changes_production=True,
                timeout=patience,
            ),
            Step(
                id=WATCH,
                title="Watch",
                action=Bake(weight=25, duration=bake),
                phase=Phase.PRODUCTION,
                timeout=timedelta(days=1),
            ),
        ),
        way_back=(
            Step(
                id=HOME,
                title="All traffic to stable",
                action=TrafficToStable(),
                phase=Phase.PRODUCTION,
                undoes=SHIFT,
            ),
            Step(
                id="back/canary",
                title="Remove the canary",
                action=RemoveCanary(),
                phase=Phase.PRODUCTION,
                undoes=UP,
            ),
        ),
    )

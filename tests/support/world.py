"""A small simulated shop on a virtual clock: two deployments, a route, the traffic's counters, and faults.

It stands behind the ports of one run. Whatever changes is recorded with its time (`effects`), so that a test
can ask what was really done, not what was asked for. A change lands at the platform some time after it was
sent, whether or not whoever sent it still waits: that is how a change arrives late.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from bot.domain.actions import RollOut, Side
from bot.domain.errors import Conflict, NotFound, Permanent, Unreachable, Unreadable
from bot.domain.figures import Bucket, Figure, Gap, Sample, Subject
from bot.domain.gates import GateResult, GateStatus
from bot.domain.journeys import Journey
from bot.domain.outcome import Recorded, TrafficSplit, Workload
from bot.domain.plan import DeployRequest, Target
from bot.domain.traffic import ByColour, Colour
from bot.ports import Clock, HealthReading, Walk
from bot.ports import World as Ports

# The histogram's bounds in seconds, and the share of requests at most that slow when nothing is wrong.
_USUAL = ((0.05, 0.40), (0.1, 0.80), (0.2, 0.97), (0.5, 0.995), (1.0, 1.0))
_SLOW = ((0.05, 0.05), (0.1, 0.20), (0.2, 0.50), (0.5, 0.90), (1.0, 1.0))
# Readings of the counters: a quarter of an hour of looks each second, by step and triggers.
_REMEMBERED = 2_000
_MEMORY_LIMIT = 512.0 * 1024 * 1024


@dataclass
class Deployed:
    """One Deployment; a change of image is rolled out after the shop's `ready_after`.

    All its pods change then, unless they are rolled one by one: each takes that long, and none moves while
    the rollout is paused.
    """

    name: str
    image: str
    version: str
    since: datetime
    was: tuple[str, str] | None = None  # image and version before the change under way
    generation: int = 1
    mark: str | None = None  # the newest run whose way back came by
    owner: str | None = None  # the signature of the run that made it
    left_by: str | None = None  # the signature of the run that has left it behind
    settings: str = "the team's"  # how pods are replaced
    is_one_by_one: bool = False
    paused_at: datetime | None = None
    paused_for: timedelta = timedelta(0)
    paused_by: str | None = None

    def without_pause(self, now: datetime) -> "Deployed":
        lasted = now - self.paused_at if self.paused_at else timedelta(0)
        return replace(self, paused_at=None, paused_for=self.paused_for + lasted, paused_by=None)


@dataclass
class Counters:
    """What one version has served since its pods started."""

    requests: float = 0.0
    errors: float = 0.0
    buckets: list[float] = field(default_factory=lambda: [0.0] * len(_USUAL))


@dataclass
class Faults:
    """What is wrong now. Versions stand for the pods that run them."""

    error_rate: dict[str, float] = field(default_factory=dict)
    slow: set[str] = field(default_factory=set)
    never_ready: set[str] = field(default_factory=set)
    crashing: set[str] = field(default_factory=set)  # was ready, is not any more
    unhealthy: set[str] = field(default_factory=set)
    memory: dict[str, float] = field(default_factory=dict)  # share of the limit
    leak: dict[str, float] = field(default_factory=dict)  # by which share it grows in an hour
    metrics_down: bool = False
    forgotten: set[str] = field(default_factory=set)  # versions of which the source has no series
    api_down: bool = False
    pulled: dict[str, tuple[str, ...]] = field(default_factory=dict)  # by deployment: what a moved tag gave
    lost_answers: int = 0  # so many changes take effect, and nobody hears of it
    undeployable: str = ""  # why no canary can be made beside what serves
    unroutable: str = ""  # why traffic cannot be shared out
    unserved: str = ""  # why what the route leads to does not serve
    scaled_down: dict[str, int] = field(default_factory=dict)  # by deployment: to how many pods
    lag: timedelta = timedelta(0)  # for so long after a change of the route it is not followed
    cold_answers: int = 0  # so many first requests to a new version fail
    failing_gates: set[str] = field(default_factory=set)
    broken_journeys: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Effect:
    """A change that really happened to the shop, by the bot's hand."""

    at: datetime
    what: Literal[
        "deploy",
        "remove",
        "promote",
        "restore",
        "shift",
        "header",
        "home",
        "roll",
        "pause",
        "go on",
        "keep",
        "leave",
        "decommission",
    ]
    detail: str = ""


class SmallShop:
    """Everything outside that one run may touch."""

    def __init__(self, clock: Clock, request: DeployRequest, target: Target) -> None:
        self.clock = clock
        self.target = target
        self.request = request
        self.stable = Deployed(target.workload, request.running_image, request.running_version, clock.now())
        self.stable.since -= timedelta(days=7)
        self.canary: Deployed | None = None
        self.is_decommissioned = False  # stable is gone
        self.weight = 0
        self.routed_at = clock.now() - timedelta(days=7)
        self.header: Literal["stable", "canary"] | None = None
        self.mark: str | None = None  # the route's
        self.revision = 1
        self.effects: list[Effect] = []
        self.faults = Faults()
        self.gates_run: list[str] = []
        self.rps = 100.0
        self.usual_errors = 0.001  # share of the requests
        self.ready_after = timedelta(seconds=20)
        self.api_takes = timedelta(milliseconds=20)
        self.landing_takes = timedelta(0)  # how much longer a change takes
        self.gate_takes = timedelta(seconds=30)
        self._counters: dict[str, Counters] = {}
        self._past: deque[tuple[datetime, dict[str, Counters]]] = deque(maxlen=_REMEMBERED)
        self._counted_at = clock.now()
        self._landings: set[asyncio.Future[None]] = set()

    def ports(self) -> Ports:
        return Ports(
            platform=ShopPlatform(self),
            traffic=ShopRouter(self),
            health=ShopHealth(self),
            metrics=ShopMetrics(self),
            gates=ShopGates(self),
        )

    @property
    def shifts(self) -> list[int]:
        """The canary's weights in the order in which they really changed by the bot's hand."""
        return [
            int(e.detail) if e.what == "shift" else 0 for e in self.effects if e.what in {"shift", "home"}
        ]

    def somebody_sets(self, weight: int) -> None:
        """Somebody else changes the route."""
        self._count()
        self.weight = weight
        self.revision += 1

    def renewed(self, deployed: Deployed) -> int:
        """How many of the three pods are of the newest revision and ready."""
        if deployed.was is None or not deployed.is_one_by_one:
            return 3 if self._is_rolled_out(deployed) else 0
        if deployed.version in self.faults.never_ready:
            return 0
        until = deployed.paused_at or self.clock.now()
        return min(3, int((until - deployed.since - deployed.paused_for) / self.ready_after))

    def ready(self, deployed: Deployed) -> int:
        old = deployed.was[1] if deployed.was else None
        if self._is_rolled_out(deployed):
            return 0 if deployed.version in self.faults.crashing else 3
        return 3 if old is not None and old not in self.faults.crashing else 0

    def describe(self, deployed: Deployed) -> Workload:
        settled, ready, renewed = self._is_rolled_out(deployed), self.ready(deployed), self.renewed(deployed)
        pulled = self.faults.pulled.get(deployed.name, (f"sha256:{deployed.image}",))
        replicas = self.faults.scaled_down.get(deployed.name, 3)
        ready, renewed = min(ready, replicas), min(renewed, replicas)
        return Workload(
            name=deployed.name,
            image=deployed.image,
            digest=pulled[0] if settled and ready and len(pulled) == 1 else None,
            is_mixed=bool(settled and ready and len(pulled) > 1),
            version=deployed.version,
            replicas=replicas,
            pods=replicas,
            ready=ready,
            updated=renewed if deployed.is_one_by_one else replicas,
            is_settled=settled and ready == replicas,
            problems=() if ready == replicas else ("CrashLoopBackOff: back-off restarting failed container",),
            revision=f"{deployed.since.timestamp()}/{deployed.generation}",
            mark=deployed.mark,
            owner=deployed.owner,
            left_by=deployed.left_by,
            is_paused=deployed.paused_at is not None,
            paused_by=deployed.paused_by,
        )

    async def read(self) -> None:
        """A question to the platform's API."""
        await self.clock.sleep(self.api_takes)
        if self.faults.api_down:
            raise Unreachable("Kubernetes", "connection refused")

    async def change(self, what: Effect, act: Callable[[], None], *, fits: Callable[[], bool]) -> None:
        """A change sent to the platform; it lands even if whoever sent it is gone by then.

        `fits` says whether the object is still what was seen before, when the change lands.
        """
        await self.read()
        landing = asyncio.ensure_future(self._land(what, act, fits))
        self._landings.add(landing)
        landing.add_done_callback(self._landed)
        await asyncio.shield(landing)
        if self.faults.lost_answers > 0:
            self.faults.lost_answers -= 1
            raise Unreachable("Kubernetes", "the connection broke before the answer came")

    async def _land(self, what: Effect, act: Callable[[], None], fits: Callable[[], bool]) -> None:
        await self.clock.sleep(self.landing_takes)
        if not fits():
            raise Conflict("Kubernetes", "the object has been modified")
        self._count()
        act()
        self.effects.append(Effect(self.clock.now(), what.what, what.detail))

    def _landed(self, landing: asyncio.Future[None]) -> None:
        self._landings.discard(landing)
        if not landing.cancelled():
            landing.exception()  # heard, even if nobody waits for it any more

    def _is_rolled_out(self, deployed: Deployed) -> bool:
        if deployed.version in self.faults.never_ready:
            return False
        if deployed.was is not None and deployed.is_one_by_one:
            return self.renewed(deployed) == 3
        return self.clock.now() - deployed.since >= self.ready_after

    def serving(self, side: Side) -> Deployed | None:
        """Whose pods answer a user of that side; a rollout is over before the old pods are gone."""
        deployed = self.stable if side is Side.STABLE else self.canary
        if deployed is None or self.ready(deployed) == 0:
            return None
        if deployed.was is not None and not self._is_rolled_out(deployed):
            image, version = deployed.was
            return Deployed(deployed.name, image, version, deployed.since)
        return deployed

    def counters(self, name: str, version: str) -> Counters | None:
        self._count()
        return self._counters.get(f"{name} {version}")

    def counters_at(self, name: str, version: str, at: datetime) -> Counters | None:
        """As they were then; None for a time before the shop opened, or of which nothing is remembered."""
        self._count()
        known = [
            then[f"{name} {version}"]
            for when, then in self._past
            if when >= at and f"{name} {version}" in then
        ]
        began = self._past[0][0] if self._past else self._counted_at
        return known[0] if known and began <= at else None

    def _count(self) -> None:
        """Bring the counters up to now; the weights have not changed since the last time."""
        now = self.clock.now()
        passed = (now - self._counted_at).total_seconds()
        if passed > 0:
            known = {key: replace(c, buckets=list(c.buckets)) for key, c in self._counters.items()}
            self._past.append((self._counted_at, known))
        self._counted_at = now
        for side, share in ((Side.CANARY, self.weight), (Side.STABLE, 100 - self.weight)):
            serving = self.serving(side)
            if serving is None:
                continue
            requests = passed * self.rps * share / 100
            renewed = self._renewed_share(side)
            if 0 < renewed < 1:
                self._serve(self.stable.name, self.stable.version, requests * renewed)
                requests *= 1 - renewed
            self._serve(serving.name, serving.version, requests)

    def _renewed_share(self, side: Side) -> float:
        """Of stable's pods, while they are rolled one by one."""
        return self.renewed(self.stable) / 3 if side is Side.STABLE and self.stable.is_one_by_one else 0.0

    def _serve(self, name: str, version: str, requests: float) -> None:
        counters = self._counters.setdefault(f"{name} {version}", Counters())
        counters.requests += requests
        counters.errors += requests * self.faults.error_rate.get(version, self.usual_errors)
        shares = _SLOW if version in self.faults.slow else _USUAL
        for index, (_, part) in enumerate(shares):
            counters.buckets[index] += requests * part


class ShopPlatform:
    """`Platform`."""

    def __init__(self, shop: SmallShop) -> None:
        self._shop = shop

    async def stable(self) -> Workload:
        await self._shop.read()
        if self._shop.is_decommissioned:
            raise NotFound("Kubernetes", f"deployments {self._shop.stable.name} not found")
        return self._shop.describe(self._shop.stable)

    async def canary(self) -> Workload | None:
        await self._shop.read()
        canary = self._shop.canary
        return None if canary is None else self._shop.describe(canary)

    async def recorded_stable(self) -> Recorded:
        stable = await self.stable()
        return Recorded(
            workload=stable,
            manifest=f"{stable.image} {stable.version}",
            settings=self._shop.stable.settings,
        )

    async def check_rollout(self, *, run: str | None) -> None:
        await self._shop.read()
        if self._shop.faults.undeployable:
            raise Permanent(self._shop.faults.undeployable)

    async def roll_out(self, action: RollOut, *, run: str, on: Workload) -> None:
        shop = self._shop

        def act() -> None:
            shop.stable = replace(
                shop.stable,
                image=action.image,
                version=action.version,
                since=shop.clock.now(),
                was=(shop.stable.image, shop.stable.version),
                settings="one by one",
                is_one_by_one=True,
                paused_for=timedelta(0),
                owner=run,
            )

        await self._change_stable("roll", action.version, act, on)

    async def pause(self, *, run: str, on: Workload) -> None:
        shop = self._shop

        def act() -> None:
            shop.stable = replace(shop.stable, paused_at=shop.clock.now(), paused_by=run)

        await self._change_stable("pause", "", act, on)

    async def go_on(self, *, on: Workload) -> None:
        shop = self._shop

        def act() -> None:
            shop.stable = shop.stable.without_pause(shop.clock.now())

        await self._change_stable("go on", "", act, on)

    async def keep_rollout(self, settings: str, *, run: str, on: Workload) -> None:
        shop = self._shop

        def act() -> None:
            if shop.stable.paused_by == run:
                shop.stable = shop.stable.without_pause(shop.clock.now())
            shop.stable = replace(shop.stable, settings=settings, owner=None)

        await self._change_stable("keep", "", act, on)

    async def _change_stable(
        self,
        what: Literal["roll", "pause", "go on", "keep", "leave", "decommission"],
        detail: str,
        act: Callable[[], None],
        on: Workload,
    ) -> None:
        shop = self._shop

        def changed() -> None:
            act()
            shop.stable = replace(shop.stable, generation=shop.stable.generation + 1)

        effect = Effect(shop.clock.now(), what, detail)
        await shop.change(effect, changed, fits=lambda: self._is(shop.stable, on))

    async def check_canary(self, image: str, version: str, *, run: str | None) -> None:
        await self._shop.read()
        if self._shop.faults.undeployable:
            raise Permanent(self._shop.faults.undeployable)
        self._refuse_another_runs(run)

    async def deploy_canary(self, image: str, version: str, *, run: str, on: Workload | None) -> None:
        shop = self._shop

        def act() -> None:
            if shop.canary is None or shop.canary.image != image:
                shop.canary = Deployed(
                    shop.target.canary_workload, image, version, shop.clock.now(), owner=run
                )

        self._refuse_another_runs(run)

        effect = Effect(shop.clock.now(), "deploy", version)
        await shop.change(effect, act, fits=lambda: self._is(shop.canary, on))

    async def serving(self, colours: ByColour) -> Colour | None:
        await self._shop.read()
        return None

    async def keep_canary(self, *, run: str, on: Workload, serves: bool) -> None:
        shop = self._shop

        def act() -> None:
            if shop.canary is not None:
                left_by = None if serves else shop.canary.left_by
                generation = shop.canary.generation + 1
                shop.canary = replace(shop.canary, owner=None, left_by=left_by, generation=generation)

        effect = Effect(shop.clock.now(), "keep")
        await shop.change(effect, act, fits=lambda: self._is(shop.canary, on))

    async def leave_stable(self, *, run: str, on: Workload) -> None:
        shop = self._shop

        def act() -> None:
            shop.stable = replace(shop.stable, left_by=run)

        await self._change_stable("leave", "", act, on)

    async def remove_stable(self, *, on: Workload) -> None:
        shop = self._shop

        def act() -> None:
            shop.is_decommissioned = True

        await self._change_stable("decommission", shop.stable.version, act, on)

    async def remove_canary(self, *, on: Workload) -> None:
        shop = self._shop

        def act() -> None:
            shop.canary = None

        effect = Effect(shop.clock.now(), "remove")
        await shop.change(effect, act, fits=lambda: self._is(shop.canary, on))

    async def promote_stable(self, image: str, version: str, *, on: Workload) -> None:
        await self._roll("promote", image, version, on, None)

    async def restore_stable(self, recorded: Recorded, *, on: Workload, mark: str) -> None:
        if recorded.manifest is None:
            raise NotFound("Kubernetes", "nothing was recorded, so nothing can be restored")
        image, version = recorded.manifest.split()
        await self._roll("restore", image, version, on, mark)

    async def _roll(
        self, what: Literal["promote", "restore"], image: str, version: str, on: Workload, mark: str | None
    ) -> None:
        shop = self._shop

        def act() -> None:
            old = shop.serving(Side.STABLE)
            if shop.stable.image != image:
                was = (old.image, old.version) if old is not None else None
                shop.stable = replace(
                    shop.stable, image=image, version=version, since=shop.clock.now(), was=was
                )
            shop.stable = replace(
                shop.stable.without_pause(shop.clock.now()),
                generation=shop.stable.generation + 1,
                mark=mark,
                settings="the team's",
                is_one_by_one=False,
            )

        effect = Effect(shop.clock.now(), what, version)
        await shop.change(effect, act, fits=lambda: self._is(shop.stable, on))

    def _refuse_another_runs(self, run: str | None) -> None:
        canary = self._shop.canary
        if canary is not None and run is not None and canary.owner not in {None, run}:
            raise Permanent(f"{canary.name} belongs to run {canary.owner}")

    def _is(self, found: Deployed | None, seen: Workload | None) -> bool:
        revision = self._shop.describe(found).revision if found else None
        return revision == (seen.revision if seen else None)


class ShopRouter:
    """`TrafficRouter`."""

    def __init__(self, shop: SmallShop) -> None:
        self._shop = shop

    async def split(self) -> TrafficSplit:
        await self._shop.read()
        shop = self._shop
        is_late = shop.clock.now() - shop.routed_at < shop.faults.lag
        return TrafficSplit(
            canary=shop.weight,
            header_to=shop.header,
            revision=str(shop.revision),
            mark=shop.mark,
            lagging="2 of 3 endpoints are still those of before" if is_late else shop.faults.unserved,
        )

    async def check(self) -> None:
        await self._shop.read()
        if self._shop.faults.unroutable:
            raise Unreadable("Kubernetes", self._shop.faults.unroutable)

    async def shift(self, weight: int, *, on: TrafficSplit) -> None:
        await self._set("shift", str(weight), on, weight=weight)

    async def route_header(self, to: Side, *, on: TrafficSplit) -> None:
        await self._set("header", to.value, on, header="canary" if to is Side.CANARY else "stable")

    async def all_to_stable(self, *, on: TrafficSplit | None, mark: str | None = None) -> None:
        await self._set("home", "0", on or await self.split(), weight=0, header="stable", mark=mark)

    async def _set(
        self,
        what: Literal["shift", "header", "home"],
        detail: str,
        on: TrafficSplit,
        *,
        weight: int | None = None,
        header: Literal["stable", "canary"] | None = None,
        mark: str | None = None,
    ) -> None:
        shop = self._shop

        def act() -> None:
            if weight is not None and weight != shop.weight:
                shop.weight, shop.routed_at = weight, shop.clock.now()
            shop.header = shop.header if header is None else header
            shop.mark = shop.mark if mark is None else mark
            shop.revision += 1

        effect = Effect(shop.clock.now(), what, detail)
        await shop.change(effect, act, fits=lambda: on.revision == str(shop.revision))


class ShopHealth:
    """`HealthProbe`."""

    def __init__(self, shop: SmallShop) -> None:
        self._shop = shop

    async def ask(self, side: Side) -> tuple[HealthReading, ...]:
        await self._shop.clock.sleep(self._shop.api_takes)
        # Of two colours the one that serves stands behind the front door.
        is_switched = self._shop.target.is_switched and self._shop.weight == 100
        serving = self._shop.serving(Side.CANARY if is_switched else side)
        if serving is None:
            return (HealthReading(path="/health", ok=False, status=503),)
        ok = serving.version not in self._shop.faults.unhealthy
        status = 200 if ok else 500
        return (HealthReading(path="/health", ok=ok, status=status, version=serving.version),)

    async def walk(self, journey: Journey) -> Walk:
        (reading,) = await self.ask(Side.STABLE)
        if journey.name in self._shop.faults.broken_journeys or not reading.ok:
            return Walk(journey=journey.name, answered=0, detail="GET /cart: HTTP 500 instead of 200")
        return Walk(journey=journey.name, answered=len(journey.requests))

    async def warm(self, path: str, requests: int) -> tuple[HealthReading, ...]:
        await self._shop.clock.sleep(self._shop.api_takes)
        canary = self._shop.serving(Side.CANARY)
        failing = self._shop.faults.cold_answers
        answered = canary is not None and canary.version not in self._shop.faults.unhealthy
        self._shop.faults.cold_answers = max(0, failing - requests)
        return tuple(
            HealthReading(path=path, ok=answered and number >= failing, status=200 if answered else 500)
            for number in range(requests)
        )


class ShopMetrics:
    """`MetricSource`."""

    def __init__(self, shop: SmallShop) -> None:
        self._shop = shop

    async def sample(self, subject: Subject, *, figures: bool = True) -> Sample:
        shop = self._shop
        await shop.clock.sleep(shop.api_takes)
        now = shop.clock.now()
        if shop.faults.metrics_down:
            return self._unreachable(now)
        name = self._name_of(subject)
        counted = shop.counters(name, subject.version)
        if counted is None or subject.version in shop.faults.forgotten:
            return Sample(at=now, buckets_gap=Gap.EMPTY)
        side = Side.CANARY if name == shop.target.canary_workload else Side.STABLE
        return self._sample(now, counted, self._figures(side, subject.version) if figures else {})

    def _name_of(self, subject: Subject) -> str:
        """Of the Deployment whose pods are meant."""
        target = self._shop.target
        is_new = subject.pods.startswith(f"{target.canary_workload}-")
        return target.canary_workload if is_new else target.workload

    def _unreachable(self, at: datetime) -> Sample:
        gap = Figure.missing(Gap.UNREACHABLE, "connection refused")
        return Sample(at=at, requests_total=gap, errors_total=gap, buckets_gap=Gap.UNREACHABLE)

    def _sample(self, at: datetime, counted: Counters, figures: dict[str, Figure]) -> Sample:
        bounds = [le for le, _ in _USUAL]
        buckets = [Bucket(le=le, count=c) for le, c in zip(bounds, counted.buckets, strict=True)]
        return Sample(
            at=at,
            requests_total=Figure.known(counted.requests),
            errors_total=Figure.known(counted.errors),
            buckets=(*buckets, Bucket(le=None, count=counted.requests)),
            figures=figures,
        )

    async def counters(self, subject: Subject, *, at: datetime) -> Sample:
        """Whoever watches this shop began to when it opened."""
        await self._shop.clock.sleep(self._shop.api_takes)
        if self._shop.faults.metrics_down:
            return self._unreachable(at)
        name, version = self._name_of(subject), subject.version
        counted = self._shop.counters_at(name, version, at)
        if counted is None or version in self._shop.faults.forgotten:
            gap = Figure.missing(Gap.EMPTY)
            return Sample(at=at, requests_total=gap, errors_total=gap, buckets_gap=Gap.EMPTY)
        return self._sample(at, counted, {})

    async def figures(self, subject: Subject, names: Collection[str]) -> Sample:
        sample = await self.sample(subject)
        return Sample(at=sample.at, figures={k: v for k, v in sample.figures.items() if k in names})

    def _memory(self, version: str) -> float:
        """Share of the limit."""
        faults, shop = self._shop.faults, self._shop
        age = (shop.clock.now() - shop.stable.since) / timedelta(hours=1)
        return faults.memory.get(version, 0.4) * (1 + faults.leak.get(version, 0) * age)

    def _figures(self, side: Side, version: str) -> dict[str, Figure]:
        shop = self._shop
        share = shop.weight if side is Side.CANARY else 100 - shop.weight
        if shop.stable.is_one_by_one:
            renewed = 100 * shop.renewed(shop.stable) // 3
            share = renewed if version == shop.stable.version else 100 - renewed
        known = {
            "requests": shop.rps * 60 * share / 100,
            "error_rate": shop.faults.error_rate.get(version, shop.usual_errors),
            "p95": 0.7 if version in shop.faults.slow else 0.18,
            "memory": self._memory(version) * _MEMORY_LIMIT,
            "memory_limit": _MEMORY_LIMIT,
        }
        # A rate's window still holds what was answered just before the traffic went.
        if share == 0 and (side is Side.CANARY or shop.clock.now() - shop.routed_at > timedelta(minutes=1)):
            del known["p95"]  # of no requests
        return {name: Figure.known(value) for name, value in known.items()}


class ShopGates:
    """`GateRunner`."""

    def __init__(self, shop: SmallShop) -> None:
        self._shop = shop

    async def run(self, gate: str, request: DeployRequest, run: str) -> GateResult:
        await self._shop.clock.sleep(self._shop.gate_takes)
        self._shop.gates_run.append(gate)
        fails = gate in self._shop.faults.failing_gates
        return GateResult(
            gate=gate,
            status=GateStatus.FAILED if fails else GateStatus.PASSED,
            headline=f"{gate}: {'2 blockers' if fails else 'nothing found'}",
            commit=request.commit,
        )

    async def smoke(
        self,
        command: Sequence[str],
        limit: timedelta,
        request: DeployRequest,
        run: str,
    ) -> GateResult:
        return await self.run("smoke", request, run)

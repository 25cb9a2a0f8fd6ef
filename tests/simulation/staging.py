"""Staging in the simulated cluster: the same application in a namespace of its own, with hardly a user."""

import asyncio
import random
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from bot.domain.actions import Side
from bot.domain.figures import Figure, Gap, Sample, Subject
from bot.domain.journeys import Journey
from bot.domain.plan import Staging, Target
from bot.domain.traffic import ByService
from bot.ports import Clock, HealthReading, Walk
from tests.simulation.cluster import SimulatedCluster
from tests.simulation.weather import Weather

_TAKES = (0.005, 0.05)
_RPS = 2.0


def ground() -> Staging:
    """As the configuration declares it."""
    target = Target(
        namespace="staging",
        workload="checkout",
        container="checkout",
        main_service="checkout",
        stable_service="checkout-stable",
        canary_service="checkout-canary",
        traffic=ByService(service="checkout"),
        url="http://checkout.staging",
        is_beside=False,
    )
    return Staging(target=target)


class StagingHealth:
    """`HealthProbe`: whoever is ready answers, unless its version is ill."""

    def __init__(self, seed: int, cluster: SimulatedCluster, unhealthy: set[str]) -> None:
        self._cluster = cluster
        self._unhealthy = unhealthy
        self._chance = random.Random(f"{seed}/staging health")

    async def ask(self, side: Side) -> tuple[HealthReading, ...]:
        await asyncio.sleep(self._chance.uniform(*_TAKES))
        self._cluster.advance()
        pods = self._cluster.ready_on_staging()
        if not pods:
            return (HealthReading(path="/health", ok=False, status=503),)
        version = self._chance.choice(pods)
        ok = version not in self._unhealthy
        return (HealthReading(path="/health", ok=ok, status=200 if ok else 503, version=version),)

    async def warm(self, path: str, requests: int) -> tuple[HealthReading, ...]:
        return await self.ask(Side.CANARY) * requests

    async def walk(self, journey: Journey) -> Walk:
        (reading,) = await self.ask(Side.STABLE)
        if not reading.ok:
            return Walk(journey=journey.name, answered=0, detail="HTTP 503 instead of 200")
        return Walk(journey=journey.name, answered=len(journey.requests))


@dataclass(frozen=True)
class StagingMetrics:
    """`MetricSource`: a steady trickle of requests, none of which fails."""

    began: datetime
    weather: Weather
    clock: Clock

    async def sample(self, subject: Subject, *, figures: bool = True) -> Sample:
        return await self.counters(subject, at=self.clock.now())

    async def counters(self, subject: Subject, *, at: datetime) -> Sample:
        trouble = self.weather.metrics()
        await asyncio.sleep(_TAKES[1])
        if trouble is not None:
            gap = Figure.missing(Gap.UNREACHABLE, "connection refused")
            return Sample(at=at, requests_total=gap, errors_total=gap, buckets_gap=Gap.UNREACHABLE)
        requests = max(0.0, (at - self.began).total_seconds() * _RPS)
        return Sample(at=at, requests_total=Figure.known(requests), errors_total=Figure.known(0.0))

    async def figures(self, subject: Subject, names: Collection[str]) -> Sample:
        return await self.sample(subject)

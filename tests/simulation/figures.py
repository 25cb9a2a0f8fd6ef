"""What the bot reads about users: Prometheus' counters, health paths, gates and the repository's versions.

Users send a steady stream of requests along the routes that the cluster has; what they get is counted by
side and version, as the application's own counters would. Answers are written as Prometheus writes them and
read by the bot's own readers, so that NaN and an empty result are what they are there.
"""

import asyncio
import random
from bisect import bisect_left
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.domain.actions import Side
from bot.domain.figures import Figure, Gap, Sample, Subject
from bot.domain.gates import GateResult, GateStatus
from bot.domain.journeys import Journey
from bot.domain.plan import DeployRequest
from bot.ports import Clock, HealthReading, Walk
from bot.sources.answers import read_figure, read_histogram
from tests.simulation.cluster import SimulatedCluster
from tests.simulation.trace import Trace
from tests.simulation.weather import MetricsTrouble, Weather

_RPS = 100.0
_LIMIT = 256.0 * 1024 * 1024
_SIDES = ("stable", "canary")
# Seconds, and the share of requests that take at most as long.
_USUAL = ((0.05, 0.40), (0.1, 0.80), (0.2, 0.97), (0.5, 0.995), (1.0, 1.0))
_SLOW = ((0.05, 0.05), (0.1, 0.20), (0.2, 0.50), (0.5, 0.90), (1.0, 1.0))
_TAKES = (0.005, 0.05)
# The bot's own time limit for a sample.
_TIMEOUT = 3.0
# For so long the newest value speaks for later moments too.
_LOOKBACK = timedelta(minutes=5)


@dataclass
class _Counters:
    """What the pods of one side and version have answered."""

    requests: float = 0.0
    errors: float = 0.0
    buckets: list[float] = field(default_factory=lambda: [0.0] * len(_USUAL))
    past: list["_Past"] = field(default_factory=list)  # oldest first


@dataclass(frozen=True)
class _Past:
    """Counters as they were once."""

    at: datetime
    requests: float
    errors: float


class Users:
    """The simulated users, counted."""

    def __init__(self, cluster: SimulatedCluster) -> None:
        self.error_rate: dict[str, float] = {}  # by version; a thousandth of all fails anyway
        self.slow: set[str] = set()
        self._cluster = cluster
        self._counters: dict[tuple[str, str], _Counters] = {}
        self._counted_at: datetime | None = None

    def count(self, at: datetime) -> None:
        """Bring the counters up to a moment; nothing in the cluster has changed since the last time."""
        before, self._counted_at = self._counted_at, at
        if before is None or at <= before:
            return
        requests = (at - before).total_seconds() * _RPS
        weight = self._cluster.truth().weight
        for track, share in (("stable", 100 - weight), ("canary", weight)):
            pods = self._cluster.ready(track)
            for version in pods:
                self._serve(track, version, requests * share / 100 / len(pods))
        for one in self._counters.values():
            one.past.append(_Past(at, one.requests, one.errors))

    def of(self, track: str, version: str) -> _Counters | None:
        return self._counters.get((track, version))

    def past(self, track: str, version: str, at: datetime) -> _Past | None:
        """What was counted up to that moment; None if nobody remembers."""
        counters = self._counters.get((track, version))
        known = counters.past if counters is not None else []
        after = bisect_left(known, at, key=lambda past: past.at)
        if after == len(known):
            return known[-1] if known and at - known[-1].at < _LOOKBACK else None
        if after == 0:
            return known[0] if known[0].at == at else None
        before, later = known[after - 1], known[after]
        # In between it was a steady stream.
        part = (at - before.at) / (later.at - before.at)
        requests = before.requests + part * (later.requests - before.requests)
        return _Past(at, requests, before.errors + part * (later.errors - before.errors))

    def share(self, track: str, version: str) -> float:
        """Of all requests, in percent: what the pods of this side and version answer now."""
        weight = self._cluster.truth().weight
        pods = self._cluster.ready(track)
        share = weight if track == "canary" else 100 - weight
        return share * pods.count(version) / len(pods) if pods else 0.0

    def _serve(self, track: str, version: str, requests: float) -> None:
        counters = self._counters.setdefault((track, version), _Counters())
        counters.requests += requests
        counters.errors += requests * self.error_rate.get(version, 0.001)
        shares = _SLOW if version in self.slow else _USUAL
        for index, (_, part) in enumerate(shares):
            counters.buckets[index] += requests * part


class SimulatedMetrics:
    """`MetricSource`: the team's Prometheus."""

    def __init__(
        self, seed: int, users: Users, cluster: SimulatedCluster, weather: Weather, clock: Clock
    ) -> None:
        self._users = users
        self._cluster = cluster
        self._weather = weather
        self._clock = clock
        self._chance = random.Random(f"{seed}/metrics")

    async def sample(self, subject: Subject, *, figures: bool = True) -> Sample:
        at = self._clock.now()
        trouble = self._weather.metrics()
        await asyncio.sleep(_TIMEOUT if trouble == "slow" else self._chance.uniform(*_TAKES))
        if trouble in {"down", "slow"}:
            gap = Figure.missing(Gap.UNREACHABLE, "connection refused")
            return Sample(at=at, requests_total=gap, errors_total=gap, buckets_gap=Gap.UNREACHABLE)
        track = _track(subject)
        self._cluster.advance()
        counted = None if trouble == "empty" else self._users.of(track, subject.version)
        requests = _answer(None if counted is None else counted.requests, trouble)
        errors = _answer(None if counted is None else counted.errors, trouble)
        histogram = read_histogram([] if counted is None else _histogram(counted, trouble))
        return Sample(
            at=at,
            requests_total=read_figure(requests),
            errors_total=read_figure(errors),
            buckets=histogram.buckets,
            buckets_gap=histogram.gap,
            figures=self._figures(track, subject.version, trouble) if figures else {},
        )

    async def counters(self, subject: Subject, *, at: datetime) -> Sample:
        """What was counted up to then; before the simulation there was no Prometheus yet."""
        trouble = self._weather.metrics()
        await asyncio.sleep(_TIMEOUT if trouble == "slow" else self._chance.uniform(*_TAKES))
        if trouble in {"down", "slow"}:
            gap = Figure.missing(Gap.UNREACHABLE, "connection refused")
            return Sample(at=at, requests_total=gap, errors_total=gap, buckets_gap=Gap.UNREACHABLE)
        self._cluster.advance()
        past = self._users.past(_track(subject), subject.version, at)
        return Sample(
            at=at,
            requests_total=read_figure(_answer(None if past is None else past.requests, trouble)),
            errors_total=read_figure(_answer(None if past is None else past.errors, trouble)),
            buckets_gap=Gap.EMPTY,
        )

    async def figures(self, subject: Subject, names: Collection[str]) -> Sample:
        sample = await self.sample(subject)
        return Sample(at=sample.at, figures={k: v for k, v in sample.figures.items() if k in names})

    def _figures(self, track: str, version: str, trouble: MetricsTrouble | None) -> dict[str, Figure]:
        share = self._users.share(track, version)
        slow = version in self._users.slow
        known: dict[str, float] = {
            "requests": _RPS * 60 * share / 100,
            "error_rate": self._users.error_rate.get(version, 0.001),
            "memory": 0.4 * _LIMIT,
            "memory_limit": _LIMIT,
        }
        if share:
            known["p95"] = 0.7 if slow else 0.18
        return {name: read_figure(_answer(value, trouble)) for name, value in known.items()}


class SimulatedHealth:
    """`HealthProbe`: health paths, asked through the front door."""

    def __init__(self, seed: int, cluster: SimulatedCluster, unhealthy: set[str]) -> None:
        self._cluster = cluster
        self._unhealthy = unhealthy
        self._chance = random.Random(f"{seed}/health")

    async def ask(self, side: Side) -> tuple[HealthReading, ...]:
        await asyncio.sleep(self._chance.uniform(*_TAKES))
        self._cluster.advance()
        return (self._reading("/health", side),)

    async def warm(self, path: str, requests: int) -> tuple[HealthReading, ...]:
        await asyncio.sleep(self._chance.uniform(*_TAKES))
        self._cluster.advance()
        return tuple(self._reading(path, Side.CANARY) for _ in range(requests))

    async def walk(self, journey: Journey) -> Walk:
        (reading,) = await self.ask(Side.STABLE)
        return Walk(journey=journey.name, answered=0, detail="" if reading.ok else "HTTP 503")

    def _reading(self, path: str, side: Side) -> HealthReading:
        truth = self._cluster.truth()
        # Of two colours either has a door: users' and the preview's.
        front = self._cluster.serving if self._cluster.is_in_colours else "stable"
        track = (truth.header if truth.header in _SIDES else "stable") if side is Side.CANARY else front
        pods = self._cluster.ready(track)
        if not pods:
            return HealthReading(path=path, ok=False, status=503)
        version = self._chance.choice(pods)
        ok = version not in self._unhealthy
        return HealthReading(path=path, ok=ok, status=200 if ok else 503, version=version)


class SimulatedGates:
    """`GateRunner`: gates take a while, and pass unless the seed says otherwise."""

    def __init__(self, seed: int, weather: Weather, trace: Trace) -> None:
        self._fails = {"tests"} if weather.forecast.failing_gate else set[str]()
        self._fails |= {"smoke"} if weather.forecast.smoke_fails else set[str]()
        self._trace = trace
        self._chance = random.Random(f"{seed}/gates")

    async def smoke(
        self, command: Sequence[str], limit: timedelta, request: DeployRequest, run: str
    ) -> GateResult:
        return await self.run("smoke", request, run)

    async def run(self, gate: str, request: DeployRequest, run: str) -> GateResult:
        self._trace.note(run, f"gate {gate}")
        await asyncio.sleep(self._chance.uniform(0.5, 8.0))
        fails = gate in self._fails
        return GateResult(
            gate=gate,
            status=GateStatus.FAILED if fails else GateStatus.PASSED,
            headline=f"{gate}: {'2 blockers' if fails else 'nothing found'}",
            commit=request.commit,
        )


class SimulatedVersions:
    """`Versions`: every version is there, and has a commit of its own."""

    async def commit(self, version: str) -> str:
        return f"c0ffee{version.removeprefix('v').replace('.', '')}"

    async def changes(self, old: str, new: str) -> tuple[str, ...]:
        return (f"What is between {old} and {new}",)

    async def newest(self) -> tuple[str, ...]:
        return ("v2.5.0",)


def _track(subject: Subject) -> str:
    return "canary" if "-canary-" in subject.pods or "-green-" in subject.pods else "stable"


def _answer(value: float | None, trouble: MetricsTrouble | None) -> list[object]:
    """An instant vector as Prometheus answers it."""
    if value is None or trouble == "empty":
        return []
    return [{"metric": {}, "value": [0, "NaN" if trouble == "nan" else f"{value:.6f}"]}]


def _histogram(counted: _Counters, trouble: MetricsTrouble | None) -> list[object]:
    bounds = [f"{le:g}" for le, _ in _USUAL]
    pairs = zip((*bounds, "+Inf"), (*counted.buckets, counted.requests), strict=True)
    return [
        {"metric": {"le": le}, "value": [0, "NaN" if trouble == "nan" else f"{count:.6f}"]}
        for le, count in pairs
    ]

"""A simulated cluster for each test: with time that the test moves by hand, and behind a real client."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from kubernetes.aio import client, config

from bot.sim.cluster import STARTER, ClusterServer, Settings, Simulation, kinds, serve

BEGIN = datetime(2026, 11, 23, 9, tzinfo=UTC)


class HandClock:
    """Time that stands still until somebody moves it; sleeping costs nothing."""

    speed = 1.0

    def __init__(self) -> None:
        self.time = BEGIN

    def now(self) -> datetime:
        return self.time

    async def sleep(self, duration: timedelta) -> None:
        del duration


class Cluster:
    """A simulation at hand, with the few moves that tests make."""

    def __init__(self, settings: Settings | None = None, simulation: Simulation | None = None) -> None:
        self.clock = HandClock()
        self.sim = simulation or Simulation(self.clock, settings or Settings())
        if simulation is not None:
            self.clock = simulation.clock  # type: ignore[assignment]

    def passes(self, seconds: float) -> None:
        """Let simulated time pass, second by second."""
        end = self.clock.time + timedelta(seconds=seconds)
        while self.clock.time < end:
            self.clock.time = min(end, self.clock.time + timedelta(seconds=1))
            self.sim.advance(self.clock.time)

    def until(self, holds: Callable[[], bool], within: float = 600) -> float:
        """Let time pass until something holds; the answer is how long that took."""
        for second in range(round(within)):
            if holds():
                return second
            self.passes(1)
        raise AssertionError(f"this did not happen within {within} s")

    def fault(self, **told: Any) -> None:
        self.sim.faults.replace(told, self.clock.time)

    def objects(self, kind: str) -> list[dict[str, Any]]:
        return self.sim.store.all_of(kinds.of(kind), "production")

    def object(self, kind: str, name: str) -> dict[str, Any]:
        return next(obj for obj in self.objects(kind) if obj["metadata"]["name"] == name)

    def pods(self, version: str = "") -> list[dict[str, Any]]:
        return [p for p in self.objects("Pod") if p["spec"]["containers"][0]["image"].endswith(version)]

    def ready(self, version: str = "") -> list[str]:
        return [
            pod["metadata"]["name"]
            for pod in self.pods(version)
            if "deletionTimestamp" not in pod["metadata"]
            and any(
                c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", [])
            )
        ]

    def apply(self, text: str) -> None:
        self.sim.apply(yaml.safe_load_all(text))

    def requests(self, version: str) -> int:
        """How many requests the pods of a version have answered in production since they started."""
        return sum(
            seen.count
            for process in self.sim.kubelet.processes
            if process.version == version and process.namespace == "production"
            for seen in process.counters.requests.values()
        )


@pytest.fixture
def new_cluster() -> type[Cluster]:
    """Makes an empty cluster, with settings of the test's own."""
    return Cluster


@pytest.fixture
def cluster() -> Cluster:
    """The starter's production namespace, at rest."""
    made = Cluster()
    made.sim.load(STARTER)
    made.until(lambda: len(made.ready()) == 3)
    return made


@pytest.fixture
async def server() -> AsyncIterator[ClusterServer]:
    """The same behind HTTP; time stands still unless `Cluster(simulation=…)` moves it."""
    clock = HandClock()
    async with await serve(clock=clock, apply=STARTER, ticking=False) as started:
        hand = Cluster(simulation=started.simulation)
        hand.until(lambda: len(hand.ready()) == 3)
        yield started


@pytest.fixture
def hand(server: ClusterServer) -> Cluster:
    return Cluster(simulation=server.simulation)


@pytest.fixture
async def api(server: ClusterServer) -> AsyncIterator[client.ApiClient]:
    """The official client, as the bot uses it."""
    configuration = client.Configuration()
    await config.load_kube_config_from_dict(
        yaml.safe_load(server.kubeconfig()), client_configuration=configuration
    )
    async with client.ApiClient(configuration) as made:
        yield made

"""Both clusters that the Kubernetes contracts run on, and a shop in each."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TypeAlias

import pytest

from bot.clients.kube import KubeClient, connect
from tests.support.bad_weather import Road
from tests.support.shop import Shop, Team
from tests.support.simulated_cluster import SimulatedCluster, start_simulated
from tests.support.testcluster import RealCluster

Cluster: TypeAlias = RealCluster | SimulatedCluster


@pytest.fixture(params=["simulated", pytest.param("real", marks=pytest.mark.live)])
async def cluster(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Cluster]:
    if request.param == "real":
        yield request.getfixturevalue("testcluster")
        return
    simulated, server = await start_simulated(tmp_path)
    async with server:
        yield simulated


@pytest.fixture
async def team(cluster: Cluster) -> AsyncIterator[Team]:
    admin = await Team.of(cluster.kubeconfig)
    yield admin
    await admin.close()


@pytest.fixture
async def kube(cluster: Cluster) -> AsyncIterator[KubeClient]:
    """The bot's own client."""
    client = await connect(cluster.kubeconfig)
    yield client
    await client.close()


@pytest.fixture
async def shop(team: Team) -> AsyncIterator[Shop]:
    """Not opened yet."""
    fresh = Shop(team)
    yield fresh
    await fresh.close()


@pytest.fixture
async def road(cluster: Cluster) -> AsyncIterator[Road]:
    async with Road(cluster.api, cluster.authority) as weather:
        yield weather


@pytest.fixture
async def kube_by_road(cluster: Cluster, road: Road, tmp_path: Path) -> AsyncIterator[KubeClient]:
    """The bot's own client, with bad weather between it and the API server."""
    client = await connect(road.kubeconfig(cluster.kubeconfig, tmp_path / "by-road"))
    yield client
    await client.close()

"""What share of the users really meets the new version, by their answers, for every kind of traffic."""

import asyncio
import math
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from bot.clients.kube import KubeClient, connect
from bot.domain.actions import Side
from bot.platforms.kubernetes import KubernetesPlatform, ObjectRouter, router
from tests.support.builders import RUN
from tests.support.eventually import eventually
from tests.support.load import StartLoad
from tests.support.shop import EACH_TRAFFIC, NEW, RUNNING, Shop, Team, image
from tests.support.testcluster import RealCluster

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

RPS, SECONDS = 500, 4
# Of a fair count so few lie further off: one in 150,000.
SIGMAS = 4.5
# Seconds until nobody meets the new version any more (the aim is 1).
LATEST = 5.0
# Until a router has heard of a change; it watches the API server.
HEARD = 0.5


@pytest.fixture
async def kube(testcluster: RealCluster) -> AsyncIterator[KubeClient]:
    client = await connect(testcluster.kubeconfig)
    yield client
    await client.close()


@pytest.fixture(params=EACH_TRAFFIC, ids=lambda traffic: traffic.kind)
async def shop(
    request: pytest.FixtureRequest, testcluster: RealCluster, kube: KubeClient
) -> AsyncIterator[Shop]:
    """Both sides are up."""
    team = await Team.of(testcluster.kubeconfig)
    shop = Shop(team)
    shop.traffic = request.param
    shop.stable["spec"]["replicas"] = 2
    await shop.open()
    platform = KubernetesPlatform(kube, shop.target())
    await eventually(platform.stable, lambda seen: seen.ready == 2, within=60)
    await platform.deploy_canary(image(NEW), NEW, run=RUN, on=None)
    await eventually(platform.canary, lambda seen: seen is not None and seen.ready == 2, within=60)
    yield shop
    await shop.close()
    await team.close()


@pytest.fixture
def traffic(kube: KubeClient, shop: Shop) -> ObjectRouter:
    return router(kube, shop.target())


async def test_the_share_that_is_served_is_the_weight_within_what_chance_allows(
    shop: Shop, traffic: ObjectRouter, load: StartLoad
) -> None:
    print()
    for weight in (5, 25, 50, 100):
        await traffic.shift(weight, on=await traffic.split())
        await asyncio.sleep(HEARD)
        totals = await asyncio.to_thread(load(shop.host, rps=RPS, seconds=SECONDS).totals)
        seen, share = totals.by_version.get(NEW, 0), weight / 100
        chance = SIGMAS * math.sqrt(totals.total * share * (1 - share))
        wanted = totals.total * share
        print(f"{shop.traffic.kind} {weight} %: {seen} of {totals.total}, {wanted:.0f} ± {chance:.0f} wanted")
        assert totals.failed == 0, totals.raw
        assert totals.total > RPS * SECONDS / 2
        assert abs(seen - wanted) <= chance


async def test_the_header_leads_to_the_canary_at_weight_0(
    shop: Shop, traffic: ObjectRouter, load: StartLoad
) -> None:
    await traffic.route_header(Side.CANARY, on=await traffic.split())
    await asyncio.sleep(HEARD)

    bearers = load(shop.host, rps=50, seconds=2, header="canary: true")
    others = load(shop.host, rps=50, seconds=2)
    told = await asyncio.gather(*(asyncio.to_thread(users.totals) for users in (bearers, others)))

    assert [totals.failed for totals in told] == [0, 0]
    assert [set(totals.by_version) for totals in told] == [{NEW}, {RUNNING}]


async def test_the_way_back_takes_everybody_home_and_costs_no_request(
    shop: Shop, traffic: ObjectRouter, load: StartLoad
) -> None:
    await traffic.route_header(Side.CANARY, on=await traffic.split())
    await traffic.shift(50, on=await traffic.split())
    users = load(shop.host, rps=RPS, seconds=SECONDS)
    await asyncio.sleep(SECONDS / 2)

    began = datetime.now(UTC)
    await traffic.all_to_stable(on=await traffic.split(), mark="checkout-1")

    totals = await asyncio.to_thread(users.totals)
    took = (totals.last_seen[NEW] - began).total_seconds()
    print(
        f"\n{shop.traffic.kind}: last answer of {NEW} {took * 1000:.0f} ms after the way back began; {totals}"
    )
    assert totals.failed == 0, totals.raw
    assert took < LATEST

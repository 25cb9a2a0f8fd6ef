"""What every router of one object has to keep, on the simulated API server and on the real one."""

import asyncio
from urllib.parse import parse_qs, urlsplit

import pytest

from bot.clients import kube as kube_room
from bot.clients.kube import KubeClient
from bot.domain.actions import Side
from bot.domain.errors import Conflict, Throttled, Unreachable
from bot.domain.outcome import TrafficSplit
from tests.contracts.conftest import Cluster
from tests.contracts.routing import opened, route_header, shift, shown
from tests.support.bad_weather import Road, Trouble
from tests.support.shop import EACH_TRAFFIC, Shop, path_of, plural_of


@pytest.fixture(params=EACH_TRAFFIC, ids=lambda traffic: traffic.kind, autouse=True)
def routed(request: pytest.FixtureRequest, shop: Shop) -> None:
    shop.traffic = request.param


@pytest.mark.parametrize("weight", [0, 5, 10, 25, 50, 99, 100])
async def test_a_weight_is_read_back_as_it_was_set(shop: Shop, kube: KubeClient, weight: int) -> None:
    router = await opened(shop, kube)

    await shift(router, weight)

    assert shown(await router.split()) == TrafficSplit(canary=weight, header_to=None)


async def test_the_header_route_stays_through_every_weight_and_goes_home_at_the_end(
    shop: Shop, kube: KubeClient
) -> None:
    router = await opened(shop, kube)
    await route_header(router, Side.CANARY)
    for weight in (5, 10, 25, 50, 100):
        await shift(router, weight)
        assert shown(await router.split()) == TrafficSplit(canary=weight, header_to="canary")

    await router.all_to_stable(on=None)

    split = await router.split()
    assert (split.canary, split.header_to == "canary") == (0, False)


async def test_a_change_by_somebody_else_in_between_is_a_conflict(
    shop: Shop, kube: KubeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    router = await opened(shop, kube)
    patch = kube.patch

    async def late(path, operations):
        await shop.team.merge(path, {"metadata": {"labels": {"touched": "yes"}}})
        return await patch(path, operations)

    monkeypatch.setattr(kube, "patch", late)

    with pytest.raises(Conflict):
        await shift(router, 25)

    monkeypatch.undo()
    assert (await router.split()).canary == 0


@pytest.mark.parametrize(
    "change",
    [
        lambda router, old: router.shift(25, on=old),
        lambda router, old: router.route_header(Side.CANARY, on=old),
        lambda router, old: router.all_to_stable(on=old),
    ],
    ids=["weight", "header", "home"],
)
async def test_only_what_was_looked_at_is_changed(shop: Shop, kube: KubeClient, change) -> None:
    router = await opened(shop, kube)
    await shift(router, 5)
    old = await router.split()
    path = path_of(shop.route)
    await shop.team.merge(path, {"metadata": {"labels": {"touched": "yes"}}})

    with pytest.raises(Conflict):
        await change(router, old)

    assert shown(await router.split()) == TrafficSplit(canary=5, header_to=None)
    await shift(router, 25)
    assert (await router.split()).canary == 25


async def test_a_way_back_leaves_its_mark_even_on_a_route_at_rest(shop: Shop, kube: KubeClient) -> None:
    shop.route["metadata"].setdefault("annotations", {})["team"] = "shop"
    router = await opened(shop, kube)
    late = await router.split()

    await router.all_to_stable(on=late, mark="checkout-7")

    after = await router.split()
    assert (after.canary, after.header_to, after.mark) == (0, None, "checkout-7")
    assert (await shop.team.get(path_of(shop.route)))["metadata"]["annotations"]["team"] == "shop"
    with pytest.raises(Conflict):
        await router.route_header(Side.CANARY, on=late)
    assert (await router.split()).header_to is None


async def test_the_same_mark_is_not_written_twice(cluster: Cluster, shop: Shop, kube: KubeClient) -> None:
    router = await opened(shop, kube)
    await router.all_to_stable(on=await router.split(), mark="checkout-7")
    marked = await router.split()

    await router.all_to_stable(on=marked, mark="checkout-7")

    assert await router.split() == marked
    await router.all_to_stable(on=marked, mark="checkout-8")
    assert (await router.split()).mark == "checkout-8"


async def test_of_two_shifts_at_once_each_one_counts_or_is_a_conflict(shop: Shop, kube: KubeClient) -> None:
    router = await opened(shop, kube)

    answers = await asyncio.gather(*(shift(router, w) for w in (5, 10, 25, 50)), return_exceptions=True)

    assert all(answer is None or isinstance(answer, Conflict) for answer in answers)
    assert any(answer is None for answer in answers)
    assert (await router.split()).canary in {5, 10, 25, 50}


async def test_a_check_changes_nothing(cluster: Cluster, shop: Shop, kube: KubeClient) -> None:
    router = await opened(shop, kube)

    await router.check()

    assert [c for c in cluster.audit(shop.namespace, "slackwater") if c.is_write] == []


async def test_nothing_but_the_routing_object_is_written_and_under_our_own_name(
    cluster: Cluster, shop: Shop, kube: KubeClient
) -> None:
    router = await opened(shop, kube)

    await route_header(router, Side.CANARY)
    await shift(router, 50)
    await router.all_to_stable(on=None)

    writes = [c for c in cluster.audit(None, "slackwater") if c.is_write and shop.namespace in c.uri]
    assert [(c.verb, c.resource, c.name, c.code) for c in writes] == [
        ("patch", plural_of(shop.route), shop.route["metadata"]["name"], 200)
    ] * 3
    managers = {parse_qs(urlsplit(c.uri).query)["fieldManager"][0] for c in writes}
    assert managers == {"slackwater"}


async def test_a_patch_whose_answer_is_lost_is_unknown_and_is_found_by_looking(
    shop: Shop, kube_by_road: KubeClient, road: Road
) -> None:
    router = await opened(shop, kube_by_road)
    road.troubles.append(Trouble("PATCH", lost=True))

    with pytest.raises(Unreachable):
        await shift(router, 25)

    assert (await router.split()).canary == 25


async def test_a_patch_that_is_not_answered_in_time_is_unknown_and_is_found_by_looking(
    shop: Shop, kube_by_road: KubeClient, road: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    router = await opened(shop, kube_by_road)
    road.troubles.append(Trouble("PATCH", silent=2))
    monkeypatch.setattr(kube_room, "_TIMEOUT", 0.5)

    with pytest.raises(Unreachable, match="no answer in time"):
        await shift(router, 25)

    monkeypatch.undo()
    assert (await router.split()).canary == 25


@pytest.mark.parametrize(
    ("status", "error"), [(500, Unreachable), (503, Unreachable), (409, Conflict), (429, Throttled)]
)
async def test_a_refused_patch_changes_nothing_and_may_be_tried_again(
    shop: Shop, kube_by_road: KubeClient, road: Road, status: int, error: type[Exception]
) -> None:
    router = await opened(shop, kube_by_road)
    road.troubles.append(Trouble("PATCH", status=status, headers={"Retry-After": "7"}))

    with pytest.raises(error) as caught:
        await shift(router, 25)

    assert caught.value.is_transient
    assert (await router.split()).canary == 0
    if status == 429:
        assert caught.value.retry_after.total_seconds() == 7
    await shift(router, 25)
    assert (await router.split()).canary == 25

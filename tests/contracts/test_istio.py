"""How a VirtualService is read and changed, on the simulated API server and on the real one."""

import json

import pytest

from bot.clients.kube import KubeClient
from bot.domain.actions import Side
from bot.domain.errors import Conflict, NotFound, Rejected, Unreadable
from bot.domain.outcome import TrafficSplit
from bot.domain.traffic import ByVirtualService
from bot.platforms.kubernetes import router
from tests.contracts.conftest import Cluster
from tests.contracts.routing import opened, route_header, shift, shown
from tests.support.shop import Shop, destination, path_of, without

BY_HEADER = {"headers": {"canary": {"exact": "true"}}}


async def routes(shop: Shop) -> list[dict]:
    return (await shop.read("VirtualService"))["spec"]["http"]


@pytest.mark.parametrize("weight", [0, 99, 100])
async def test_both_weights_are_written_and_make_100(shop: Shop, kube: KubeClient, weight: int) -> None:
    router = await opened(shop, kube)

    await shift(router, weight)

    (route,) = await routes(shop)
    assert [d["weight"] for d in route["route"]] == [100 - weight, weight]


async def test_a_route_that_never_had_a_canary_gets_one(shop: Shop, kube: KubeClient) -> None:
    shop.virtual_service["spec"]["http"] = [{"route": [destination("checkout-stable")]}]
    router = await opened(shop, kube)
    before = await router.split()

    await shift(router, 5)

    (route,) = await routes(shop)
    assert before.canary == 0
    assert route["route"] == [destination("checkout-stable", 95), destination("checkout-canary", 5)]


async def test_the_header_route_is_made_before_the_weighted_one(shop: Shop, kube: KubeClient) -> None:
    router = await opened(shop, kube)

    await route_header(router, Side.CANARY)

    header, weighted = await routes(shop)
    assert header["match"] == [BY_HEADER]
    assert header["route"] == [destination("checkout-canary")]
    assert weighted["name"] == "weighted"
    assert shown(await router.split()) == TrafficSplit(canary=0, header_to="canary")


async def test_who_bears_the_header_is_served_like_everybody_else(shop: Shop, kube: KubeClient) -> None:
    """Without the rewrite the canary would be asked for paths that it does not have."""
    shop.virtual_service["spec"]["http"][0] |= {"rewrite": {"uri": "/v2"}, "timeout": "3s"}
    router = await opened(shop, kube)

    await route_header(router, Side.CANARY)

    header, weighted = await routes(shop)
    assert (header["rewrite"], header["timeout"]) == (weighted["rewrite"], "3s")


async def test_the_teams_own_header_route_is_used_not_doubled(shop: Shop, kube: KubeClient) -> None:
    own = {"name": "by-header", "match": [BY_HEADER], "route": [destination("checkout-stable")]}
    shop.virtual_service["spec"]["http"].insert(0, {**own, "timeout": "3s"})
    router = await opened(shop, kube)

    await route_header(router, Side.CANARY)

    header, _ = await routes(shop)
    assert header == {**own, "timeout": "3s", "route": [destination("checkout-canary")]}


async def test_a_header_route_to_stable_is_not_made_where_there_is_none(
    cluster: Cluster, shop: Shop, kube: KubeClient
) -> None:
    router = await opened(shop, kube)

    await route_header(router, Side.STABLE)

    assert len(await routes(shop)) == 1
    assert [c for c in cluster.audit(shop.namespace, "slackwater") if c.is_write] == []


async def test_a_header_route_with_several_destinations_leads_to_one_side_only(
    shop: Shop, kube: KubeClient
) -> None:
    split = [destination("checkout-stable", 50), destination("checkout-canary", 50)]
    shop.virtual_service["spec"]["http"].insert(0, {"match": [BY_HEADER], "route": split})
    router = await opened(shop, kube)

    await router.all_to_stable(on=None)

    header, _ = await routes(shop)
    assert [d["destination"]["host"] for d in header["route"]] == ["checkout-stable"]
    assert shown(await router.split()) == TrafficSplit(canary=0, header_to="stable")


async def test_other_routes_of_the_team_come_back_byte_for_byte(shop: Shop, kube: KubeClient) -> None:
    images = {
        "name": "images",
        "match": [{"uri": {"prefix": "/images"}, "ignoreUriCase": True}],
        "route": [{"destination": {"host": "images"}, "headers": {"request": {"set": {"x-odd": "ü\n"}}}}],
        "fault": {"delay": {"percentage": {"value": 0.1}, "fixedDelay": "5s"}},
        "retries": {"attempts": 3, "retryOn": "5xx"},
    }
    shop.virtual_service["spec"]["http"].insert(0, images)
    shop.virtual_service["spec"]["tcp"] = [
        {"match": [{"port": 9000}], "route": [destination("checkout-stable")]}
    ]
    router = await opened(shop, kube)
    before = await shop.read("VirtualService")

    await shift(router, 25)

    after = await shop.read("VirtualService")
    assert without(after["spec"]["http"], 1) == without(before["spec"]["http"], 1)
    assert json.dumps({**after["spec"], "http": 0}) == json.dumps({**before["spec"], "http": 0})


async def test_a_route_of_the_team_keeps_its_place_before_the_header_route(
    shop: Shop, kube: KubeClient
) -> None:
    images = {"match": [{"uri": {"prefix": "/images"}}], "route": [destination("images")]}
    shop.virtual_service["spec"]["http"].insert(0, images)
    router = await opened(shop, kube)

    await route_header(router, Side.CANARY)

    first, header, weighted = await routes(shop)
    assert first == images
    assert header["match"] == [BY_HEADER]
    assert weighted["name"] == "weighted"


async def test_a_header_route_to_somewhere_else_is_not_ours(shop: Shop, kube: KubeClient) -> None:
    admin = {
        "match": [{**BY_HEADER, "uri": {"prefix": "/admin"}}],
        "route": [destination("admin-canary")],
    }
    shop.virtual_service["spec"]["http"].insert(0, admin)
    router = await opened(shop, kube)
    before = await router.split()

    await route_header(router, Side.CANARY)

    first, header, _ = await routes(shop)
    assert before.header_to is None
    assert first == admin
    assert header["route"] == [destination("checkout-canary")]


async def test_a_weighted_route_with_a_match_gives_its_match_to_the_header_route(
    shop: Shop, kube: KubeClient
) -> None:
    http = shop.virtual_service["spec"]["http"]
    http[0]["match"] = [{"uri": {"prefix": "/api"}}]
    http.append({"route": [destination("front")]})
    shop.traffic = ByVirtualService(virtual_service="checkout", route="weighted")
    router = await opened(shop, kube)

    await route_header(router, Side.CANARY)

    header, _, front = await routes(shop)
    assert header["match"] == [{"uri": {"prefix": "/api"}, **BY_HEADER}]
    assert front == {"route": [destination("front")]}
    assert shown(await router.split()) == TrafficSplit(canary=0, header_to="canary")


async def test_the_route_is_found_by_its_name_among_several(shop: Shop, kube: KubeClient) -> None:
    other = {
        "name": "mobile",
        "match": [{"uri": {"prefix": "/m"}}],
        "route": [destination("checkout-stable")],
    }
    shop.virtual_service["spec"]["http"].insert(0, other)
    shop.traffic = ByVirtualService(virtual_service="checkout", route="weighted")
    router = await opened(shop, kube)

    await shift(router, 10)

    mobile, weighted = await routes(shop)
    assert mobile == other
    assert [d["weight"] for d in weighted["route"]] == [90, 10]


async def test_several_routes_to_stable_are_not_guessed_among(shop: Shop, kube: KubeClient) -> None:
    other = {"match": [{"uri": {"prefix": "/m"}}], "route": [destination("checkout-stable")]}
    shop.virtual_service["spec"]["http"].insert(0, other)
    router = await opened(shop, kube)

    with pytest.raises(Unreadable, match=r"several routes to stable; name one"):
        await shift(router, 10)

    assert (await routes(shop))[1]["route"][0]["weight"] == 100


@pytest.mark.parametrize("weights", [(90, 0), (60, 60), (0, 0)])
async def test_weights_that_do_not_add_to_100_are_refused_by_the_api_server_or_not_read_as_a_split(
    shop: Shop, kube: KubeClient, weights: tuple[int, int]
) -> None:
    stable, canary = weights
    http = shop.virtual_service["spec"]["http"]
    http[0]["route"] = [destination("checkout-stable", stable), destination("checkout-canary", canary)]

    with pytest.raises((Unreadable, Rejected), match=r"not 100 in all|!= 100"):
        await (await opened(shop, kube)).split()


async def test_all_to_stable_mends_weights_that_make_no_sense(shop: Shop, kube: KubeClient) -> None:
    http = shop.virtual_service["spec"]["http"]
    http[0]["route"] = [destination("checkout-stable"), destination("checkout-canary", 100)]
    router = await opened(shop, kube)

    await router.all_to_stable(on=None)

    assert (await router.split()).canary == 0


async def test_a_third_destination_is_not_divided_up(shop: Shop, kube: KubeClient) -> None:
    http = shop.virtual_service["spec"]["http"]
    http[0]["route"] = [destination("checkout-stable", 90), destination("old", 10)]
    router = await opened(shop, kube)
    before = await routes(shop)

    with pytest.raises(Unreadable):
        await shift(router, 5)

    assert await routes(shop) == before


async def test_full_names_of_services_are_understood_and_kept(shop: Shop, kube: KubeClient) -> None:
    full = f"checkout-stable.{shop.namespace}.svc.cluster.local"
    shop.virtual_service["spec"]["http"] = [{"route": [destination(full, 100)]}]
    router = await opened(shop, kube)

    await shift(router, 10)
    await route_header(router, Side.CANARY)

    header, weighted = await routes(shop)
    canary = f"checkout-canary.{shop.namespace}.svc.cluster.local"
    assert weighted["route"] == [destination(full, 90), destination(canary, 10)]
    assert header["route"] == [destination(canary)]
    assert shown(await router.split()) == TrafficSplit(canary=10, header_to="canary")


async def test_a_service_of_the_same_name_elsewhere_is_not_ours(shop: Shop, kube: KubeClient) -> None:
    shop.virtual_service["spec"]["http"] = [
        {"route": [destination("checkout-stable.other.svc.cluster.local")]}
    ]
    router = await opened(shop, kube)

    with pytest.raises(NotFound, match="no http route to stable"):
        await router.split()


async def test_a_missing_object_or_route_is_named(shop: Shop, kube: KubeClient) -> None:
    await opened(shop, kube)

    with pytest.raises(NotFound, match="elsewhere"):
        await router(kube, shop.target(traffic=ByVirtualService(virtual_service="elsewhere"))).split()
    with pytest.raises(NotFound, match="no http route called 'nope'"):
        await router(
            kube, shop.target(traffic=ByVirtualService(virtual_service="checkout", route="nope"))
        ).split()


async def test_an_object_without_http_routes_is_said_to_have_none(shop: Shop, kube: KubeClient) -> None:
    shop.virtual_service["spec"] = {
        "hosts": ["checkout"],
        "tcp": [{"route": [destination("checkout-stable")]}],
    }
    router = await opened(shop, kube)

    with pytest.raises(Unreadable, match="no http routes"):
        await router.split()


async def test_the_api_server_itself_refuses_a_patch_made_on_an_old_revision(
    shop: Shop, kube: KubeClient
) -> None:
    await shop.open(workloads=False)
    old = await shop.read("VirtualService")
    path = path_of(shop.virtual_service)
    await shop.team.merge(path, {"metadata": {"annotations": {"by": "the team"}}})

    with pytest.raises(Conflict):
        await kube.patch(
            path,
            [
                {
                    "op": "replace",
                    "path": "/metadata/resourceVersion",
                    "value": old["metadata"]["resourceVersion"],
                },
                {"op": "replace", "path": "/spec/http/0/route/0/weight", "value": 1},
            ],
        )

"""What an Istio router has to keep, on the simulated API server and on the real one."""

import asyncio
import json
from urllib.parse import parse_qs, urlsplit

import pytest

from bot.clients import kube as kube_room
from bot.clients.kube import KubeClient
from bot.domain.actions import Side
from bot.domain.errors import Conflict, NotFound, Rejected, Throttled, Unreachable, Unreadable
from bot.domain.outcome import TrafficSplit
from bot.platforms.kubernetes import IstioRouter
from tests.contracts.conftest import Cluster
from tests.support.bad_weather import Road, Trouble
from tests.support.shop import Shop, destination, path_of, without

BY_HEADER = {"headers": {"canary": {"exact": "true"}}}


async def opened(shop: Shop, kube: KubeClient, **target) -> IstioRouter:
    await shop.open(workloads=False)
    return IstioRouter(kube, shop.target(**target))


async def routes(shop: Shop) -> list[dict]:
    return (await shop.read("VirtualService"))["spec"]["http"]


@pytest.mark.parametrize("weight", [0, 5, 10, 25, 50, 99, 100])
async def test_a_weight_is_read_back_as_it_was_set(shop: Shop, kube: KubeClient, weight: int) -> None:
    router = await opened(shop, kube)

    await router.shift(weight)

    assert await router.split() == TrafficSplit(canary=weight, header_to=None)
    (route,) = await routes(shop)
    assert [d["weight"] for d in route["route"]] == [100 - weight, weight]


async def test_a_route_that_never_had_a_canary_gets_one(shop: Shop, kube: KubeClient) -> None:
    shop.virtual_service["spec"]["http"] = [{"route": [destination("checkout-stable")]}]
    router = await opened(shop, kube)
    before = await router.split()

    await router.shift(5)

    (route,) = await routes(shop)
    assert before.canary == 0
    assert route["route"] == [destination("checkout-stable", 95), destination("checkout-canary", 5)]


async def test_the_header_route_is_made_before_the_weighted_one(shop: Shop, kube: KubeClient) -> None:
    router = await opened(shop, kube)

    await router.route_header(Side.CANARY)

    header, weighted = await routes(shop)
    assert header["match"] == [BY_HEADER]
    assert header["route"] == [destination("checkout-canary")]
    assert weighted["name"] == "weighted"
    assert await router.split() == TrafficSplit(canary=0, header_to="canary")


async def test_the_teams_own_header_route_is_used_not_doubled(shop: Shop, kube: KubeClient) -> None:
    own = {"name": "by-header", "match": [BY_HEADER], "route": [destination("checkout-stable")]}
    shop.virtual_service["spec"]["http"].insert(0, {**own, "timeout": "3s"})
    router = await opened(shop, kube)

    await router.route_header(Side.CANARY)

    header, _ = await routes(shop)
    assert header == {**own, "timeout": "3s", "route": [destination("checkout-canary")]}


async def test_the_header_route_stays_through_every_weight_and_goes_home_at_the_end(
    shop: Shop, kube: KubeClient
) -> None:
    router = await opened(shop, kube)
    await router.route_header(Side.CANARY)
    for weight in (5, 10, 25, 50, 100):
        await router.shift(weight)
        assert await router.split() == TrafficSplit(canary=weight, header_to="canary")

    await router.all_to_stable()

    assert await router.split() == TrafficSplit(canary=0, header_to="stable")


async def test_a_header_route_to_stable_is_not_made_where_there_is_none(
    cluster: Cluster, shop: Shop, kube: KubeClient
) -> None:
    router = await opened(shop, kube)

    await router.route_header(Side.STABLE)

    assert len(await routes(shop)) == 1
    assert [c for c in cluster.audit(shop.namespace, "slackwater") if c.is_write] == []


async def test_a_header_route_with_several_destinations_leads_to_one_side_only(
    shop: Shop, kube: KubeClient
) -> None:
    split = [destination("checkout-stable", 50), destination("checkout-canary", 50)]
    shop.virtual_service["spec"]["http"].insert(0, {"match": [BY_HEADER], "route": split})
    router = await opened(shop, kube)

    await router.all_to_stable()

    header, _ = await routes(shop)
    assert [d["destination"]["host"] for d in header["route"]] == ["checkout-stable"]
    assert await router.split() == TrafficSplit(canary=0, header_to="stable")


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

    await router.shift(25)

    after = await shop.read("VirtualService")
    assert without(after["spec"]["http"], 1) == without(before["spec"]["http"], 1)
    assert json.dumps({**after["spec"], "http": 0}) == json.dumps({**before["spec"], "http": 0})


async def test_a_route_of_the_team_keeps_its_place_before_the_header_route(
    shop: Shop, kube: KubeClient
) -> None:
    images = {"match": [{"uri": {"prefix": "/images"}}], "route": [destination("images")]}
    shop.virtual_service["spec"]["http"].insert(0, images)
    router = await opened(shop, kube)

    await router.route_header(Side.CANARY)

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

    await router.route_header(Side.CANARY)

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
    router = await opened(shop, kube, route="weighted")

    await router.route_header(Side.CANARY)

    header, _, front = await routes(shop)
    assert header["match"] == [{"uri": {"prefix": "/api"}, **BY_HEADER}]
    assert front == {"route": [destination("front")]}
    assert await router.split() == TrafficSplit(canary=0, header_to="canary")


async def test_the_route_is_found_by_its_name_among_several(shop: Shop, kube: KubeClient) -> None:
    other = {
        "name": "mobile",
        "match": [{"uri": {"prefix": "/m"}}],
        "route": [destination("checkout-stable")],
    }
    shop.virtual_service["spec"]["http"].insert(0, other)
    router = await opened(shop, kube, route="weighted")

    await router.shift(10)

    mobile, weighted = await routes(shop)
    assert mobile == other
    assert [d["weight"] for d in weighted["route"]] == [90, 10]


async def test_several_routes_to_stable_are_not_guessed_among(shop: Shop, kube: KubeClient) -> None:
    other = {"match": [{"uri": {"prefix": "/m"}}], "route": [destination("checkout-stable")]}
    shop.virtual_service["spec"]["http"].insert(0, other)
    router = await opened(shop, kube)

    with pytest.raises(Unreadable, match=r"several routes to stable; name one"):
        await router.shift(10)

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

    await router.all_to_stable()

    assert (await router.split()).canary == 0


async def test_a_third_destination_is_not_divided_up(shop: Shop, kube: KubeClient) -> None:
    http = shop.virtual_service["spec"]["http"]
    http[0]["route"] = [destination("checkout-stable", 90), destination("old", 10)]
    router = await opened(shop, kube)
    before = await routes(shop)

    with pytest.raises(Unreadable):
        await router.shift(5)

    assert await routes(shop) == before


async def test_full_names_of_services_are_understood_and_kept(shop: Shop, kube: KubeClient) -> None:
    full = f"checkout-stable.{shop.namespace}.svc.cluster.local"
    shop.virtual_service["spec"]["http"] = [{"route": [destination(full, 100)]}]
    router = await opened(shop, kube)

    await router.shift(10)
    await router.route_header(Side.CANARY)

    header, weighted = await routes(shop)
    canary = f"checkout-canary.{shop.namespace}.svc.cluster.local"
    assert weighted["route"] == [destination(full, 90), destination(canary, 10)]
    assert header["route"] == [destination(canary)]
    assert await router.split() == TrafficSplit(canary=10, header_to="canary")


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
        await IstioRouter(kube, shop.target(virtual_service="elsewhere")).split()
    with pytest.raises(NotFound, match="no http route called 'nope'"):
        await IstioRouter(kube, shop.target(route="nope")).split()


async def test_an_object_without_http_routes_is_said_to_have_none(shop: Shop, kube: KubeClient) -> None:
    shop.virtual_service["spec"] = {
        "hosts": ["checkout"],
        "tcp": [{"route": [destination("checkout-stable")]}],
    }
    router = await opened(shop, kube)

    with pytest.raises(Unreadable, match="no http routes"):
        await router.split()


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
        await router.shift(25)

    monkeypatch.undo()
    assert (await router.split()).canary == 0


async def test_only_what_was_looked_at_is_changed(shop: Shop, kube: KubeClient) -> None:
    router = await opened(shop, kube)
    await router.split()
    path = path_of(shop.virtual_service)
    await shop.team.merge(path, {"metadata": {"labels": {"touched": "yes"}}})

    with pytest.raises(Conflict):
        await router.shift(25)

    assert (await router.split()).canary == 0
    await router.shift(25)
    assert (await router.split()).canary == 25


async def test_of_two_shifts_at_once_each_one_counts_or_is_a_conflict(shop: Shop, kube: KubeClient) -> None:
    router = await opened(shop, kube)

    answers = await asyncio.gather(*(router.shift(w) for w in (5, 10, 25, 50)), return_exceptions=True)

    assert all(answer is None or isinstance(answer, Conflict) for answer in answers)
    assert any(answer is None for answer in answers)
    assert (await router.split()).canary in {5, 10, 25, 50}


async def test_nothing_but_the_virtual_service_is_written_and_under_our_own_name(
    cluster: Cluster, shop: Shop, kube: KubeClient
) -> None:
    router = await opened(shop, kube)

    await router.route_header(Side.CANARY)
    await router.shift(50)
    await router.all_to_stable()

    writes = [c for c in cluster.audit(None, "slackwater") if c.is_write and shop.namespace in c.uri]
    assert [(c.verb, c.resource, c.name, c.code) for c in writes] == [
        ("patch", "virtualservices", "checkout", 200)
    ] * 3
    managers = {parse_qs(urlsplit(c.uri).query)["fieldManager"][0] for c in writes}
    assert managers == {"slackwater"}


async def test_a_patch_whose_answer_is_lost_is_unknown_and_is_found_by_looking(
    shop: Shop, kube_by_road: KubeClient, road: Road
) -> None:
    router = await opened(shop, kube_by_road)
    road.troubles.append(Trouble("PATCH", lost=True))

    with pytest.raises(Unreachable):
        await router.shift(25)

    assert (await router.split()).canary == 25


async def test_a_patch_that_is_not_answered_in_time_is_unknown_and_is_found_by_looking(
    shop: Shop, kube_by_road: KubeClient, road: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    router = await opened(shop, kube_by_road)
    road.troubles.append(Trouble("PATCH", silent=2))
    monkeypatch.setattr(kube_room, "_TIMEOUT", 0.5)

    with pytest.raises(Unreachable, match="no answer in time"):
        await router.shift(25)

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
        await router.shift(25)

    assert caught.value.is_transient
    assert (await router.split()).canary == 0
    if status == 429:
        assert caught.value.retry_after.total_seconds() == 7
    await router.shift(25)
    assert (await router.split()).canary == 25


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

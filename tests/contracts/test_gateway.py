"""How a Gateway API HTTPRoute is read and changed, on the simulated API server and on the real one."""

import json

import pytest

from bot.clients.kube import KubeClient
from bot.domain.actions import Side
from bot.domain.errors import NotFound, Unreadable
from bot.domain.outcome import TrafficSplit
from bot.domain.traffic import ByHTTPRoute
from bot.platforms.kubernetes import router as router_of
from tests.contracts.routing import opened, route_header, shift, shown
from tests.support.shop import Shop, backend, without

HEADER = {"type": "Exact", "name": "canary", "value": "true"}
IMAGES = {
    "matches": [{"path": {"type": "PathPrefix", "value": "/images"}}],
    "backendRefs": [{"name": "images", "port": 80}],
    "filters": [{"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["x-odd"]}}],
}


@pytest.fixture(autouse=True)
def routed(shop: Shop) -> None:
    shop.traffic = ByHTTPRoute(route="checkout")


async def rules(shop: Shop) -> list[dict]:
    return (await shop.read("HTTPRoute"))["spec"]["rules"]


def leads_to(rule: dict) -> list[tuple[str, int]]:
    return [(one["name"], one.get("weight", 1)) for one in rule["backendRefs"]]


async def test_a_rule_that_never_had_a_canary_gets_one(shop: Shop, kube: KubeClient) -> None:
    shop.http_route["spec"]["rules"] = [{"backendRefs": [backend("checkout-stable")]}]
    router = await opened(shop, kube)
    before = await router.split()

    await shift(router, 5)

    (rule,) = await rules(shop)
    assert before.canary == 0
    assert leads_to(rule) == [("checkout-stable", 95), ("checkout-canary", 5)]
    assert [one["port"] for one in rule["backendRefs"]] == [80, 80]


@pytest.mark.parametrize(
    ("stable", "canary", "share"), [(1, 0, 0), (1, 1, 50), (3, 1, 25), (0, 7, 100), (950, 50, 5)]
)
async def test_weights_are_shares_of_their_sum(
    shop: Shop, kube: KubeClient, stable: int, canary: int, share: int
) -> None:
    both = [backend("checkout-stable", stable), backend("checkout-canary", canary)]
    shop.http_route["spec"]["rules"] = [{"backendRefs": both}]

    assert (await (await opened(shop, kube)).split()).canary == share


@pytest.mark.parametrize(
    ("stable", "canary", "why"), [(2, 1, "no whole per cent"), (0, 0, "0 and 0 of 0 to the two sides")]
)
async def test_weights_that_are_no_share_are_not_guessed_at_and_the_way_back_mends_them(
    shop: Shop, kube: KubeClient, stable: int, canary: int, why: str
) -> None:
    both = [backend("checkout-stable", stable), backend("checkout-canary", canary)]
    shop.http_route["spec"]["rules"] = [{"backendRefs": both}]
    router = await opened(shop, kube)

    with pytest.raises(Unreadable, match=why):
        await router.split()

    await router.all_to_stable(on=None)
    assert (await router.split()).canary == 0


async def test_the_header_rule_has_the_weighted_ones_matches_and_all_else(
    shop: Shop, kube: KubeClient
) -> None:
    """A gateway prefers more headers among equal paths; filters belong to everybody."""
    match = {"path": {"type": "PathPrefix", "value": "/api"}, "method": "GET"}
    rewrite = {
        "type": "RequestHeaderModifier",
        "requestHeaderModifier": {"set": [{"name": "a", "value": "b"}]},
    }
    shop.http_route["spec"]["rules"][0] |= {"matches": [match], "filters": [rewrite]}
    router = await opened(shop, kube)

    await route_header(router, Side.CANARY)

    header, weighted = await rules(shop)
    assert header["matches"] == [{**match, "headers": [HEADER]}]
    assert header["filters"] == weighted["filters"]
    assert leads_to(header) == [("checkout-canary", 1)]
    assert weighted["matches"] == [match]
    assert shown(await router.split()) == TrafficSplit(canary=0, header_to="canary")


async def test_a_header_rule_is_not_made_twice_and_not_for_stable(shop: Shop, kube: KubeClient) -> None:
    router = await opened(shop, kube)

    await route_header(router, Side.STABLE)
    assert len(await rules(shop)) == 1
    await route_header(router, Side.CANARY)
    await route_header(router, Side.STABLE)
    await route_header(router, Side.CANARY)

    assert len(await rules(shop)) == 2
    assert (await router.split()).header_to == "canary"


async def test_the_teams_own_header_rule_is_used_whatever_the_case_of_its_name(
    shop: Shop, kube: KubeClient
) -> None:
    own = {
        "matches": [{"headers": [{**HEADER, "name": "Canary"}]}],
        "backendRefs": [backend("checkout-stable")],
        "timeouts": {"request": "3s"},
    }
    shop.http_route["spec"]["rules"].insert(0, own)
    router = await opened(shop, kube)

    await route_header(router, Side.CANARY)

    header, _ = await rules(shop)
    assert leads_to(header) == [("checkout-canary", 1)]
    assert header["timeouts"] == {"request": "3s"}


async def test_other_rules_of_the_team_come_back_as_they_were(shop: Shop, kube: KubeClient) -> None:
    shop.http_route["spec"]["rules"].insert(0, IMAGES)
    router = await opened(shop, kube)
    before = await shop.read("HTTPRoute")

    await shift(router, 25)

    after = await shop.read("HTTPRoute")
    assert without(after["spec"]["rules"], 1) == without(before["spec"]["rules"], 1)
    assert json.dumps({**after["spec"], "rules": 0}) == json.dumps({**before["spec"], "rules": 0})


async def test_a_header_rule_to_somewhere_else_is_not_ours(shop: Shop, kube: KubeClient) -> None:
    admin = {
        "matches": [{"path": {"type": "PathPrefix", "value": "/admin"}, "headers": [HEADER]}],
        "backendRefs": [backend("checkout-canary")],
    }
    shop.http_route["spec"]["rules"].insert(0, admin)
    router = await opened(shop, kube)

    assert (await router.split()).header_to is None
    await route_header(router, Side.CANARY)

    first, header, _ = await rules(shop)
    assert first["matches"] == admin["matches"]
    assert leads_to(header) == [("checkout-canary", 1)]


async def test_a_header_rule_for_more_or_less_than_the_weighted_one_takes_is_not_ours(
    shop: Shop, kube: KubeClient
) -> None:
    """A longer path counts before a header, so the bearers of the header would still follow the weight."""
    a, b = ({"path": {"type": "PathPrefix", "value": f"/{name}"}} for name in "ab")
    others = [
        {"matches": [{"headers": [HEADER]}], "backendRefs": [backend("checkout-stable")]},
        {"matches": [{**a, "headers": [HEADER]}], "backendRefs": [backend("checkout-stable")]},
    ]
    shop.http_route["spec"]["rules"][0]["matches"] = [a, b]
    shop.http_route["spec"]["rules"][:0] = others
    router = await opened(shop, kube)
    before = await rules(shop)
    assert (await router.split()).header_to is None

    await route_header(router, Side.CANARY)

    *untouched, header, weighted = await rules(shop)
    assert [*untouched, weighted] == before
    assert header["matches"] == [{**match, "headers": [HEADER]} for match in (a, b)]
    assert (await router.split()).header_to == "canary"


async def test_a_header_rule_that_gives_the_canary_nothing_leads_to_stable(
    shop: Shop, kube: KubeClient
) -> None:
    both = [backend("checkout-stable", 100), backend("checkout-canary", 0)]
    own = {"matches": [{"headers": [HEADER]}], "backendRefs": both}
    shop.http_route["spec"]["rules"].insert(0, own)

    assert (await (await opened(shop, kube)).split()).header_to == "stable"


@pytest.mark.parametrize(
    "backend_of_another",
    [{"namespace": "elsewhere"}, {"kind": "ServiceImport", "group": "multicluster.x-k8s.io"}],
)
async def test_a_backend_of_the_same_name_elsewhere_is_not_ours(
    shop: Shop, kube: KubeClient, backend_of_another: dict
) -> None:
    other = {**backend("checkout-stable"), **backend_of_another}
    shop.http_route["spec"]["rules"] = [{"backendRefs": [other]}]

    with pytest.raises(NotFound, match="HTTPRoute checkout has no rule to stable"):
        await (await opened(shop, kube)).split()


async def test_several_rules_to_stable_are_not_guessed_among(shop: Shop, kube: KubeClient) -> None:
    mobile = {
        "matches": [{"path": {"type": "PathPrefix", "value": "/m"}}],
        "backendRefs": [backend("checkout-stable")],
    }
    shop.http_route["spec"]["rules"].insert(0, mobile)
    router = await opened(shop, kube)
    before = await rules(shop)

    with pytest.raises(Unreadable, match="several rules to stable"):
        await router.all_to_stable(on=None)

    assert await rules(shop) == before


async def test_a_third_backend_is_not_divided_up(shop: Shop, kube: KubeClient) -> None:
    shop.http_route["spec"]["rules"] = [{"backendRefs": [backend("checkout-stable", 90), backend("old", 10)]}]
    router = await opened(shop, kube)
    before = await rules(shop)

    with pytest.raises(Unreadable, match="third backend"):
        await router.check()
    with pytest.raises(Unreadable, match="third backend"):
        await router.all_to_stable(on=None)

    assert await rules(shop) == before


async def test_a_missing_route_is_named(shop: Shop, kube: KubeClient) -> None:
    await opened(shop, kube)

    with pytest.raises(NotFound, match="elsewhere"):
        await router_of(kube, shop.target(traffic=ByHTTPRoute(route="elsewhere"))).split()

"""How the canary Ingress of ingress-nginx is read and changed, on both API servers."""

from collections.abc import Callable
from typing import Any

import pytest

from bot.clients.kube import KubeClient
from bot.domain.actions import Side
from bot.domain.errors import NotFound, Unreadable
from bot.domain.outcome import TrafficSplit
from bot.domain.traffic import ByIngress
from tests.contracts.routing import opened, route_header, shift, shown
from tests.support.eventually import eventually
from tests.support.shop import NGINX, Shop, path_of

CANARY, WEIGHT = f"{NGINX}canary", f"{NGINX}canary-weight"
HEADER, VALUE = f"{NGINX}canary-by-header", f"{NGINX}canary-by-header-value"

Change = Callable[[dict[str, Any]], None]


@pytest.fixture(autouse=True)
def routed(shop: Shop) -> None:
    shop.traffic = ByIngress(ingress="checkout", canary_ingress="checkout-canary")


async def notes(shop: Shop) -> dict[str, str]:
    """The annotations of the canary Ingress."""
    return (await shop.read("Ingress", "checkout-canary"))["metadata"]["annotations"]


def noted(**changes: str) -> Change:
    """With these annotations."""
    added = {f"{NGINX}{key.replace('_', '-')}": value for key, value in changes.items()}
    return lambda ingress: ingress["metadata"]["annotations"].update(added)


def with_paths(*wanted: tuple[str, str]) -> Change:
    """With these paths to these Services instead of its own."""

    def change(ingress: dict[str, Any]) -> None:
        (rule,) = ingress["spec"]["rules"]
        first = rule["http"]["paths"][0]
        rule["http"]["paths"] = [
            {**first, "path": path, "backend": {"service": {"name": name, "port": {"number": 80}}}}
            for path, name in wanted
        ]

    return change


def on_host(host: str) -> Change:
    return lambda ingress: ingress["spec"]["rules"][0].update(host=host)


async def test_three_annotations_come_and_all_else_stays_as_it_was(shop: Shop, kube: KubeClient) -> None:
    noted(proxy_read_timeout="30")(shop.canary_ingress)
    router = await opened(shop, kube)
    own, canary = path_of(shop.ingress), path_of(shop.canary_ingress)
    before, spec = await shop.team.get(own), (await shop.team.get(canary))["spec"]

    await route_header(router, Side.CANARY)
    await shift(router, 50)

    own_notes = {CANARY: "true", f"{NGINX}proxy-read-timeout": "30"}
    assert await notes(shop) == own_notes | {HEADER: "canary", VALUE: "true", WEIGHT: "50"}
    assert shown(await router.split()) == TrafficSplit(canary=50, header_to="canary")

    await router.all_to_stable(on=None)

    assert await notes(shop) == own_notes | {WEIGHT: "0"}
    assert shown(await router.split()) == TrafficSplit(canary=0, header_to=None)
    assert (await shop.team.get(canary))["spec"] == spec
    assert await shop.team.get(own) == before


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (noted(canary_weight="a few"), "no whole per cent"),
        (noted(canary_weight="101"), "no whole per cent"),
        (noted(canary_weight="9" * 5_000), "no whole per cent"),
        (noted(canary_weight_total="1000"), "canary-weight-total"),
        (noted(canary_by_cookie="beta"), "chooses by canary-by-cookie"),
        (noted(canary_by_header="x-beta"), "another header than canary: true"),
        (with_paths(("/", "checkout-canary"), ("/admin", "admin")), "not lead to checkout-canary alone"),
        (with_paths(("/", "checkout-stable")), "not lead to checkout-canary alone"),
    ],
)
async def test_what_would_not_be_so_is_not_read_as_a_share_and_does_not_hold_up_the_way_back(
    shop: Shop, kube: KubeClient, change: Change, why: str
) -> None:
    """Somebody has done it while the canary had a share."""
    noted(canary_weight="50", canary_by_header="canary", canary_by_header_value="true")(shop.canary_ingress)
    change(shop.canary_ingress)
    router = await opened(shop, kube)

    with pytest.raises(Unreadable, match=why):
        await router.split()

    await router.all_to_stable(on=None, mark="checkout-1")
    assert shown(await router.split()) == TrafficSplit(canary=0, header_to=None)


@pytest.mark.parametrize(
    ("change", "error", "why"),
    [
        (noted(canary="true"), Unreadable, "is a canary Ingress itself"),
        (noted(affinity="cookie"), Unreadable, "keeps users where they were"),
        (lambda own: own["spec"].update(ingressClassName="other"), Unreadable, "of another class"),
        (
            on_host("elsewhere.example.com"),
            NotFound,
            r"does not lead shop-\d+.example.com/ to",
        ),
        (with_paths(("/", "elsewhere")), NotFound, "does not lead .*/ to checkout-stable"),
        (with_paths(("/shop", "checkout-stable")), NotFound, "does not lead .*/ to checkout-stable"),
    ],
)
async def test_nothing_goes_forward_where_the_two_do_not_fit_and_everything_may_go_back(
    shop: Shop, kube: KubeClient, change: Change, error: type[Exception], why: str
) -> None:
    change(shop.ingress)
    router = await opened(shop, kube)
    before = await notes(shop)

    with pytest.raises(error, match=why):
        await router.check()
    with pytest.raises(error, match=why):
        await route_header(router, Side.CANARY)
    with pytest.raises(error, match=why):
        await shift(router, 5)

    assert await notes(shop) == before
    await router.all_to_stable(on=await router.split(), mark="checkout-1")


async def test_sticky_sessions_that_follow_the_weight_are_fine(shop: Shop, kube: KubeClient) -> None:
    noted(affinity="cookie", affinity_canary_behavior="legacy")(shop.ingress)
    router = await opened(shop, kube)

    await shift(router, 5)

    assert (await router.split()).canary == 5


@pytest.mark.parametrize("name", ["checkout", "checkout-canary"])
async def test_an_ingress_that_is_not_there_is_named(shop: Shop, kube: KubeClient, name: str) -> None:
    router = await opened(shop, kube)
    found = (await shop.read("Ingress", name))["metadata"]
    path = path_of({"kind": "Ingress", "metadata": found})
    await shop.team.delete(path, uid=found["uid"])
    # What is deleted in the foreground goes when the collector comes by.
    await eventually(lambda: shop.team.find(path), lambda left: left is None)

    with pytest.raises(NotFound, match=f'"{name}" not found'):
        await shift(router, 5)


async def test_an_ingress_that_is_no_canary_is_said_so(shop: Shop, kube: KubeClient) -> None:
    del shop.canary_ingress["metadata"]["annotations"][CANARY]

    with pytest.raises(NotFound, match="does not bear"):
        await (await opened(shop, kube)).split()

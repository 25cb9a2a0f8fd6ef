"""Two colours that take turns, on the simulated cluster and on a real control plane."""

import copy
from dataclasses import dataclass
from typing import Any

import pytest

from bot.clients.kube import KubeClient
from bot.domain.actions import Side
from bot.domain.errors import Conflict, Permanent, Unreadable
from bot.domain.outcome import TrafficSplit, Workload
from bot.domain.plan import Target
from bot.domain.traffic import ByColour
from bot.platforms.kubernetes import KubernetesPlatform, router
from bot.ports import TrafficRouter
from tests.contracts.conftest import Cluster
from tests.support.builders import RUN
from tests.support.eventually import eventually
from tests.support.shop import NEW, RUNNING, Shop, image, path_of, service, stable_deployment

Object = dict[str, Any]


@dataclass(frozen=True)
class Colours:
    """Blue serves; green is where the next version goes."""

    platform: KubernetesPlatform
    traffic: TrafficRouter
    declared: ByColour
    target: Target


async def opened(shop: Shop, kube: KubeClient, **spec: Any) -> Colours:
    declared = shop.in_colours()
    shop.stable["spec"] |= {"replicas": 2} | spec
    await shop.open()
    target = shop.colour_target()
    found = Colours(KubernetesPlatform(kube, target), router(kube, target), declared, target)
    await eventually(found.platform.stable, is_up)
    await eventually(found.traffic.split, lambda split: not split.lagging)
    return found


def is_up(workload: Workload | None) -> bool:
    return workload is not None and workload.is_settled and workload.ready == workload.replicas


async def green_up(colours: Colours) -> Workload:
    platform = colours.platform
    await platform.deploy_canary(image(NEW), NEW, run=RUN, on=await platform.canary())
    seen = await eventually(platform.canary, lambda found: is_up(found) and found.image == image(NEW))
    assert seen is not None
    return seen


async def switched(colours: Colours) -> TrafficSplit:
    await green_up(colours)
    await colours.traffic.shift(100, on=await colours.traffic.split())
    return await eventually(colours.traffic.split, lambda split: split.canary == 100 and not split.lagging)


async def selector_of(shop: Shop, name: str = "checkout") -> Object:
    found: Object = (await shop.read("Service", name))["spec"]["selector"]
    return found


async def test_the_service_tells_which_colour_serves(shop: Shop, kube: KubeClient) -> None:
    colours = await opened(shop, kube)

    assert await colours.platform.serving(colours.declared) == "blue"
    assert await colours.platform.serving(colours.declared.with_(label="app")) is None
    split = await colours.traffic.split()
    assert (split.canary, split.header_to, split.lagging) == (0, "stable", "")


async def test_green_is_blue_with_another_image_and_label(shop: Shop, kube: KubeClient) -> None:
    colours = await opened(shop, kube)
    before = await shop.read("Deployment", "checkout-blue")

    green = await green_up(colours)

    made = await shop.read("Deployment", "checkout-green")
    wanted = copy.deepcopy(before["spec"])
    wanted["selector"]["matchLabels"]["color"] = "green"
    wanted["template"]["metadata"]["labels"] |= {"color": "green", "version": NEW}
    wanted["template"]["spec"]["containers"][0]["image"] = image(NEW)
    assert made["spec"] == wanted
    assert (green.owner, green.replicas) == (RUN, 2)
    assert (await shop.read("Deployment", "checkout-blue"))["spec"] == before["spec"]
    assert await selector_of(shop) == {"app": "checkout", "color": "blue"}


async def test_everybody_is_switched_and_switched_back(
    cluster: Cluster, shop: Shop, kube: KubeClient
) -> None:
    colours = await opened(shop, kube)
    blue = await shop.read("Deployment", "checkout-blue")

    await switched(colours)
    assert await selector_of(shop) == {"app": "checkout", "color": "green"}
    await colours.traffic.all_to_stable(on=await colours.traffic.split(), mark="checkout-1")
    back = await eventually(colours.traffic.split, lambda split: split.canary == 0 and not split.lagging)
    assert back.mark == "checkout-1"
    green = await colours.platform.canary()
    assert green is not None
    await colours.platform.remove_canary(on=green)
    await eventually(colours.platform.canary, lambda found: found is None)

    assert await selector_of(shop) == {"app": "checkout", "color": "blue"}
    assert (await shop.read("Deployment", "checkout-blue"))["spec"] == blue["spec"]
    touched = {(c.resource, c.name) for c in cluster.audit(shop.namespace, "slackwater") if c.is_write}
    assert touched == {
        ("services", "checkout"),
        ("services", "checkout-preview"),
        ("deployments", "checkout-green"),
    }


async def test_what_the_service_leads_to_is_what_counts(shop: Shop, kube: KubeClient) -> None:
    """Its selector says green, and nobody is there."""
    colours = await opened(shop, kube)

    await colours.traffic.shift(100, on=await colours.traffic.split())

    split = await eventually(colours.traffic.split, lambda found: "no ready pod" in found.lagging)
    assert split.canary == 100
    assert split.lagging == "no ready pod of checkout-green is among the endpoints yet"


async def test_the_preview_leads_to_green_before_anybody_else_does(shop: Shop, kube: KubeClient) -> None:
    colours = await opened(shop, kube)
    await green_up(colours)

    await colours.traffic.route_header(Side.CANARY, on=await colours.traffic.split())

    split = await colours.traffic.split()
    assert (split.canary, split.header_to) == (0, "canary")
    assert await selector_of(shop, "checkout-preview") == {"app": "checkout", "color": "green"}
    assert await selector_of(shop) == {"app": "checkout", "color": "blue"}
    await colours.traffic.all_to_stable(on=split, mark="checkout-1")
    assert await selector_of(shop, "checkout-preview") == {"app": "checkout", "color": "blue"}


@pytest.mark.parametrize("name", ["checkout", "checkout-preview"])
async def test_nothing_is_switched_over_a_change_by_somebody_else(
    shop: Shop, kube: KubeClient, name: str
) -> None:
    colours = await opened(shop, kube)
    seen = await colours.traffic.split()
    note = {"metadata": {"annotations": {"team/said": "hello"}}}
    await shop.team.merge(path_of(service(shop.namespace, name, {})), note)

    with pytest.raises(Conflict):
        await colours.traffic.shift(100, on=seen)

    assert await selector_of(shop) == {"app": "checkout", "color": "blue"}


async def test_a_service_that_selects_neither_is_no_ground_to_stand_on(shop: Shop, kube: KubeClient) -> None:
    colours = await opened(shop, kube)
    red = {"spec": {"selector": {"color": "red"}}}
    await shop.team.merge(path_of(service(shop.namespace, "checkout", {})), red)

    with pytest.raises(Unreadable, match="selects by color=red, so it leads to neither blue nor green"):
        await colours.traffic.split()
    assert await colours.platform.serving(colours.declared) is None


async def test_a_deployment_that_takes_both_colours_for_its_own_is_refused(
    shop: Shop, kube: KubeClient
) -> None:
    colours = await opened(shop, kube)
    greedy = stable_deployment(shop.namespace)
    greedy["metadata"]["name"] = "checkout-all"
    greedy["spec"] |= {"replicas": 0, "selector": {"matchLabels": {"app": "checkout"}}}
    greedy["spec"]["template"]["metadata"]["labels"] = {"app": "checkout", "color": "blue"}
    await shop.team.put(greedy)
    platform = KubernetesPlatform(kube, colours.target.with_(workload="checkout-all"))

    with pytest.raises(Permanent, match="does not select its pods by color=blue"):
        await platform.check_canary(image(NEW), NEW, run=RUN)


async def idle(shop: Shop, **labels: str) -> Object:
    """The team's own green of long ago, with settings that blue has lost since."""
    green = copy.deepcopy(shop.stable)
    green["metadata"]["name"] = "checkout-green"
    own = {"app": "checkout", "color": "green", **labels}
    green["spec"] |= {"selector": {"matchLabels": own}, "replicas": 1}
    green["spec"]["template"]["metadata"]["labels"] = {**own, "version": "v1.0.0", "old": "yes"}
    container = green["spec"]["template"]["spec"]["containers"][0]
    container["image"] = image("v1.0.0")
    container["env"] = [{"name": "LEGACY", "value": "1"}]
    await shop.team.put(green)
    return green


async def test_the_colour_at_rest_gets_everything_that_blue_has_and_keeps_nothing(
    shop: Shop, kube: KubeClient
) -> None:
    colours = await opened(shop, kube)
    await idle(shop)

    await green_up(colours)

    blue, green = (
        await shop.read("Deployment", "checkout-blue"),
        await shop.read("Deployment", "checkout-green"),
    )
    wanted = copy.deepcopy(blue["spec"])
    wanted["selector"]["matchLabels"]["color"] = "green"
    wanted["template"]["metadata"]["labels"] |= {"color": "green", "version": NEW}
    wanted["template"]["spec"]["containers"][0]["image"] = image(NEW)
    assert green["spec"] == wanted


async def test_a_colour_whose_selector_is_another_is_refused_before_anything_is_changed(
    shop: Shop, kube: KubeClient
) -> None:
    colours = await opened(shop, kube)
    await idle(shop, tier="web")

    with pytest.raises(Permanent, match="checkout-green selects its pods by other labels"):
        await colours.platform.check_canary(image(NEW), NEW, run=RUN)


async def test_what_serves_in_the_end_is_nobodys(shop: Shop, kube: KubeClient) -> None:
    colours = await opened(shop, kube)
    green = await green_up(colours)

    with pytest.raises(Permanent, match="belongs to run"):
        await colours.platform.check_canary(image(NEW), NEW, run="another-1")
    await colours.platform.keep_canary(run=RUN, on=green)

    kept = await colours.platform.canary()
    assert kept is not None
    assert kept.owner is None
    await colours.platform.check_canary(image(NEW), NEW, run="another-1")


async def test_the_colours_swap_their_roles(shop: Shop, kube: KubeClient) -> None:
    """After a switch the next version goes to blue."""
    colours = await opened(shop, kube)
    await switched(colours)
    green = await colours.platform.canary()
    assert green is not None
    await colours.platform.keep_canary(run=RUN, on=green)

    target = colours.target.with_(workload="checkout-green", traffic=colours.declared.with_(serving="green"))
    assert target.canary_workload == "checkout-blue"
    swapped = Colours(KubernetesPlatform(kube, target), router(kube, target), colours.declared, target)
    split = await swapped.traffic.split()
    assert (split.canary, split.header_to) == (0, "canary"), "the preview has stayed where it was"
    before = await swapped.platform.canary()
    assert before is not None
    assert before.image == image(RUNNING)
    await swapped.platform.deploy_canary(image("v2.6.0"), "v2.6.0", run="checkout-2", on=before)
    again = await eventually(
        swapped.platform.canary, lambda seen: is_up(seen) and seen.image == image("v2.6.0")
    )
    assert again is not None
    assert (await shop.read("Deployment", "checkout-green"))["spec"]["replicas"] == 2

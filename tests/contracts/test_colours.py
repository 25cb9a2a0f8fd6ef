"""Two colours that take turns, on the simulated cluster and on a real control plane."""

import copy
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from bot.clients.kube import KubeClient
from bot.domain.actions import Side
from bot.domain.errors import Conflict, NotFound, Permanent, Unreadable
from bot.domain.events import Ending, Entry, Planned
from bot.domain.folding import fold_all
from bot.domain.outcome import Done, Recorded, TrafficSplit, Wait, Workload
from bot.domain.plan import ApprovalPolicy, Target
from bot.domain.reasons import Reason
from bot.domain.run import StepRecord, StepStatus, Turn
from bot.domain.traffic import ByColour, Preview
from bot.platforms.kubernetes import KubernetesPlatform, router
from bot.ports import StepContext, TrafficRouter
from bot.steps.canary import DeployCanaryKind, RemoveCanaryKind
from strategies import blue_green
from strategies.settings import BlueGreenSettings
from tests.contracts.conftest import Cluster
from tests.support.builders import MORNING, RUN, a_request
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
    await colours.platform.keep_canary(run=RUN, on=green, serves=True)

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
    await colours.platform.keep_canary(run=RUN, on=green, serves=True)

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


async def test_blue_bears_the_name_of_who_has_left_it_and_is_the_same_otherwise(
    shop: Shop, kube: KubeClient
) -> None:
    colours = await opened(shop, kube)
    before = await shop.read("Deployment", "checkout-blue")

    await colours.platform.leave_stable(run=RUN, on=await colours.platform.stable())

    left = await colours.platform.stable()
    assert (left.left_by, left.owner) == (RUN, None)
    assert (await shop.read("Deployment", "checkout-blue"))["spec"] == before["spec"]
    await colours.platform.leave_stable(run="checkout-2", on=left)
    assert (await colours.platform.stable()).left_by == "checkout-2"


async def test_what_serves_in_the_end_is_nothing_that_an_earlier_run_has_left(
    shop: Shop, kube: KubeClient
) -> None:
    """Undone, it serves again; who had left it has no business with it any more."""
    colours = await opened(shop, kube)
    target = colours.target.with_(workload="checkout-green", traffic=colours.declared.with_(serving="green"))
    await colours.platform.leave_stable(run="checkout-1", on=await colours.platform.stable())
    await green_up(colours)
    swapped = KubernetesPlatform(kube, target)

    for serves, left_by in ((False, "checkout-1"), (True, None)):
        await swapped.deploy_canary(image(RUNNING), RUNNING, run="checkout-2", on=await swapped.canary())
        taken = await eventually(swapped.canary, is_up)
        assert taken is not None
        assert (taken.owner, taken.left_by) == ("checkout-2", "checkout-1")
        await swapped.keep_canary(run="checkout-2", on=taken, serves=serves)
        kept = await swapped.canary()
        assert kept is not None
        assert (kept.owner, kept.left_by) == (None, left_by)


async def test_blue_is_removed_with_its_pods_and_users_do_not_mind(shop: Shop, kube: KubeClient) -> None:
    colours = await opened(shop, kube)
    await switched(colours)
    stable = await colours.platform.stable()

    await colours.platform.remove_stable(on=stable)

    with pytest.raises(NotFound):
        await eventually(colours.platform.stable, lambda _: False)
    await colours.platform.remove_stable(on=stable)
    split = await colours.traffic.split()
    assert (split.canary, split.lagging) == (100, "")
    assert await shop.find("Deployment", "checkout-blue") is None


async def test_blue_is_not_removed_once_somebody_has_changed_it(shop: Shop, kube: KubeClient) -> None:
    """An HPA, a newer run, a hand: whoever it was may need it."""
    colours = await opened(shop, kube)
    await switched(colours)
    stable = await colours.platform.stable()
    await colours.platform.leave_stable(run="checkout-2", on=stable)

    with pytest.raises(Conflict):
        await colours.platform.remove_stable(on=stable)

    await eventually(colours.platform.stable, is_up)


async def test_a_preview_that_is_gone_keeps_nobody_from_going_home(shop: Shop, kube: KubeClient) -> None:
    colours = await opened(shop, kube)
    await switched(colours)
    path = path_of(service(shop.namespace, "checkout-preview", {}))
    await shop.team.delete(path, uid=(await shop.team.get(path))["metadata"]["uid"])
    await eventually(lambda: shop.team.find(path), lambda left: left is None)

    split = await colours.traffic.split()
    assert (split.canary, split.header_to) == (100, None)
    await colours.traffic.all_to_stable(on=split, mark="checkout-1")

    assert await selector_of(shop) == {"app": "checkout", "color": "blue"}


async def test_a_selector_that_has_lost_its_label_is_mended_on_the_way_back(
    shop: Shop, kube: KubeClient
) -> None:
    colours = await opened(shop, kube)
    await switched(colours)
    lost = {"spec": {"selector": {"color": None}}}
    await shop.team.merge(path_of(service(shop.namespace, "checkout", {})), lost)
    with pytest.raises(Unreadable, match="without color"):
        await colours.traffic.split()

    await colours.traffic.all_to_stable(on=None, mark="checkout-1")

    assert await selector_of(shop) == {"app": "checkout", "color": "blue"}


async def test_a_service_that_would_not_find_green_is_said_before_anything_is_made(
    shop: Shop, kube: KubeClient
) -> None:
    colours = await opened(shop, kube)
    too_much = {"spec": {"selector": {"version": RUNNING}}}
    await shop.team.merge(path_of(service(shop.namespace, "checkout", {})), too_much)

    with pytest.raises(Permanent, match=f"also selects by version={RUNNING}"):
        await colours.platform.check_canary(image(NEW), NEW, run=RUN)


async def test_a_service_is_not_its_own_preview(shop: Shop, kube: KubeClient) -> None:
    colours = await opened(shop, kube)
    own = colours.declared.with_(preview=Preview(service="checkout", url="http://127.0.0.1:9"))

    with pytest.raises(Permanent, match="cannot be its own preview"):
        await router(kube, colours.target.with_(traffic=own)).check()


async def test_what_blue_does_not_set_green_does_not_keep(shop: Shop, kube: KubeClient) -> None:
    colours = await opened(shop, kube)
    await idle(shop)
    slow = {"spec": {"minReadySeconds": 30}}
    green = {"kind": "Deployment", "metadata": {"name": "checkout-green", "namespace": shop.namespace}}
    await shop.team.merge(path_of(green), slow)

    await colours.platform.deploy_canary(image(NEW), NEW, run=RUN, on=await colours.platform.canary())

    assert "minReadySeconds" not in (await shop.read("Deployment", "checkout-green"))["spec"]


def in_step(colours: Colours, step_id: str, *, deployed: StepRecord | None = None) -> StepContext:
    """A step of this target's plan, as a driver would carry it out."""
    request = a_request().with_(image=image(NEW), version=NEW, running_image=image(RUNNING))
    plan = blue_green.plan(request, colours.target, BlueGreenSettings(), ApprovalPolicy(), ())
    planned = Entry(seq=1, at=MORNING, run="checkout-1", event=Planned(plan=plan))
    run = fold_all((planned,))
    steps = {} if deployed is None else {"blue-green/deploy": deployed}
    back = {"ending": Ending.ABORTED, "reason": Reason.ABORTED, "sentence": "", "quarantine": False}
    run = run.with_(turn=Turn(at=MORNING, **back) if step_id.startswith("back/") else None)
    return StepContext(run=run.with_(steps=steps), step=plan.step(step_id), now=MORNING)


async def test_green_that_runs_the_version_already_still_gets_everything_that_blue_has(
    shop: Shop, kube: KubeClient
) -> None:
    colours = await opened(shop, kube)
    green = await idle(shop)
    green["spec"]["template"]["spec"]["containers"][0]["image"] = image(NEW)
    await shop.team.put(green)
    kind = DeployCanaryKind(colours.platform, colours.traffic)
    context = in_step(colours, "blue-green/deploy")

    seen = await kind.observe(context)
    assert not seen.is_settled
    await kind.apply(context, seen)

    made = (await shop.read("Deployment", "checkout-green"))["spec"]
    blue = (await shop.read("Deployment", "checkout-blue"))["spec"]
    assert made["replicas"] == blue["replicas"] == 2
    assert made["template"]["spec"] == {
        **blue["template"]["spec"],
        "containers": [{**blue["template"]["spec"]["containers"][0], "image": image(NEW)}],
    }
    assert (await kind.observe(context)).is_settled


async def test_what_ran_this_version_before_the_run_is_left_there_on_the_way_back(
    shop: Shop, kube: KubeClient
) -> None:
    """An undo that nobody approves: the colour of before stays warm."""
    colours = await opened(shop, kube)
    green = await idle(shop)
    green["spec"]["template"]["spec"]["containers"][0]["image"] = image(NEW)
    await shop.team.put(green)
    deploy = DeployCanaryKind(colours.platform, colours.traffic)
    context = in_step(colours, "blue-green/deploy")
    seen = await deploy.observe(context)
    await deploy.apply(context, seen)
    record = StepRecord(status=StepStatus.DONE, before=seen.before)

    remove = RemoveCanaryKind(colours.platform, colours.traffic)
    context = in_step(colours, "back/canary", deployed=record)
    found = await remove.observe(context)
    assert not found.is_settled
    await remove.apply(context, found)

    outcome = await remove.verify(replace(context, now=MORNING + timedelta(minutes=1)))
    assert isinstance(outcome, Done)
    assert outcome.evidence.sentence == "checkout-green is left as it was"
    left = await colours.platform.canary()
    assert left is not None
    assert (left.owner, left.image) == (None, image(NEW))


async def test_what_the_run_never_had_is_not_removed(shop: Shop, kube: KubeClient) -> None:
    """Its deploy was intended, and nothing of it came to the platform."""
    colours = await opened(shop, kube)
    await idle(shop)
    remove = RemoveCanaryKind(colours.platform, colours.traffic)
    before = Recorded(workload=await colours.platform.canary())
    deployed = StepRecord(status=StepStatus.INTENDED, before=before)
    context = in_step(colours, "back/canary", deployed=deployed)

    assert (await remove.observe(context)).is_settled
    assert isinstance(await remove.verify(context), Wait), "its request may be under way"
    later = replace(context, now=MORNING + timedelta(minutes=1))
    assert isinstance(await remove.verify(later), Done)
    assert await colours.platform.canary() is not None


async def test_green_is_removed_whoever_has_relabelled_it_since(shop: Shop, kube: KubeClient) -> None:
    """A tool of the team's writes its own name there again."""
    colours = await opened(shop, kube)
    await switched(colours)
    path = path_of(
        {"kind": "Deployment", "metadata": {"name": "checkout-green", "namespace": shop.namespace}}
    )
    helm = {"metadata": {"labels": {"app.kubernetes.io/managed-by": "Helm"}}}
    await shop.team.merge(path, helm)
    await colours.traffic.all_to_stable(on=await colours.traffic.split(), mark="checkout-1")

    green = await colours.platform.canary()
    assert green is not None
    await colours.platform.remove_canary(on=green)

    await eventually(colours.platform.canary, lambda found: found is None)


async def test_a_selector_with_expressions_is_refused_before_anything_is_made(
    shop: Shop, kube: KubeClient
) -> None:
    shop.in_colours()
    exists = [{"key": "app", "operator": "Exists"}]
    shop.stable["spec"]["selector"]["matchExpressions"] = exists
    await shop.open()
    platform = KubernetesPlatform(kube, shop.colour_target())

    with pytest.raises(Permanent, match="selects its pods by expressions"):
        await platform.check_canary(image(NEW), NEW, run=RUN)

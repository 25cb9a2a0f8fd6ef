"""A rollout within the Deployment that serves, on the simulated cluster and on a real control plane."""

import asyncio
import copy
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bot.clients.kube import KubeClient
from bot.domain.actions import RollOut
from bot.domain.errors import Conflict, Permanent
from bot.domain.outcome import Recorded, Workload
from bot.domain.traffic import ByService
from bot.platforms.kubernetes import KubernetesPlatform, router
from tests.contracts.conftest import Cluster
from tests.support.builders import RUN
from tests.support.eventually import eventually
from tests.support.shop import NEW, RUNNING, Shop, image, path_of

BRINGS = RollOut(image=image(NEW), version=NEW)
QUICK = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "50%", "maxUnavailable": 1}}
PATIENT = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}


async def opened(shop: Shop, kube: KubeClient, **spec: Any) -> KubernetesPlatform:
    """Two pods, replaced by a pace of the team's own, all of them ready."""
    labels = shop.stable["spec"]["template"]["metadata"]["labels"]
    shop.stable["spec"]["template"]["metadata"]["labels"] = {**labels, "version": RUNNING}
    shop.stable["spec"] |= {"replicas": 2, "strategy": QUICK} | spec
    await shop.open()
    platform = KubernetesPlatform(kube, shop.target(is_beside=False))
    await eventually(platform.stable, is_up)
    return platform


def is_up(workload: Workload) -> bool:
    return workload.is_settled and workload.ready == workload.replicas


def runs(version: str) -> Any:
    return lambda workload: is_up(workload) and workload.image == image(version)


async def spec_of(shop: Shop) -> dict[str, Any]:
    found: dict[str, Any] = (await shop.read("Deployment"))["spec"]
    return found


async def rolling(platform: KubernetesPlatform, *, paused: bool) -> Recorded:
    """A rollout that has begun; what was recorded before it."""
    recorded = await platform.recorded_stable()
    await platform.roll_out(BRINGS, run=RUN, on=await platform.stable())
    if paused:
        await platform.pause(run=RUN, on=await platform.stable())
    return recorded


async def test_every_pod_gets_the_version_and_nothing_else_changes(
    cluster: Cluster, shop: Shop, kube: KubeClient
) -> None:
    platform = await opened(shop, kube)
    before = await spec_of(shop)

    recorded = await rolling(platform, paused=False)
    assert (await spec_of(shop))["strategy"] == PATIENT
    stable = await eventually(platform.stable, runs(NEW))
    assert recorded.settings is not None
    await platform.keep_rollout(recorded.settings, run=RUN, on=stable)

    text = json.dumps(before).replace(f'"{RUNNING}"', f'"{NEW}"').replace(image(RUNNING), image(NEW))
    assert await spec_of(shop) == json.loads(text)
    assert stable.digest is not None
    assert stable.renewed(image(NEW)) == 2
    touched = {(c.resource, c.name) for c in cluster.audit(shop.namespace, "slackwater") if c.is_write}
    assert touched == {("deployments", "checkout")}


async def test_a_rollout_that_was_paused_at_once_replaces_no_pod(shop: Shop, kube: KubeClient) -> None:
    platform = await opened(shop, kube, minReadySeconds=2)

    await rolling(platform, paused=True)

    await asyncio.sleep(4)
    stable = await platform.stable()
    assert (stable.is_paused, stable.paused_by, stable.problems) == (True, RUN, ())
    assert not stable.is_settled
    assert stable.pods - stable.updated >= 1, "an old pod serves yet"


async def test_a_rollout_that_goes_on_comes_to_its_end(shop: Shop, kube: KubeClient) -> None:
    platform = await opened(shop, kube)
    await rolling(platform, paused=True)

    await platform.go_on(on=await platform.stable())

    stable = await eventually(platform.stable, runs(NEW))
    assert (stable.is_paused, stable.paused_by) == (False, None)
    assert "paused" not in await spec_of(shop)


@pytest.mark.parametrize("paused", [False, True])
async def test_a_rollout_turns_round(shop: Shop, kube: KubeClient, paused: bool) -> None:
    platform = await opened(shop, kube)
    before = await spec_of(shop)
    recorded = await rolling(platform, paused=paused)

    await platform.restore_stable(recorded, on=await platform.stable(), mark="checkout-1")

    stable = await eventually(platform.stable, runs(RUNNING))
    assert (stable.mark, stable.is_paused, stable.paused_by) == ("checkout-1", False, None)
    assert recorded.settings is not None
    await platform.keep_rollout(recorded.settings, run=RUN, on=stable)
    assert await spec_of(shop) == before
    assert (await platform.stable()).owner is None


_ALL_AT_ONCE = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": "100%"}}


@pytest.mark.parametrize("kept", [False, True], ids=["under way", "when it was kept"])
@pytest.mark.parametrize("pace", [{"type": "Recreate"}, _ALL_AT_ONCE], ids=["Recreate", "all at once"])
async def test_the_way_back_never_takes_all_pods_away_first(
    shop: Shop,
    kube: KubeClient,
    pace: dict[str, Any],
    kept: bool,
) -> None:
    platform = await opened(shop, kube, strategy=pace)
    recorded = await rolling(platform, paused=False)
    assert recorded.settings is not None
    if kept:
        stable = await eventually(platform.stable, runs(NEW))
        await platform.keep_rollout(recorded.settings, run=RUN, on=stable)

    await platform.restore_stable(recorded, on=await platform.stable(), mark="checkout-1")

    assert (await spec_of(shop))["strategy"] == PATIENT
    stable = await eventually(platform.stable, runs(RUNNING))
    await platform.keep_rollout(recorded.settings, run=RUN, on=stable)
    assert (await spec_of(shop))["strategy"] == json.loads(recorded.settings)


async def test_a_label_that_somebody_took_away_keeps_nobody_from_going_back(
    shop: Shop, kube: KubeClient
) -> None:
    platform = await opened(shop, kube)
    recorded = await rolling(platform, paused=False)
    gone = {"spec": {"template": {"metadata": {"labels": {"version": None}}}}}
    await shop.team.merge(path_of(shop.stable), gone, manager="helm")

    await platform.restore_stable(recorded, on=await platform.stable(), mark="checkout-1")

    labels = (await spec_of(shop))["template"]["metadata"]["labels"]
    assert labels["version"] == RUNNING


async def test_a_pause_that_a_lost_run_left_behind_is_told(shop: Shop, kube: KubeClient) -> None:
    platform = await opened(shop, kube)
    await rolling(platform, paused=True)
    note = {"metadata": {"annotations": {"slackwater/run": None}}}
    await shop.team.merge(path_of(shop.stable), note, manager="ops")

    with pytest.raises(Permanent, match="its rollout is paused; kubectl -n"):
        await platform.check_rollout(run="checkout-9 of another")
    assert "paused" in (await platform.stable()).problems[0]


_LATE: dict[str, Callable[[KubernetesPlatform, Workload], Awaitable[None]]] = {
    "roll out": lambda platform, seen: platform.roll_out(BRINGS, run=RUN, on=seen),
    "pause": lambda platform, seen: platform.pause(run=RUN, on=seen),
    "go on": lambda platform, seen: platform.go_on(on=seen),
    "keep": lambda platform, seen: platform.keep_rollout(json.dumps(QUICK), run=RUN, on=seen),
}


@pytest.mark.parametrize("late", _LATE)
async def test_what_comes_late_fits_no_more(shop: Shop, kube: KubeClient, late: str) -> None:
    platform = await opened(shop, kube)
    recorded = await rolling(platform, paused=False)
    seen = await platform.stable()
    await platform.restore_stable(recorded, on=seen, mark="checkout-1")

    with pytest.raises(Conflict, match="was changed since"):
        await _LATE[late](platform, seen)

    stable = await eventually(platform.stable, runs(RUNNING))
    assert not stable.is_paused


async def test_a_rollout_that_somebody_else_has_paused_stays_so(shop: Shop, kube: KubeClient) -> None:
    platform = await opened(shop, kube)
    recorded = await platform.recorded_stable()
    await shop.team.merge(path_of(shop.stable), {"spec": {"paused": True}}, manager="ops")

    with pytest.raises(Permanent, match="cannot be rolled out: its rollout is paused; kubectl -n"):
        await platform.check_rollout(run=RUN)
    assert recorded.settings is not None
    await platform.keep_rollout(recorded.settings, run=RUN, on=await platform.stable())

    stable = await platform.stable()
    assert (stable.is_paused, stable.paused_by) == (True, None)


async def test_a_deployment_that_another_run_rolls_out_is_refused(shop: Shop, kube: KubeClient) -> None:
    platform = await opened(shop, kube)
    await rolling(platform, paused=False)

    await platform.check_rollout(run=RUN)
    for check in (
        platform.check_rollout(run="checkout-9 of another"),
        platform.check_canary(image(NEW), NEW, run="checkout-9 of another"),
    ):
        with pytest.raises(Permanent, match="checkout is rolled out by run checkout-1 of"):
            await check
    assert (await platform.stable()).owner == RUN


async def test_a_container_that_is_not_there_is_named(shop: Shop, kube: KubeClient) -> None:
    await shop.open()
    platform = KubernetesPlatform(kube, shop.target(container="web", is_beside=False))

    with pytest.raises(Permanent, match="no container called web"):
        await platform.check_rollout(run=RUN)
    with pytest.raises(Permanent, match="no container called web"):
        await platform.roll_out(BRINGS, run=RUN, on=await platform.stable())


async def test_a_canary_after_it_leaves_the_teams_pace_alone(shop: Shop, kube: KubeClient) -> None:
    platform = await opened(shop, kube)
    recorded = await rolling(platform, paused=False)
    stable = await eventually(platform.stable, runs(NEW))
    assert recorded.settings is not None
    await platform.keep_rollout(recorded.settings, run=RUN, on=stable)

    for version in ("v2.6.0", "v2.7.0"):
        await platform.promote_stable(image(version), version, on=await platform.stable())

    assert (await spec_of(shop))["strategy"] == QUICK


async def test_the_team_can_apply_its_own_manifest_afterwards(shop: Shop, kube: KubeClient) -> None:
    platform = await opened(shop, kube)
    recorded = await rolling(platform, paused=False)
    assert recorded.settings is not None
    await platform.keep_rollout(recorded.settings, run=RUN, on=await platform.stable())
    own = copy.deepcopy(shop.stable)
    own["spec"]["template"]["spec"]["containers"][0]["image"] = image(NEW)
    own["spec"]["template"]["metadata"]["labels"]["version"] = NEW

    await shop.team.put(own)

    assert (await spec_of(shop))["strategy"] == QUICK


async def test_a_service_without_a_router_gives_a_canary_nothing(shop: Shop, kube: KubeClient) -> None:
    traffic = router(kube, shop.target(traffic=ByService(service="checkout")))

    assert (await traffic.split()).canary == 0
    with pytest.raises(Permanent, match="the Service checkout shares its requests equally"):
        await traffic.check()
    with pytest.raises(Permanent, match="deploy by rolling"):
        await traffic.shift(5, on=await traffic.split())

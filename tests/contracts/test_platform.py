"""What the Kubernetes platform has to keep, on the simulated cluster and on a real control plane."""

import contextlib
import json
from urllib.parse import parse_qs, urlsplit

import pytest

from bot.clients.kube import KubeClient
from bot.domain.errors import Conflict, NotFound, Permanent, Throttled, Unreachable
from bot.domain.outcome import Recorded, Workload
from bot.platforms.kubernetes import KubernetesPlatform
from tests.contracts.conftest import Cluster
from tests.support.bad_weather import Road, Trouble
from tests.support.builders import RUN
from tests.support.eventually import eventually
from tests.support.shop import NEW, RUNNING, Shop, image, path_of, service, stable_deployment


async def opened(shop: Shop, kube: KubeClient) -> KubernetesPlatform:
    await shop.open()
    return KubernetesPlatform(kube, shop.target())


async def seen_canary(platform: KubernetesPlatform) -> Workload:
    seen = await platform.canary()
    assert seen is not None, "there is a canary to be removed"
    return seen


def is_up(workload: Workload | None) -> bool:
    return workload is not None and workload.is_settled and workload.ready == workload.replicas > 0


async def canary_up(platform: KubernetesPlatform, version: str = NEW) -> Workload:
    await platform.deploy_canary(image(version), version, run=RUN, on=await platform.canary())
    seen = await eventually(platform.canary, is_up)
    assert seen is not None
    return seen


async def test_stable_is_described_as_it_runs(shop: Shop, kube: KubeClient) -> None:
    platform = await opened(shop, kube)

    stable = await eventually(platform.stable, is_up)

    assert (stable.name, stable.image, stable.version) == ("checkout", image(RUNNING), RUNNING)
    assert (stable.replicas, stable.ready, stable.updated) == (1, 1, 1)
    assert stable.digest is not None
    assert stable.digest.startswith("sha256:")
    assert stable.problems == ()
    assert not stable.failed


async def test_a_missing_deployment_is_not_found_and_a_missing_canary_is_none(
    shop: Shop, kube: KubeClient
) -> None:
    await shop.open(workloads=False)
    platform = KubernetesPlatform(kube, shop.target())

    with pytest.raises(NotFound, match="checkout"):
        await platform.stable()
    with pytest.raises(NotFound, match="checkout"):
        await platform.recorded_stable()
    with pytest.raises(NotFound, match="checkout"):
        await platform.deploy_canary(image(NEW), NEW, run=RUN, on=await platform.canary())

    assert await platform.canary() is None


async def test_the_canary_is_stable_with_another_image_and_its_services_labels(
    shop: Shop, kube: KubeClient
) -> None:
    shop.stable["spec"]["template"]["metadata"]["labels"] = {
        "app": "checkout",
        "track": "stable",
        "version": RUNNING,
        "team": "shop",
    }
    platform = await opened(shop, kube)

    await platform.deploy_canary(image(NEW), NEW, run=RUN, on=await platform.canary())

    canary = await shop.read("Deployment", "checkout-canary")
    template, stable = canary["spec"]["template"], (await shop.read("Deployment"))["spec"]["template"]
    assert canary["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "slackwater"}
    assert canary["spec"]["selector"] == {"matchLabels": {"app": "checkout", "track": "canary"}}
    assert template["metadata"]["labels"] == {
        "app": "checkout",
        "track": "canary",
        "version": NEW,
        "team": "shop",
    }
    (container,), (own,) = template["spec"]["containers"], stable["spec"]["containers"]
    assert {**container, "image": ""} == {**own, "image": ""}
    assert container["image"] == image(NEW)
    assert canary["spec"]["replicas"] == 1


async def test_the_canary_gets_ready_with_a_digest_of_its_own(shop: Shop, kube: KubeClient) -> None:
    platform = await opened(shop, kube)
    stable = await eventually(platform.stable, is_up)

    canary = await canary_up(platform)

    assert canary.image == image(NEW)
    assert canary.version == NEW
    assert canary.digest not in {None, stable.digest}
    assert (await platform.stable()) == stable


async def test_deploying_the_canary_again_changes_nothing(shop: Shop, kube: KubeClient) -> None:
    platform = await opened(shop, kube)
    await platform.deploy_canary(image(NEW), NEW, run=RUN, on=await platform.canary())
    before = (await shop.read("Deployment", "checkout-canary"))["metadata"]

    await platform.deploy_canary(image(NEW), NEW, run=RUN, on=await platform.canary())

    after = (await shop.read("Deployment", "checkout-canary"))["metadata"]
    assert (after["uid"], after["generation"]) == (before["uid"], before["generation"])


async def test_another_version_takes_the_place_of_the_canary(shop: Shop, kube: KubeClient) -> None:
    platform = await opened(shop, kube)
    await canary_up(platform)

    canary = await canary_up(platform, "v2.6.0")

    assert canary.version == "v2.6.0"


async def test_an_autoscaler_does_not_see_the_canary(cluster: Cluster, shop: Shop, kube: KubeClient) -> None:
    platform = await opened(shop, kube)
    scaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "checkout", "namespace": shop.namespace},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "checkout"},
            "minReplicas": 1,
            "maxReplicas": 3,
        },
    }
    before = (await shop.team.put(scaler))["spec"]

    await canary_up(platform)
    await platform.promote_stable(image(NEW), NEW, on=await platform.stable())
    await platform.remove_canary(on=await seen_canary(platform))

    assert (await shop.read("HorizontalPodAutoscaler"))["spec"] == before
    touched = {(c.resource, c.name) for c in cluster.audit(shop.namespace, "slackwater") if c.is_write}
    assert touched == {("deployments", "checkout"), ("deployments", "checkout-canary")}


async def test_a_check_changes_nothing(cluster: Cluster, shop: Shop, kube: KubeClient) -> None:
    platform = await opened(shop, kube)

    await platform.check_canary(image(NEW), NEW, run=RUN)

    assert await platform.canary() is None
    assert [c for c in cluster.audit(shop.namespace, "slackwater") if c.is_write] == []


@pytest.mark.parametrize("side", ["stable", "canary"])
async def test_a_missing_service_is_named(shop: Shop, kube: KubeClient, side: str) -> None:
    shop.services = [one for one in shop.services if one["metadata"]["name"] != f"checkout-{side}"]
    platform = await opened(shop, kube)

    with pytest.raises(Permanent, match=f"the Service checkout-{side}"):
        await platform.check_canary(image(NEW), NEW, run=RUN)
    with pytest.raises(Permanent, match=f"the Service checkout-{side}"):
        await platform.deploy_canary(image(NEW), NEW, run=RUN, on=await platform.canary())

    assert await platform.canary() is None


async def test_a_service_without_a_selector_cannot_find_canary_pods(shop: Shop, kube: KubeClient) -> None:
    del shop.services[2]["spec"]["selector"]
    platform = await opened(shop, kube)

    with pytest.raises(Permanent, match="selects no pods by label"):
        await platform.check_canary(image(NEW), NEW, run=RUN)
    with pytest.raises(Permanent, match="selects no pods by label"):
        await platform.deploy_canary(image(NEW), NEW, run=RUN, on=await platform.canary())


@pytest.mark.parametrize(
    ("stable", "canary"),
    [
        ({"app": "checkout", "track": "stable"}, {"app": "checkout", "track": "stable"}),
        ({"app": "checkout", "track": "stable"}, {"app": "checkout"}),
        ({"app": "checkout"}, {"app": "checkout", "track": "canary"}),
    ],
    ids=["the same", "the canary's finds stable", "stable's finds the canary"],
)
async def test_services_that_do_not_tell_the_two_sides_apart_are_refused(
    shop: Shop, kube: KubeClient, stable: dict[str, str], canary: dict[str, str]
) -> None:
    shop.services[1:] = [
        service(shop.namespace, "checkout-stable", stable),
        service(shop.namespace, "checkout-canary", canary),
    ]
    platform = await opened(shop, kube)

    with pytest.raises(Permanent, match="tells them apart"):
        await platform.check_canary(image(NEW), NEW, run=RUN)
    with pytest.raises(Permanent, match="tells them apart"):
        await platform.deploy_canary(image(NEW), NEW, run=RUN, on=await platform.canary())

    assert await platform.canary() is None


async def test_a_paused_stable_takes_no_version_and_says_how_it_would(shop: Shop, kube: KubeClient) -> None:
    platform = await opened(shop, kube)
    path = path_of(shop.stable)
    await shop.team.merge(path, {"spec": {"paused": True}})

    with pytest.raises(Permanent, match=f"kubectl -n {shop.namespace} rollout resume deployment/checkout"):
        await platform.check_canary(image(NEW), NEW, run=RUN)
    stable = await platform.stable()
    await platform.promote_stable(image(NEW), NEW, on=stable)

    waiting = await platform.stable()
    assert not waiting.is_settled
    assert "paused" in waiting.problems[0]


async def test_a_container_that_is_not_there_is_named(shop: Shop, kube: KubeClient) -> None:
    await shop.open()
    platform = KubernetesPlatform(kube, shop.target(container="web"))

    with pytest.raises(Permanent, match="no container called web"):
        await platform.check_canary(image(NEW), NEW, run=RUN)
    with pytest.raises(Permanent, match="no container called web"):
        await platform.deploy_canary(image(NEW), NEW, run=RUN, on=await platform.canary())


async def test_somebody_elses_canary_is_neither_changed_nor_removed(shop: Shop, kube: KubeClient) -> None:
    platform = await opened(shop, kube)
    await shop.team.put(foreign_canary(shop))
    before = (await shop.read("Deployment", "checkout-canary"))["metadata"]["generation"]

    with pytest.raises(Permanent, match="somebody else's"):
        await platform.check_canary(image(NEW), NEW, run=RUN)
    with pytest.raises(Permanent, match="somebody else's"):
        await platform.deploy_canary(image(NEW), NEW, run=RUN, on=await platform.canary())
    with pytest.raises(Permanent, match="left alone"):
        await platform.remove_canary(on=await seen_canary(platform))

    assert (await shop.read("Deployment", "checkout-canary"))["metadata"]["generation"] == before


async def test_the_canary_of_another_slackwaters_run_is_left_alone(shop: Shop, kube: KubeClient) -> None:
    platform = await opened(shop, kube)
    other = "checkout-3 of 2026-11-23 08:00:00.000000 UTC"
    await platform.deploy_canary(image("v2.6.0"), "v2.6.0", run=other, on=None)
    theirs = await seen_canary(platform)
    assert theirs.owner == other

    with pytest.raises(Permanent, match=f"belongs to run {other}"):
        await platform.check_canary(image(NEW), NEW, run=RUN)
    with pytest.raises(Permanent, match=f"belongs to run {other}"):
        await platform.deploy_canary(image(NEW), NEW, run=RUN, on=await platform.canary())

    assert (await seen_canary(platform)).image == image("v2.6.0")
    await platform.check_canary(image(NEW), NEW, run=None)


async def test_a_creation_of_the_same_image_that_lands_late_takes_no_other_runs_canary(
    shop: Shop, kube: KubeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = await opened(shop, kube)
    apply, later = kube.apply, "checkout-2 of 2026-11-23 10:00:00.000000 UTC"

    async def late(path, body, **how):
        monkeypatch.undo()
        await platform.deploy_canary(image(NEW), NEW, run=later, on=None)
        return await apply(path, body, **how)

    monkeypatch.setattr(kube, "apply", late)

    with pytest.raises(Conflict):
        await platform.deploy_canary(image(NEW), NEW, run=RUN, on=None)

    assert (await seen_canary(platform)).owner == later


async def test_a_canary_that_nobody_has_signed_may_be_taken_over(shop: Shop, kube: KubeClient) -> None:
    """An older version of the bot made it, for a run that goes on under this one."""
    platform = await opened(shop, kube)
    await platform.deploy_canary(image(NEW), NEW, run=RUN, on=None)
    path = f"/apis/apps/v1/namespaces/{shop.namespace}/deployments/checkout-canary"
    await shop.team.merge(path, {"metadata": {"annotations": {"slackwater/run": None}}})

    await platform.deploy_canary(image(NEW), NEW, run=RUN, on=await platform.canary())

    assert (await seen_canary(platform)).owner == RUN


async def test_a_canary_that_somebody_makes_at_the_same_moment_is_not_overrun(
    shop: Shop, kube: KubeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = await opened(shop, kube)
    find = kube.find

    async def just_before(path):
        found = await find(path)
        await shop.team.put(foreign_canary(shop))
        return found

    monkeypatch.setattr(kube, "find", just_before)

    with pytest.raises(Conflict):
        await platform.deploy_canary(image(NEW), NEW, run=RUN, on=None)

    (container,) = (await shop.read("Deployment", "checkout-canary"))["spec"]["template"]["spec"][
        "containers"
    ]
    assert container["image"] == image("mine")


def foreign_canary(shop: Shop) -> dict:
    foreign = stable_deployment(shop.namespace, "mine")
    labels = {"app": "checkout", "track": "mine"}
    foreign["metadata"] |= {"name": "checkout-canary", "labels": labels}
    foreign["spec"] |= {"replicas": 0, "selector": {"matchLabels": labels}}
    foreign["spec"]["template"]["metadata"]["labels"] = labels
    return foreign


async def test_a_canary_on_its_way_out_is_waited_for(shop: Shop, kube: KubeClient) -> None:
    platform = await opened(shop, kube)
    path = path_of(
        {"kind": "Deployment", "metadata": {"name": "checkout-canary", "namespace": shop.namespace}}
    )
    await canary_up(platform)
    await shop.team.merge(path, {"metadata": {"finalizers": ["shop.example/wait"]}})
    await platform.remove_canary(on=await seen_canary(platform))

    with pytest.raises(Conflict, match="still being removed"):
        await platform.deploy_canary(image(NEW), NEW, run=RUN, on=await platform.canary())

    leaving = await platform.canary()
    assert leaving is not None
    assert not leaving.is_settled
    await shop.team.merge(path, {"metadata": {"finalizers": None}})
    await eventually(platform.canary, lambda seen: seen is None)


async def test_a_missing_image_is_told_in_the_kubelets_words(shop: Shop, kube: KubeClient) -> None:
    platform = await opened(shop, kube)

    await platform.deploy_canary(
        image("v3.0.0-missing"), "v3.0.0-missing", run=RUN, on=await platform.canary()
    )

    canary = await eventually(platform.canary, lambda seen: seen and any("Pull" in p for p in seen.problems))
    assert canary is not None
    assert canary.ready == 0
    assert not canary.is_settled


async def test_a_canary_that_never_gets_ready_has_failed_at_its_deadline_and_says_why(
    cluster: Cluster, shop: Shop, kube: KubeClient
) -> None:
    version = f"v9.0.{shop.namespace.rpartition('-')[2]}"
    cluster.never_ready(version)
    shop.stable["spec"]["progressDeadlineSeconds"] = 8
    platform = await opened(shop, kube)

    await platform.deploy_canary(image(version), version, run=RUN, on=await platform.canary())

    canary = await eventually(platform.canary, lambda seen: seen is not None and seen.failed)
    assert canary is not None
    assert canary.ready == 0
    assert any(problem.startswith("Unhealthy") for problem in canary.problems), canary.problems


@pytest.mark.live
@pytest.mark.parametrize("cluster", ["real"], indirect=True)  # the simulation knows no quotas
async def test_pods_that_a_quota_refuses_are_told(shop: Shop, kube: KubeClient) -> None:
    platform = await opened(shop, kube)
    await eventually(platform.stable, is_up)
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "tight", "namespace": shop.namespace},
        "spec": {"hard": {"pods": "1"}},
    }
    await shop.team.put(quota)

    await platform.deploy_canary(image(NEW), NEW, run=RUN, on=await platform.canary())

    canary = await eventually(platform.canary, lambda seen: seen is not None and len(seen.problems) > 0)
    assert canary is not None
    assert "exceeded quota" in canary.problems[0]


async def test_promotion_changes_the_image_and_the_versions_label_and_nothing_else(
    shop: Shop, kube: KubeClient
) -> None:
    labels = shop.stable["spec"]["template"]["metadata"]["labels"]
    shop.stable["spec"]["template"]["metadata"]["labels"] = {**labels, "version": RUNNING}
    platform = await opened(shop, kube)
    path = path_of(shop.stable)
    await shop.team.merge(path, {"spec": {"replicas": 2}}, manager="autoscaler")
    before = (await shop.read("Deployment"))["spec"]

    await platform.promote_stable(image(NEW), NEW, on=await platform.stable())

    stable = await eventually(platform.stable, is_up)
    after = (await shop.read("Deployment"))["spec"]
    assert stable.image == image(NEW)
    assert after["template"]["metadata"]["labels"]["version"] == NEW
    text = json.dumps(before).replace(f'"{RUNNING}"', f'"{NEW}"').replace(image(RUNNING), image(NEW))
    assert json.loads(text) == after


async def test_a_version_that_the_selector_names_is_left_in_the_labels(shop: Shop, kube: KubeClient) -> None:
    labels = {"app": "checkout", "track": "stable", "version": RUNNING}
    shop.stable["spec"]["selector"] = {"matchLabels": labels}
    shop.stable["spec"]["template"]["metadata"]["labels"] = labels
    platform = await opened(shop, kube)

    await platform.promote_stable(image(NEW), NEW, on=await platform.stable())

    after = (await shop.read("Deployment"))["spec"]["template"]
    assert after["metadata"]["labels"] == labels
    assert after["spec"]["containers"][0]["image"] == image(NEW)


async def test_restoring_gives_stable_what_was_recorded_and_keeps_what_others_changed_since(
    shop: Shop, kube: KubeClient
) -> None:
    labels = shop.stable["spec"]["template"]["metadata"]["labels"]
    shop.stable["spec"]["template"]["metadata"]["labels"] = {**labels, "version": RUNNING}
    platform = await opened(shop, kube)
    recorded = await platform.recorded_stable()
    await platform.promote_stable(image(NEW), NEW, on=await platform.stable())
    await shop.team.merge(path_of(shop.stable), {"spec": {"replicas": 2}}, manager="autoscaler")

    await platform.restore_stable(recorded, on=await platform.stable(), mark="checkout-1")

    stable = await eventually(platform.stable, is_up)
    after = (await shop.read("Deployment"))["spec"]
    assert stable.image == image(RUNNING)
    assert after["template"]["metadata"]["labels"]["version"] == RUNNING
    assert after["replicas"] == 2
    assert recorded.workload is not None
    assert recorded.workload.image == image(RUNNING)


async def test_a_way_back_leaves_its_mark_even_on_a_stable_at_rest(shop: Shop, kube: KubeClient) -> None:
    platform = await opened(shop, kube)
    recorded, late = await platform.recorded_stable(), await platform.stable()

    await platform.restore_stable(recorded, on=late, mark="checkout-7")

    stable = await eventually(platform.stable, is_up)
    assert (stable.mark, stable.image) == ("checkout-7", image(RUNNING))
    with pytest.raises(Conflict, match="was changed since"):
        await platform.promote_stable(image(NEW), NEW, on=late)
    assert (await platform.stable()).image == image(RUNNING)


async def test_the_next_promotion_takes_the_mark_away(shop: Shop, kube: KubeClient) -> None:
    platform = await opened(shop, kube)
    recorded = await platform.recorded_stable()
    await platform.restore_stable(recorded, on=await platform.stable(), mark="checkout-7")

    await platform.promote_stable(image(NEW), NEW, on=await platform.stable())

    stable = await platform.stable()
    assert (stable.mark, stable.image) == (None, image(NEW))


async def test_a_canary_of_another_run_is_neither_changed_nor_removed_by_who_saw_an_older_one(
    shop: Shop, kube: KubeClient
) -> None:
    platform = await opened(shop, kube)
    old = await canary_up(platform)
    await platform.remove_canary(on=old)
    await eventually(platform.canary, lambda seen: seen is None)
    await platform.deploy_canary(image("v2.6.0"), "v2.6.0", run=RUN, on=None)

    for on in (old, None):
        with pytest.raises(Conflict):
            await platform.deploy_canary(image(NEW), NEW, run=RUN, on=on)
    with pytest.raises(Conflict):
        await platform.remove_canary(on=old)

    canary = await platform.canary()
    assert canary is not None
    assert canary.version == "v2.6.0"


async def test_a_creation_that_lands_after_another_run_has_its_canary_is_a_conflict(
    shop: Shop, kube: KubeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = await opened(shop, kube)
    apply = kube.apply

    async def late(path, body, **how):
        monkeypatch.undo()
        await platform.deploy_canary(image("v2.6.0"), "v2.6.0", run=RUN, on=None)
        return await apply(path, body, **how)

    monkeypatch.setattr(kube, "apply", late)

    with pytest.raises(Conflict):
        await platform.deploy_canary(image(NEW), NEW, run=RUN, on=None)

    canary = await platform.canary()
    assert canary is not None
    assert canary.version == "v2.6.0"


async def test_nothing_recorded_cannot_be_restored(shop: Shop, kube: KubeClient) -> None:
    platform = await opened(shop, kube)

    with pytest.raises(Permanent, match="cannot be restored"):
        await platform.restore_stable(Recorded(), on=await platform.stable(), mark="checkout-1")


async def test_our_fields_are_ours_and_the_teams_stay_theirs(shop: Shop, kube: KubeClient) -> None:
    platform = await opened(shop, kube)

    await platform.promote_stable(image(NEW), NEW, on=await platform.stable())

    metadata = (await shop.read("Deployment"))["metadata"]
    owned = {
        entry["manager"]: json.dumps(entry["fieldsV1"])
        for entry in metadata["managedFields"]
        if entry.get("subresource") != "status"
    }
    assert "f:image" in owned["slackwater"]
    assert "f:env" not in owned["slackwater"]
    assert "f:replicas" not in owned["slackwater"]
    assert "f:env" in owned["the-team"]


async def test_a_promotion_thought_out_on_an_old_revision_is_a_conflict(
    shop: Shop, kube: KubeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = await opened(shop, kube)
    apply = kube.apply

    async def late(path, body, **how):
        await shop.team.merge(path, {"spec": {"revisionHistoryLimit": 3}})
        return await apply(path, body, **how)

    monkeypatch.setattr(kube, "apply", late)

    with pytest.raises(Conflict):
        await platform.promote_stable(image(NEW), NEW, on=await platform.stable())

    assert (await platform.stable()).image == image(RUNNING)


async def test_a_status_written_in_between_does_not_stop_a_promotion(
    shop: Shop, kube: KubeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = await opened(shop, kube)
    apply = kube.apply
    conflicts = []

    async def late(path, body, **how):
        if not conflicts:
            conflicts.append(path)
            await shop.team.merge(path, {"metadata": {"labels": {"revised": "as-a-status-does"}}})
        return await apply(path, body, **how)

    monkeypatch.setattr(kube, "apply", late)

    await platform.promote_stable(image(NEW), NEW, on=await platform.stable())

    assert (await platform.stable()).image == image(NEW)


async def test_the_canary_goes_with_its_pods_and_removing_it_again_is_fine(
    shop: Shop, kube: KubeClient
) -> None:
    platform = await opened(shop, kube)
    canary = await canary_up(platform)

    await platform.remove_canary(on=canary)

    await eventually(platform.canary, lambda seen: seen is None)
    await platform.remove_canary(on=canary)
    query = {"labelSelector": "app=checkout,track=canary"}
    pods = f"/api/v1/namespaces/{shop.namespace}/pods"
    await eventually(lambda: shop.team.get(pods, query), lambda seen: seen["items"] == [])
    assert is_up(await platform.stable())


async def test_only_the_very_object_that_was_looked_at_is_deleted(shop: Shop, kube: KubeClient) -> None:
    await shop.open()

    with pytest.raises(Conflict):
        await kube.delete(path_of(shop.stable), uid="00000000-0000-0000-0000-000000000000")

    assert (await shop.read("Deployment"))["metadata"].get("deletionTimestamp") is None


async def test_every_write_names_our_field_manager_or_the_object_it_means(
    cluster: Cluster, shop: Shop, kube: KubeClient
) -> None:
    platform = await opened(shop, kube)

    await platform.deploy_canary(image(NEW), NEW, run=RUN, on=await platform.canary())
    await platform.promote_stable(image(NEW), NEW, on=await platform.stable())
    await platform.remove_canary(on=await seen_canary(platform))

    writes = [c for c in cluster.audit(shop.namespace, "slackwater") if c.is_write]
    assert [(c.verb, c.name) for c in writes] == [
        ("patch", "checkout-canary"),
        ("patch", "checkout"),
        ("delete", "checkout-canary"),
    ]
    managers = [parse_qs(urlsplit(change.uri).query)["fieldManager"][0] for change in writes[:2]]
    assert managers[0].startswith("slackwater-")
    assert managers[1] == "slackwater"
    assert writes[2].request["preconditions"]["uid"]


@pytest.mark.parametrize(("status", "error"), [(500, Unreachable), (409, Conflict), (429, Throttled)])
async def test_a_refused_change_may_be_tried_again(
    shop: Shop, kube_by_road: KubeClient, road: Road, status: int, error: type[Exception]
) -> None:
    platform = await opened(shop, kube_by_road)
    road.troubles.append(Trouble("PATCH", status=status))

    with pytest.raises(error) as caught:
        await platform.deploy_canary(image(NEW), NEW, run=RUN, on=await platform.canary())

    assert caught.value.is_transient
    assert await platform.canary() is None
    assert is_up(await canary_up(platform))


async def test_changes_whose_answers_are_lost_are_found_by_looking_and_safe_to_repeat(
    shop: Shop, kube_by_road: KubeClient, road: Road
) -> None:
    platform = await opened(shop, kube_by_road)

    road.troubles.append(Trouble("PATCH", lost=True))
    with pytest.raises(Unreachable):
        await platform.deploy_canary(image(NEW), NEW, run=RUN, on=await platform.canary())
    assert is_up(await canary_up(platform))
    road.troubles.append(Trouble("PATCH", lost=True))
    with pytest.raises(Unreachable):
        await platform.promote_stable(image(NEW), NEW, on=await platform.stable())
    assert (await platform.stable()).image == image(NEW)
    road.troubles.append(Trouble("DELETE", lost=True))
    # The HTTP client may repeat a delete by itself; the object's uid in it makes that harmless.
    with contextlib.suppress(Unreachable):
        await platform.remove_canary(on=await seen_canary(platform))

    await eventually(platform.canary, lambda seen: seen is None)

"""The Kubernetes API through the official async client: what a deploy tool relies on, and every refusal."""

import asyncio
import json
from datetime import UTC, datetime

import aiohttp
import pytest
from kubernetes.aio import client, watch
from kubernetes.aio.client.exceptions import ApiException

from bot.clients.clock import ScaledClock
from bot.sim.cluster import STARTER, serve

NS = "production"
JSON_PATCH = "application/json-patch+json"
VS = ("networking.istio.io", "v1", NS, "virtualservices")


def body_of(error: ApiException) -> dict:
    return json.loads(error.body)


async def refused(call) -> dict:
    with pytest.raises(ApiException) as caught:
        await call
    return body_of(caught.value)


async def apply(api, name, obj, manager, *, force=False, **more):
    """Server-side apply of a Deployment, as the bot does it."""
    full = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, **obj}
    return await client.AppsV1Api(api).patch_namespaced_deployment(
        name,
        NS,
        full,
        field_manager=manager,
        force=force,
        _content_type="application/apply-patch+yaml",
        **more,
    )


async def test_the_typed_client_reads_what_the_starter_brought(api) -> None:
    deployment = await client.AppsV1Api(api).read_namespaced_deployment("checkout", NS)
    pods = await client.CoreV1Api(api).list_namespaced_pod(
        NS, label_selector="app=checkout,track in (stable)"
    )
    slices = await client.DiscoveryV1Api(api).list_namespaced_endpoint_slice(NS)

    assert deployment.status.available_replicas == 3
    assert [pod.status.phase for pod in pods.items] == ["Running"] * 3
    image_id = pods.items[0].status.container_statuses[0].image_id
    assert image_id.startswith("registry.example.com/checkout@sha256:")
    assert len(slices.items) == 3


async def test_a_stale_replace_is_refused_with_a_conflict(api) -> None:
    custom = client.CustomObjectsApi(api)
    first = await custom.get_namespaced_custom_object(*VS, "checkout")
    second = json.loads(json.dumps(first))
    first["spec"]["http"][1]["route"][0]["weight"] = 95
    first["spec"]["http"][1]["route"][1]["weight"] = 5

    await custom.replace_namespaced_custom_object(*VS, "checkout", first)
    second["spec"]["http"][1]["route"][0]["weight"] = 0
    second["spec"]["http"][1]["route"][1]["weight"] = 100
    status = await refused(custom.replace_namespaced_custom_object(*VS, "checkout", second))

    now = await custom.get_namespaced_custom_object(*VS, "checkout")
    assert (status["code"], status["reason"]) == (409, "Conflict")
    assert now["spec"]["http"][1]["route"][1]["weight"] == 5


async def test_weights_that_cannot_be_are_refused_with_the_field(api) -> None:
    custom = client.CustomObjectsApi(api)
    patch = [{"op": "replace", "path": "/spec/http/1/route/1/weight", "value": 101}]

    status = await refused(
        custom.patch_namespaced_custom_object(*VS, "checkout", patch, _content_type=JSON_PATCH)
    )

    assert (status["code"], status["reason"]) == (422, "Invalid")
    assert status["details"]["causes"][0]["field"].startswith("spec.http[1].route")


async def test_a_failed_test_in_a_json_patch_changes_nothing(api) -> None:
    custom = client.CustomObjectsApi(api)
    patch = [
        {"op": "replace", "path": "/spec/http/1/name", "value": "other"},
        {"op": "test", "path": "/spec/http/1/route/0/weight", "value": 50},
    ]

    status = await refused(
        custom.patch_namespaced_custom_object(*VS, "checkout", patch, _content_type=JSON_PATCH)
    )

    assert status["code"] == 422
    seen = await custom.get_namespaced_custom_object(*VS, "checkout")
    assert seen["spec"]["http"][1]["name"] == "weighted"


async def test_both_versions_of_a_virtual_service_are_one_object(api) -> None:
    custom = client.CustomObjectsApi(api)

    old = await custom.get_namespaced_custom_object(VS[0], "v1beta1", NS, VS[3], "checkout")
    new = await custom.get_namespaced_custom_object(*VS, "checkout")

    assert (old["apiVersion"], new["apiVersion"]) == ("networking.istio.io/v1beta1", "networking.istio.io/v1")
    assert old["metadata"]["uid"] == new["metadata"]["uid"]


async def test_a_strategic_merge_finds_the_container_by_its_name(api) -> None:
    apps = client.AppsV1Api(api)
    change = {"name": "checkout", "env": [{"name": "A", "value": "1"}]}
    patch = {"spec": {"template": {"spec": {"containers": [change, {"name": "side", "image": "proxy:v1"}]}}}}

    seen = await apps.patch_namespaced_deployment(
        "checkout", NS, patch, _content_type="application/strategic-merge-patch+json"
    )

    containers = {c.name: c for c in seen.spec.template.spec.containers}
    assert containers["checkout"].image.endswith(":v2.4.0")
    assert containers["checkout"].env[0].value == "1"
    assert set(containers) == {"checkout", "side"}
    assert seen.metadata.generation == 2


async def test_an_apply_against_another_manager_conflicts_unless_forced(api) -> None:
    spec = {"spec": {"replicas": 4}}

    status = await refused(apply(api, "checkout", spec, "slackwater"))
    forced = await apply(api, "checkout", spec, "slackwater", force=True)

    assert (status["code"], status["reason"]) == (409, "Conflict")
    assert [cause["field"] for cause in status["details"]["causes"]] == [".spec.replicas"]
    assert "slackwater-sim" in status["message"]
    assert forced.spec.replicas == 4
    assert forced.spec.template.spec.containers[0].image.endswith(":v2.4.0")


async def test_what_is_no_longer_applied_is_taken_away(api) -> None:
    both = {"metadata": {"name": "checkout", "annotations": {"acme/a": "1", "acme/b": "2"}}}
    one = {"metadata": {"name": "checkout", "annotations": {"acme/a": "1"}}}

    await apply(api, "checkout", both, "slackwater")
    seen = await apply(api, "checkout", one, "slackwater")

    assert seen.metadata.annotations["acme/a"] == "1"
    assert "acme/b" not in seen.metadata.annotations
    assert seen.spec.replicas == 3


async def test_two_managers_may_apply_the_same_value_and_neither_takes_it_from_the_other(api) -> None:
    noted = {"metadata": {"name": "checkout", "annotations": {"acme/a": "1"}}}
    bare = {"metadata": {"name": "checkout"}}

    await apply(api, "checkout", noted, "one")
    await apply(api, "checkout", noted, "two")
    seen = await apply(api, "checkout", bare, "one")

    assert seen.metadata.annotations["acme/a"] == "1"


async def test_a_dry_run_is_checked_answered_and_forgotten(api, hand) -> None:
    before = hand.sim.store.revision
    seen = await apply(api, "checkout", {"spec": {"replicas": 9}}, "slackwater", force=True, dry_run="All")
    wrong = await refused(apply(api, "fresh", {"spec": {"replicas": 1}}, "slackwater", dry_run="All"))

    assert seen.spec.replicas == 9
    assert wrong["code"] == 422
    assert hand.sim.store.revision == before


async def test_the_scale_subresource_changes_replicas_only(api, hand) -> None:
    apps = client.AppsV1Api(api)

    scale = await apps.patch_namespaced_deployment_scale(
        "checkout", NS, {"spec": {"replicas": 1}}, _content_type="application/merge-patch+json"
    )
    hand.until(lambda: len(hand.pods()) == 1)

    assert scale.kind == "Scale"
    assert (await apps.read_namespaced_deployment_scale("checkout", NS)).status.replicas == 1


async def test_the_status_cannot_be_written_through_the_object(api) -> None:
    apps = client.AppsV1Api(api)

    seen = await apps.patch_namespaced_deployment(
        "checkout", NS, {"status": {"readyReplicas": 99}}, _content_type="application/merge-patch+json"
    )

    assert seen.status.ready_replicas == 3


async def test_a_watch_tells_of_each_change_from_a_version_on(api) -> None:
    core = client.CoreV1Api(api)
    begin = (await core.list_namespaced_config_map(NS)).metadata.resource_version

    for name, labels in (("a", {"x": "1"}), ("b", {})):
        await core.create_namespaced_config_map(NS, {"metadata": {"name": name, "labels": labels}})
    await core.patch_namespaced_config_map(
        "a", NS, {"metadata": {"labels": {"x": "2"}}}, _content_type="application/merge-patch+json"
    )
    seen = []
    async with watch.Watch() as stream:
        events = stream.stream(
            core.list_namespaced_config_map,
            NS,
            resource_version=begin,
            label_selector="x=1",
            timeout_seconds=1,
        )
        async for event in events:
            seen.append((event["type"], event["object"].metadata.name))  # noqa: PERF401

    assert seen == [("ADDED", "a"), ("DELETED", "a")]


async def test_a_watch_from_a_forgotten_version_is_told_to_list_again(api, hand) -> None:
    hand.sim.store._history = type(hand.sim.store._history)(hand.sim.store._history, maxlen=5)
    core = client.CoreV1Api(api)

    async def follow() -> None:
        async with watch.Watch() as stream:
            async for _ in stream.stream(
                core.list_namespaced_pod, NS, resource_version="3", timeout_seconds=1
            ):
                pass

    with pytest.raises(ApiException) as caught:
        await follow()

    assert caught.value.status == 410


async def test_a_deleted_deployment_takes_its_pods_with_it(api, hand) -> None:
    await client.AppsV1Api(api).delete_namespaced_deployment("checkout", NS)
    hand.passes(1)
    terminating = hand.pods()
    hand.passes(20)

    assert len(terminating) == 3
    assert hand.pods() == []
    assert hand.objects("ReplicaSet") == []


async def test_a_foreground_delete_waits_for_the_dependents_and_orphans_stay(api, hand) -> None:
    apps = client.AppsV1Api(api)
    await apps.delete_namespaced_deployment("checkout", NS, propagation_policy="Orphan")
    hand.passes(5)

    assert len(hand.pods()) == 3
    assert len(hand.objects("ReplicaSet")) == 1

    name = hand.objects("ReplicaSet")[0]["metadata"]["name"]
    await apps.delete_namespaced_replica_set(name, NS, propagation_policy="Foreground")
    still_there = hand.objects("ReplicaSet")
    hand.passes(20)

    assert len(still_there) == 1
    assert hand.objects("ReplicaSet") == []


async def test_a_namespace_goes_with_everything_in_it(api, hand) -> None:
    core = client.CoreV1Api(api)
    await core.create_namespace({"metadata": {"name": "x"}})
    await core.create_namespaced_config_map("x", {"metadata": {"generateName": "made-"}})

    await core.delete_namespace("x")
    hand.passes(2)

    assert (await refused(core.read_namespace("x")))["code"] == 404


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"spec": {"replicas": "many"}}, 400),
        ({"spec": {"replicas": -1}}, 422),
        ({"spec": {"selector": {"matchLabels": {"app": "other"}}}}, 422),
        ({"spec": {"template": {"spec": {"containers": []}}}}, 422),
        ({"metadata": {"labels": {"app": 5}}}, 400),
        ({"metadata": {"name": "other"}}, 400),
    ],
)
async def test_a_wrong_deployment_is_refused(api, change, code) -> None:
    call = client.AppsV1Api(api).patch_namespaced_deployment(
        "checkout", NS, change, _content_type="application/merge-patch+json"
    )

    assert (await refused(call))["code"] == code


async def test_what_is_not_there_is_a_404_with_a_status(api) -> None:
    core = client.CoreV1Api(api)

    assert (await refused(core.read_namespaced_pod("nobody", NS)))["reason"] == "NotFound"
    lost = core.create_namespaced_config_map("nowhere", {"metadata": {"name": "a"}})
    assert (await refused(lost))["code"] == 404
    loud = core.create_namespaced_service(NS, {"metadata": {"name": "UPPER"}})
    assert (await refused(loud))["code"] == 422


async def test_logs_have_the_error_that_users_met(api, hand) -> None:
    hand.fault(**{"v2.4.0": {"error_rate": 0.2}})
    hand.passes(30)

    text = await client.CoreV1Api(api).read_namespaced_pod_log(hand.ready()[0], NS, tail_lines=20)

    assert len(text.splitlines()) == 20
    assert "KeyError: 'pref_theme'" in text


async def test_reviews_always_allow(api) -> None:
    review = {"spec": {"resourceAttributes": {"verb": "patch", "resource": "deployments"}}}

    seen = await client.AuthorizationV1Api(api).create_self_subject_access_review(review)

    assert seen.status.allowed is True


async def test_every_change_of_a_client_is_in_the_audit_log(api, server) -> None:
    await apply(api, "checkout", {"spec": {"replicas": 4}}, "slackwater", force=True)
    await refused(client.CoreV1Api(api).delete_namespaced_pod("nobody", NS))

    async with aiohttp.ClientSession() as session, session.get(f"{server.url}/audit") as answer:
        items = (await answer.json())["items"]

    assert [(i["verb"], i["code"]) for i in items] == [("patch", 200), ("delete", 404)]
    assert items[0]["request"]["spec"] == {"replicas": 4}
    assert items[0]["response"]["spec"]["replicas"] == 4
    assert items[0]["at"].startswith("2026-11-23T09:")


async def test_real_requests_are_answered_by_a_pod_and_counted(server, hand) -> None:
    before = hand.requests("v2.4.0")
    headers = {"Host": "checkout.example.com", "canary": "true"}
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.get(f"{server.url}/api/users") as answer:
            assert answer.status == 200
            assert answer.headers["X-Version"] == "v2.4.0"
            assert answer.headers["X-Pod"] in hand.ready()
        hand.fault(**{"v2.4.0": {"dependencies_down": True}})
        async with session.get(f"{server.url}/health/dependencies") as answer:
            assert answer.status == 503
        async with session.get(f"{server.url}/health") as answer:
            assert (await answer.json())["status"] == "healthy"

    assert hand.requests("v2.4.0") == before + 1


async def test_faults_are_set_read_and_refused_over_http(server) -> None:
    async with aiohttp.ClientSession() as session:
        good = {"v2.6.0": {"error_rate": 0.05, "after": "60s"}, "*": {"metrics_down": True}}
        async with session.put(f"{server.url}/faults", json=good) as answer:
            assert answer.status == 200
        async with session.put(f"{server.url}/faults", json={"v2.6.0": {"eror_rate": 1}}) as answer:
            assert answer.status == 400
            assert "error_rate, latency_ms" in (await answer.json())["message"]
        async with session.get(f"{server.url}/faults") as answer:
            assert await answer.json() == good
        async with session.get(f"{server.prometheus_url}/api/v1/query?query=up") as answer:
            assert answer.status == 503


async def test_the_api_fails_as_often_as_it_is_told_to(server, hand, api) -> None:
    hand.fault(**{"*": {"api_errors": 1.0}})

    status = await refused(client.CoreV1Api(api).list_namespaced_pod(NS))

    assert (status["code"], status["reason"]) == (500, "InternalError")


async def test_a_token_of_another_cluster_is_refused(server) -> None:
    headers = {"Authorization": "Bearer other"}
    pods = f"{server.url}/api/v1/pods"
    async with aiohttp.ClientSession(headers=headers) as session, session.get(pods) as answer:
        assert answer.status == 401


async def test_on_a_fast_clock_a_rollout_goes_by_itself() -> None:
    clock = ScaledClock(datetime.now(UTC), 600)
    async with await serve(clock=clock, apply=STARTER) as server:
        store, begin = server.simulation.store, asyncio.get_running_loop().time()

        def available() -> int:
            from bot.sim.cluster.kinds import DEPLOYMENT

            return store.get(DEPLOYMENT, NS, "checkout").get("status", {}).get("availableReplicas", 0)

        while available() < 3:
            await asyncio.sleep(0.01)
            assert asyncio.get_running_loop().time() < begin + 10

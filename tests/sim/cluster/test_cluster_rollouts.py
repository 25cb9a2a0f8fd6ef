"""Deployments on the simulated clock: pod by pod, within their bounds, and honest about being stuck."""

from typing import Any

import pytest

from bot.sim.cluster import Settings
from bot.sim.cluster.kinds import DEPLOYMENT
from bot.sim.cluster.requests import MERGE_PATCH, STRATEGIC, Manner, Requests


def set_image(cluster, tag: str, **spec: Any) -> None:
    container = {"name": "checkout", "image": f"registry.example.com/checkout:{tag}"}
    patch = {"spec": {"template": {"spec": {"containers": [container]}}, **spec}}
    requests = Requests(cluster.sim.store)
    requests.patch(DEPLOYMENT, "production", "checkout", STRATEGIC, patch, Manner("test"))


def merge(cluster, spec: dict[str, Any]) -> None:
    requests = Requests(cluster.sim.store)
    requests.patch(DEPLOYMENT, "production", "checkout", MERGE_PATCH, {"spec": spec}, Manner("test"))


def condition(cluster, kind: str) -> dict[str, Any]:
    conditions = cluster.object("Deployment", "checkout")["status"]["conditions"]
    return next(one for one in conditions if one["type"] == kind)


def test_a_rollout_goes_pod_by_pod_and_never_below_the_desired_availability(cluster) -> None:
    set_image(cluster, "v2.5.0")

    seen = []
    while len(cluster.ready("v2.5.0")) < 3 or cluster.pods("v2.4.0"):
        cluster.passes(1)
        living = [p for p in cluster.pods() if "deletionTimestamp" not in p["metadata"]]
        seen.append((len(cluster.ready("v2.5.0")), len(cluster.ready()), len(living)))

    assert [new for new, _, _ in seen] == sorted(new for new, _, _ in seen)
    assert {new for new, _, _ in seen} == {0, 1, 2, 3}
    assert min(ready for _, ready, _ in seen) == 3
    assert max(living for _, _, living in seen) == 4
    assert condition(cluster, "Progressing")["reason"] == "NewReplicaSetAvailable"


def test_a_version_that_never_gets_ready_exceeds_the_progress_deadline_and_stable_serves_on(
    cluster,
) -> None:
    cluster.fault(**{"v2.5.0": {"never_ready": True}})

    set_image(cluster, "v2.5.0")
    took = cluster.until(lambda: condition(cluster, "Progressing")["status"] == "False")

    assert condition(cluster, "Progressing")["reason"] == "ProgressDeadlineExceeded"
    assert 119 <= took <= 125
    assert len(cluster.ready("v2.4.0")) == 3
    assert cluster.ready("v2.5.0") == []
    assert any(e["reason"] == "Unhealthy" for e in cluster.objects("Event"))


def test_going_back_reuses_the_replica_set_under_a_new_revision(cluster) -> None:
    set_image(cluster, "v2.5.0")
    cluster.until(lambda: not cluster.pods("v2.4.0"))

    set_image(cluster, "v2.4.0")
    cluster.until(lambda: not cluster.pods("v2.5.0"))

    assert len(cluster.objects("ReplicaSet")) == 2
    annotations = cluster.object("Deployment", "checkout")["metadata"]["annotations"]
    assert annotations["deployment.kubernetes.io/revision"] == "3"


def test_a_paused_deployment_starts_no_rollout_until_it_is_resumed(cluster) -> None:
    set_image(cluster, "v2.5.0", paused=True)
    cluster.passes(30)
    started_while_paused = cluster.pods("v2.5.0")

    merge(cluster, {"paused": None})
    cluster.until(lambda: len(cluster.ready("v2.5.0")) == 3)

    assert started_while_paused == []


def test_minimum_ready_time_holds_the_next_pod_back(cluster) -> None:
    merge(cluster, {"minReadySeconds": 30})

    set_image(cluster, "v2.5.0")
    first = cluster.until(lambda: len(cluster.ready("v2.5.0")) == 1)
    second = cluster.until(lambda: len(cluster.ready("v2.5.0")) == 2)

    assert first < 30 <= second


def test_recreate_ends_all_old_pods_before_it_starts_new_ones(cluster) -> None:
    merge(cluster, {"strategy": {"type": "Recreate", "rollingUpdate": None}})

    set_image(cluster, "v2.5.0")
    both = 0
    while len(cluster.ready("v2.5.0")) < 3:
        cluster.passes(1)
        both += bool(cluster.ready("v2.4.0")) and bool(cluster.pods("v2.5.0"))

    assert both == 0


def test_scaling_changes_the_number_of_pods_and_no_revision(cluster) -> None:
    merge(cluster, {"replicas": 5})
    cluster.until(lambda: len(cluster.ready()) == 5)

    merge(cluster, {"replicas": 2})
    cluster.until(lambda: len(cluster.pods()) == 2)

    assert len(cluster.objects("ReplicaSet")) == 1


def test_only_so_many_old_revisions_are_remembered(cluster) -> None:
    merge(cluster, {"revisionHistoryLimit": 1})

    for tag in ("v2.5.0", "v2.6.0", "v2.7.0"):
        set_image(cluster, tag)
        cluster.until(lambda tag=tag: len(cluster.ready(tag)) == 3 and len(cluster.pods()) == 3)

    cluster.passes(5)
    assert len(cluster.objects("ReplicaSet")) == 2


def test_an_image_that_is_not_there_is_never_pulled_and_says_so(cluster) -> None:
    set_image(cluster, "v9-missing")
    cluster.passes(60)

    waiting = cluster.pods("missing")[0]["status"]["containerStatuses"][0]["state"]["waiting"]
    assert waiting["reason"] == "ImagePullBackOff"
    assert len(cluster.ready("v2.4.0")) == 3
    assert {"Failed", "BackOff"} <= {e["reason"] for e in cluster.objects("Event")}


def test_where_images_are_listed_no_other_version_exists(new_cluster) -> None:
    cluster = new_cluster(Settings(images=frozenset({"shop:v1"})))

    cluster.apply(DEPLOYMENT_OF.format(image="shop:v2"))
    cluster.passes(60)

    assert cluster.ready() == []


def test_a_crashing_version_restarts_with_growing_pauses(cluster) -> None:
    cluster.fault(**{"v2.5.0": {"crash": True}})

    set_image(cluster, "v2.5.0")
    cluster.passes(90)

    status = cluster.pods("v2.5.0")[0]["status"]["containerStatuses"][0]
    assert status["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert status["restartCount"] == 4
    assert status["lastState"]["terminated"]["exitCode"] == 1
    assert any(e["reason"] == "BackOff" for e in cluster.objects("Event"))


def test_a_leak_ends_at_the_limit_with_the_pod_killed(cluster) -> None:
    cluster.fault(**{"v2.4.0": {"memory_leak_mb_per_min": 60}})

    cluster.passes(200)

    states = [pod["status"]["containerStatuses"][0]["lastState"] for pod in cluster.pods()]
    assert [state["terminated"]["reason"] for state in states] == ["OOMKilled"] * 3


def test_an_unhealthy_version_is_restarted_by_its_liveness_probe(cluster) -> None:
    cluster.fault(**{"v2.4.0": {"unhealthy": True, "for": "30s"}})

    cluster.passes(20)
    ready_while_unhealthy = cluster.ready()
    cluster.passes(60)

    assert ready_while_unhealthy == []
    assert all(pod["status"]["containerStatuses"][0]["restartCount"] for pod in cluster.pods())
    assert len(cluster.ready()) == 3


def test_endpoints_are_the_ready_pods_that_a_service_selects(cluster) -> None:
    def addresses(service: str) -> set[str]:
        slices = [
            s for s in cluster.objects("EndpointSlice") if s["metadata"]["generateName"] == f"{service}-"
        ]
        return {e["addresses"][0] for s in slices for e in s["endpoints"] if e["conditions"]["ready"]}

    assert addresses("checkout-stable") == {pod["status"]["podIP"] for pod in cluster.pods()}
    assert addresses("checkout-canary") == set()
    assert cluster.object("Endpoints", "checkout")["subsets"][0]["ports"][0]["port"] == 8080


def test_a_job_runs_to_its_end_and_a_crashing_one_fails(cluster) -> None:
    cluster.fault(v2={"crash": True})

    for name, tag in (("good", "v1"), ("bad", "v2")):
        cluster.apply(JOB.format(name=name, tag=tag))
    cluster.passes(60)

    conditions = {j["metadata"]["name"]: j["status"]["conditions"][0]["type"] for j in cluster.objects("Job")}
    assert conditions == {"good": "Complete", "bad": "Failed"}


@pytest.mark.parametrize("tag", ["v2.4.0", "v2.5.0"])
def test_the_digest_of_an_image_is_always_the_same(tag: str, new_cluster) -> None:
    digests = set()
    for _ in range(2):
        cluster = new_cluster()
        cluster.apply(DEPLOYMENT_OF.format(image=f"registry.example.com/checkout:{tag}"))
        cluster.until(lambda cluster=cluster: bool(cluster.ready()))
        digests.add(cluster.pods()[0]["status"]["containerStatuses"][0]["imageID"])

    assert len(digests) == 1
    assert "registry.example.com/checkout@sha256:" in digests.pop()


DEPLOYMENT_OF = """
apiVersion: apps/v1
kind: Deployment
metadata: {{name: shop}}
spec:
  selector: {{matchLabels: {{app: shop}}}}
  template:
    metadata: {{labels: {{app: shop}}}}
    spec: {{containers: [{{name: shop, image: "{image}"}}]}}
"""

JOB = """
apiVersion: batch/v1
kind: Job
metadata: {{name: {name}}}
spec:
  backoffLimit: 1
  template:
    spec: {{restartPolicy: Never, containers: [{{name: main, image: "tool:{tag}"}}]}}
"""

"""ReplicaSets: as many pods as wanted, and a count of how they are."""

from datetime import datetime, timedelta

from bot.sim.cluster.kinds import POD, REPLICA_SET
from bot.sim.cluster.objects import (
    Object,
    condition_of,
    controller_of,
    copy_of,
    dig,
    digest,
    is_terminating,
    is_true,
    labels_of,
    moment,
    name_of,
    namespace_of,
    owner_reference,
    stamp,
    uid_of,
)
from bot.sim.cluster.store import ObjectStore


def reconcile_replica_sets(store: ObjectStore, now: datetime) -> datetime | None:
    owned: dict[str, list[Object]] = {}
    for pod in store.all_of(POD):
        if owner := controller_of(pod):
            owned.setdefault(owner["uid"], []).append(pod)
    looks = [
        _reconcile(store, replica_set, owned.get(uid_of(replica_set), []), now)
        for replica_set in store.all_of(REPLICA_SET)
        if not is_terminating(replica_set)
    ]
    return min((look for look in looks if look), default=None)


def _reconcile(store: ObjectStore, replica_set: Object, pods: list[Object], now: datetime) -> datetime | None:
    for pod in [pod for pod in pods if dig(pod, "status", "phase") == "Failed" and not is_terminating(pod)]:
        store.remove(POD, namespace_of(pod), name_of(pod))  # a failed pod is replaced, as an evicted one is
    alive = [pod for pod in pods if not is_terminating(pod) and dig(pod, "status", "phase") != "Failed"]
    wanted = replica_set["spec"].get("replicas", 1)
    alive += [
        store.create(POD, pod_for(replica_set, store.revision + index))
        for index in range(wanted - len(alive))
    ]
    surplus = sorted(alive, key=_spared)[: max(0, len(alive) - wanted)]
    for pod in surplus:
        _terminate(store, pod, now)
    kept = [pod for pod in alive if pod not in surplus]
    available, again = _available(replica_set, kept, now)
    _write_status(store, replica_set, kept, available)
    return again


def _spared(pod: Object) -> tuple[bool, bool, float]:
    """The first in this order goes first: not started, then not ready, then the youngest."""
    running = dig(pod, "status", "phase") == "Running"
    return running, is_true(pod, "Ready"), -moment(pod["metadata"]["creationTimestamp"]).timestamp()


def _terminate(store: ObjectStore, pod: Object, now: datetime) -> None:
    grace = pod["spec"].get("terminationGracePeriodSeconds", 30)
    going = copy_of(pod)
    going["metadata"]["deletionTimestamp"] = stamp(now + timedelta(seconds=grace))
    going["metadata"]["deletionGracePeriodSeconds"] = grace
    store.update(POD, going, checked=False)


def pod_for(owner: Object, salt: int) -> Object:
    """A new pod from the template of `owner`, under a name of its own."""
    template = copy_of(owner["spec"]["template"])
    meta = template.get("metadata") or {}
    name = f"{name_of(owner)}-{digest([uid_of(owner), salt], 5)}"
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "generateName": f"{name_of(owner)}-",
            "namespace": namespace_of(owner),
            "labels": meta.get("labels") or {},
            **({"annotations": meta["annotations"]} if meta.get("annotations") else {}),
            "ownerReferences": [owner_reference(owner)],
        },
        "spec": template["spec"],
        "status": {"phase": "Pending"},
    }


def _available(replica_set: Object, pods: list[Object], now: datetime) -> tuple[int, datetime | None]:
    """How many pods have been ready for long enough, and when the next one will have been."""
    needed = timedelta(seconds=replica_set["spec"].get("minReadySeconds", 0))
    count, again = 0, None
    for pod in pods:
        ready = condition_of(pod, "Ready")
        if ready is None or ready["status"] != "True":
            continue
        since = moment(ready["lastTransitionTime"])
        if since + needed <= now or not needed:
            count += 1
        else:
            again = min(again or since + needed, since + needed)
    return count, again


def _write_status(store: ObjectStore, replica_set: Object, pods: list[Object], available: int) -> None:
    template_labels = dig(replica_set, "spec", "template", "metadata", "labels", default={})
    status: Object = {
        "replicas": len(pods),
        "fullyLabeledReplicas": sum(1 for pod in pods if template_labels.items() <= labels_of(pod).items()),
        "readyReplicas": sum(1 for pod in pods if is_true(pod, "Ready")),
        "availableReplicas": available,
        "observedGeneration": replica_set["metadata"]["generation"],
    }
    status = {
        key: value for key, value in status.items() if value or key in {"replicas", "observedGeneration"}
    }
    if status != replica_set.get("status"):
        store.update(REPLICA_SET, {**replica_set, "status": status}, checked=False)

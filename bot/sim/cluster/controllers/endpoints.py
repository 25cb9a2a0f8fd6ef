"""EndpointSlices and Endpoints: which pods a Service reaches at the moment."""

from datetime import datetime
from typing import Any

from bot.sim.cluster.kinds import ENDPOINT_SLICE, ENDPOINTS, POD, SERVICE, Kind
from bot.sim.cluster.objects import (
    Object,
    dig,
    digest,
    is_terminating,
    is_true,
    labels_of,
    name_of,
    namespace_of,
    owner_reference,
    uid_of,
)
from bot.sim.cluster.selectors import matches_map
from bot.sim.cluster.store import ObjectStore


def reconcile_endpoints(store: ObjectStore, _now: datetime) -> datetime | None:
    pods = [pod for pod in store.all_of(POD) if dig(pod, "status", "podIP")]
    for service in store.all_of(SERVICE):
        selector = dig(service, "spec", "selector")
        # Of a Service that is being removed its slices go first; they are not made again.
        if selector and "deletionTimestamp" not in service["metadata"]:
            namespace = namespace_of(service)
            mine = [p for p in pods if namespace_of(p) == namespace and matches_map(selector, labels_of(p))]
            _write(store, ENDPOINT_SLICE, _slice(service, mine))
            _write(store, ENDPOINTS, _endpoints(service, mine))
    return None


def _write(store: ObjectStore, kind: Kind, wanted: Object) -> None:
    found = store.find(kind, namespace_of(wanted), name_of(wanted))
    if found is None:
        store.create(kind, wanted)
    elif any(found.get(key) != value for key, value in wanted.items() if key != "metadata"):
        store.update(kind, {**wanted, "metadata": found["metadata"]}, checked=False)


def _slice(service: Object, pods: list[Object]) -> Object:
    name = name_of(service)
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{name}-{digest(uid_of(service), 5)}",
            "generateName": f"{name}-",
            "namespace": namespace_of(service),
            "labels": {
                **labels_of(service),
                "kubernetes.io/service-name": name,
                "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
            },
            "ownerReferences": [owner_reference(service)],
        },
        "addressType": "IPv4",
        "endpoints": [_endpoint(pod) for pod in pods],
        "ports": _ports(service, pods),
    }


def _endpoint(pod: Object) -> Object:
    ready, going = is_true(pod, "Ready"), is_terminating(pod)
    return {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {"ready": ready and not going, "serving": ready, "terminating": going},
        "nodeName": pod["spec"].get("nodeName"),
        "targetRef": _reference(pod),
    }


def _endpoints(service: Object, pods: list[Object]) -> Object:
    ready = [_address(pod) for pod in pods if is_true(pod, "Ready") and not is_terminating(pod)]
    waiting = [_address(pod) for pod in pods if not is_true(pod, "Ready") and not is_terminating(pod)]
    subset: Object = {"ports": _ports(service, pods)}
    if ready:
        subset["addresses"] = ready
    if waiting:
        subset["notReadyAddresses"] = waiting
    return {
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": {
            "name": name_of(service),
            "namespace": namespace_of(service),
            "labels": labels_of(service),
            "ownerReferences": [owner_reference(service)],
        },
        "subsets": [subset] if ready or waiting else [],
    }


def _address(pod: Object) -> Object:
    return {
        "ip": pod["status"]["podIP"],
        "nodeName": pod["spec"].get("nodeName"),
        "targetRef": _reference(pod),
    }


def _reference(pod: Object) -> Object:
    return {"kind": "Pod", "namespace": namespace_of(pod), "name": name_of(pod), "uid": uid_of(pod)}


def _ports(service: Object, pods: list[Object]) -> list[Object]:
    return [
        {
            "name": port.get("name", ""),
            "port": _number(port.get("targetPort", port["port"]), pods),
            "protocol": port.get("protocol", "TCP"),
        }
        for port in service["spec"].get("ports") or []
    ]


def _number(target: Any, pods: list[Object]) -> int:
    """A target port by number; a name is looked up in the first pod that has it."""
    if isinstance(target, int):
        return target
    for pod in pods:
        for container in pod["spec"]["containers"]:
            for port in container.get("ports") or []:
                if port.get("name") == target:
                    return int(port["containerPort"])
    return 0

"""Lists as kubectl prints them: the columns of the few kinds that people look at."""

from collections.abc import Callable
from typing import Any

from bot.sim.cluster.kinds import Kind
from bot.sim.cluster.objects import Object, dig, is_terminating, is_true, name_of

_Cells = Callable[[Object], list[Any]]


def _pod(obj: Object) -> list[Any]:
    statuses = dig(obj, "status", "containerStatuses", default=[])
    ready = sum(1 for status in statuses if status.get("ready"))
    waiting = next(
        (dig(status, "state", "waiting", "reason") for status in statuses if dig(status, "state", "waiting")),
        None,
    )
    state = (
        "Terminating" if is_terminating(obj) else waiting or dig(obj, "status", "phase", default="Unknown")
    )
    restarts = sum(status.get("restartCount", 0) for status in statuses)
    return [f"{ready}/{len(obj['spec']['containers'])}", state, restarts]


def _deployment(obj: Object) -> list[Any]:
    status = obj.get("status") or {}
    ready = f"{status.get('readyReplicas', 0)}/{obj['spec'].get('replicas', 1)}"
    return [ready, status.get("updatedReplicas", 0), status.get("availableReplicas", 0)]


def _replica_set(obj: Object) -> list[Any]:
    status = obj.get("status") or {}
    return [obj["spec"].get("replicas", 1), status.get("replicas", 0), status.get("readyReplicas", 0)]


def _service(obj: Object) -> list[Any]:
    ports = ",".join(
        f"{port['port']}/{port.get('protocol', 'TCP')}" for port in obj["spec"].get("ports") or []
    )
    return [obj["spec"].get("type"), obj["spec"].get("clusterIP"), ports]


def _event(obj: Object) -> list[Any]:
    target = obj.get("involvedObject") or {}
    return [
        obj.get("type"),
        obj.get("reason"),
        f"{target.get('kind', '')}/{target.get('name', '')}",
        obj.get("message"),
    ]


def _job(obj: Object) -> list[Any]:
    done = "Complete" if is_true(obj, "Complete") else "Failed" if is_true(obj, "Failed") else "Running"
    return [done, f"{dig(obj, 'status', 'succeeded', default=0)}/{obj['spec'].get('completions', 1)}"]


_COLUMNS: dict[str, tuple[tuple[str, ...], _Cells]] = {
    "Pod": (("Ready", "Status", "Restarts"), _pod),
    "Deployment": (("Ready", "Up-to-date", "Available"), _deployment),
    "ReplicaSet": (("Desired", "Current", "Ready"), _replica_set),
    "Service": (("Type", "Cluster-IP", "Port(s)"), _service),
    "Event": (("Type", "Reason", "Object", "Message"), _event),
    "Job": (("Status", "Completions"), _job),
    "Namespace": (("Status",), lambda obj: [dig(obj, "status", "phase", default="Active")]),
}


def as_table(kind: Kind, whole: Object, items: list[Object], include: str) -> Object:
    """A `meta.k8s.io/v1 Table` of `items`."""
    names, cells = _COLUMNS.get(kind.kind, ((), lambda _obj: []))
    columns = [_column("Name", "name"), *(_column(name) for name in names), _column("Created At")]
    meta = (
        whole["metadata"]
        if "items" in whole
        else {"resourceVersion": whole["metadata"].get("resourceVersion")}
    )
    rows = [
        {
            "cells": [name_of(obj), *cells(obj), obj["metadata"].get("creationTimestamp")],
            "object": _included(obj, include),
        }
        for obj in items
    ]
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": meta,
        "columnDefinitions": columns,
        "rows": rows,
    }


def _column(name: str, form: str = "") -> Object:
    return {"name": name, "type": "string", "format": form, "description": "", "priority": 0}


def _included(obj: Object, include: str) -> Object | None:
    if include == "None":
        return None
    if include == "Object":
        return obj
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}

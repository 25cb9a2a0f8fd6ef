"""What a client may do to objects: create, replace, patch, apply, scale, delete.

Between HTTP (`api`) and the `store`: admission, defaults, validation, field ownership, dry run. All of it
works on plain values, so that tests and the loading of manifests go the same way as a client's request.
"""

import itertools
from dataclasses import dataclass
from datetime import timedelta

from bot.sim.cluster.defaults import fill_in
from bot.sim.cluster.kinds import NAMESPACE, Kind
from bot.sim.cluster.objects import (
    Object,
    copy_of,
    dig,
    digest,
    is_terminating,
    name_of,
    namespace_of,
    stamp,
    without_nulls,
)
from bot.sim.cluster.ownership import apply, track
from bot.sim.cluster.patches import json_patch, merge_patch, strategic_merge
from bot.sim.cluster.refusals import (
    Refusal,
    bad_request,
    conflict,
    modified,
    not_found,
    unsupported_media_type,
)
from bot.sim.cluster.store import ObjectStore
from bot.sim.cluster.validation import check

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"

_SUFFIXES = itertools.count()


@dataclass(frozen=True)
class Manner:
    """How a write is meant: by whom, and whether it counts."""

    manager: str = "unknown"
    dry_run: bool = False
    force: bool = False
    subresource: str = ""


@dataclass(frozen=True)
class Deletion:
    """How a delete is meant."""

    grace: int | None = None
    propagation: str = "Background"
    dry_run: bool = False
    uid: str | None = None
    resource_version: str | None = None


class Requests:
    """The verbs of the API on one store."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def create(self, kind: Kind, namespace: str, body: Object, manner: Manner) -> Object:
        obj = _identified(kind, namespace, body)
        meta = obj["metadata"]
        if not meta.get("name") and meta.get("generateName"):
            meta["name"] = meta["generateName"] + digest([next(_SUFFIXES), str(self._store.now())], 5)
        self._in_living_namespace(kind, namespace)
        if kind.has_status and kind.kind != "Namespace":
            obj.pop("status", None)
        fill_in_checked(kind, obj, None)
        track(None, obj, kind, manager=manner.manager, subresource="", now=self._store.now())
        return self._created(kind, obj, manner)

    def replace(self, kind: Kind, namespace: str, name: str, body: Object, manner: Manner) -> Object:
        before = self._store.get(kind, namespace, name)
        obj = _identified(kind, namespace, body)
        if name_of(obj) != name:
            raise bad_request(
                f"the name of the object ({name_of(obj)}) does not match the name on the URL ({name})"
            )
        if kind.is_custom and not obj["metadata"].get("resourceVersion"):
            raise bad_request("metadata.resourceVersion: Invalid value: 0x0: must be specified for an update")
        return self._written(kind, before, obj, manner)

    def patch(self, kind: Kind, namespace: str, name: str, how: str, patch: object, manner: Manner) -> Object:
        if how == APPLY:
            return self._applied(kind, namespace, name, patch, manner)
        before = self._store.get(kind, namespace, name)
        target = _scale_of(kind, before) if manner.subresource == "scale" else before
        if how == JSON_PATCH:
            obj = json_patch(target, patch)
        elif how == MERGE_PATCH:
            obj = merge_patch(target, patch)
        elif how == STRATEGIC and not kind.is_custom:
            obj = strategic_merge(target, patch)
        else:
            raise unsupported_media_type(
                "the body of the request was in an unknown format - accepted media types include: "
                f"{JSON_PATCH}, {MERGE_PATCH}, {APPLY}" + ("" if kind.is_custom else f", {STRATEGIC}")
            )
        if not isinstance(obj, dict) or not isinstance(obj.get("metadata"), dict):
            raise bad_request("the patched object is not an object")
        if manner.subresource == "scale":
            return self.set_scale(kind, namespace, name, obj, manner)
        _keep_identity(before, obj)
        return self._written(kind, before, without_nulls(obj), manner)

    def scale(self, kind: Kind, namespace: str, name: str) -> Object:
        return _scale_of(kind, self._store.get(kind, namespace, name))

    def set_scale(self, kind: Kind, namespace: str, name: str, body: Object, manner: Manner) -> Object:
        before = self._store.get(kind, namespace, name)
        replicas = dig(body, "spec", "replicas", default=0)
        version = dig(body, "metadata", "resourceVersion")
        if version and version != before["metadata"]["resourceVersion"]:
            raise modified(f"{kind.plural}.{kind.group}", name)
        obj = copy_of(before)
        obj["spec"]["replicas"] = replicas
        return _scale_of(kind, self._written(kind, before, obj, manner))

    def delete(self, kind: Kind, namespace: str, name: str, how: Deletion) -> Object:
        """Delete, or mark for deletion what has finalizers or a process that must end first."""
        before = self._store.get(kind, namespace, name)
        meta = before["metadata"]
        if how.uid and how.uid != meta["uid"]:
            raise conflict(kind.plural, name, f"Precondition failed: UID in precondition: {how.uid}")
        if how.resource_version and how.resource_version != meta["resourceVersion"]:
            raise conflict(kind.plural, name, "Precondition failed: ResourceVersion in precondition")
        if how.dry_run:
            return before
        grace = self._grace(kind, before, how)
        obj = copy_of(before)
        if how.propagation == "Foreground":
            obj["metadata"].setdefault("finalizers", []).append("foregroundDeletion")
        elif how.propagation == "Orphan":
            obj["metadata"].setdefault("finalizers", []).append("orphan")
        if not obj["metadata"].get("finalizers") and not grace:
            return self._store.remove(kind, namespace, name)
        now = self._store.now()
        if not is_terminating(before) or grace < meta.get("deletionGracePeriodSeconds", 0):
            obj["metadata"]["deletionTimestamp"] = stamp(now + timedelta(seconds=grace))
            obj["metadata"]["deletionGracePeriodSeconds"] = grace
        return self._store.update(kind, obj, checked=False)

    def _grace(self, kind: Kind, obj: Object, how: Deletion) -> int:
        if kind.kind != "Pod" or dig(obj, "status", "phase") in {"Succeeded", "Failed"}:
            return 1 if kind.kind == "Namespace" else 0
        if how.grace is not None:
            return max(0, how.grace)
        return int(obj["spec"].get("terminationGracePeriodSeconds", 30))

    def _applied(self, kind: Kind, namespace: str, name: str, patch: object, manner: Manner) -> Object:
        if not isinstance(patch, dict):
            raise bad_request("an apply patch is an object")
        if not patch.get("apiVersion") or not patch.get("kind"):
            raise bad_request("invalid object: apiVersion and kind are needed in an apply patch")
        config = _identified(kind, namespace, patch)
        config["metadata"].setdefault("name", name)
        if name_of(config) != name:
            raise bad_request("the name of the object does not match the name on the URL")
        live = self._store.find(kind, namespace, name)
        version = config["metadata"].pop("resourceVersion", None)
        if version and (live is None or version != live["metadata"]["resourceVersion"]):
            raise modified(kind.plural, name)
        if kind.has_status and manner.subresource != "status":
            config.pop("status", None)
        now = self._store.now()
        obj = apply(live, config, kind, manager=manner.manager, force=manner.force, now=now)
        if live is None:
            self._in_living_namespace(kind, namespace)
            fill_in_checked(kind, obj, None)
            return self._created(kind, obj, manner)
        fill_in_checked(kind, obj, live)
        if _unmanaged(obj) == _unmanaged(live) and _owned(obj) == _owned(live):
            return live
        return self._stored(kind, obj, live, manner)

    def _written(self, kind: Kind, before: Object, obj: Object, manner: Manner) -> Object:
        version = obj["metadata"].get("resourceVersion")
        if version and version != before["metadata"]["resourceVersion"]:
            raise modified(f"{kind.plural}.{kind.group}" if kind.group else kind.plural, name_of(before))
        if obj["metadata"].get("uid") not in {None, before["metadata"]["uid"]}:
            raise conflict(kind.plural, name_of(before), "Precondition failed: UID in precondition")
        if manner.subresource == "status":
            obj = {**copy_of(before), "status": obj.get("status") or {}}
        elif kind.has_status:
            obj.pop("status", None)
            if "status" in before:
                obj["status"] = copy_of(before["status"])
        for field in ("deletionTimestamp", "deletionGracePeriodSeconds"):
            if field in before["metadata"]:
                obj["metadata"][field] = before["metadata"][field]
            else:
                obj["metadata"].pop(field, None)
        fill_in_checked(kind, obj, before)
        track(
            before, obj, kind, manager=manner.manager, subresource=manner.subresource, now=self._store.now()
        )
        return self._stored(kind, obj, before, manner)

    def _stored(self, kind: Kind, obj: Object, before: Object, manner: Manner) -> Object:
        if manner.dry_run:
            kept = ("uid", "creationTimestamp", "generation", "resourceVersion")
            obj["metadata"].update(
                {key: before["metadata"][key] for key in kept if key in before["metadata"]}
            )
            return obj
        return self._store.update(kind, obj, checked=False)

    def _created(self, kind: Kind, obj: Object, manner: Manner) -> Object:
        if not manner.dry_run:
            return self._store.create(kind, obj)
        if self._store.find(kind, namespace_of(obj), name_of(obj)) is not None:
            return self._store.create(kind, obj)  # refused there, in the same words
        obj["metadata"].update(
            uid="00000000-0000-4000-8000-000000000000", creationTimestamp=stamp(self._store.now())
        )
        return obj

    def _in_living_namespace(self, kind: Kind, namespace: str) -> None:
        if not kind.namespaced:
            return
        found = self._store.find(NAMESPACE, "", namespace)
        if found is None:
            raise not_found("namespaces", namespace)
        if is_terminating(found):
            message = f"unable to create new content in namespace {namespace} because it is being terminated"
            raise Refusal(403, "Forbidden", message)


def fill_in_checked(kind: Kind, obj: Object, before: Object | None) -> None:
    """Validate first: defaults are filled into what is known to have the right shape."""
    check(kind, obj, before if before is None else None)
    if kind.kind in _NEED_SPEC:
        obj.setdefault("spec", {})
    fill_in(kind, obj)
    if before is not None:
        if kind.kind == "Service" and "clusterIP" in before.get("spec", {}):
            obj["spec"].setdefault("clusterIP", before["spec"]["clusterIP"])
        check(kind, obj, before)


_NEED_SPEC = frozenset({"Deployment", "ReplicaSet", "Job", "Pod", "Service"})


def _identified(kind: Kind, namespace: str, body: object) -> Object:
    """A copy of a request's body with the metadata that its URL implies."""
    if not isinstance(body, dict):
        raise bad_request("the request's body is not an object")
    if body.get("kind") not in {None, kind.kind}:
        raise bad_request(f'"{body["kind"]}" does not match the expected kind {kind.kind}')
    obj: Object = without_nulls(body)
    if not isinstance(obj.setdefault("metadata", {}), dict):
        raise bad_request("metadata is not a map")
    version = str(obj.get("apiVersion") or kind.api_version())
    if version not in {kind.api_version(one) for one in kind.versions}:
        raise bad_request(f"the API version in the data ({version}) does not match {kind.api_version()}")
    obj["apiVersion"], obj["kind"] = kind.api_version(), kind.kind
    meta = obj["metadata"]
    if kind.namespaced:
        if meta.get("namespace") not in {None, "", namespace}:
            raise bad_request(
                "the namespace of the provided object does not match the namespace sent on the request"
            )
        meta["namespace"] = namespace
    else:
        meta.pop("namespace", None)
    return obj


def _keep_identity(before: Object, obj: Object) -> None:
    for field in ("name", "namespace"):
        if obj["metadata"].get(field) != before["metadata"].get(field):
            raise bad_request(f"metadata.{field} may not be changed")
    obj["apiVersion"], obj["kind"] = before["apiVersion"], before["kind"]


def _scale_of(kind: Kind, obj: Object) -> Object:
    if not kind.has_scale:
        raise not_found(kind.plural, name_of(obj), kind.group)
    selector = (dig(obj, "spec", "selector", "matchLabels") or {}).items()
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: obj["metadata"][key] for key in kept if key in obj["metadata"]},
        "spec": {"replicas": obj["spec"].get("replicas", 1)},
        "status": {
            "replicas": dig(obj, "status", "replicas", default=0),
            "selector": ",".join(f"{key}={value}" for key, value in selector),
        },
    }


def _unmanaged(obj: Object) -> Object:
    ignored = {"managedFields", "resourceVersion", "uid", "creationTimestamp", "generation"}
    return {**obj, "metadata": {key: value for key, value in obj["metadata"].items() if key not in ignored}}


def _owned(obj: Object) -> list[tuple[object, object]]:
    return [(entry["manager"], entry["fieldsV1"]) for entry in obj["metadata"].get("managedFields") or []]

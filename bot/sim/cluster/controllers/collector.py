"""The garbage collector: what nobody owns any more goes, and a namespace takes its objects with it."""

from datetime import datetime, timedelta

from bot.sim.cluster.kinds import EVENT, NAMESPACE, Kind
from bot.sim.cluster.objects import (
    Object,
    copy_of,
    is_terminating,
    moment,
    name_of,
    namespace_of,
    stamp,
    uid_of,
)
from bot.sim.cluster.store import ObjectStore

# As long as an API server keeps events.
_EVENTS_FOR = timedelta(hours=1)


def collect(store: ObjectStore, now: datetime) -> datetime | None:
    living = {uid_of(obj) for _, obj in store.everything()}
    for kind, obj in store.everything():
        owners = obj["metadata"].get("ownerReferences") or []
        if owners and not any(owner["uid"] in living for owner in owners):
            _let_go(store, kind, obj, now)
    for kind, obj in store.everything():
        if is_terminating(obj):
            _finalize(store, kind, obj, now)
    for namespace in store.all_of(NAMESPACE):
        if is_terminating(namespace):
            _empty(store, namespace, now)
    for event in store.all_of(EVENT):
        if now - moment(event["lastTimestamp"] or event["metadata"]["creationTimestamp"]) > _EVENTS_FOR:
            store.remove(EVENT, namespace_of(event), name_of(event))
    return None


def _let_go(store: ObjectStore, kind: Kind, obj: Object, now: datetime) -> None:
    """Remove at once, but let a pod end as pods do."""
    if kind.kind == "Pod" and obj.get("status", {}).get("phase") not in {"Succeeded", "Failed"}:
        if not is_terminating(obj):
            going = copy_of(obj)
            grace = obj["spec"].get("terminationGracePeriodSeconds", 30)
            going["metadata"]["deletionTimestamp"] = stamp(now + timedelta(seconds=grace))
            going["metadata"]["deletionGracePeriodSeconds"] = grace
            store.update(kind, going, checked=False)
        return
    store.remove(kind, namespace_of(obj), name_of(obj))


def _finalize(store: ObjectStore, kind: Kind, obj: Object, now: datetime) -> None:
    finalizers: list[str] = obj["metadata"].get("finalizers") or []
    if "foregroundDeletion" in finalizers:
        dependents = _owned_by(store, obj)
        for of_kind, dependent in dependents:
            _let_go(store, of_kind, dependent, now)
        if not dependents:
            _without(store, kind, obj, "foregroundDeletion")
    elif "orphan" in finalizers:
        for of_kind, dependent in _owned_by(store, obj):
            freed = copy_of(dependent)
            kept = [owner for owner in freed["metadata"]["ownerReferences"] if owner["uid"] != uid_of(obj)]
            freed["metadata"]["ownerReferences"] = kept
            if not kept:
                del freed["metadata"]["ownerReferences"]
            store.update(of_kind, freed, checked=False)
        _without(store, kind, obj, "orphan")


def _owned_by(store: ObjectStore, owner: Object) -> list[tuple[Kind, Object]]:
    return [
        (kind, obj)
        for kind, obj in store.everything()
        if any(one["uid"] == uid_of(owner) for one in obj["metadata"].get("ownerReferences") or [])
    ]


def _without(store: ObjectStore, kind: Kind, obj: Object, finalizer: str) -> None:
    freed = copy_of(obj)
    freed["metadata"]["finalizers"] = [one for one in freed["metadata"]["finalizers"] if one != finalizer]
    if not freed["metadata"]["finalizers"]:
        del freed["metadata"]["finalizers"]
    store.update(kind, freed, checked=False)


def _empty(store: ObjectStore, namespace: Object, now: datetime) -> None:
    held = [(kind, obj) for kind, obj in store.everything() if namespace_of(obj) == name_of(namespace)]
    for kind, obj in held:
        if store.find(kind, namespace_of(obj), name_of(obj)) is not None:
            _let_go(store, kind, obj, now)
    if not held:
        store.remove(NAMESPACE, "", name_of(namespace))

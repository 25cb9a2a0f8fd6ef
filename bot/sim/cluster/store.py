"""The objects of the cluster and their history, as etcd keeps them behind an API server.

One counter numbers every change (`resourceVersion`). The last changes are kept so that a watch can begin at
a number it has seen; who asks for an older one gets 410 and lists again. Controllers and the API write here
alike; what a *client* may do is `requests`' business.
"""

import uuid
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.sim.cluster.kinds import Kind
from bot.sim.cluster.objects import Object, copy_of, stamp
from bot.sim.cluster.refusals import already_exists, expired, modified, not_found

# Enough for a watcher that was away for a minute at 300×, small enough to forget.
_HISTORY = 4000


@dataclass(frozen=True)
class Change:
    """One numbered change: `before` is None for a new object, `after` None for a removed one."""

    revision: int
    kind: Kind
    before: Object | None
    after: Object | None

    @property
    def subject(self) -> Object:
        obj = self.after or self.before
        assert obj is not None
        return obj


class ObjectStore:
    """Objects by kind, namespace and name."""

    def __init__(self, now: Callable[[], datetime], history: int = _HISTORY) -> None:
        self.now = now
        self.revision = 1
        self._objects: dict[Kind, dict[tuple[str, str], Object]] = {}
        self._history: deque[Change] = deque(maxlen=history)
        self._listeners: list[Callable[[Change], None]] = []

    def subscribe(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Call `listener` after each change; the answer ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def find(self, kind: Kind, namespace: str, name: str) -> Object | None:
        return self._objects.get(kind, {}).get((namespace, name))

    def get(self, kind: Kind, namespace: str, name: str) -> Object:
        obj = self.find(kind, namespace, name)
        if obj is None:
            raise not_found(kind.plural, name, kind.group)
        return obj

    def all_of(self, kind: Kind, namespace: str = "") -> list[Object]:
        """All objects of a kind, oldest name first; of every namespace where none is given."""
        held = self._objects.get(kind, {})
        return [held[key] for key in sorted(held) if not namespace or key[0] == namespace]

    def everything(self) -> Iterator[tuple[Kind, Object]]:
        for kind, held in list(self._objects.items()):
            for obj in list(held.values()):
                yield kind, obj

    def create(self, kind: Kind, obj: Object) -> Object:
        """Add an object; uid, resourceVersion and creation time are given here."""
        obj = copy_of(obj)
        meta = obj["metadata"]
        key = (meta.get("namespace", ""), meta["name"])
        if key in self._objects.setdefault(kind, {}):
            raise already_exists(kind.plural, meta["name"], kind.group)
        meta["uid"] = str(uuid.uuid4())
        meta["creationTimestamp"] = stamp(self.now())
        if kind.has_spec:
            meta["generation"] = 1
        return self._put(kind, key, None, obj)

    def update(self, kind: Kind, obj: Object, *, checked: bool = True) -> Object:
        """Replace an object. With `checked`, only if nobody changed it since it was read.

        The generation rises with the spec, and a Deployment's with its annotations. A write that changes
        nothing is none.
        """
        meta = obj["metadata"]
        key = (meta.get("namespace", ""), meta["name"])
        before = self.get(kind, *key)
        if checked and meta.get("resourceVersion") != before["metadata"]["resourceVersion"]:
            raise modified(f"{kind.plural}.{kind.group}" if kind.group else kind.plural, meta["name"])
        after = copy_of(obj)
        for field in ("uid", "creationTimestamp", "generation", "resourceVersion"):
            if field in before["metadata"]:
                after["metadata"][field] = before["metadata"][field]
        if after == before:
            return before
        if kind.has_spec and _wanted(kind, after) != _wanted(kind, before):
            after["metadata"]["generation"] = before["metadata"].get("generation", 1) + 1
        is_going = "deletionTimestamp" in after["metadata"] and not after["metadata"].get("finalizers")
        if is_going and not _lingers(kind):
            return self.remove(kind, *key)
        return self._put(kind, key, before, after)

    def remove(self, kind: Kind, namespace: str, name: str) -> Object:
        """Take an object out for good."""
        before = self.get(kind, namespace, name)
        del self._objects[kind][namespace, name]
        self.revision += 1
        last = {**before, "metadata": {**before["metadata"], "resourceVersion": str(self.revision)}}
        self._tell(Change(self.revision, kind, last, None))
        return last

    def since(self, revision: int) -> list[Change]:
        """What happened after `revision`.

        Raises:
            Refusal: 410, some of it is forgotten.
        """
        if self._history:
            oldest = self._history[0].revision
            if revision < oldest - 1:
                raise expired(revision, oldest)
        return [change for change in self._history if change.revision > revision]

    def _put(self, kind: Kind, key: tuple[str, str], before: Object | None, after: Object) -> Object:
        self.revision += 1
        after["metadata"]["resourceVersion"] = str(self.revision)
        self._objects.setdefault(kind, {})[key] = after
        self._tell(Change(self.revision, kind, before, after))
        return after

    def _tell(self, change: Change) -> None:
        self._history.append(change)
        for listener in tuple(self._listeners):
            listener(change)


def _wanted(kind: Kind, obj: Object) -> tuple[Any, ...]:
    """What a generation counts. Kubernetes' own strategy for Deployments counts their annotations too, but
    for those that their controller writes.
    """
    annotations = obj["metadata"].get("annotations") or {} if kind.kind == "Deployment" else {}
    own = {
        key: value for key, value in annotations.items() if not key.startswith("deployment.kubernetes.io/")
    }
    return obj.get("spec"), own


def _lingers(kind: Kind) -> bool:
    """A pod goes when its process has ended, a namespace when it is empty; all else goes at once."""
    return kind.kind in {"Pod", "Namespace"}

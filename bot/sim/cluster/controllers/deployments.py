"""Deployments: a new ReplicaSet for each template, and pods moved over to it as the strategy allows.

The rules are Kubernetes' own: never more than `replicas + maxSurge` pods, never fewer than `replicas -
maxUnavailable` available ones; unhealthy old pods go first. What a rollout tells of itself (conditions,
progress deadline) is in `rollout`.
"""

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.sim.cluster.controllers.rollout import write_status
from bot.sim.cluster.kinds import DEPLOYMENT, REPLICA_SET
from bot.sim.cluster.objects import (
    Object,
    annotations_of,
    controller_of,
    copy_of,
    dig,
    digest,
    is_terminating,
    moment,
    name_of,
    namespace_of,
    owner_reference,
    uid_of,
)
from bot.sim.cluster.store import ObjectStore

HASH = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
_OWN_ANNOTATIONS = frozenset({REVISION, "kubectl.kubernetes.io/last-applied-configuration"})


def reconcile_deployments(store: ObjectStore, now: datetime) -> datetime | None:
    owned: dict[str, list[Object]] = {}
    for replica_set in store.all_of(REPLICA_SET):
        if (owner := controller_of(replica_set)) and not is_terminating(replica_set):
            owned.setdefault(owner["uid"], []).append(replica_set)
    looks = [
        _Rollout(store, deployment, owned.get(uid_of(deployment), []), now).step()
        for deployment in store.all_of(DEPLOYMENT)
        if not is_terminating(deployment)
    ]
    return min((look for look in looks if look), default=None)


@dataclass
class _Rollout:
    """One look at one Deployment."""

    store: ObjectStore
    deployment: Object
    sets: list[Object]
    now: datetime

    def step(self) -> datetime | None:
        spec = self.deployment["spec"]
        self.sets.sort(key=lambda one: (moment(one["metadata"]["creationTimestamp"]), _revision(one)))
        new = next((one for one in self.sets if _same_template(one, self.deployment)), None)
        if spec.get("paused"):
            self._spread_replicas()
        else:
            new = self._ensure_new(new)
            if dig(spec, "strategy", "type") == "Recreate":
                self._recreate(new)
            else:
                self._roll(new)
            self._forget_old(new)
        self._refresh()
        new = next((one for one in self.sets if new is not None and uid_of(one) == uid_of(new)), None)
        return write_status(self.store, self.deployment, self.sets, new, self.min_available, self.now)

    @property
    def replicas(self) -> int:
        return int(self.deployment["spec"].get("replicas", 1))

    @property
    def max_unavailable(self) -> int:
        return self._bounds()[1]

    @property
    def min_available(self) -> int:
        return self.replicas - self.max_unavailable

    def _bounds(self) -> tuple[int, int]:
        """MaxSurge and maxUnavailable as numbers of pods; never both zero, or nothing could ever move."""
        rolling = dig(self.deployment, "spec", "strategy", "rollingUpdate")
        if rolling is None:
            return 0, 0
        surge = _share(rolling.get("maxSurge", "25%"), self.replicas, up=True)
        unavailable = _share(rolling.get("maxUnavailable", "25%"), self.replicas, up=False)
        return (surge, unavailable) if surge or unavailable else (0, 1)

    def _old(self, new: Object) -> list[Object]:
        return [one for one in self.sets if uid_of(one) != uid_of(new)]

    def _ensure_new(self, new: Object | None) -> Object:
        highest = max((_revision(one) for one in self.sets), default=0)
        if new is None:
            new = self._create(highest + 1)
        elif _revision(new) < highest:
            new = self._annotated(new, highest + 1)  # a rollback: an old template is the newest again
        revision = str(_revision(new))
        if annotations_of(self.deployment).get(REVISION) != revision:
            changed = copy_of(self.deployment)
            changed["metadata"].setdefault("annotations", {})[REVISION] = revision
            self.deployment = self.store.update(DEPLOYMENT, changed, checked=False)
        return new

    def _create(self, revision: int) -> Object:
        template = copy_of(self.deployment["spec"]["template"])
        mark = digest(template)
        labels = {**(dig(template, "metadata", "labels") or {}), HASH: mark}
        template.setdefault("metadata", {})["labels"] = labels
        kept = {k: v for k, v in annotations_of(self.deployment).items() if k not in _OWN_ANNOTATIONS}
        selector = copy_of(self.deployment["spec"]["selector"])
        selector.setdefault("matchLabels", {})[HASH] = mark
        made = self.store.create(
            REPLICA_SET,
            {
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "metadata": {
                    "name": f"{name_of(self.deployment)}-{mark}",
                    "namespace": namespace_of(self.deployment),
                    "labels": labels,
                    "annotations": {**kept, REVISION: str(revision)},
                    "ownerReferences": [owner_reference(self.deployment)],
                },
                "spec": {
                    "replicas": 0,
                    "minReadySeconds": self.deployment["spec"].get("minReadySeconds", 0),
                    "selector": selector,
                    "template": template,
                },
                "status": {"replicas": 0},
            },
        )
        self.sets.append(made)
        return made

    def _annotated(self, replica_set: Object, revision: int) -> Object:
        changed = copy_of(replica_set)
        changed["metadata"].setdefault("annotations", {})[REVISION] = str(revision)
        return self._replaced(self.store.update(REPLICA_SET, changed, checked=False))

    def _roll(self, new: Object) -> None:
        surge, _ = self._bounds()
        total = sum(_wanted(one) for one in self.sets)
        if _wanted(new) > self.replicas:
            new = self._scale(new, self.replicas)
        elif _wanted(new) < self.replicas and total < self.replicas + surge:
            new = self._scale(
                new, _wanted(new) + min(self.replicas + surge - total, self.replicas - _wanted(new))
            )
        self._scale_down_old(new)

    def _scale_down_old(self, new: Object) -> None:
        new = self._latest(new)
        missing = _wanted(new) - _available(new)
        may_go = sum(_wanted(one) for one in self.sets) - self.min_available - max(0, missing)
        if may_go <= 0:
            return
        for old in self._old(new):
            unhealthy = min(may_go, _wanted(old) - _available(old))
            if unhealthy > 0:
                self._scale(old, _wanted(old) - unhealthy)
                may_go -= unhealthy
        # Availability is counted anew, because the unhealthy ones that have just gone were not available.
        spare = sum(min(_available(one), _wanted(one)) for one in self.sets) - self.min_available
        for old in self._old(new):
            going = min(max(0, spare), _wanted(old))
            if going:
                self._scale(old, _wanted(old) - going)
                spare -= going

    def _recreate(self, new: Object) -> None:
        for old in self._old(new):
            self._scale(old, 0)
        if not any(dig(one, "status", "replicas", default=0) for one in self._old(new)):
            self._scale(new, self.replicas)

    def _spread_replicas(self) -> None:
        """A paused rollout keeps its proportions when it is scaled; with one active set, that one follows."""
        active = [one for one in self.sets if _wanted(one)]
        total = sum(_wanted(one) for one in active)
        surge, _ = self._bounds()
        if len(active) == 1 and total != self.replicas:
            self._scale(active[0], self.replicas)
        elif len(active) > 1 and not self.replicas <= total <= self.replicas + surge:
            left = self.replicas
            for one in active[:-1]:
                share = min(left, round(_wanted(one) * self.replicas / total))
                self._scale(one, share)
                left -= share
            self._scale(active[-1], left)

    def _forget_old(self, new: Object) -> None:
        limit = self.deployment["spec"].get("revisionHistoryLimit", 10)
        empty = [
            one
            for one in self._old(new)
            if not _wanted(one) and not dig(one, "status", "replicas", default=0)
        ]
        for old in sorted(empty, key=_revision)[: max(0, len(empty) - limit)]:
            self.store.remove(REPLICA_SET, namespace_of(old), name_of(old))
            self.sets = [one for one in self.sets if uid_of(one) != uid_of(old)]

    def _scale(self, replica_set: Object, replicas: int) -> Object:
        if _wanted(replica_set) == replicas:
            return replica_set
        changed = copy_of(replica_set)
        changed["spec"]["replicas"] = replicas
        return self._replaced(self.store.update(REPLICA_SET, changed, checked=False))

    def _replaced(self, replica_set: Object) -> Object:
        self.sets = [replica_set if uid_of(one) == uid_of(replica_set) else one for one in self.sets]
        return replica_set

    def _latest(self, replica_set: Object) -> Object:
        return next(one for one in self.sets if uid_of(one) == uid_of(replica_set))

    def _refresh(self) -> None:
        self.sets = [
            found
            for one in self.sets
            if (found := self.store.find(REPLICA_SET, namespace_of(one), name_of(one))) is not None
        ]


def _same_template(replica_set: Object, deployment: Object) -> bool:
    template = copy_of(replica_set["spec"]["template"])
    template.get("metadata", {}).get("labels", {}).pop(HASH, None)
    return bool(template == deployment["spec"]["template"])


def _revision(replica_set: Object) -> int:
    return int(annotations_of(replica_set).get(REVISION, "0"))


def _wanted(replica_set: Object) -> int:
    return int(replica_set["spec"].get("replicas", 1))


def _available(replica_set: Object) -> int:
    return int(dig(replica_set, "status", "availableReplicas", default=0))


def _share(value: Any, replicas: int, *, up: bool) -> int:
    if isinstance(value, str) and value.endswith("%"):
        part = replicas * float(value[:-1]) / 100
        return math.ceil(part) if up else math.floor(part)
    return int(value)

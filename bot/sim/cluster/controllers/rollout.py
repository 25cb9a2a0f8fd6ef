"""What a Deployment tells of its rollout: counts, conditions, and whether it is still getting anywhere."""

from datetime import datetime, timedelta

from bot.sim.cluster.kinds import DEPLOYMENT
from bot.sim.cluster.objects import Object, condition_of, copy_of, dig, moment, name_of, stamp
from bot.sim.cluster.store import ObjectStore

_COUNTS = {
    "replicas": "replicas",
    "readyReplicas": "readyReplicas",
    "availableReplicas": "availableReplicas",
}


def write_status(
    store: ObjectStore,
    deployment: Object,
    sets: list[Object],
    new: Object | None,
    min_available: int,
    now: datetime,
) -> datetime | None:
    """Write the status; the answer is when the progress deadline must be looked at."""
    before = deployment.get("status") or {}
    counts = {
        field: sum(dig(one, "status", source, default=0) for one in sets) for field, source in _COUNTS.items()
    }
    counts["updatedReplicas"] = dig(new, "status", "replicas", default=0)
    wanted = deployment["spec"].get("replicas", 1)
    counts["unavailableReplicas"] = max(0, max(wanted, counts["replicas"]) - counts["availableReplicas"])
    status: Object = {field: count for field, count in counts.items() if count}
    status["observedGeneration"] = deployment["metadata"]["generation"]
    progressing, again = _progressing(deployment, counts, new, now)
    conditions = [_available(deployment, counts, min_available, now)]
    if progressing is not None:
        conditions.append(progressing)
    status["conditions"] = conditions
    if status != before:
        changed = copy_of(deployment)
        changed["status"] = status
        store.update(DEPLOYMENT, changed, checked=False)
    return again


def _available(deployment: Object, counts: dict[str, int], min_available: int, now: datetime) -> Object:
    enough = counts["availableReplicas"] >= min_available
    reason = "MinimumReplicasAvailable" if enough else "MinimumReplicasUnavailable"
    message = f"Deployment {'has' if enough else 'does not have'} minimum availability."
    return _condition(deployment, "Available", enough, reason, message, now, updated=False)


def _progressing(
    deployment: Object, counts: dict[str, int], new: Object | None, now: datetime
) -> tuple[Object | None, datetime | None]:
    before = condition_of(deployment, "Progressing")
    if deployment["spec"].get("paused"):
        return _condition(
            deployment, "Progressing", None, "DeploymentPaused", "Deployment is paused", now
        ), None
    if new is None:
        return before, None
    named = f'ReplicaSet "{name_of(new)}"'
    if _is_complete(deployment, counts):
        text = f"{named} has successfully progressed."
        return _condition(
            deployment, "Progressing", True, "NewReplicaSetAvailable", text, now, updated=False
        ), None
    if before is None or before["reason"] == "DeploymentPaused" or _is_new_rollout(deployment):
        text = f"Created new replica set {named}"
        condition = _condition(deployment, "Progressing", True, "NewReplicaSetCreated", text, now)
    elif _has_progressed(deployment, counts):
        text = f"{named} is progressing."
        condition = _condition(deployment, "Progressing", True, "ReplicaSetUpdated", text, now)
    else:
        condition = before
    limit = timedelta(seconds=deployment["spec"].get("progressDeadlineSeconds", 600))
    deadline = moment(condition["lastUpdateTime"]) + limit
    if condition["reason"] == "ProgressDeadlineExceeded":
        return condition, None
    if now >= deadline:
        text = f"{named} has timed out progressing."
        return _condition(deployment, "Progressing", False, "ProgressDeadlineExceeded", text, now), None
    return condition, deadline


def _is_complete(deployment: Object, counts: dict[str, int]) -> bool:
    wanted = deployment["spec"].get("replicas", 1)
    return bool(
        counts["updatedReplicas"] == wanted
        and counts["replicas"] == wanted
        and counts["availableReplicas"] == wanted
    )


def _is_new_rollout(deployment: Object) -> bool:
    """A spec not yet observed: whatever was said of the previous rollout is over."""
    return bool(dig(deployment, "status", "observedGeneration") != deployment["metadata"]["generation"])


def _has_progressed(deployment: Object, counts: dict[str, int]) -> bool:
    before = deployment.get("status") or {}
    old_before = before.get("replicas", 0) - before.get("updatedReplicas", 0)
    return bool(
        counts["updatedReplicas"] > before.get("updatedReplicas", 0)
        or counts["replicas"] - counts["updatedReplicas"] < old_before
        or counts["readyReplicas"] > before.get("readyReplicas", 0)
        or counts["availableReplicas"] > before.get("availableReplicas", 0)
    )


def _condition(
    deployment: Object,
    kind: str,
    holds: bool | None,  # noqa: FBT001 - a condition's status has three values
    reason: str,
    message: str,
    now: datetime,
    *,
    updated: bool = True,
) -> Object:
    """The condition; its times stand still while it says the same (unless `updated` says that it is news)."""
    status = {True: "True", False: "False", None: "Unknown"}[holds]
    before = condition_of(deployment, kind)
    if before and (before["status"], before["reason"], before["message"]) == (status, reason, message):
        return {**before, "lastUpdateTime": stamp(now)} if updated and holds else before
    turned = stamp(now) if before is None or before["status"] != status else before["lastTransitionTime"]
    return {
        "type": kind,
        "status": status,
        "lastUpdateTime": stamp(now),
        "lastTransitionTime": turned,
        "reason": reason,
        "message": message,
    }

"""Jobs: pods until enough of them have succeeded or too many have failed."""

from datetime import datetime

from bot.sim.cluster.controllers.replicasets import pod_for
from bot.sim.cluster.kinds import JOB, POD
from bot.sim.cluster.objects import (
    Object,
    controller_of,
    copy_of,
    dig,
    is_terminating,
    is_true,
    name_of,
    stamp,
    uid_of,
)
from bot.sim.cluster.store import ObjectStore


def reconcile_jobs(store: ObjectStore, now: datetime) -> datetime | None:
    for job in store.all_of(JOB):
        if not is_terminating(job) and not _is_over(job):
            _reconcile(store, job, now)
    return None


def _is_over(job: Object) -> bool:
    return is_true(job, "Complete") or is_true(job, "Failed")


def _reconcile(store: ObjectStore, job: Object, now: datetime) -> None:
    pods = [pod for pod in store.all_of(POD) if (controller_of(pod) or {}).get("uid") == uid_of(job)]
    phases = [dig(pod, "status", "phase") for pod in pods]
    succeeded, failed = phases.count("Succeeded"), phases.count("Failed")
    active = len(pods) - succeeded - failed
    spec = job["spec"]
    status: Object = copy_of(job.get("status") or {})
    status.setdefault("startTime", stamp(now))
    if succeeded >= spec.get("completions", 1):
        status |= {
            "completionTime": stamp(now),
            "conditions": [_condition("Complete", "CompletionsReached", now)],
        }
    elif failed > spec.get("backoffLimit", 6):
        status["conditions"] = [_condition("Failed", "BackoffLimitExceeded", now)]
    elif not spec.get("suspend"):
        wanted = min(spec.get("parallelism", 1), spec.get("completions", 1) - succeeded)
        for index in range(wanted - active):
            store.create(POD, _labelled(pod_for(job, store.revision + index), job))
            active += 1
    status |= {"active": active, "succeeded": succeeded, "failed": failed, "ready": phases.count("Running")}
    if status != job.get("status"):
        store.update(JOB, {**job, "status": status}, checked=False)


def _labelled(pod: Object, job: Object) -> Object:
    names = {"batch.kubernetes.io/job-name": name_of(job), "job-name": name_of(job)}
    pod["metadata"]["labels"] = {**pod["metadata"]["labels"], **names, "controller-uid": uid_of(job)}
    return pod


def _condition(kind: str, reason: str, now: datetime) -> Object:
    return {
        "type": kind,
        "status": "True",
        "reason": reason,
        "lastProbeTime": stamp(now),
        "lastTransitionTime": stamp(now),
    }

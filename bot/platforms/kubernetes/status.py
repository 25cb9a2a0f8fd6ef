"""A Deployment and its pods, read into the platform's words. Pure."""

import re
from typing import Any

from bot.clients.redaction import redact
from bot.domain.outcome import Workload
from bot.platforms.kubernetes.marks import generation_of, left_by, mark_of, owner_of, paused_by

_DIGEST = re.compile(r"@(sha256:[0-9a-f]{64})$")
# Why a container does not run, in the words a kubelet uses; the waiting ones come with a message.
_HARMLESS = frozenset({"ContainerCreating", "PodInitializing"})
_PROBLEMS = 5
_LENGTH = 300

Object = dict[str, Any]


def workload(deployment: Object, pods: list[Object], events: list[Object], container: str) -> Workload:
    """What the deployment is and how far its rollout got; `pods` are those its selector finds."""
    metadata, spec, status = (deployment.get(key) or {} for key in ("metadata", "spec", "status"))
    wanted = spec.get("replicas", 1)
    updated, total = status.get("updatedReplicas", 0), status.get("replicas", 0)
    is_observed = status.get("observedGeneration", 0) >= metadata.get("generation", 0)
    if not is_observed:
        updated = 0  # what it says is of an older template
    image = container_of(deployment, container).get("image", "")
    found = digests(pods, container, image)
    return Workload(
        name=metadata.get("name", ""),
        image=image,
        digest=next(iter(found)) if len(found) == 1 else None,
        is_mixed=len(found) > 1,
        version=version_of(image),
        replicas=wanted,
        pods=total,
        ready=status.get("readyReplicas", 0),
        updated=updated,
        is_observed=is_observed,
        is_settled=is_observed
        and "deletionTimestamp" not in metadata
        and updated == wanted
        and total == wanted
        and status.get("availableReplicas", 0) == wanted,
        problems=(*paused(deployment), *problems(pods, events, status)),
        failed=is_observed and _has_given_up(status),
        is_leaving="deletionTimestamp" in metadata,
        revision=generation_of(deployment),
        mark=mark_of(deployment),
        owner=owner_of(deployment),
        left_by=left_by(deployment),
        is_paused=bool(spec.get("paused")),
        paused_by=paused_by(deployment),
    )


def container_of(deployment: Object, name: str) -> Object:
    """The named container of the template, or an empty object."""
    containers = _at(deployment, "spec", "template", "spec", "containers") or []
    return next((c for c in containers if c.get("name") == name), {})


def version_of(image: str) -> str | None:
    """The tag; None for an image that has none."""
    name = image.partition("@")[0].rpartition("/")[2]
    return name.partition(":")[2] or None


def digests(pods: list[Object], container: str, image: str) -> frozenset[str]:
    """What the ready pods of this image run. Several: the tag was moved between their starts."""
    found = set()
    for pod in pods:
        for status in _at(pod, "status", "containerStatuses") or []:
            if status.get("name") != container or not status.get("ready"):
                continue
            spec = {c.get("name"): c.get("image") for c in _at(pod, "spec", "containers") or []}
            match = _DIGEST.search(status.get("imageID") or "")
            if spec.get(container) == image and match:
                found.add(match.group(1))
    return frozenset(found)


def unready(pods: list[Object]) -> list[str]:
    """The names of pods that are not ready and not on their way out."""
    return [
        str(_at(pod, "metadata", "name"))
        for pod in pods
        if not _is_ready(pod) and _at(pod, "metadata", "deletionTimestamp") is None
    ]


def problems(pods: list[Object], events: list[Object], status: Object) -> tuple[str, ...]:
    """Why pods are missing or not ready, the worst first, each once, bounded."""
    names = set(unready(pods))
    found = [f"{c.get('reason')}: {c.get('message')}" for c in _refused_pods(status)]
    found += [
        trouble
        for pod in pods
        if _at(pod, "metadata", "name") in names
        for trouble in _container_troubles(pod)
    ]
    warnings = [e for e in events if e.get("type") == "Warning" and _regards(e) in names]
    warnings.sort(key=lambda e: e.get("lastTimestamp") or e.get("eventTime") or "", reverse=True)
    found += [f"{e.get('reason', '')}: {e.get('message', '')}" for e in warnings]
    # Registries and kubelets repeat addresses, with the passwords in them.
    unique = dict.fromkeys(" ".join(redact(text).split())[:_LENGTH] for text in found)
    return tuple(unique)[:_PROBLEMS]


def paused(deployment: Object) -> tuple[str, ...]:
    """What is given to a paused Deployment is never rolled out, and its pods are all well.

    The pause of the run that rolls it out is no trouble: whoever it waits for is asked.
    """
    by = paused_by(deployment)
    if not _at(deployment, "spec", "paused") or (by is not None and by == owner_of(deployment)):
        return ()
    name, namespace = (_at(deployment, "metadata", key) for key in ("name", "namespace"))
    return (f"its rollout is paused; kubectl -n {namespace} rollout resume deployment/{name} lets it go on",)


def _container_troubles(pod: Object) -> list[str]:
    found = []
    for status in _at(pod, "status", "containerStatuses") or []:
        waiting = _at(status, "state", "waiting") or {}
        ended = _at(status, "lastState", "terminated") or {}
        if waiting.get("reason") and waiting["reason"] not in _HARMLESS:
            found.append(f"{waiting['reason']}: {waiting.get('message', '')}".rstrip(": "))
        if ended:
            found.append(f"{ended.get('reason', 'Error')} (exit {ended.get('exitCode')})")
    return found


def _refused_pods(status: Object) -> list[Object]:
    """The API server takes no pods of this template: a quota, a policy."""
    conditions = status.get("conditions") or []
    return [c for c in conditions if c.get("type") == "ReplicaFailure" and c.get("status") == "True"]


def _is_ready(pod: Object) -> bool:
    conditions = _at(pod, "status", "conditions") or []
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)


def _regards(event: Object) -> str | None:
    name = _at(event, "involvedObject", "name")
    return str(name) if name else None


def _has_given_up(status: Object) -> bool:
    return any(
        c.get("type") == "Progressing" and c.get("reason") == "ProgressDeadlineExceeded"
        for c in status.get("conditions") or []
    )


def _at(obj: Any, *path: str) -> Any:
    for key in path:
        obj = obj.get(key) if isinstance(obj, dict) else None
    return obj

"""What the API server fills in before it stores an object.

Only what clients read back or controllers rely on. Defaults are filled in on every write, so that a full
object sent with PUT and a sparse one sent with apply end as the same.
"""

import base64
import hashlib
from collections.abc import Callable
from typing import Any

from bot.sim.cluster.kinds import Kind
from bot.sim.cluster.objects import Object, dig, name_of, namespace_of


def fill_in(kind: Kind, obj: Object) -> None:
    """Complete `obj` in place; it belongs to the caller."""
    meta = obj["metadata"]
    for field in ("labels", "annotations", "finalizers", "ownerReferences"):
        if field in meta and not meta[field]:
            del meta[field]
    fill = _FILLERS.get(kind.kind)
    if fill is not None:
        fill(obj)


def _deployment(obj: Object) -> None:
    spec = obj["spec"]
    _set(spec, replicas=1, revisionHistoryLimit=10, progressDeadlineSeconds=600)
    strategy = spec.setdefault("strategy", {})
    _set(strategy, type="RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        _set(strategy.setdefault("rollingUpdate", {}), maxSurge="25%", maxUnavailable="25%")
    else:
        strategy.pop("rollingUpdate", None)
    _template(spec)


def _replica_set(obj: Object) -> None:
    _set(obj["spec"], replicas=1)
    _template(obj["spec"])


def _job(obj: Object) -> None:
    _set(obj["spec"], parallelism=1, completions=1, backoffLimit=6, suspend=False)
    _template(obj["spec"])


def _template(spec: Object) -> None:
    if dig(spec, "template", "spec"):
        _pod_spec(spec["template"]["spec"])


def _pod(obj: Object) -> None:
    _pod_spec(obj["spec"])
    obj.setdefault("status", {}).setdefault("phase", "Pending")


def _pod_spec(spec: Object) -> None:
    _set(
        spec,
        restartPolicy="Always",
        terminationGracePeriodSeconds=30,
        dnsPolicy="ClusterFirst",
        schedulerName="default-scheduler",
        securityContext={},
    )
    for container in [*spec.get("containers", []), *spec.get("initContainers", [])]:
        _container(container)


def _container(container: Object) -> None:
    tag = str(container.get("image", "")).rpartition("/")[2]
    latest = ":" not in tag or tag.endswith(":latest")
    _set(
        container,
        imagePullPolicy="Always" if latest else "IfNotPresent",
        terminationMessagePath="/dev/termination-log",
        terminationMessagePolicy="File",
        resources={},
    )
    for port in container.get("ports") or []:
        _set(port, protocol="TCP")
    for name in ("readinessProbe", "livenessProbe", "startupProbe"):
        if isinstance(probe := container.get(name), dict):
            _set(probe, periodSeconds=10, timeoutSeconds=1, successThreshold=1, failureThreshold=3)
            if isinstance(probe.get("httpGet"), dict):
                _set(probe["httpGet"], scheme="HTTP", path="/")


def _service(obj: Object) -> None:
    spec = obj["spec"]
    _set(spec, type="ClusterIP", sessionAffinity="None", internalTrafficPolicy="Cluster")
    if spec["type"] != "ExternalName" and not spec.get("clusterIP"):
        spec["clusterIP"] = _cluster_ip(namespace_of(obj), name_of(obj))
        spec["clusterIPs"] = [spec["clusterIP"]]
    for port in spec.get("ports") or []:
        _set(port, protocol="TCP", targetPort=port.get("port"))


def _cluster_ip(namespace: str, name: str) -> str:
    seed = hashlib.sha256(f"{namespace}/{name}".encode()).digest()
    return f"10.96.{seed[0]}.{seed[1] % 254 + 1}"


def _namespace(obj: Object) -> None:
    obj.setdefault("spec", {}).setdefault("finalizers", ["kubernetes"])
    obj.setdefault("status", {}).setdefault("phase", "Active")
    obj["metadata"].setdefault("labels", {}).setdefault("kubernetes.io/metadata.name", name_of(obj))


def _secret(obj: Object) -> None:
    _set(obj, type="Opaque")
    for key, value in (obj.pop("stringData", None) or {}).items():
        obj.setdefault("data", {})[key] = base64.b64encode(str(value).encode()).decode()


def _set(target: Object, **values: Any) -> None:
    for key, value in values.items():
        if target.get(key) is None:
            target[key] = value


_FILLERS: dict[str, Callable[[Object], None]] = {
    "Deployment": _deployment,
    "ReplicaSet": _replica_set,
    "Job": _job,
    "Pod": _pod,
    "Service": _service,
    "Namespace": _namespace,
    "Secret": _secret,
}

"""What the API server refuses to store: 422 with the field and what is wrong with it.

The rules are those a deploy tool can run into, not all that Kubernetes has. Fields of the wrong type are 400
there, because they do not decode; so they are here.
"""

import re
from collections.abc import Iterator
from typing import Any

from bot.sim.cluster.kinds import Kind
from bot.sim.cluster.objects import Object, dig, name_of, quantity
from bot.sim.cluster.refusals import bad_request, invalid
from bot.sim.cluster.selectors import selects

Cause = tuple[str, str]

_LABEL = re.compile(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
_SUBDOMAIN = re.compile(r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")
_VALUE = re.compile(r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$")
_RFC1123 = "must consist of lower case letters, digits, '-' or '.', and begin and end with a letter or digit"
_INTEGERS = ("replicas", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds", "parallelism",
             "completions", "backoffLimit")  # fmt: skip


def check(kind: Kind, obj: Object, before: Object | None) -> None:
    """Refuse `obj` where it is wrong in itself or against the object that it replaces.

    Raises:
        Refusal: 400 or 422.
    """
    _check_types(kind, obj)
    causes = [*_metadata(obj), *_RULES.get(kind.kind, _nothing)(obj)]
    if before is not None:
        causes += _immutable(kind, obj, before)
    if causes:
        raise invalid(kind.kind, kind.group, name_of(obj), causes)


def _check_types(kind: Kind, obj: Object) -> None:
    for field in ("metadata", "spec", "data", "status"):
        if obj.get(field) is not None and not isinstance(obj[field], dict):
            raise _undecodable(kind, field, obj[field], "map")
    for field in ("labels", "annotations"):
        for key, value in (obj["metadata"].get(field) or {}).items():
            if not isinstance(value, str):
                raise _undecodable(kind, f"metadata.{field}.{key}", value, "string")
    spec = obj.get("spec") or {}
    for field in _INTEGERS:
        value = spec.get(field)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            raise _undecodable(kind, f"spec.{field}", value, "int32")
    for field in ("containers", "initContainers", "volumes"):
        value = dig(spec, "template", "spec", field) or spec.get(field)
        if value is not None and not isinstance(value, list):
            raise _undecodable(kind, f"spec.{field}", value, "list")


def _undecodable(kind: Kind, field: str, value: Any, wanted: str) -> Exception:
    return bad_request(
        f'{kind.kind} in version "{kind.versions[0]}" cannot be handled as a {kind.kind}: '
        f"json: cannot unmarshal {type(value).__name__} into Go struct field {kind.kind}.{field} "
        f"of type {wanted}"
    )


def _metadata(obj: Object) -> Iterator[Cause]:
    name = name_of(obj)
    if not name:
        yield "metadata.name", "Required value: name or generateName is required"
    elif len(name) > 253 or not _SUBDOMAIN.match(name):
        yield "metadata.name", f'Invalid value: "{name}": a lowercase RFC 1123 subdomain {_RFC1123}'
    for key, value in (obj["metadata"].get("labels") or {}).items():
        if len(value) > 63 or not _VALUE.match(value):
            yield (
                f"metadata.labels.{key}",
                f'Invalid value: "{value}": a valid label is at most 63 characters',
            )


def _deployment(obj: Object) -> Iterator[Cause]:
    spec = obj.get("spec") or {}
    yield from _workload(spec)
    if spec.get("progressDeadlineSeconds", 600) <= spec.get("minReadySeconds", 0):
        yield "spec.progressDeadlineSeconds", "Invalid value: must be greater than minReadySeconds"
    rolling = dig(spec, "strategy", "rollingUpdate", default={})
    if rolling and _is_zero(rolling.get("maxSurge")) and _is_zero(rolling.get("maxUnavailable")):
        yield (
            "spec.strategy.rollingUpdate.maxUnavailable",
            "Invalid value: 0: may not be 0 when `maxSurge` is 0",
        )


def _is_zero(value: Any) -> bool:
    return value in {0, "0", "0%"}


def _workload(spec: Object) -> Iterator[Cause]:
    if spec.get("replicas", 0) < 0:
        yield "spec.replicas", f"Invalid value: {spec['replicas']}: must be greater than or equal to 0"
    if not spec.get("selector"):
        yield "spec.selector", "Required value"
    elif not selects(spec["selector"], dig(spec, "template", "metadata", "labels", default={})):
        yield "spec.template.metadata.labels", "Invalid value: `selector` does not match template `labels`"
    yield from _pod_spec(dig(spec, "template", "spec", default={}), "spec.template.spec")


def _job(obj: Object) -> Iterator[Cause]:
    pod = dig(obj, "spec", "template", "spec", default={})
    yield from _pod_spec(pod, "spec.template.spec")
    if pod.get("restartPolicy") not in {"Never", "OnFailure"}:
        yield "spec.template.spec.restartPolicy", 'Required value: valid values: "OnFailure", "Never"'


def _pod(obj: Object) -> Iterator[Cause]:
    yield from _pod_spec(obj.get("spec") or {}, "spec")


def _pod_spec(spec: Object, at: str) -> Iterator[Cause]:
    containers = spec.get("containers") or []
    if not containers:
        yield f"{at}.containers", "Required value"
    names: set[str] = set()
    for index, container in enumerate(containers):
        here = f"{at}.containers[{index}]"
        name = container.get("name", "")
        if not _LABEL.match(name):
            yield f"{here}.name", f'Invalid value: "{name}": a lowercase RFC 1123 label'
        elif name in names:
            yield f"{here}.name", f'Duplicate value: "{name}"'
        names.add(name)
        if not container.get("image"):
            yield f"{here}.image", "Required value"
        for port in container.get("ports") or []:
            if not _is_port(port.get("containerPort")):
                yield f"{here}.ports.containerPort", "Invalid value: must be between 1 and 65535, inclusive"
        yield from _resources(container.get("resources") or {}, f"{here}.resources")


def _resources(resources: Object, at: str) -> Iterator[Cause]:
    for side in ("limits", "requests"):
        for name, value in (resources.get(side) or {}).items():
            try:
                if quantity(value) < 0:
                    yield (
                        f"{at}.{side}.{name}",
                        f'Invalid value: "{value}": must be greater than or equal to 0',
                    )
            except ValueError:
                yield (
                    f"{at}.{side}.{name}",
                    f'Invalid value: "{value}": quantities must match the regular expression',
                )


def _service(obj: Object) -> Iterator[Cause]:
    spec = obj.get("spec") or {}
    ports = spec.get("ports") or []
    if not ports and spec.get("type") != "ExternalName" and spec.get("clusterIP") != "None":
        yield "spec.ports", "Required value"
    for index, port in enumerate(ports):
        if not _is_port(port.get("port")):
            yield f"spec.ports[{index}].port", "Invalid value: must be between 1 and 65535, inclusive"
        if len(ports) > 1 and not port.get("name"):
            yield f"spec.ports[{index}].name", "Required value"


def _is_port(value: Any) -> bool:
    return isinstance(value, int) and 1 <= value <= 65535


def _virtual_service(obj: Object) -> Iterator[Cause]:
    yield from _weighted(obj, "http", "route", 100)
    for r, rule in enumerate(dig(obj, "spec", "http", default=[])):
        routes = rule.get("route") or []
        total = sum(route.get("weight") or 0 for route in routes)
        # Istio's own webhook asks this of a route with several destinations.
        if len(routes) > 1 and total != 100:
            yield f"spec.http[{r}].route", f"Invalid value: total destination weight {total} != 100"


def _http_route(obj: Object) -> Iterator[Cause]:
    yield from _weighted(obj, "rules", "backendRefs", 1_000_000)


def _weighted(obj: Object, rules: str, targets: str, highest: int) -> Iterator[Cause]:
    listed = dig(obj, "spec", rules, default=[])
    if not isinstance(listed, list):
        yield f"spec.{rules}", 'Invalid value: "object": must be of type array'
        return
    for r, rule in enumerate(listed):
        for t, target in enumerate(rule.get(targets) or []):
            weight, here = target.get("weight", 0), f"spec.{rules}[{r}].{targets}[{t}].weight"
            if not isinstance(weight, int) or isinstance(weight, bool):
                yield here, f"Invalid value: {weight!r}: must be of type integer"
            elif not 0 <= weight <= highest:
                bound = "greater than or equal to 0" if weight < 0 else f"less than or equal to {highest}"
                yield here, f"Invalid value: {weight}: should be {bound}"


def _config_map(obj: Object) -> Iterator[Cause]:
    for key, value in (obj.get("data") or {}).items():
        if not isinstance(value, str):
            yield f"data.{key}", f"Invalid value: {value!r}: must be a string"


def _immutable(kind: Kind, obj: Object, before: Object) -> list[Cause]:
    if kind.kind in {"Deployment", "ReplicaSet", "Job"}:
        fields = ("selector", "template") if kind.kind == "Job" else ("selector",)
        return [
            (f"spec.{field}", "Invalid value: field is immutable")
            for field in fields
            if dig(obj, "spec", field) != dig(before, "spec", field)
        ]
    if kind.kind == "Pod" and _frozen_part(obj) != _frozen_part(before):
        return [
            ("spec", "Forbidden: pod updates may not change fields other than `spec.containers[*].image`")
        ]
    return []


def _frozen_part(pod: Object) -> Any:
    spec = dict(pod.get("spec") or {})
    spec["containers"] = [{**one, "image": ""} for one in spec.get("containers") or []]
    return {key: value for key, value in spec.items() if key != "nodeName"}


def _nothing(_obj: Object) -> Iterator[Cause]:
    return iter(())


_RULES = {
    "Deployment": _deployment,
    "ReplicaSet": lambda obj: _workload(obj.get("spec") or {}),
    "Job": _job,
    "Pod": _pod,
    "Service": _service,
    "VirtualService": _virtual_service,
    "HTTPRoute": _http_route,
    "ConfigMap": _config_map,
}

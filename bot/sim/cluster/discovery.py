"""What clients read first: versions, groups, resources, and as much OpenAPI as they insist on."""

from typing import Any

from bot.sim.cluster import kinds
from bot.sim.cluster.kinds import Kind
from bot.sim.cluster.objects import Object

_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]

VERSION: Object = {
    "major": "1",
    "minor": "37",
    "gitVersion": "v1.37.0+slackwater",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "2026-01-01T00:00:00Z",
    "goVersion": "",
    "compiler": "",
    "platform": "simulated",
}

# Asked about a right, the simulated cluster always says yes; these are its only resources that store nothing.
REVIEWS = {
    ("authorization.k8s.io", "v1"): ("selfsubjectaccessreviews", "SelfSubjectAccessReview"),
    ("authentication.k8s.io", "v1"): ("selfsubjectreviews", "SelfSubjectReview"),
}


def discover(path: str) -> Object | None:
    """The answer to a discovery path, or None where it is none."""
    parts = path.strip("/").split("/")
    match parts:
        case ["version"]:
            return VERSION
        case ["api"]:
            return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
        case ["apis"]:
            groups = [_group(name, versions) for name, versions in _groups().items()]
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
        case ["api", "v1"]:
            return _resources("", "v1")
        case ["apis", group] if group in _groups():
            return {"apiVersion": "v1", **_group(group, _groups()[group])}
        case ["apis", group, version] if version in _groups().get(group, ()):
            return _resources(group, version)
        case ["openapi", "v2"]:
            return {
                "swagger": "2.0",
                "info": {"title": "Kubernetes", "version": "v1.37.0"},
                "paths": {},
                "definitions": {},
            }
        case ["openapi", "v3"]:
            return {"paths": {}}
        case _:
            return None


def _groups() -> dict[str, tuple[str, ...]]:
    return {**kinds.groups(), **{group: (version,) for group, version in REVIEWS}}


def _group(name: str, versions: tuple[str, ...]) -> Object:
    told = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"kind": "APIGroup", "name": name, "versions": told, "preferredVersion": told[0]}


def _resources(group: str, version: str) -> Object:
    listed: list[Any] = []
    for kind in kinds.kinds_in(group, version):
        listed += _rows(kind)
    if (group, version) in REVIEWS:
        plural, name = REVIEWS[group, version]
        listed.append(
            {
                "name": plural,
                "singularName": name.lower(),
                "namespaced": False,
                "kind": name,
                "verbs": ["create"],
            }
        )
    grouped = f"{group}/{version}" if group else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": grouped, "resources": listed}


def _rows(kind: Kind) -> list[Object]:
    main: Object = {
        "name": kind.plural,
        "singularName": kind.singular,
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": _VERBS,
        "shortNames": list(kind.short),
    }
    if kind.kind in {"Pod", "Deployment", "ReplicaSet", "Service", "Job"}:
        main["categories"] = ["all"]
    rows = [main]
    common = {"singularName": "", "namespaced": kind.namespaced, "kind": kind.kind}
    if kind.has_status:
        rows.append({**common, "name": f"{kind.plural}/status", "verbs": ["get", "patch", "update"]})
    if kind.has_scale:
        scale = {
            "kind": "Scale",
            "group": "autoscaling",
            "version": "v1",
            "verbs": ["get", "patch", "update"],
        }
        rows.append({**common, **scale, "name": f"{kind.plural}/scale"})
    if kind.kind == "Pod":
        rows.append({**common, "name": "pods/log", "verbs": ["get"]})
    return rows

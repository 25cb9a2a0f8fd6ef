"""By which object a world's traffic is shared out, and how that object reads from the outside."""

import copy
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from bot.domain.traffic import ByColour, ByHTTPRoute, ByIngress, ByService, ByVirtualService, Preview, Traffic
from bot.sim import cluster

JSON = dict[str, Any]

NAMESPACE = "production"

_ISTIO = f"/apis/networking.istio.io/v1/namespaces/{NAMESPACE}/virtualservices/checkout"
_NGINX = f"/apis/networking.k8s.io/v1/namespaces/{NAMESPACE}/ingresses/checkout-canary"
_GATEWAY = f"/apis/gateway.networking.k8s.io/v1/namespaces/{NAMESPACE}/httproutes/checkout"
_SERVICE = f"/api/v1/namespaces/{NAMESPACE}/services/checkout"
_NOTE = "nginx.ingress.kubernetes.io/"
_OF_ISTIO = "30-virtual-service.yaml"
_STAGING = "40-staging.yaml"


@dataclass(frozen=True, repr=False)
class Routing:
    """One kind of traffic of the starter's application."""

    traffic: Traffic
    path: str  # of the object, at the API server
    instead: tuple[JSON, ...] | None = None  # put there in the place of the starter's VirtualService

    def __repr__(self) -> str:
        return self.traffic.kind

    @property
    def configured(self) -> JSON:
        """As a configuration has it."""
        return {"kind": "service"} if self._is_by_service else self.traffic.model_dump()

    @property
    def host(self) -> str:
        """What users call; without a route it is the Service's own name."""
        return f"checkout.{NAMESPACE}" if self._is_by_service else "checkout.example.com"

    @property
    def _is_by_service(self) -> bool:
        return self.traffic.kind in {"service", "blue-green"}

    def workloads(self, routed: JSON) -> tuple[str, str]:
        """The Deployment that serves by that object, and the one beside it."""
        if not isinstance(self.traffic, ByColour):
            return "checkout", "checkout-canary"
        serving = str(routed["spec"]["selector"][self.traffic.label])
        return f"checkout-{serving}", f"checkout-{'green' if serving == 'blue' else 'blue'}"

    def objects(self) -> list[JSON]:
        """What the cluster begins with."""
        if self.instead is None:
            return [obj for _, obj in _starter()]
        if isinstance(self.traffic, ByColour):
            return list(self.instead)
        return [*(obj for file, obj in _starter() if file != _OF_ISTIO), *self.instead]

    def manifests(self, folder: Path) -> Path:
        """What the cluster begins with; written under `folder` where it is not the starter's own."""
        if self.instead is None:
            return cluster.STARTER
        written = folder / "manifests"
        shutil.copytree(cluster.STARTER, written)
        (written / _OF_ISTIO).unlink()
        if isinstance(self.traffic, ByColour):
            for file in written.glob("*.yaml"):
                file.unlink()
        if self.instead:
            (written / "30-routes.yaml").write_text(yaml.safe_dump_all(self.instead))
        return written


@cache
def _starter() -> tuple[tuple[str, JSON], ...]:
    """Its objects and the files in which they stand. Nobody changes them."""
    files = sorted(cluster.STARTER.glob("*.yaml"))
    objects = ((file.name, obj) for file in files for obj in yaml.safe_load_all(file.read_text()) if obj)
    return tuple((file, obj) for file, obj in objects if file != _STAGING)


def on_staging() -> list[JSON]:
    """What the starter has where releases are rehearsed."""
    return [obj for obj in yaml.safe_load_all((cluster.STARTER / _STAGING).read_text()) if obj]


ISTIO = Routing(ByVirtualService(virtual_service="checkout"), _ISTIO)
GATEWAY = Routing(
    ByHTTPRoute(route="checkout"),
    _GATEWAY,
    (
        {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "HTTPRoute",
            "metadata": {"name": "checkout"},
            "spec": {
                "hostnames": ["checkout.example.com"],
                "rules": [{"backendRefs": [{"name": "checkout-stable", "port": 80}]}],
            },
        },
    ),
)


def _ingress(name: str, service: str, **notes: str) -> JSON:
    backend = {"service": {"name": service, "port": {"number": 80}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": name, "annotations": notes},
        "spec": {"rules": [{"host": "checkout.example.com", "http": {"paths": [path]}}]},
    }


NGINX = Routing(
    ByIngress(ingress="checkout", canary_ingress="checkout-canary"),
    _NGINX,
    (
        _ingress("checkout", "checkout-stable"),
        _ingress("checkout-canary", "checkout-canary", **{f"{_NOTE}canary": "true"}),
    ),
)

PLAIN = Routing(ByService(service="checkout"), _SERVICE, ())


def _in_colours() -> tuple[JSON, ...]:
    """The starter's Deployment as blue, and two Services that select it by its colour."""
    (blue,) = [copy.deepcopy(obj) for _, obj in _starter() if obj["kind"] == "Deployment"]
    labels = {"app": "checkout", "color": "blue"}
    blue["metadata"] |= {"name": "checkout-blue", "labels": labels}
    blue["spec"]["selector"] = {"matchLabels": labels}
    blue["spec"]["template"]["metadata"]["labels"] = labels
    ports = [{"name": "http", "port": 80, "targetPort": "http"}]
    services = [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "labels": {"app": "checkout"}},
            "spec": {"selector": labels, "ports": ports},
        }
        for name in ("checkout", "checkout-preview")
    ]
    return (blue, *services)


_PREVIEW = Preview(service="checkout-preview", url="http://checkout-preview.example.com")
COLOURS = Routing(ByColour(service="checkout", label="color", preview=_PREVIEW), _SERVICE, _in_colours())
"""Two Deployments that take turns."""

EACH_ROUTING = (ISTIO, GATEWAY, NGINX)
"""Those that have weights."""


def split_of(routed: JSON) -> tuple[int, str]:
    """The canary's weight, and where the header leads; an empty word: nowhere special."""
    if routed.get("kind") == "Ingress":
        return _split_of_ingress(routed)
    weight, header = 0, ""
    if routed.get("kind") == "Service":
        return 100 if routed["spec"]["selector"].get("color") == "green" else weight, header
    for wants_header, shares in _routes(routed):
        if wants_header:
            header = "canary" if "checkout-canary" in shares else "stable"
        else:
            assert len(shares) == 1 or sum(shares.values()) == 100, f"{shares} do not add to 100"
            weight = shares.get("checkout-canary", 0)
    return weight, header


def _split_of_ingress(ingress: JSON) -> tuple[int, str]:
    notes = ingress["metadata"]["annotations"]
    # Without the annotation the header's bearers go to stable, as everybody does at rest.
    header = "canary" if f"{_NOTE}canary-by-header" in notes else "stable"
    return int(notes.get(f"{_NOTE}canary-weight", 0)), header


def _routes(routed: JSON) -> Iterator[tuple[bool, dict[str, int]]]:
    """Whether each route wants the header, and the weights of the Services behind it."""
    for route in routed["spec"].get("http", ()):
        shares = {part["destination"]["host"]: part.get("weight", 100) for part in route["route"]}
        yield any("headers" in match for match in route.get("match") or []), shares
    for rule in routed["spec"].get("rules", ()):
        shares = {part["name"]: part.get("weight", 1) for part in rule["backendRefs"]}
        yield any(match.get("headers") for match in rule.get("matches") or []), shares


def reweighted(routed: JSON, weight: int) -> JSON:
    """The same object as somebody of the team would set its weights by hand."""
    new: JSON = copy.deepcopy(routed)
    if new.get("kind") == "Ingress":
        new["metadata"]["annotations"][f"{_NOTE}canary-weight"] = str(weight)
    for part in _weighted(new):
        is_canary = "checkout-canary" in (part.get("name"), part.get("destination", {}).get("host"))
        part["weight"] = weight if is_canary else 100 - weight
    return new


def _weighted(routed: JSON) -> Iterator[JSON]:
    """Every destination that bears a weight."""
    for route in (*routed["spec"].get("http", ()), *routed["spec"].get("rules", ())):
        for part in (*route.get("route", ()), *route.get("backendRefs", ())):
            if "weight" in part:
                yield part

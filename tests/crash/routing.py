"""By which object a world's traffic is shared out, and how that object reads from the outside."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bot.sim import cluster
from tests.crash.settings import NAMESPACE

JSON = dict[str, Any]

_ISTIO = f"/apis/networking.istio.io/v1/namespaces/{NAMESPACE}/virtualservices/checkout"
_NGINX = f"/apis/networking.k8s.io/v1/namespaces/{NAMESPACE}/ingresses/checkout-canary"
_GATEWAY = f"/apis/gateway.networking.k8s.io/v1/namespaces/{NAMESPACE}/httproutes/checkout"
_NOTE = "nginx.ingress.kubernetes.io/"
_OF_ISTIO = "30-virtual-service.yaml"


@dataclass(frozen=True)
class Routing:
    """One kind of traffic."""

    settings: JSON  # of the configuration
    path: str  # of the object, at the API server
    instead: tuple[JSON, ...] = ()  # put there in the place of the starter's VirtualService

    def manifests(self, folder: Path) -> Path:
        """What the cluster begins with; written under `folder` where it is not the starter's own."""
        if not self.instead:
            return cluster.STARTER
        written = folder / "manifests"
        shutil.copytree(cluster.STARTER, written)
        (written / _OF_ISTIO).unlink()
        (written / "30-routes.yaml").write_text(yaml.safe_dump_all(self.instead))
        return written


ISTIO = Routing({"kind": "istio", "virtual_service": "checkout"}, _ISTIO)
GATEWAY = Routing(
    {"kind": "gateway-api", "route": "checkout"},
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
    {"kind": "nginx", "ingress": "checkout", "canary_ingress": "checkout-canary"},
    _NGINX,
    (
        _ingress("checkout", "checkout-stable"),
        _ingress("checkout-canary", "checkout-canary", **{f"{_NOTE}canary": "true"}),
    ),
)


def split_of(routed: JSON) -> tuple[int, str]:
    """The canary's weight, and where the header leads; an empty word: nowhere special."""
    if routed.get("kind") == "Ingress":
        return _split_of_ingress(routed)
    weight, header = 0, ""
    for wants_header, shares in _routes(routed):
        if wants_header:
            header = "canary" if "checkout-canary" in shares else "stable"
        else:
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

"""A small shop in a namespace of its own: what a team has in its cluster before Slackwater comes."""

import copy
import json
from itertools import count
from pathlib import Path
from typing import Any, Self

from kubernetes.aio import client, config

from bot.clients.kube import KubeClient
from bot.domain.plan import Target
from bot.domain.traffic import ByColour, ByHTTPRoute, ByIngress, ByService, ByVirtualService, Preview, Traffic

Object = dict[str, Any]

RUNNING, NEW = "v2.4.0", "v2.5.0"
NGINX = "nginx.ingress.kubernetes.io/"
# Who does what the team does, told apart from the bot in the audit log.
TEAM = "the-team"

# Every kind of traffic, by an object of the shop.
EACH_TRAFFIC: tuple[Traffic, ...] = (
    ByVirtualService(virtual_service="checkout"),
    ByHTTPRoute(route="checkout"),
    ByIngress(ingress="checkout", canary_ingress="checkout-canary"),
)

_numbers = count(1)
_PLACES = {
    "Namespace": ("/api/v1", "namespaces"),
    "Service": ("/api/v1", "services"),
    "ServiceAccount": ("/api/v1", "serviceaccounts"),
    "ConfigMap": ("/api/v1", "configmaps"),
    "Secret": ("/api/v1", "secrets"),
    "PersistentVolumeClaim": ("/api/v1", "persistentvolumeclaims"),
    "Deployment": ("/apis/apps/v1", "deployments"),
    "HorizontalPodAutoscaler": ("/apis/autoscaling/v2", "horizontalpodautoscalers"),
    "VirtualService": ("/apis/networking.istio.io/v1", "virtualservices"),
    "HTTPRoute": ("/apis/gateway.networking.k8s.io/v1", "httproutes"),
    "Ingress": ("/apis/networking.k8s.io/v1", "ingresses"),
    "Role": ("/apis/rbac.authorization.k8s.io/v1", "roles"),
    "RoleBinding": ("/apis/rbac.authorization.k8s.io/v1", "rolebindings"),
    "NetworkPolicy": ("/apis/networking.k8s.io/v1", "networkpolicies"),
    "PodDisruptionBudget": ("/apis/policy/v1", "poddisruptionbudgets"),
    "ResourceQuota": ("/api/v1", "resourcequotas"),
}


def image(version: str) -> str:
    return f"shop/checkout:{version}"


class Team(KubeClient):
    """The cluster's admin, who owns the shop; writes under a field manager and a name of its own."""

    @classmethod
    async def of(cls, kubeconfig: Path) -> Self:
        configuration = client.Configuration()
        await config.load_kube_config(config_file=str(kubeconfig), client_configuration=configuration)
        api = client.ApiClient(configuration)
        api.user_agent = TEAM
        return cls(api)

    async def put(self, obj: Object, *, dry_run: bool = False) -> Object:
        """Apply it as the team would."""
        query = {"fieldManager": TEAM, "force": "true", "fieldValidation": "Strict"}
        if dry_run:
            query["dryRun"] = "All"
        return await self._call("PATCH", path_of(obj), obj, "application/apply-patch+yaml", query)

    async def create(self, collection: str, obj: Object) -> Object:
        return await self._call("POST", collection, obj)

    async def merge(self, path: str, part: Object, manager: str = TEAM) -> Object:
        query = {"fieldManager": manager}
        return await self._call("PATCH", path, part, "application/merge-patch+json", query)


def plural_of(obj: Object) -> str:
    _, plural = _PLACES[obj["kind"]]
    return plural


def path_of(obj: Object) -> str:
    base, plural = _PLACES[obj["kind"]]
    name = obj["metadata"]["name"]
    if obj["kind"] == "Namespace":
        return f"{base}/{plural}/{name}"
    return f"{base}/namespaces/{obj['metadata']['namespace']}/{plural}/{name}"


class Shop:
    """`checkout` in a fresh namespace; what differs from test to test is changed before it is put there."""

    def __init__(self, team: Team) -> None:
        self.team = team
        self.namespace = f"shop-{next(_numbers)}"
        self.stable = stable_deployment(self.namespace)
        self.services = [
            service(self.namespace, "checkout", {"app": "checkout"}),
            service(self.namespace, "checkout-stable", {"app": "checkout", "track": "stable"}),
            service(self.namespace, "checkout-canary", {"app": "checkout", "track": "canary"}),
        ]
        self.virtual_service = virtual_service(self.namespace)
        self.http_route = http_route(self.namespace)
        self.ingress = ingress(self.namespace, "checkout", "checkout-stable")
        is_canary = {f"{NGINX}canary": "true"}
        self.canary_ingress = ingress(self.namespace, "checkout-canary", "checkout-canary", **is_canary)
        self.traffic: Traffic = ByVirtualService(virtual_service="checkout")

    @property
    def route(self) -> Object:
        """What shares the traffic out."""
        match self.traffic:
            case ByVirtualService():
                return self.virtual_service
            case ByHTTPRoute():
                return self.http_route
            case ByIngress():
                return self.canary_ingress
            case ByService() | ByColour():
                return self.services[0]

    @property
    def host(self) -> str:
        """By which the router finds the way in; a Service has its own name."""
        is_service = isinstance(self.traffic, ByService | ByColour)
        return f"checkout.{self.namespace}" if is_service else f"{self.namespace}.example.com"

    def target(self, **changes: Any) -> Target:
        told: dict[str, Any] = {
            "namespace": self.namespace,
            "workload": "checkout",
            "container": "checkout",
            "main_service": "checkout",
            "stable_service": "checkout-stable",
            "canary_service": "checkout-canary",
            "traffic": self.traffic,
        }
        return Target(**(told | changes))

    def in_colours(self, url: str = "http://127.0.0.1:9") -> ByColour:
        """From now on `checkout-blue` serves by the Service's selector, and there is a preview."""
        blue = {"app": "checkout", "color": "blue"}
        self.stable["metadata"]["name"] = "checkout-blue"
        self.stable["spec"]["selector"] = {"matchLabels": blue}
        self.stable["spec"]["template"]["metadata"]["labels"] = {**blue, "version": RUNNING}
        self.services = [
            service(self.namespace, "checkout", blue),
            service(self.namespace, "checkout-preview", blue),
        ]
        preview = Preview(
            service="checkout-preview", url=url, host_header=f"checkout-preview.{self.namespace}"
        )
        colours = ByColour(service="checkout", label="color", preview=preview)
        self.traffic = colours
        return colours

    def colour_target(self, **changes: Any) -> Target:
        """Blue serves, and the new version comes up in green, unless the changes say otherwise."""
        services = dict.fromkeys(("main_service", "stable_service", "canary_service"), "checkout")
        return self.target(**(services | {"workload": "checkout-blue"} | changes))

    async def open(self, *, workloads: bool = True) -> None:
        """Put everything there; without `workloads` only what routes."""
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}}
        await self.team.put(namespace)
        beside = [self.ingress] if isinstance(self.traffic, ByIngress) else []
        parts = [*self.services, *beside, self.route, *([self.stable] if workloads else [])]
        for part in parts:
            await self.team.put(part)

    async def close(self) -> None:
        """Pods are processes of this machine: no test leaves any behind."""
        for kind, names in {
            "Deployment": ("checkout", "checkout-canary", "checkout-blue", "checkout-green")
        }.items():
            for name in names:
                path = path_of({"kind": kind, "metadata": {"name": name, "namespace": self.namespace}})
                found = await self.team.find(path)
                if found is not None:
                    await self.team.delete(path, uid=found["metadata"]["uid"])

    async def find(self, kind: str, name: str) -> Object | None:
        return await self.team.find(
            path_of({"kind": kind, "metadata": {"name": name, "namespace": self.namespace}})
        )

    async def read(self, kind: str, name: str = "checkout") -> Object:
        return await self.team.get(
            path_of({"kind": kind, "metadata": {"name": name, "namespace": self.namespace}})
        )


def stable_deployment(namespace: str, version: str = RUNNING) -> Object:
    labels = {"app": "checkout", "track": "stable"}
    container = {
        "name": "checkout",
        "image": image(version),
        "env": [{"name": "CURRENCY", "value": "EUR"}],
        "ports": [{"name": "http", "containerPort": 8080}],
        "resources": {"limits": {"memory": "256Mi"}},
        "readinessProbe": {"httpGet": {"path": "/health", "port": "http"}, "periodSeconds": 1},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "checkout", "namespace": namespace, "labels": labels},
        "spec": {
            "replicas": 1,
            "progressDeadlineSeconds": 60,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"terminationGracePeriodSeconds": 3, "containers": [container]},
            },
        },
    }


def service(namespace: str, name: str, selector: dict[str, str]) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": selector, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]},
    }


def destination(host: str, weight: int | None = None) -> Object:
    route: Object = {"destination": {"host": host, "port": {"number": 80}}}
    return route if weight is None else {**route, "weight": weight}


def virtual_service(namespace: str) -> Object:
    weighted = [destination("checkout-stable", 100), destination("checkout-canary", 0)]
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "checkout", "namespace": namespace},
        "spec": {
            "hosts": ["checkout", f"{namespace}.example.com"],
            "http": [{"name": "weighted", "route": weighted}],
        },
    }


def backend(name: str, weight: int | None = None) -> Object:
    """A backend of an HTTPRoute, as the API server gives it back."""
    told: Object = {"name": name, "port": 80}
    return told if weight is None else {**told, "weight": weight}


def http_route(namespace: str) -> Object:
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "checkout", "namespace": namespace},
        "spec": {
            "parentRefs": [{"name": "shop"}],
            "hostnames": [f"{namespace}.example.com"],
            "rules": [{"backendRefs": [backend("checkout-stable", 100), backend("checkout-canary", 0)]}],
        },
    }


def ingress(namespace: str, name: str, service: str, **annotations: str) -> Object:
    backend = {"service": {"name": service, "port": {"number": 80}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": name, "namespace": namespace, "annotations": annotations},
        "spec": {
            "ingressClassName": "nginx",
            "rules": [{"host": f"{namespace}.example.com", "http": {"paths": [path]}}],
        },
    }


def without(routes: list[Object], index: int) -> str:
    """All routes but one, as text, to see that not a byte of them changed."""
    rest = copy.deepcopy(routes)
    del rest[index]
    return json.dumps(rest)

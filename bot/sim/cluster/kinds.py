"""The kinds of object that the simulated API server knows, as one table.

A kind that is stored in one version and served in several (`networking.istio.io/v1` and `v1beta1`) is one
row: the store keeps it once and each answer bears the version that was asked for.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """One row of the table: what discovery tells of it, and how the API treats it."""

    kind: str
    plural: str
    group: str = ""
    versions: tuple[str, ...] = ("v1",)
    short: tuple[str, ...] = ()
    namespaced: bool = True
    has_status: bool = False
    has_scale: bool = False
    has_spec: bool = True  # those without one have no generation
    is_custom: bool = False  # defined by a CRD: lists are atomic, no strategic merge

    @property
    def singular(self) -> str:
        return self.kind.lower()

    def api_version(self, version: str | None = None) -> str:
        version = version or self.versions[0]
        return f"{self.group}/{version}" if self.group else version


_ISTIO = ("v1", "v1beta1", "v1alpha3")

KINDS: tuple[Kind, ...] = (
    Kind("Namespace", "namespaces", short=("ns",), namespaced=False, has_status=True),
    Kind("Node", "nodes", short=("no",), namespaced=False, has_status=True),
    Kind("Pod", "pods", short=("po",), has_status=True),
    Kind("Service", "services", short=("svc",), has_status=True),
    Kind("Endpoints", "endpoints", short=("ep",), has_spec=False),
    Kind("ConfigMap", "configmaps", short=("cm",), has_spec=False),
    Kind("Secret", "secrets", has_spec=False),
    Kind("Event", "events", short=("ev",), has_spec=False),
    Kind("ServiceAccount", "serviceaccounts", short=("sa",), has_spec=False),
    Kind("Deployment", "deployments", "apps", short=("deploy",), has_status=True, has_scale=True),
    Kind("ReplicaSet", "replicasets", "apps", short=("rs",), has_status=True, has_scale=True),
    Kind("Job", "jobs", "batch", has_status=True),
    Kind("CronJob", "cronjobs", "batch", short=("cj",), has_status=True),
    Kind(
        "HorizontalPodAutoscaler",
        "horizontalpodautoscalers",
        "autoscaling",
        ("v2", "v1"),
        ("hpa",),
        has_status=True,
    ),
    Kind("PodDisruptionBudget", "poddisruptionbudgets", "policy", short=("pdb",), has_status=True),
    Kind("Lease", "leases", "coordination.k8s.io", has_spec=False),
    Kind("EndpointSlice", "endpointslices", "discovery.k8s.io", has_spec=False),
    Kind("Ingress", "ingresses", "networking.k8s.io", short=("ing",), has_status=True),
    Kind("NetworkPolicy", "networkpolicies", "networking.k8s.io", short=("netpol",)),
    Kind("Role", "roles", "rbac.authorization.k8s.io", has_spec=False),
    Kind("RoleBinding", "rolebindings", "rbac.authorization.k8s.io", has_spec=False),
    Kind(
        "VirtualService",
        "virtualservices",
        "networking.istio.io",
        _ISTIO,
        ("vs",),
        has_status=True,
        is_custom=True,
    ),
    Kind(
        "DestinationRule",
        "destinationrules",
        "networking.istio.io",
        _ISTIO,
        ("dr",),
        has_status=True,
        is_custom=True,
    ),
    Kind("HTTPRoute", "httproutes", "gateway.networking.k8s.io", has_status=True, is_custom=True),
    Kind("Gateway", "gateways", "gateway.networking.k8s.io", short=("gtw",), has_status=True, is_custom=True),
)

_BY_PATH = {(kind.group, version, kind.plural): kind for kind in KINDS for version in kind.versions}
_BY_NAME = {(kind.group, version, kind.kind): kind for kind in KINDS for version in kind.versions}


def kind_at(group: str, version: str, plural: str) -> Kind | None:
    return _BY_PATH.get((group, version, plural))


def kind_named(api_version: str, kind: str) -> Kind | None:
    group, _, version = api_version.rpartition("/")
    return _BY_NAME.get((group, version, kind))


def of(kind: str, group: str | None = None) -> Kind:
    """The row of a kind that is known to exist."""
    return next(row for row in KINDS if row.kind == kind and group in {None, row.group})


def groups() -> dict[str, tuple[str, ...]]:
    """Each named group with its versions, preferred first."""
    found: dict[str, dict[str, None]] = {}
    for kind in KINDS:
        if kind.group:
            found.setdefault(kind.group, {}).update(dict.fromkeys(kind.versions))
    return {group: tuple(versions) for group, versions in found.items()}


def kinds_in(group: str, version: str) -> Iterable[Kind]:
    return (kind for kind in KINDS if kind.group == group and version in kind.versions)


DEPLOYMENT, REPLICA_SET, POD, JOB = of("Deployment"), of("ReplicaSet"), of("Pod"), of("Job")
SERVICE, ENDPOINTS, ENDPOINT_SLICE = of("Service"), of("Endpoints"), of("EndpointSlice")
NAMESPACE, EVENT, NODE, INGRESS = of("Namespace"), of("Event"), of("Node"), of("Ingress")
VIRTUAL_SERVICE, DESTINATION_RULE, HTTP_ROUTE = of("VirtualService"), of("DestinationRule"), of("HTTPRoute")

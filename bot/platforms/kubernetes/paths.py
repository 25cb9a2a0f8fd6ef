"""Where the API server keeps what."""

from typing import Any
from urllib.parse import quote

from bot.domain.errors import Permanent


def deployment(namespace: str, name: str) -> str:
    return f"/apis/apps/v1/namespaces/{_name(namespace)}/deployments/{_name(name)}"


def service(namespace: str, name: str) -> str:
    return f"/api/v1/namespaces/{_name(namespace)}/services/{_name(name)}"


def endpoint_slices(namespace: str) -> str:
    return f"/apis/discovery.k8s.io/v1/namespaces/{_name(namespace)}/endpointslices"


def pods(namespace: str) -> str:
    return f"/api/v1/namespaces/{_name(namespace)}/pods"


def events(namespace: str) -> str:
    return f"/api/v1/namespaces/{_name(namespace)}/events"


def virtual_service(namespace: str, name: str) -> str:
    return f"/apis/networking.istio.io/v1/namespaces/{_name(namespace)}/virtualservices/{_name(name)}"


def http_route(namespace: str, name: str) -> str:
    return f"/apis/gateway.networking.k8s.io/v1/namespaces/{_name(namespace)}/httproutes/{_name(name)}"


def ingress(namespace: str, name: str) -> str:
    return f"/apis/networking.k8s.io/v1/namespaces/{_name(namespace)}/ingresses/{_name(name)}"


def selector(selector: dict[str, Any]) -> dict[str, str]:
    """The query for the objects that a Deployment's selector finds."""
    labels = selector.get("matchLabels") or {}
    parts = [f"{key}={value}" for key, value in sorted(labels.items())]
    parts += [_expression(one) for one in selector.get("matchExpressions") or []]
    return {"labelSelector": ",".join(parts)}


def _expression(one: dict[str, Any]) -> str:
    key, values = str(one["key"]), ",".join(one.get("values") or [])
    forms = {"In": f"{key} in ({values})", "NotIn": f"{key} notin ({values})", "Exists": key}
    return forms.get(one["operator"], f"!{key}")


def _name(name: str) -> str:
    """One segment of a path, whatever the name is.

    Raises:
        Permanent: it is none: dots alone lead to another path, even when they are escaped.
    """
    if not name.strip("."):
        raise Permanent(f"{name!r} is not a Kubernetes name")
    return quote(name, safe="")

"""Where the API server keeps what."""

from typing import Any
from urllib.parse import quote


def deployment(namespace: str, name: str) -> str:
    return f"/apis/apps/v1/namespaces/{quote(namespace, safe='')}/deployments/{quote(name, safe='')}"


def service(namespace: str, name: str) -> str:
    return f"/api/v1/namespaces/{quote(namespace, safe='')}/services/{quote(name, safe='')}"


def pods(namespace: str) -> str:
    return f"/api/v1/namespaces/{quote(namespace, safe='')}/pods"


def events(namespace: str) -> str:
    return f"/api/v1/namespaces/{quote(namespace, safe='')}/events"


def virtual_service(namespace: str, name: str) -> str:
    place = quote(namespace, safe="")
    return f"/apis/networking.istio.io/v1/namespaces/{place}/virtualservices/{quote(name, safe='')}"


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

"""Where the API server keeps what."""

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


def selector(labels: dict[str, str]) -> dict[str, str]:
    """The query for objects that bear all these labels."""
    return {"labelSelector": ",".join(f"{key}={value}" for key, value in sorted(labels.items()))}

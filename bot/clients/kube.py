"""The Kubernetes API as JSON: get, list, patch, apply, delete, with time limits and errors in our own words.

It goes through the official client (its `aio` package) for connection, TLS and credentials, and speaks in
plain objects above that, because Slackwater changes a few fields of objects that belong to the team and must
hand back the rest as it came, fields unknown to the client's models included.
"""

import asyncio
import json
import os
from collections.abc import Mapping
from datetime import timedelta
from importlib import metadata
from pathlib import Path
from typing import Any

import aiohttp

from bot.domain.errors import (
    Conflict,
    NotFound,
    OutsideError,
    Rejected,
    Throttled,
    Unauthorized,
    Unreachable,
    Unreadable,
)

SYSTEM = "Kubernetes"
# The name under which Slackwater owns the fields it sets.
FIELD_MANAGER = "slackwater"

# A patch that has not been answered by then is observed again rather than waited for.
_TIMEOUT = 10.0

Object = dict[str, Any]


class KubeClient:
    """One cluster, one identity."""

    def __init__(self, api: Any) -> None:
        self._api = api

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> Object:
        """Raises `NotFound` and the other `OutsideError`s."""
        return await self._call("GET", path, query=query)

    async def find(self, path: str) -> Object | None:
        """Like `get`, with None for what is not there."""
        try:
            return await self.get(path)
        except NotFound:
            return None

    async def apply(self, path: str, body: Object, *, force: bool = False) -> Object:
        """Server-side apply under Slackwater's field manager.

        Raises:
            Conflict: a field belongs to another manager (without `force`), or the object changed since
                the `resourceVersion` in `body`.
        """
        query = {"fieldManager": FIELD_MANAGER, "force": "true" if force else "false"}
        return await self._call("PATCH", path, body, "application/apply-patch+yaml", query)

    async def patch(self, path: str, operations: list[Object]) -> Object:
        """JSON patch; put the `resourceVersion` that was read among the operations."""
        query = {"fieldManager": FIELD_MANAGER}
        return await self._call("PATCH", path, operations, "application/json-patch+json", query)

    async def delete(self, path: str, *, uid: str) -> None:
        """Delete the very object that was looked at; fine if it is gone already."""
        body = {"preconditions": {"uid": uid}, "propagationPolicy": "Foreground"}
        try:
            await self._call("DELETE", path, body)
        except NotFound:
            return

    async def close(self) -> None:
        await self._api.close()

    async def _call(
        self,
        method: str,
        path: str,
        body: Object | list[Object] | None = None,
        content_type: str = "application/json",
        query: Mapping[str, str] | None = None,
    ) -> Object:
        from kubernetes.aio.client import ApiException

        try:
            async with asyncio.timeout(_TIMEOUT):
                request = await self._api.param_serialize(
                    method,
                    path,
                    query_params=list((query or {}).items()),
                    header_params={"Accept": "application/json", "Content-Type": content_type},
                    body=body,
                    auth_settings=["BearerToken"],
                )
                response = await self._api.call_api(*request, _request_timeout=_TIMEOUT)
                text = await response.read()
        except ApiException as error:
            raise _translated(error.status, error.body, error.headers) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unreachable(SYSTEM, f"{method} {path}: {str(error) or 'no answer in time'}") from error
        data = text if isinstance(text, bytes) else await response.response.read()
        if response.status >= 400:
            raise _translated(response.status, data, response.response.headers)
        return _object(data, path)


async def connect(kubeconfig: Path | None = None, context: str | None = None) -> KubeClient:
    """A client for the kubeconfig's cluster, or for the cluster that this process runs in.

    Raises:
        Unauthorized: there is no usable kubeconfig and no service account.
    """
    from kubernetes.aio import client, config

    configuration = client.Configuration()
    try:
        if kubeconfig is not None:
            await config.load_kube_config(
                config_file=str(kubeconfig), context=context, client_configuration=configuration
            )
        elif "KUBERNETES_SERVICE_HOST" in os.environ and context is None:
            config.load_incluster_config(client_configuration=configuration)
        else:
            await config.load_kube_config(context=context, client_configuration=configuration)
    except (config.ConfigException, OSError) as error:
        where = str(kubeconfig) if kubeconfig else "the default kubeconfig"
        raise Unauthorized(SYSTEM, f"cannot use {where}: {error}") from error
    api = client.ApiClient(configuration)
    api.user_agent = f"slackwater/{metadata.version('slackwater')}"  # what the cluster's audit log calls us
    return KubeClient(api)


def _object(data: bytes, path: str) -> Object:
    try:
        answer = json.loads(data)
    except ValueError as error:
        raise Unreadable(SYSTEM, f"{path}: the answer is not JSON") from error
    if not isinstance(answer, dict):
        raise Unreadable(SYSTEM, f"{path}: the answer is not an object")
    return answer


def _translated(status: int | None, body: object, headers: Mapping[str, str] | None) -> OutsideError:
    message = _message(body) or f"HTTP {status}"
    if status == 404:
        return NotFound(SYSTEM, message)
    if status == 409:
        return Conflict(SYSTEM, message)
    if status in {401, 403}:
        return Unauthorized(SYSTEM, message)
    if status == 429:
        return Throttled(SYSTEM, message, retry_after=_retry_after(headers))
    if status is None or status == 0 or status >= 500:
        return Unreachable(SYSTEM, message)
    return Rejected(SYSTEM, message)


def _message(body: object) -> str:
    try:
        answer = json.loads(body) if isinstance(body, str | bytes) else {}
    except ValueError:
        return ""
    message = answer.get("message") if isinstance(answer, dict) else None
    return str(message)[:500] if message else ""


def _retry_after(headers: Mapping[str, str] | None) -> timedelta | None:
    value = (headers or {}).get("Retry-After", "")
    return timedelta(seconds=min(int(value), 60)) if value.isdigit() else None

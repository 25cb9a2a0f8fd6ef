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
import yaml

from bot.clients.redaction import conceal, redact
from bot.clients.waits import retry_after
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
from bot.domain.points import around

SYSTEM = "Kubernetes"
# The name under which Slackwater owns the fields it sets.
FIELD_MANAGER = "slackwater"

# A patch that has not been answered by then is observed again rather than waited for.
_TIMEOUT = 10.0
# Thousands of pods in one namespace; more is no answer to these questions.
_LARGEST = 64 * 1024 * 1024
_CHUNK = 256 * 1024
_LONGEST_RETRY = timedelta(minutes=1)

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

    async def apply(
        self, path: str, body: Object, *, force: bool = False, manager: str = FIELD_MANAGER
    ) -> Object:
        """Server-side apply under Slackwater's field manager, or one of its own for this object.

        Raises:
            Conflict: a field belongs to another manager (without `force`), or the object changed since
                the `resourceVersion` in `body`.
        """
        query = {"fieldManager": manager, "force": "true" if force else "false"}
        return await self._call("PATCH", path, body, "application/apply-patch+yaml", query)

    async def patch(self, path: str, operations: list[Object]) -> Object:
        """JSON patch; put the `resourceVersion` that was read among the operations."""
        query = {"fieldManager": FIELD_MANAGER}
        return await self._call("PATCH", path, operations, "application/json-patch+json", query)

    async def delete(self, path: str, *, uid: str, revision: str | None = None) -> None:
        """Delete the very object that was looked at, and with `revision` only as it was; fine if it is gone.

        Raises:
            Conflict: it is another one by now.
        """
        wanted = {"uid": uid} if revision is None else {"uid": uid, "resourceVersion": revision}
        body = {"preconditions": wanted, "propagationPolicy": "Foreground"}
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
                with around(f"kube/{method} {_object_at(path)}"):
                    response = await self._api.call_api(*request, _request_timeout=_TIMEOUT)
                    data = await _read(response.response, path)
        except ApiException as error:
            raise _translated(error.status, error.body, error.headers) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            said = redact(str(error)) or "no answer in time"
            raise Unreachable(SYSTEM, f"{method} {path}: {said}") from error
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
    where = str(kubeconfig) if kubeconfig else "the default kubeconfig"
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
        # What a plugin that should have given a token has said may be in it.
        raise Unauthorized(SYSTEM, f"cannot use {where}: {redact(str(error))}") from error
    except yaml.YAMLError:
        # Its words repeat the lines around, and not even a traceback may: they hold the token.
        raise Unauthorized(SYSTEM, f"cannot use {where}: it is not YAML") from None
    conceal(*(word for key in configuration.api_key.values() for word in key.split()))
    api = client.ApiClient(configuration)
    api.user_agent = f"slackwater/{metadata.version('slackwater')}"  # what the cluster's audit log calls us
    return KubeClient(api)


def _object_at(path: str) -> str:
    """`deployments/checkout` for one object, `pods` for all of a namespace."""
    words = path.strip("/").split("/")
    after = words.index("namespaces") + 2 if "namespaces" in words else 0
    return "/".join(words[after:])


async def _read(answer: aiohttp.ClientResponse, path: str) -> bytes:
    data = bytearray()
    # What is left of an answer that was not read must not be taken for the one to the next request.
    try:
        async for part in answer.content.iter_chunked(_CHUNK):
            data += part
            if len(data) > _LARGEST:
                break
        else:
            return bytes(data)
    except BaseException:
        answer.close()
        raise
    answer.close()
    raise Unreadable(SYSTEM, f"{path}: the answer is longer than {_LARGEST // 1024 // 1024} MiB")


def _object(data: bytes, path: str) -> Object:
    try:
        answer = json.loads(data)
    except (ValueError, RecursionError) as error:
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
        return Throttled(
            SYSTEM, message, retry_after=retry_after((headers or {}).get("Retry-After"), _LONGEST_RETRY)
        )
    if status is None or status == 0 or status >= 500:
        return Unreachable(SYSTEM, message)
    return Rejected(SYSTEM, message)


def _message(body: object) -> str:
    try:
        answer = json.loads(body) if isinstance(body, str | bytes) else {}
    except (ValueError, RecursionError):
        return ""
    message = answer.get("message") if isinstance(answer, dict) else None
    return redact(str(message))[:500] if message else ""

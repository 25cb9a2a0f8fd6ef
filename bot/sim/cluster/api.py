"""The Kubernetes API over HTTP: paths and query strings in, calls of `requests` and JSON out.

Every path that is not the router's, Prometheus' or the simulation's own ends here, in one handler: the
API's paths have one shape (`/apis/GROUP/VERSION/namespaces/NS/PLURAL/NAME/SUBRESOURCE`), so they are parsed,
not routed.
"""

import asyncio
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import yaml
from aiohttp import web

from bot.sim.cluster import discovery, kinds
from bot.sim.cluster.audit import AuditLog, Entry, bounded
from bot.sim.cluster.faults import Faults
from bot.sim.cluster.kinds import Kind
from bot.sim.cluster.objects import Object, name_of
from bot.sim.cluster.refusals import (
    Refusal,
    bad_request,
    method_not_allowed,
    no_such_path,
    unsupported_media_type,
)
from bot.sim.cluster.requests import APPLY, Deletion, Manner, Requests
from bot.sim.cluster.selectors import field_selector, label_selector
from bot.sim.cluster.store import ObjectStore
from bot.sim.cluster.tables import as_table
from bot.sim.cluster.watch import Watched, serve_watch

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}

# Reads the log of a pod: namespace, name, the request's parameters.
LogReader = Callable[[web.Request, str, str], "Any"]


@dataclass(frozen=True)
class Target:
    """What a path names."""

    kind: Kind
    version: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    def dress(self, obj: Object) -> Object:
        """`obj` as this version of the API shows it."""
        wanted = self.kind.api_version(self.version)
        return obj if obj.get("apiVersion") == wanted else {**obj, "apiVersion": wanted}


def target_of(path: str) -> Target | None:
    """What `path` names, or None where the API has no such path."""
    parts = path.strip("/").split("/")
    if parts[0] == "api" and len(parts) > 2:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) > 3:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in {"status", "finalize"}:
        namespace, rest = rest[1], rest[2:]
    kind = kinds.kind_at(group, version, rest[0])
    if kind is None or len(rest) > 3 or (namespace and not kind.namespaced):
        return None
    name, subresource = (*rest[1:], "", "")[:2]
    return Target(kind, version, namespace, name, subresource)


class API:
    """The handler of all API paths."""

    def __init__(
        self, store: ObjectStore, faults: Faults, audit: AuditLog, logs: LogReader, seed: int
    ) -> None:
        self._store, self._faults, self._audit, self._logs = store, faults, audit, logs
        self._requests = Requests(store)
        self._chance = random.Random(seed)  # noqa: S311 - chance in a simulation, no secret

    async def handle(self, request: web.Request) -> web.StreamResponse:
        raw, body = "", None
        try:
            await self._suffer()
            raw = await request.text()
            body = _parse(request, raw)
            response = await self._answer(request, body)
        except Refusal as refusal:
            response = web.json_response(refusal.body(), status=refusal.code)
        if request.method in _VERBS and isinstance(response, web.Response):
            self._record(request, body, raw, response)
        return response

    async def _suffer(self) -> None:
        fault = self._faults.cluster
        if fault.api_delay_ms:
            await asyncio.sleep(fault.api_delay_ms / 1000)
        if fault.api_errors and self._chance.random() < fault.api_errors:
            raise Refusal(500, "InternalError", "Internal error occurred: a fault is set (api_errors)")

    def _record(self, request: web.Request, body: Any, raw: str, response: web.Response) -> None:
        text = response.text or ""
        answer = bounded(json.loads(text) if text.startswith("{") else text, len(text))
        agent = request.headers.get("User-Agent", "")
        verb = _VERBS[request.method]
        at = self._store.now()
        entry = Entry(at, agent, verb, request.path_qs, response.status, bounded(body, len(raw)), answer)
        self._audit.write(entry)

    async def _answer(self, request: web.Request, body: Any) -> web.StreamResponse:
        if request.path == "/openapi/v2" and "protobuf" in request.headers.get("Accept", ""):
            # An empty document: kubectl then knows no schema to validate against and leaves it to the server.
            return web.Response(
                body=b"", content_type="application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
            )
        if request.method == "GET" and (found := discovery.discover(request.path)):
            return web.json_response(found)
        if request.method == "GET" and request.path in {"/healthz", "/livez", "/readyz"}:
            return web.Response(text="ok")
        if request.method == "POST" and (review := _review(request.path, body)):
            return web.json_response(review, status=201)
        target = target_of(request.path)
        if target is None:
            raise no_such_path()
        if target.subresource:
            return await self._subresource(request, target, body)
        if request.method == "GET":
            return await self._read(request, target)
        return self._change(request, target, body)

    async def _read(self, request: web.Request, target: Target) -> web.StreamResponse:
        query = request.query
        if target.name and query.get("watch") not in {"true", "1"}:
            obj = target.dress(self._store.get(target.kind, target.namespace, target.name))
            return _shown(request, target.kind, obj, [obj])
        labels = label_selector(query.get("labelSelector", ""))
        fields = field_selector(query.get("fieldSelector", ""))

        def matches(obj: Object) -> bool:
            return labels(obj) and fields(obj) and (not target.name or name_of(obj) == target.name)

        if query.get("watch") in {"true", "1"}:
            return await serve_watch(request, self._store, _watched(request, target, matches))
        return self._list(request, target, matches)

    def _list(self, request: web.Request, target: Target, matches: Callable[[Object], bool]) -> web.Response:
        found = [obj for obj in self._store.all_of(target.kind, target.namespace) if matches(obj)]
        meta: Object = {"resourceVersion": str(self._store.revision)}
        start, limit = _number(request, "continue") or 0, _number(request, "limit")
        if limit and len(found) > start + limit:
            meta |= {"continue": str(start + limit), "remainingItemCount": len(found) - start - limit}
        found = [target.dress(obj) for obj in found[start : start + limit if limit else None]]
        api_version = target.kind.api_version(target.version)
        whole = {
            "kind": f"{target.kind.kind}List",
            "apiVersion": api_version,
            "metadata": meta,
            "items": found,
        }
        return _shown(request, target.kind, whole, found)

    def _change(self, request: web.Request, target: Target, body: Any) -> web.Response:
        manner, where = _manner(request), (target.kind, target.namespace)
        if request.method == "POST" and not target.name:
            return _json(target.dress(self._requests.create(*where, body, manner)), 201)
        if request.method == "PUT" and target.name:
            return _json(target.dress(self._requests.replace(*where, target.name, body, manner)))
        if request.method == "PATCH" and target.name:
            return self._patch(request, target, body, manner)
        if request.method == "DELETE":
            return self._delete(request, target, body)
        raise method_not_allowed()

    def _patch(self, request: web.Request, target: Target, body: Any, manner: Manner) -> web.Response:
        how = request.content_type
        where = (target.kind, target.namespace, target.name)
        if how == APPLY and "fieldManager" not in request.query:
            raise bad_request(
                "PatchOptions is invalid: fieldManager: Required value: is required for apply patch"
            )
        is_new = self._store.find(*where) is None
        obj = self._requests.patch(*where, how, body, manner)
        return _json(target.dress(obj), 201 if is_new else 200)

    def _delete(self, request: web.Request, target: Target, body: Any) -> web.Response:
        how = _deletion(request, body)
        if target.name:
            obj = self._requests.delete(target.kind, target.namespace, target.name, how)
            return _json(_deleted(target, obj))
        labels = label_selector(request.query.get("labelSelector", ""))
        fields = field_selector(request.query.get("fieldSelector", ""))
        for obj in self._store.all_of(target.kind, target.namespace):
            if labels(obj) and fields(obj):
                self._requests.delete(target.kind, obj["metadata"].get("namespace", ""), name_of(obj), how)
        return _json({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"})

    async def _subresource(self, request: web.Request, target: Target, body: Any) -> web.StreamResponse:
        kind, where = target.kind, (target.kind, target.namespace, target.name)
        known = {"status": kind.has_status, "scale": kind.has_scale, "log": kind.kind == "Pod"}
        if not known.get(target.subresource):
            raise no_such_path()
        if target.subresource == "log":
            response: web.StreamResponse = await self._logs(request, target.namespace, target.name)
            return response
        manner = _manner(request, target.subresource)
        if target.subresource == "scale":
            if request.method == "GET":
                return _json(self._requests.scale(*where))
            if request.method == "PUT":
                return _json(self._requests.set_scale(*where, body, manner))
        elif request.method == "GET":
            return _json(target.dress(self._store.get(*where)))
        elif request.method == "PUT":
            return _json(target.dress(self._requests.replace(*where, body, manner)))
        if request.method == "PATCH":
            obj = self._requests.patch(*where, request.content_type, body, manner)
            return _json(obj if target.subresource == "scale" else target.dress(obj))
        raise method_not_allowed()


def _parse(request: web.Request, raw: str) -> Any:
    if not raw.strip():
        return None
    kind = request.content_type
    try:
        if kind.endswith("yaml"):
            return yaml.safe_load(raw)
        if kind.endswith("json") or kind in {"application/octet-stream", "text/plain"}:
            return json.loads(raw)
    except (ValueError, yaml.YAMLError) as error:
        raise bad_request(f"the request's body cannot be read: {error}") from error
    raise unsupported_media_type(f"the body of the request was in an unknown format: {kind}")


def _manner(request: web.Request, subresource: str = "") -> Manner:
    query = request.query
    dry_run = query.get("dryRun")
    if dry_run not in {None, "", "All"}:
        raise bad_request(f'dryRun: Unsupported value: "{dry_run}": supported values: "All"')
    agent = request.headers.get("User-Agent", "unknown").partition("/")[0]
    return Manner(
        query.get("fieldManager") or agent, dry_run == "All", query.get("force") in {"true", "1"}, subresource
    )


def _deletion(request: web.Request, body: Any) -> Deletion:
    options: Object = body if isinstance(body, dict) else {}
    query = request.query
    grace = options.get("gracePeriodSeconds", query.get("gracePeriodSeconds"))
    policy = options.get("propagationPolicy") or query.get("propagationPolicy") or "Background"
    if options.get("orphanDependents") or query.get("orphanDependents") == "true":
        policy = "Orphan"
    if policy not in {"Background", "Foreground", "Orphan"}:
        raise bad_request(f'propagationPolicy: Unsupported value: "{policy}"')
    dry = query.get("dryRun") == "All" or "All" in (options.get("dryRun") or [])
    wanted = options.get("preconditions") or {}
    return Deletion(
        int(grace) if grace is not None else None,
        policy,
        dry,
        wanted.get("uid"),
        wanted.get("resourceVersion"),
    )


def _deleted(target: Target, obj: Object) -> Object:
    """A graceful delete answers with the object, others with a Status."""
    if target.kind.kind in {"Pod", "Namespace"} or "deletionTimestamp" in obj["metadata"]:
        return target.dress(obj)
    details = {"name": target.name, "kind": target.kind.plural, "uid": obj["metadata"]["uid"]}
    if target.kind.group:
        details["group"] = target.kind.group
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


def _watched(request: web.Request, target: Target, matches: Callable[[Object], bool]) -> Watched:
    query = request.query
    version = query.get("resourceVersion", "")
    if version and not version.isdigit():
        raise bad_request(f"resourceVersion: Invalid value: {version!r}")
    timeout = _number(request, "timeoutSeconds")
    return Watched(
        kind=target.kind,
        namespace=target.namespace,
        matches=matches,
        revision=int(version) if version not in {"", "0"} else None,
        timeout=float(timeout) if timeout else None,
        bookmarks=query.get("allowWatchBookmarks") == "true",
        initial_events=query.get("sendInitialEvents") == "true",
        dress=target.dress,
    )


def _number(request: web.Request, name: str) -> int | None:
    text = request.query.get(name, "")
    if not text:
        return None
    if not text.isdigit():
        raise bad_request(f"{name}: Invalid value: {text!r}: must be a number")
    return int(text)


def _review(path: str, body: Any) -> Object | None:
    for (group, version), (plural, kind) in discovery.REVIEWS.items():
        if path == f"/apis/{group}/{version}/{plural}":
            spec = body.get("spec") if isinstance(body, dict) else None
            status: Object = {"allowed": True} if plural == "selfsubjectaccessreviews" else {
                "userInfo": {"username": "slackwater", "groups": ["system:authenticated"]}
            }  # fmt: skip
            review: Object = {
                "kind": kind,
                "apiVersion": f"{group}/{version}",
                "metadata": {},
                "status": status,
            }
            return {**review, "spec": spec} if spec is not None else review
    return None


def _shown(request: web.Request, kind: Kind, whole: Object, items: list[Object]) -> web.Response:
    """As JSON, or as the table that kubectl prints."""
    if "as=Table" in request.headers.get("Accept", ""):
        return _json(as_table(kind, whole, items, request.query.get("includeObject", "Metadata")))
    return _json(whole)


def _json(body: Object, status: int = 200) -> web.Response:
    return web.json_response(body, status=status)

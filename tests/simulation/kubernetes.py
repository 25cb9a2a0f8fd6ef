"""The road to the simulated cluster, behind the real `KubeClient`: requests without sockets.

A request travels, is carried out at the API server, and its answer travels back, whatever becomes of the
process that sent it: that is how a change lands late. `KubeClient` gives up on an answer after its own time.
"""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.clients.kube import KubeClient
from bot.sim.cluster.api import Target, target_of
from bot.sim.cluster.objects import Object
from bot.sim.cluster.refusals import Refusal, conflict, method_not_allowed, no_such_path
from bot.sim.cluster.requests import Deletion, Manner, Requests
from bot.sim.cluster.selectors import field_selector, label_selector
from tests.simulation.cluster import SimulatedCluster
from tests.simulation.loop import Life, SeededLoop, current_life
from tests.simulation.trace import Trace
from tests.simulation.weather import KubeTrouble, Moment, Weather

_TRAVELS = (0.003, 0.05)
# A request lands within this time or never: the client gives up after 10 s, and the platform soon after.
_LATEST = 12.0


@dataclass
class _Response:
    """As the official client hands it out."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def response(self) -> "_Response":
        return self

    @property
    def content(self) -> "_Response":
        return self

    async def iter_chunked(self, _size: int) -> AsyncIterator[bytes]:
        yield self.body

    def close(self) -> None:
        """Nothing is held open."""


@dataclass(frozen=True)
class _Request:
    life: Life | None
    method: str
    path: str
    query: Mapping[str, str]
    content_type: str
    body: Any

    @property
    def is_change(self) -> bool:
        return self.method != "GET"


class KubeRoad:
    """Carries requests of all processes to the one cluster."""

    def __init__(
        self, seed: int, loop: SeededLoop, cluster: SimulatedCluster, weather: Weather, trace: Trace
    ) -> None:
        self._loop = loop
        self._cluster = cluster
        self._weather = weather
        self._trace = trace
        self._chance = random.Random(f"{seed}/kubernetes")

    def client(self) -> KubeClient:
        return KubeClient(_API(self))

    async def carry(self, request: _Request) -> _Response:
        kind: Moment = "change" if request.is_change else "look"
        self._weather.moment(request.life, kind)
        await asyncio.sleep(0)
        trouble = self._weather.kubernetes(is_change=request.is_change)
        if request.is_change:
            self._trace.note(request.life, f"sends {request.method} {request.path} {trouble or ''}".rstrip())
        answered: asyncio.Future[_Response] = self._loop.create_future()
        travels = self._chance.uniform(*_TRAVELS)
        if trouble == "late":
            travels = self._chance.uniform(1.0, _LATEST)
        self._loop.later_in_world(travels, self._arrived, request, trouble, answered)
        response = await answered
        self._weather.moment(request.life, kind)
        await asyncio.sleep(0)
        return response

    def _arrived(
        self, request: _Request, trouble: KubeTrouble | None, answered: "asyncio.Future[_Response]"
    ) -> None:
        response = self._answer(request, trouble)
        if request.is_change:
            self._trace.note("cluster", f"{request.method} by {request.life}: {response.status}")
        back = self._chance.uniform(*_TRAVELS)
        match trouble:
            case "silent":
                return
            case "lost":
                error = ConnectionResetError("the connection broke")
                self._loop.later_in_world(back, _fail, answered, error)
            case _:
                self._loop.later_in_world(back, _give, answered, response)

    def _answer(self, request: _Request, trouble: KubeTrouble | None) -> _Response:
        match trouble:
            case "conflict":
                return _refused(conflict("objects", "it", "the object has been modified"))
            case "error":
                return _refused(Refusal(500, "InternalError", "etcdserver: leader changed"))
            case "throttled":
                wait = self._chance.choice((1, 2, 5))
                return _Response(429, _status("too many requests"), {"Retry-After": str(wait)})
        response = self._carried_out(request)
        if trouble == "error after":
            return _refused(Refusal(504, "Timeout", "the server did not finish in time"))
        return response

    def _carried_out(self, request: _Request) -> _Response:
        target = target_of(request.path)
        try:
            if target is None:
                raise no_such_path()
            if not request.is_change:
                return _Response(200, json.dumps(self._read(target, request.query)).encode())
            process = request.life.name if request.life else "nobody"
            changed = self._cluster.change(process, _work(target, request))
            return _Response(200, json.dumps(changed).encode())
        except Refusal as refusal:
            return _refused(refusal)

    def _read(self, target: Target, query: Mapping[str, str]) -> Object:
        self._cluster.advance()
        store = self._cluster.store
        if target.name:
            return store.get(target.kind, target.namespace, target.name)
        labels = label_selector(query.get("labelSelector", ""))
        fields = field_selector(query.get("fieldSelector", ""))
        found = [obj for obj in store.all_of(target.kind, target.namespace) if labels(obj) and fields(obj)]
        return {"kind": f"{target.kind.kind}List", "items": found}


class _API:
    """The part of the official client's `ApiClient` that `KubeClient` uses."""

    def __init__(self, road: KubeRoad) -> None:
        self._road = road

    async def param_serialize(
        self,
        method: str,
        path: str,
        *,
        query_params: list[tuple[str, str]],
        header_params: dict[str, str],
        body: Any,
        auth_settings: list[str],
    ) -> tuple[_Request]:
        content_type = header_params["Content-Type"]
        # The client writes JSON once and the server reads it once: nobody's objects are shared.
        sent = None if body is None else json.loads(json.dumps(body))
        return (_Request(current_life(), method, path, dict(query_params), content_type, sent),)

    async def call_api(self, request: _Request, *, _request_timeout: float) -> _Response:
        return await self._road.carry(request)

    async def close(self) -> None: ...


def _work(target: Target, request: _Request) -> Callable[[Requests], Object]:
    where = (target.kind, target.namespace)
    query, body = request.query, request.body
    manner = Manner(query.get("fieldManager", "slackwater"), force=query.get("force") == "true")

    def work(requests: Requests) -> Object:
        match request.method:
            case "POST":
                return requests.create(*where, body, manner)
            case "PUT":
                return requests.replace(*where, target.name, body, manner)
            case "PATCH":
                return requests.patch(*where, target.name, request.content_type, body, manner)
            case "DELETE":
                return requests.delete(*where, target.name, _deletion(body or {}))
        raise method_not_allowed()

    return work


def _deletion(body: Object) -> Deletion:
    wanted = body.get("preconditions") or {}
    return Deletion(
        propagation=body.get("propagationPolicy", "Background"),
        uid=wanted.get("uid"),
        resource_version=wanted.get("resourceVersion"),
    )


def _refused(refusal: Refusal) -> _Response:
    return _Response(refusal.code, json.dumps(refusal.body()).encode())


def _status(message: str) -> bytes:
    return json.dumps({"kind": "Status", "status": "Failure", "message": message}).encode()


def _give(answered: "asyncio.Future[_Response]", response: _Response) -> None:
    if not answered.done():
        answered.set_result(response)


def _fail(answered: "asyncio.Future[_Response]", error: OSError) -> None:
    if not answered.done():
        answered.set_exception(error)

"""Prometheus' HTTP API over a `SeriesStore`: queries, series and labels, and just enough of its status pages.

GET and POST with a form mean the same, as in Prometheus. A range query gives way to other requests between
its steps, because the simulated cluster answers from the same loop.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Protocol

import promql_parser as promql
from aiohttp import web

from bot.sim.metrics import selectors
from bot.sim.metrics.answers import instant_data, matrix_data, windows_data
from bot.sim.metrics.evaluate import Matrix, compiled, steps, windows
from bot.sim.metrics.parameters import Parameters
from bot.sim.metrics.store import Series, SeriesStore, milliseconds
from bot.sim.metrics.values import BadQuery, refuse_twins

Handler = Callable[[web.Request], Awaitable[web.Response]]
Answer = Callable[[web.Request], Awaitable[object]]

# What the live tests compare the simulation with.
_VERSION = "2.42.0"


class Clock(Protocol):
    """What `time` means when a query does not say."""

    def now(self) -> datetime: ...


def routes(
    store: SeriesStore, clock: Clock, prefix: str = "/prometheus", is_down: Callable[[], bool] = lambda: False
) -> list[web.RouteDef]:
    """Prometheus under `prefix`; while `is_down()`, every request gets a 503 without Prometheus' envelope."""
    api = _Api(store, clock)
    answers: dict[str, Answer] = {
        "query": api.query,
        "query_range": api.query_range,
        "series": api.series,
        "labels": api.labels,
        "label/{name}/values": api.label_values,
        "status/buildinfo": api.build_information,
        "targets": api.targets,
    }
    pages = {
        "/": "Prometheus, simulated.\n",
        "/-/healthy": "Prometheus Server is Healthy.\n",
        "/-/ready": "Prometheus Server is Ready.\n",
    }
    handlers = {f"{prefix}/api/v1/{path}": _enveloped(answer) for path, answer in answers.items()}
    return [
        *(web.get(path, _unless(is_down, handler)) for path, handler in handlers.items()),
        *(web.post(path, _unless(is_down, handler)) for path, handler in handlers.items()),
        *(web.get(prefix + path, _unless(is_down, _page(text))) for path, text in pages.items()),
    ]


def _unless(is_down: Callable[[], bool], handler: Handler) -> Handler:
    async def handle(request: web.Request) -> web.Response:
        if is_down():
            return web.Response(status=503, text="Service Unavailable\n")
        return await handler(request)

    return handle


def _page(text: str) -> Handler:
    async def handle(_request: web.Request) -> web.Response:
        return web.Response(text=text)

    return handle


def _enveloped(answer: Answer) -> Handler:
    async def handle(request: web.Request) -> web.Response:
        try:
            return web.json_response({"status": "success", "data": await answer(request)})
        except BadQuery as refusal:
            said = {"status": "error", "errorType": refusal.error_type, "error": str(refusal)}
            return web.json_response(said, status=refusal.status)

    return handle


class _Api:
    """The answers' `data`, one method per path."""

    def __init__(self, store: SeriesStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def query(self, request: web.Request) -> object:
        asked = await Parameters.of(request)
        expr, at = asked.query(), asked.time("time", milliseconds(self._clock.now()))
        if isinstance(expr, promql.MatrixSelector):
            return windows_data(windows(expr, self._store)(at))
        value = compiled(expr, self._store)(at)
        return instant_data(refuse_twins(value) if isinstance(value, list) else value, at)

    async def query_range(self, request: web.Request) -> object:
        asked = await Parameters.of(request)
        start, end, step = asked.needed_time("start"), asked.needed_time("end"), asked.duration("step")
        matrix = Matrix()
        for at, value in steps(asked.query(), self._store, start, end, step):
            matrix.add(at, value)
            await asyncio.sleep(0)
        return matrix_data(matrix.series())

    async def series(self, request: web.Request) -> object:
        asked = await Parameters.of(request)
        if not asked.selectors():
            raise BadQuery("no match[] parameter provided")
        return [dict(series.labels) for series in self._meant(asked)]

    async def labels(self, request: web.Request) -> object:
        asked = await Parameters.of(request)
        return sorted({label for series in self._meant(asked) for label in series.labels})

    async def label_values(self, request: web.Request) -> object:
        asked, label = await Parameters.of(request), request.match_info["name"]
        return sorted({s.labels[label] for s in self._meant(asked) if label in s.labels})

    async def build_information(self, _request: web.Request) -> object:
        return {"version": _VERSION, "revision": "simulated", "branch": "", "buildUser": "", "goVersion": ""}

    async def targets(self, _request: web.Request) -> object:
        return {"activeTargets": [], "droppedTargets": []}

    def _meant(self, asked: Parameters) -> list[Series]:
        """The series that `match[]` means (all, without one) and that have samples in `start` to `end`."""
        start, end = asked.time("start", 0), asked.time("end", milliseconds(self._clock.now()))
        wanted = asked.selectors()
        found = {
            id(series): series for selector in wanted for series in selectors.select(selector, self._store)
        }
        series = found.values() if wanted else self._store.named(None)
        return [one for one in series if one.has_samples(start, end)]

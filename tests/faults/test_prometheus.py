"""Prometheus is away, slow, empty or wrong: what the real source reads, and what a whole run then does."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from bot.domain.figures import Gap, Sample, Subject
from bot.domain.verdict import VerdictKind
from bot.sources.prometheus import PrometheusSource
from bot.sources.server import PrometheusServer
from tests.faults.blind_run import goes_blind, in_virtual_time
from tests.faults.conftest import Observed
from tests.faults.registry import Edge, fault
from tests.support.bot_process import free_port
from tests.support.clocks import HandClock

QUERIES = {
    "requests_total": "sum(http_requests_total{$selector})",
    "errors_total": 'sum(http_requests_total{$selector,status=~"5.."}) or vector(0)',
    "latency_buckets": "sum by (le) (http_request_duration_seconds_bucket{$selector})",
    "error_rate": "sum(rate(http_requests_total{$selector}[$window]))",
    "p95": "histogram_quantile(0.95, sum by (le) (rate(latency_bucket{$selector}[$window])))",
    "memory": "max(container_memory_working_set_bytes{$pods_selector})",
}
NOW = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
_SLOW = timedelta(seconds=0.2)  # the source's own limit is 3 s
_SUBJECT = Subject.of("production", "v2.5.0", "checkout-canary")

Reply = Callable[[web.Request], Awaitable[web.StreamResponse]]


def read(reply: Reply | None, limit: timedelta = timedelta(seconds=3)) -> Sample:
    """What the real source reads from a server that answers so; None: nobody listens there."""

    async def reading() -> Sample:
        app = web.Application()
        if reply is not None:
            app.router.add_get("/api/v1/query", reply)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        port = free_port()
        if reply is not None:
            await web.TCPSite(runner, "127.0.0.1", port).start()
        server = PrometheusServer(f"http://127.0.0.1:{port}", timeout=limit)
        try:
            return await PrometheusSource(server, QUERIES, HandClock(NOW)).sample(_SUBJECT)
        finally:
            server.close()
            await runner.cleanup()

    return asyncio.run(reading())


def says(data: Any, status: str = "success", **more: Any) -> Reply:
    """The same to every question but for the age of the series, which are fresh.

    All of them as one are refused, so that each gets this very answer.
    """

    async def reply(request: web.Request) -> web.StreamResponse:
        if "label_replace(" in request.query["query"]:
            refusal = {"status": "error", "errorType": "bad_data", "error": "one by one, please"}
            return web.json_response(refusal, status=400)
        if "timestamp(" in request.query["query"]:
            return web.json_response({"status": "success", "data": vector(str(NOW.timestamp()))})
        return web.json_response({"status": status, "data": data, **more})

    return reply


def vector(*values: str) -> dict[str, Any]:
    result = [{"metric": {"le": "+Inf"}, "value": [NOW.timestamp(), value]} for value in values]
    return {"resultType": "vector", "result": result}


def knows_nothing(reading: Sample, *gaps: Gap) -> None:
    assert reading.requests_total.gap in gaps
    assert reading.errors_total.gap in gaps
    assert reading.buckets == ()
    assert all(figure.value is None for figure in reading.figures.values())


def blind_run(reading: Sample, observed: Observed) -> None:
    """A run whose metrics became so moves nothing forward, and goes back as fast as ever."""
    told = in_virtual_time(goes_blind(reading))

    assert told.verdict in {VerdictKind.NO_DATA, VerdictKind.INCONCLUSIVE}
    assert told.is_asked
    assert told.weights == (5, 10)
    assert told.way_back < timedelta(seconds=5)
    gap = reading.requests_total
    observed(f"read as “{gap.gap.value if gap.gap else gap.value}”; {told}")


@fault(Edge.PROMETHEUS, "down")
def test_a_source_that_is_down_moves_nothing_forward_and_does_not_delay_the_way_back(
    observed: Observed,
) -> None:
    reading = read(None)

    knows_nothing(reading, Gap.UNREACHABLE)
    blind_run(reading, observed)


@fault(Edge.PROMETHEUS, "slower than the time limit")
def test_a_source_that_is_too_slow_is_not_waited_for(observed: Observed) -> None:
    async def hold(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(1)
        return web.Response()

    reading = read(hold, _SLOW)

    knows_nothing(reading, Gap.UNREACHABLE)
    blind_run(reading, observed)


@fault(Edge.PROMETHEUS, "an empty result")
def test_no_series_is_not_zero_errors(observed: Observed) -> None:
    reading = read(says({"resultType": "vector", "result": []}))

    knows_nothing(reading, Gap.EMPTY)
    blind_run(reading, observed)


@fault(Edge.PROMETHEUS, "NaN")
def test_what_is_not_a_number_says_nothing(observed: Observed) -> None:
    reading = read(says(vector("NaN")))

    knows_nothing(reading, Gap.NAN)
    blind_run(reading, observed)


@fault(Edge.PROMETHEUS, "infinite values")
def test_an_infinite_value_says_nothing(observed: Observed) -> None:
    reading = read(says(vector("+Inf")))

    knows_nothing(reading, Gap.NAN)
    blind_run(reading, observed)


@fault(Edge.PROMETHEUS, "several series where one was asked for")
def test_several_series_are_not_added_up_nor_chosen_from(observed: Observed) -> None:
    reading = read(says(vector("1", "2")))

    knows_nothing(reading, Gap.SEVERAL)
    blind_run(reading, observed)


@fault(Edge.PROMETHEUS, "a matrix where a vector was asked for")
def test_a_range_of_values_is_not_read_as_one(observed: Observed) -> None:
    series = {"metric": {"le": "+Inf"}, "values": [[NOW.timestamp(), "5"]], "value": [NOW.timestamp(), "5"]}

    reading = read(says({"resultType": "matrix", "result": [series]}))

    knows_nothing(reading, Gap.UNREACHABLE)
    blind_run(reading, observed)


@fault(Edge.PROMETHEUS, "a string where a number was asked for")
def test_a_string_is_not_read_as_a_number(observed: Observed) -> None:
    reading = read(says({"resultType": "string", "result": [NOW.timestamp(), "5"]}))

    knows_nothing(reading, Gap.UNREACHABLE)
    blind_run(reading, observed)


@fault(Edge.PROMETHEUS, "a scalar where a vector was asked for")
def test_a_scalar_is_a_number_but_no_histogram(observed: Observed) -> None:
    reading = read(says({"resultType": "scalar", "result": [NOW.timestamp(), "5"]}))

    assert reading.requests_total.value == 5
    assert (reading.buckets, reading.buckets_gap) == ((), Gap.UNREACHABLE)
    observed("read as the number that it is; as a histogram it is a gap")


@fault(Edge.PROMETHEUS, "HTTP 200 with status=error")
def test_an_error_in_a_friendly_answer_is_an_error(observed: Observed) -> None:
    broken = {"errorType": "timeout", "error": "query timed out"}

    reading = read(says(vector("5"), status="error", **broken))

    knows_nothing(reading, Gap.UNREACHABLE)
    assert "query timed out" in reading.requests_total.detail
    blind_run(reading, observed)


@fault(Edge.PROMETHEUS, "a giant answer")
def test_a_giant_answer_is_cut_off(observed: Observed) -> None:
    reading = read(says(vector(*["5"] * 30_000)))

    knows_nothing(reading, Gap.UNREACHABLE)
    assert "longer than" in reading.requests_total.detail
    blind_run(reading, observed)


@fault(Edge.PROMETHEUS, "an answer nested without end")
def test_an_answer_nested_without_end_is_no_answer(observed: Observed) -> None:
    async def nested(_: web.Request) -> web.StreamResponse:
        return web.Response(text="[" * 200_000, content_type="application/json")

    reading = read(nested)

    knows_nothing(reading, Gap.UNREACHABLE)
    blind_run(reading, observed)

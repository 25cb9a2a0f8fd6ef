"""The example's own queries, from the source to the simulated Prometheus and back."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web

from bot.domain.figures import Gap, Subject
from bot.sim.metrics.api import routes
from bot.sim.metrics.store import SeriesStore
from bot.sources.prometheus import PrometheusSource
from bot.sources.server import PrometheusServer

NOW = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
LABELS = {"namespace": "production", "version": "v2.5.0", "pod": "checkout-canary-7d9f8b6c5-x2x4z"}
RATE = "rate(http_request_duration_seconds_bucket{$selector}[$window])"
QUERIES = {
    "requests_total": "sum(http_requests_total{$selector})",
    "errors_total": 'sum(http_requests_total{$selector,status=~"5.."}) or vector(0)',
    "latency_buckets": "sum by (le) (http_request_duration_seconds_bucket{$selector})",
    "requests": "sum(increase(http_requests_total{$selector}[$window]))",
    "error_rate": '(sum(rate(http_requests_total{$selector,status=~"5.."}[$window])) or vector(0))'
    " / sum(rate(http_requests_total{$selector}[$window]))",
    "p95": f"histogram_quantile(0.95, sum by (le) ({RATE}))",
    "memory": "max(container_memory_working_set_bytes{$pods_selector})",
}


class FixedClock:
    speed = 1.0

    def now(self) -> datetime:
        return NOW

    async def sleep(self, duration: timedelta) -> None:
        raise AssertionError("nobody waits here")


@pytest.fixture
def store() -> SeriesStore:
    """Two minutes of scrapes, the last one five seconds ago: 100 requests each, 2 of them failed."""
    store = SeriesStore()
    for scrape in range(25):
        at = NOW - timedelta(seconds=5 * (25 - scrape))
        store.append("http_requests_total", {**LABELS, "status": "200"}, at, 98.0 * scrape)
        store.append("http_requests_total", {**LABELS, "status": "500"}, at, 2.0 * scrape)
        for bound, count in (("0.1", 50.0), ("0.2", 100.0), ("+Inf", 100.0)):
            labels = {**LABELS, "le": bound}
            store.append("http_request_duration_seconds_bucket", labels, at, count * scrape)
        store.append("container_memory_working_set_bytes", LABELS, at, 2e8)
    return store


@pytest.fixture
async def source(store: SeriesStore) -> AsyncIterator[PrometheusSource]:
    application = web.Application()
    application.router.add_routes(routes(store, FixedClock()))
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    server = PrometheusServer(f"http://{host}:{port}/prometheus/")
    yield PrometheusSource(server, QUERIES, FixedClock())
    server.close()
    await runner.cleanup()


async def test_the_examples_queries_give_their_figures(source: PrometheusSource) -> None:
    sample = await source.sample(Subject.of("production", "v2.5.0", "checkout-canary"))

    assert (sample.requests_total.value, sample.errors_total.value) == (2400.0, 48.0)
    assert [b.count for b in sample.buckets] == [1200.0, 2400.0, 2400.0]
    assert sample.figure("requests").value == pytest.approx(1200, rel=0.05)
    assert sample.figure("error_rate").value == pytest.approx(0.02)
    assert sample.figure("p95").value == pytest.approx(0.19)
    assert sample.figure("memory").value == 2e8


async def test_another_version_has_no_series_and_zero_errors(source: PrometheusSource) -> None:
    sample = await source.sample(Subject.of("production", "v2.4.0", "checkout"))

    assert sample.requests_total.gap is Gap.EMPTY
    assert sample.errors_total.value == 0.0
    assert sample.buckets_gap is Gap.EMPTY
    assert sample.figure("memory").gap is Gap.EMPTY

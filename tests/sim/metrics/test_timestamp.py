"""`timestamp()` tells when a sample was taken; the bot learns from it that figures are stale."""

from datetime import timedelta

from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.domain.figures import Gap, Subject
from bot.sim.metrics import SeriesStore, routes
from bot.sources.prometheus import PrometheusSource
from bot.sources.server import PrometheusServer
from tests.sim.metrics.conftest import NOON

LABELS = {"namespace": "production", "version": "v2.5.0"}


def test_a_samples_time_is_its_own_and_bears_no_name(fill, ask):
    fill("up", {"pod": "a"}, [1, 1])
    fill("up", {"pod": "b"}, [1])

    answer = ask("timestamp(up)", after=75)

    noon = NOON.timestamp()
    assert answer == {frozenset({("pod", "a")}): noon + 15, frozenset({("pod", "b")}): noon}


def test_a_computed_value_is_of_the_moment_of_asking(fill, only):
    fill("up", {"pod": "a"}, [1])

    assert only("timestamp(up + 0)", after=75) == NOON.timestamp() + 75


def test_a_series_that_has_ended_has_no_time(store, fill, ask):
    fill("up", {"pod": "a"}, [1])

    store.mark_stale({"pod": "a"}, NOON + timedelta(seconds=5))

    assert ask("timestamp(up)", after=6) == {}


class _Clock:
    speed = 1.0

    def __init__(self, after: float) -> None:
        self._now = NOON + timedelta(seconds=after)

    def now(self):
        return self._now

    async def sleep(self, duration: timedelta) -> None:
        raise AssertionError("nobody waits here")


async def _requests_seen(store: SeriesStore, after: float):
    clock = _Clock(after)
    app = web.Application()
    app.add_routes(routes(store, clock))
    async with TestServer(app, host="127.0.0.1") as server:
        queries = {"requests_total": "sum(http_requests_total{$selector})"}
        prometheus = PrometheusServer(str(server.make_url("/prometheus")))
        source = PrometheusSource(prometheus, queries, clock)
        try:
            return (await source.sample(Subject.of("production", "v2.5.0", "checkout"))).requests_total
        finally:
            prometheus.close()


async def test_the_bots_source_reads_figures_that_are_fresh(store, fill):
    fill("http_requests_total", LABELS, [5, 6, 7])

    assert (await _requests_seen(store, after=60)).value == 7


async def test_the_bots_source_notices_figures_that_are_too_old(store, fill):
    fill("http_requests_total", LABELS, [5, 6, 7])

    seen = await _requests_seen(store, after=61)

    assert (seen.value, seen.gap) == (None, Gap.STALE)

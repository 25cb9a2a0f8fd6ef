"""The HTTP API, asked by the bot's own client library and by plain requests."""

import asyncio
from datetime import timedelta
from types import SimpleNamespace

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from prometheus_api_client import PrometheusConnect

from bot.sim.metrics import routes
from tests.sim.metrics.conftest import NOON


@pytest.fixture
def outage():
    return SimpleNamespace(lasts=False)


@pytest.fixture
async def url(store, outage):
    clock = SimpleNamespace(now=lambda: NOON + timedelta(seconds=60))
    app = web.Application()
    app.add_routes(routes(store, clock, is_down=lambda: outage.lasts))
    async with TestServer(app, host="127.0.0.1") as server:
        yield str(server.make_url("/prometheus"))


@pytest.fixture
async def get(url):
    async with aiohttp.ClientSession() as session:

        async def fetch(path: str, **parameters: str):
            async with session.get(url + path, params=parameters) as response:
                text = await response.text()
                is_json = response.content_type == "application/json"
                return response.status, await response.json() if is_json else text

        yield fetch


async def test_the_bots_client_library_reads_it(url, fill):
    fill("hits_total", {"pod": "a"}, [0, 15, 30, 45, 60])

    def ask():
        client = PrometheusConnect(url=url)
        try:
            return (
                client.check_prometheus_connection(),
                client.all_metrics(),
                client.custom_query("rate(hits_total[1m])"),
                client.custom_query_range(
                    "hits_total", NOON + timedelta(seconds=30), NOON + timedelta(seconds=60), "30s"
                ),
            )
        finally:
            client._session.close()

    connected, names, instant, ranged = await asyncio.to_thread(ask)

    at = int(NOON.timestamp())
    assert connected
    assert names == ["hits_total"]
    assert instant == [{"metric": {"pod": "a"}, "value": [at + 60, "1"]}]
    assert ranged == [
        {"metric": {"__name__": "hits_total", "pod": "a"}, "values": [[at + 30, "30"], [at + 60, "60"]]}
    ]


async def test_a_query_without_a_time_means_now(get):
    _, answer = await get("/api/v1/query", query="time()")

    assert answer["data"]["result"] == [NOON.timestamp() + 60, str(int(NOON.timestamp()) + 60)]


async def test_a_time_may_be_a_date(get):
    _, answer = await get("/api/v1/query", query="time()", time="2026-11-23T12:00:00.5Z")

    assert answer["data"]["result"][0] == NOON.timestamp() + 0.5


async def test_what_is_not_supported_is_a_400_that_says_so(get):
    status, answer = await get("/api/v1/query", query="month()")

    assert status == 400
    assert answer == {
        "status": "error",
        "errorType": "bad_data",
        "error": "the function month() is not supported by the simulated Prometheus",
    }


async def test_while_it_is_down_nothing_is_answered(get, outage):
    outage.lasts = True

    for path in ("/api/v1/query", "/-/healthy", "/api/v1/labels"):
        status, body = await get(path, query="1")
        assert (status, body) == (503, "Service Unavailable\n")


@pytest.mark.parametrize("path", ["/-/healthy", "/-/ready", "/api/v1/status/buildinfo", "/api/v1/targets"])
async def test_its_status_pages_are_there(get, path):
    status, _ = await get(path)

    assert status == 200


async def test_series_without_samples_in_the_window_are_not_listed(get, fill):
    fill("hits_total", {"pod": "a"}, [1])

    _, there = await get("/api/v1/series", **{"match[]": "hits_total"})
    _, later = await get("/api/v1/series", **{"match[]": "hits_total", "start": str(NOON.timestamp() + 1)})

    assert there["data"] == [{"__name__": "hits_total", "pod": "a"}]
    assert later["data"] == []

"""The Prometheus source against a small server on loopback that answers as told."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web

from bot.domain.errors import ConfigError
from bot.domain.figures import Gap, Sample, Subject
from bot.sources.prometheus import PrometheusSource
from bot.sources.server import PrometheusServer

NOW = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
SUBJECT = Subject.of("production", "v2.5.0", "checkout-canary")
QUERIES = {
    "requests_total": "sum(http_requests_total{$selector})",
    "errors_total": 'sum(http_requests_total{$selector,status=~"5.."}) or vector(0)',
    "latency_buckets": "sum by (le) (http_request_duration_seconds_bucket{$selector})",
    "memory": "max(container_memory_working_set_bytes{$pods_selector})",
}

Reply = web.StreamResponse | list[dict] | Callable[[web.Request], Awaitable[web.StreamResponse]]


class FixedClock:
    speed = 1.0

    def now(self) -> datetime:
        return NOW

    async def sleep(self, duration: timedelta) -> None:
        raise AssertionError("nobody waits here")


def one(value: str, **labels: str) -> dict:
    return {"metric": labels, "value": [NOW.timestamp(), value]}


def buckets(*counts: tuple[str, str]) -> list[dict]:
    return [one(count, le=bound) for bound, count in counts]


class Server:
    """Answers by what the query is about; a healthy Prometheus unless told otherwise."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []
        self.requests = 0
        self.replies: dict[str, Reply] = {
            "requests": [one("1000")],
            "errors": [one("5")],
            "buckets": buckets(("0.1", "900"), ("+Inf", "1000")),
            "memory": [one("2e8")],
            "age of requests": [one(str(NOW.timestamp() - 4))],
            "age of memory": [one(str(NOW.timestamp() - 4))],
        }
        self.url = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        query, time = request.query["query"], request.query["time"]
        # Joined as `bot.sources.joined` does: what is wrong with one is wrong with the whole.
        joined = _JOINED.findall(query)
        whole: list[dict] = []
        for text, key in joined or [(query, None)]:
            self.asked.append({"query": text, "time": time})
            reply = self.replies[_about(text)]
            if callable(reply):
                return await reply(request)
            if not isinstance(reply, list):
                return reply
            label = {} if key is None else {"slackwater_query": key}
            whole += [{**series, "metric": {**series["metric"], **label}} for series in reply]
        return _answered(whole)


_JOINED = re.compile(r'label_replace\(\(\n(.*?)\n\),"slackwater_query","(.*?)","",""\)', re.DOTALL)


def _answered(series: list[dict]) -> web.Response:
    result = {"resultType": "vector", "result": series}
    return web.json_response({"status": "success", "data": result})


def _about(query: str) -> str:
    age = "age of " if "timestamp(" in query else ""
    if "memory" in query:
        return f"{age}memory"
    if "bucket" in query:
        return "buckets"
    return "errors" if "5.." in query else f"{age}requests"


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    application = web.Application()
    application.router.add_get("/api/v1/query", server.answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    server.url = f"http://{host}:{port}"
    yield server
    await runner.cleanup()


async def sampled(
    server: Server,
    *,
    subject: Subject = SUBJECT,
    figures: bool = True,
    only: tuple[str, ...] = (),
    timeout: timedelta = timedelta(seconds=3),
    **options: object,
) -> Sample:
    prometheus = PrometheusServer(server.url, timeout=timeout)
    source = PrometheusSource(prometheus, QUERIES, FixedClock(), **options)
    try:
        return await (source.figures(subject, only) if only else source.sample(subject, figures=figures))
    finally:
        prometheus.close()


async def test_a_healthy_server_gives_every_figure(server: Server) -> None:
    sample = await sampled(server, business={"conversion": "sum(requests{$selector})"})

    assert sample.at == NOW
    assert (sample.requests_total.value, sample.errors_total.value) == (1000.0, 5.0)
    assert [(b.le, b.count) for b in sample.buckets] == [(0.1, 900.0), (None, 1000.0)]
    assert sample.figure("memory").value == 2e8
    assert sample.figure("business.conversion").value == 1000.0


async def test_all_queries_of_a_sample_are_asked_about_one_moment(server: Server) -> None:
    await sampled(server)

    assert {float(asked["time"]) for asked in server.asked} == {NOW.timestamp()}


async def test_counters_of_an_earlier_moment_are_asked_about_that_one(server: Server) -> None:
    then = NOW - timedelta(minutes=10)
    prometheus = PrometheusServer(server.url, timeout=timedelta(seconds=3))
    try:
        sample = await PrometheusSource(prometheus, QUERIES, FixedClock()).counters(SUBJECT, at=then)
    finally:
        prometheus.close()

    assert {float(asked["time"]) for asked in server.asked} == {then.timestamp()}
    assert (sample.at, sample.requests_total.value, sample.figures) == (then, 1000.0, {})


async def test_counters_alone_take_no_windowed_query(server: Server) -> None:
    sample = await sampled(server, figures=False)

    assert sample.requests_total.value == 1000.0
    assert sample.figures == {}
    assert not any("memory" in asked["query"] for asked in server.asked)


async def test_only_the_figures_that_are_wanted_are_asked_for_and_their_age(server: Server) -> None:
    sample = await sampled(
        server,
        only=("business.conversion", "unconfigured"),
        business={"conversion": "sum(requests{$selector})", "orders": "sum(requests_of_orders{$selector})"},
    )

    assert sample.figure("business.conversion").value == 1000.0
    assert set(sample.figures) == {"business.conversion"}
    assert sorted(_about(asked["query"]) for asked in server.asked) == ["age of requests", "requests"]


async def test_a_figure_of_the_pods_alone_has_the_pods_age(server: Server) -> None:
    server.replies["age of memory"] = [one(str(NOW.timestamp() - 45))]

    sample = await sampled(server, only=("memory",))

    assert sample.figure("memory").gap is Gap.STALE
    assert sorted(_about(asked["query"]) for asked in server.asked) == ["age of memory", "memory"]


async def test_a_sample_is_one_request(server: Server) -> None:
    await sampled(server)

    assert server.requests == 1
    assert len(server.asked) == len(QUERIES) + 2  # and two ages


async def test_queries_that_are_refused_as_one_are_asked_one_by_one_for_a_while(server: Server) -> None:
    server.replies["errors"] = lambda _: _given(web.json_response({"error": "no scalars"}, status=400))
    prometheus = PrometheusServer(server.url)
    source = PrometheusSource(prometheus, QUERIES, FixedClock())

    first, after_the_first = await source.sample(SUBJECT), server.requests
    second, after_the_second = await source.sample(SUBJECT), server.requests
    prometheus.close()

    for sample in (first, second):
        assert sample.errors_total.gap is Gap.REJECTED
        assert sample.requests_total.value == 1000.0
        assert len(sample.buckets) == 2
    assert after_the_first == 1 + len(QUERIES) + 2
    assert after_the_second == after_the_first + len(QUERIES) + 2


async def test_a_server_that_was_down_is_asked_as_one_again(server: Server) -> None:
    healthy = dict(server.replies)
    server.replies |= dict.fromkeys(healthy, lambda _: _given(web.Response(status=503)))
    prometheus = PrometheusServer(server.url)
    source = PrometheusSource(prometheus, QUERIES, FixedClock())

    down = await source.sample(SUBJECT)
    server.replies, before = healthy, server.requests
    up = await source.sample(SUBJECT)
    prometheus.close()

    assert down.requests_total.gap is Gap.UNREACHABLE
    assert up.requests_total.value == 1000.0
    assert server.requests == before + 1


async def test_a_query_that_is_none_by_itself_is_not_joined(server: Server) -> None:
    sample = await sampled(server, business={"odd": "sum(requests)) or (sum(requests)"})

    assert sample.figure("memory").value == 2e8
    assert server.requests == len(QUERIES) + 1 + 2


async def test_no_series_is_not_zero(server: Server) -> None:
    server.replies["requests"] = []
    server.replies["buckets"] = []

    sample = await sampled(server)

    assert sample.requests_total.gap is Gap.EMPTY
    assert sample.buckets_gap is Gap.EMPTY
    assert sample.errors_total.value == 5.0


@pytest.mark.parametrize("text", ["NaN", "+Inf", "-Inf"])
async def test_what_is_no_number_is_a_gap(server: Server, text: str) -> None:
    server.replies["memory"] = [one(text)]

    sample = await sampled(server)

    assert sample.figure("memory").gap is Gap.NAN


async def test_several_series_are_not_added_up(server: Server) -> None:
    server.replies["requests"] = [one("1", pod="a"), one("2", pod="b")]
    server.replies["buckets"] = buckets(("0.1", "1"), ("0.1", "2"), ("+Inf", "3"))

    sample = await sampled(server)

    assert sample.requests_total.gap is Gap.SEVERAL
    assert "2 series" in sample.requests_total.detail
    assert sample.buckets_gap is Gap.SEVERAL


async def test_a_version_that_is_no_longer_scraped_is_stale(server: Server) -> None:
    server.replies["age of requests"] = [one(str(NOW.timestamp() - 45))]

    sample = await sampled(server)

    assert sample.requests_total.gap is Gap.STALE
    assert "45 s old" in sample.requests_total.detail
    assert sample.errors_total.gap is Gap.STALE
    assert sample.buckets_gap is Gap.STALE
    assert sample.figure("memory").value == 2e8


async def test_pods_have_an_age_of_their_own(server: Server) -> None:
    server.replies["age of memory"] = [one(str(NOW.timestamp() - 45))]

    sample = await sampled(server)

    assert sample.figure("memory").gap is Gap.STALE
    assert sample.requests_total.value == 1000.0


async def test_figures_whose_age_is_unknown_are_unknown(server: Server) -> None:
    server.replies["age of requests"] = lambda _: _given(web.Response(status=503))

    sample = await sampled(server)

    assert sample.requests_total.gap is Gap.UNREACHABLE
    assert sample.figure("memory").value == 2e8


@pytest.mark.parametrize("status", [400, 422])
async def test_a_refused_query_is_rejected_with_the_servers_reason(server: Server, status: int) -> None:
    body = {"status": "error", "errorType": "bad_data", "error": "parse error: unexpected )"}
    server.replies["memory"] = lambda _: _given(web.json_response(body, status=status))

    sample = await sampled(server)

    assert sample.figure("memory").gap is Gap.REJECTED
    assert "unexpected )" in sample.figure("memory").detail
    assert sample.requests_total.value == 1000.0


@pytest.mark.parametrize("status", [401, 404, 429, 500, 503])
async def test_a_server_that_answers_with_an_error_is_unreachable(server: Server, status: int) -> None:
    server.replies["requests"] = lambda _: _given(web.Response(status=status, text="<html>no</html>"))

    sample = await sampled(server)

    assert sample.requests_total.gap is Gap.UNREACHABLE
    assert f"status {status}" in sample.requests_total.detail


@pytest.mark.parametrize("body", ["<html>", "[]", '{"data": 3}', '{"data": {"result": "many"}}', ""])
async def test_an_unreadable_answer_is_no_figure(server: Server, body: str) -> None:
    server.replies["requests"] = lambda _: _given(web.Response(text=body))

    sample = await sampled(server)

    assert sample.requests_total.gap is Gap.UNREACHABLE
    assert "unreadable" in sample.requests_total.detail


@pytest.mark.parametrize("value", ["1_000", " 1", "0x10", "one", ""])
async def test_values_are_read_strictly(server: Server, value: str) -> None:
    server.replies["requests"] = [one(value)]

    sample = await sampled(server)

    assert sample.requests_total.gap is Gap.UNREACHABLE


async def test_a_histogram_without_its_last_bucket_is_not_one(server: Server) -> None:
    server.replies["buckets"] = buckets(("0.1", "1"), ("0.5", "2"))

    sample = await sampled(server)

    assert sample.buckets == ()
    assert sample.buckets_gap is Gap.UNREACHABLE


async def test_an_endless_answer_is_cut_off(server: Server) -> None:
    server.replies["requests"] = lambda _: _given(web.Response(text="x" * 1_500_000))

    sample = await sampled(server)

    assert sample.requests_total.gap is Gap.UNREACHABLE
    assert "longer than" in sample.requests_total.detail


async def test_a_server_that_hangs_gives_gaps_in_time(server: Server) -> None:
    hang = asyncio.Event()

    async def hold(_: web.Request) -> web.StreamResponse:
        await hang.wait()
        return web.Response()

    server.replies = dict.fromkeys(server.replies, hold)

    began = time.monotonic()
    sample = await sampled(server, timeout=timedelta(milliseconds=200))
    hang.set()

    assert time.monotonic() - began < 1
    assert sample.requests_total.gap is Gap.UNREACHABLE
    assert "no answer within 0.2 s" in sample.requests_total.detail


async def test_one_hanging_query_does_not_take_the_others_figures(server: Server) -> None:
    hang = asyncio.Event()

    async def hold(_: web.Request) -> web.StreamResponse:
        await hang.wait()
        return web.Response()

    server.replies["memory"] = hold

    sample = await sampled(server, timeout=timedelta(milliseconds=400))
    hang.set()

    assert sample.requests_total.value == 1000.0
    assert sample.figure("memory").gap is Gap.UNREACHABLE


async def test_a_server_that_is_not_there_is_unreachable_in_plain_words(unused_tcp_port: int) -> None:
    server = Server()
    server.url = f"http://127.0.0.1:{unused_tcp_port}"

    sample = await sampled(server)

    assert sample.requests_total.gap is Gap.UNREACHABLE
    assert sample.requests_total.detail == "connection refused"
    assert sample.buckets_gap is Gap.UNREACHABLE


async def test_a_version_cannot_break_out_of_its_label(server: Server) -> None:
    nasty = 'v1"} or vector(1) #\\'

    await sampled(server, subject=Subject(namespace="n\ns", version=nasty, pods="p"))

    query = next(a["query"] for a in server.asked if _about(a["query"]) == "requests")
    assert query == 'sum(http_requests_total{namespace="n\\ns",version="v1\\"} or vector(1) #\\\\"})'


async def test_a_version_in_a_pattern_matches_only_itself(server: Server) -> None:
    await sampled(server, selector='version=~"$version|x"')

    query = next(a["query"] for a in server.asked if _about(a["query"]) == "requests")
    assert query == 'sum(http_requests_total{version=~"v2\\\\.5\\\\.0|x"})'


@pytest.mark.parametrize(
    ("query", "remedy"),
    [
        ("sum(up{$selektor})", r"\$selektor is unknown"),
        ("sum($version)", "quoted label value"),
        ("sum(up{version=`$version`})", "backticks"),
    ],
)
def test_a_placeholder_that_cannot_be_filled_is_an_error_of_the_settings(query: str, remedy: str) -> None:
    with pytest.raises(ConfigError, match=remedy) as raised:
        PrometheusSource(PrometheusServer("http://127.0.0.1:1"), {"p95": query}, FixedClock())

    assert raised.value.key == "metrics.queries.p95"


def test_stables_pods_are_not_the_canarys() -> None:
    pods = Subject.of("production", "v2.4.0", "checkout").pods

    assert re.fullmatch(pods, "checkout-7d9f8b6c5-x2x4z")
    assert not re.fullmatch(pods, "checkout-canary-7d9f8b6c5-x2x4z")


async def _given(response: web.StreamResponse) -> web.StreamResponse:
    return response

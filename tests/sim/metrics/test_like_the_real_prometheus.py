"""The same series in the simulation and in a real Prometheus, the same questions to both, the same answers.

The series are written into a data folder by `promtool`, so nothing is waited for. Needs the Debian package
`prometheus`.
"""

import asyncio
import math
import random
import shutil
import socket
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.sim.metrics import SeriesStore, routes
from bot.sources.joined import join

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(
        not (shutil.which("prometheus") and shutil.which("promtool")),
        reason="needs the programs prometheus and promtool (Debian: prometheus)",
    ),
]

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
Sample = tuple[str, dict[str, str], datetime, float]

WINDOWS = ("1m", "67s", "10m")
MOMENTS = (0, 4, 60, 301.5, 900, 1200, 1205)

EXPRESSIONS = [
    *[
        f"{function}({series}[{window}])"
        for function in [
            "rate",
            "irate",
            "increase",
            "delta",
            "idelta",
            "changes",
            "resets",
            "deriv",
            "avg_over_time",
            "min_over_time",
            "max_over_time",
            "sum_over_time",
            "count_over_time",
            "stddev_over_time",
            "stdvar_over_time",
            "last_over_time",
            "present_over_time",
        ]
        for series in ("requests_total", "temperature", "gap_total")
        for window in WINDOWS
    ],
    "requests_total",
    'requests_total{status="200"}',
    'requests_total{status!="200"}',
    'requests_total{status=~"5.."}',
    'requests_total{status=~"5"}',
    'requests_total{status!~"5..|2.."}',
    'requests_total{nothing=""}',
    '{__name__=~"temp.*|gap_total"}',
    "requests_total offset 2m",
    "requests_total offset -2m",
    "rate(requests_total[1m] offset 90s)",
    "gap_total",
    "odd_values",
    "quantile_over_time(0.3, temperature[5m])",
    "quantile_over_time(1.3, temperature[5m])",
    "predict_linear(temperature[5m], 600)",
    *[
        f"{name} {grouping} (requests_total)"
        for name in ("sum", "avg", "min", "max", "count", "group", "stddev", "stdvar")
        for grouping in ("", "by (status)", "without (pod)", "by (status, nothing)", "without ()")
    ],
    *[f"{name}(odd_values)" for name in ("sum", "avg", "min", "max", "count", "stddev", "sort", "sort_desc")],
    "quantile(0.9, requests_total)",
    "quantile by (status) (0.25, temperature)",
    "quantile(-1, requests_total)",
    "quantile(0.5, odd_values)",
    "topk(2, requests_total)",
    "topk by (status) (1, requests_total)",
    "bottomk without (pod) (1, requests_total)",
    "topk(0, requests_total)",
    "topk(9, odd_values)",
    'count_values("version", build)',
    *[f"histogram_quantile({q}, latency_bucket)" for q in (-1, 0, 0.1, 0.5, 0.95, 0.999, 1, 2, "NaN")],
    "histogram_quantile(0.5, sum by (le) (rate(latency_bucket[1m])))",
    'histogram_quantile(0.5, latency_bucket{le!="+Inf"})',
    'histogram_quantile(0.9, latency_bucket{le=~"0.1|.Inf"})',
    "histogram_quantile(0.9, below_zero_bucket)",
    "histogram_quantile(0.1, below_zero_bucket)",
    *[
        f"temperature {operator} {number}"
        for operator in (
            "+",
            "-",
            "*",
            "/",
            "%",
            "^",
            "==",
            "!=",
            ">",
            "<",
            ">=",
            "<=",
            "> bool",
            "== bool",
        )
        for number in ("0", "2.5", "-3", "20", "NaN", "Inf")
    ],
    *[f"3 {operator} odd_values" for operator in ("+", "/", "%", "^", ">", "<= bool", "!=")],
    *[f"odd_values {operator} odd_values" for operator in ("+", "-", "/", "%", "^", "==", "> bool")],
    "1 + 2 * 3 ^ 2 % 5",
    "-2 ^ 2",
    "1 > bool 2",
    "0 / 0",
    "-1 / 0",
    "-temperature",
    "-(-temperature)",
    "requests_total / on (pod, status) requests_total",
    "temperature * on (pod) group_left (version) build",
    "build * on (pod) group_right (version) temperature",
    "requests_total / ignoring (status) group_left sum without (status) (requests_total)",
    "requests_total > ignoring (status) group_left avg without (status) (requests_total)",
    "requests_total > on (pod, status) (requests_total offset 1m)",
    "requests_total > (requests_total offset 1m)",
    "requests_total >= bool (requests_total offset 1m)",
    "build - on (pod) group_right temperature",
    "requests_total and on (pod) temperature",
    "requests_total unless on (pod) (temperature > 20)",
    "requests_total or temperature",
    'requests_total{status="200"} or on (pod) requests_total',
    "nothing or vector(0)",
    "requests_total and requests_total{status='500'}",
    "requests_total + on (pod) temperature",
    "temperature + on (pod) requests_total",
    "requests_total + on (pod) requests_total",
    "vector(1)",
    "scalar(temperature)",
    'scalar(temperature{pod="a"})',
    "timestamp(requests_total)",
    "timestamp((gap_total))",
    "timestamp(gap_total offset 2m)",
    "timestamp(odd_values)",
    "timestamp(temperature + 0)",
    "timestamp(-temperature)",
    "timestamp(sum by (pod) (requests_total))",
    "timestamp(timestamp(gap_total))",
    "timestamp(vector(1))",
    "timestamp(nothing)",
    "max(timestamp(gap_total))",
    "time() - max(timestamp(requests_total{status='500'}))",
    'timestamp({__name__=~"temperature|gap_total"})',
    "time()",
    "vector(time())",
    "pi()",
    *[
        f"{name}(temperature - 20)"
        for name in ("abs", "ceil", "floor", "round", "exp", "ln", "log2", "log10", "sqrt", "sgn")
    ],
    *[
        f"{name}(odd_values)"
        for name in ("abs", "ceil", "floor", "round", "exp", "ln", "log2", "log10", "sqrt", "sgn")
    ],
    "round(temperature, 0.5)",
    "round(temperature, 7)",
    "clamp(temperature, 18, 21)",
    "clamp(temperature, 21, 18)",
    "clamp(odd_values, -1, 1)",
    "clamp_min(odd_values, 0)",
    "clamp_max(odd_values, 0)",
    "clamp_min(temperature, NaN)",
    "absent(nothing)",
    'absent(nothing{job="x", pod=~"a.*", zone!="b"})',
    'absent(nothing{job="x", job=~".+"})',
    "absent(temperature)",
    "absent(sum(nothing))",
    "absent((nothing{job='x'}))",
    "absent_over_time(nothing{job='x'}[5m])",
    "absent_over_time(temperature[5m])",
    'label_replace(temperature, "host", "$1-x", "pod", "(.*)")',
    'label_replace(temperature, "host", "${1}x$$", "pod", "([ab])")',
    'label_replace(temperature, "host", "$1x", "pod", "(.*)")',
    'label_replace(temperature, "pod", "", "pod", "a")',
    'label_replace(temperature, "pod", "same", "pod", ".*")',
    'label_replace(temperature, "host", "${name}", "pod", "(?P<name>.)")',
    'label_replace(temperature, "no-label", "", "pod", ".*")',
    'label_join(requests_total, "both", "/", "pod", "status", "nothing")',
    'sum(rate(requests_total{status=~"5.."}[1m])) / sum(rate(requests_total[1m]))',
    '{__name__=~"temperature|build"} * 2',
    'rate({__name__=~"requests_total|gap_total"}[5m])',
    # As the bot puts several queries as one.
    join({"a": "sum(temperature) # of all", "b": "sum by (le) (latency_bucket)", "c": "build", "d": "build"}),
]


def samples() -> Iterator[Sample]:
    """Twenty minutes, every 5 s and a little: counters with resets, gaps, a late start, odd values."""
    chance = random.Random(7)
    bounds = {"0.1": 3, "0.25": 7, "1": 9, "+Inf": 10}
    counters: dict[tuple[str, str], float] = {}
    for index in range(241):
        at = NOON + timedelta(seconds=5 * index, milliseconds=0 if index % 3 else 137)
        for pod in ("a", "b", "c"):
            for status in ("200", "404", "500"):
                if pod == "c" and index < 100:
                    continue
                grown = counters.get((pod, status), 0.0) + chance.randrange(20)
                counters[pod, status] = 0.0 if pod == "b" and index == 130 else grown
                yield "requests_total", {"pod": pod, "status": status}, at, counters[pod, status]
            yield "temperature", {"pod": pod}, at, 20 + math.sin(index / 9) * 3 + ord(pod) - 97
            yield "build", {"pod": pod, "version": "v1" if pod == "a" else "v2"}, at, 1.5
        if not 40 <= index < 150:
            yield "gap_total", {"pod": "a"}, at, 3.0 * index
        for bound, share in bounds.items():
            yield "latency_bucket", {"pod": "a", "le": bound}, at, float(share * index)
            # Not monotone: an unlucky scrape.
            yield (
                "latency_bucket",
                {"pod": "b", "le": bound},
                at,
                float(share * index + (bound == "0.25") * 50),
            )
        for bound, count in {"-1": 2, "0": 5, "+Inf": 9}.items():
            yield "below_zero_bucket", {"le": bound}, at, float(count * index)
        for name, value in {
            "nan": math.nan,
            "inf": math.inf,
            "low": -math.inf,
            "half": -2.5,
            "zero": 0,
        }.items():
            yield "odd_values", {"kind": name}, at, float(value)


def _open_metrics() -> str:
    ordered = sorted(samples(), key=lambda sample: (sample[0], sorted(sample[1].items()), sample[2]))
    lines = []
    for name, labels, at, value in ordered:
        text = ",".join(f'{label}="{word}"' for label, word in labels.items())
        lines.append(f"{name}{{{text}}} {value!r} {at.timestamp():.3f}")
    return "\n".join([*lines, "# EOF\n"])


@pytest.fixture(scope="module")
def real(tmp_path_factory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("prometheus")
    (folder / "series").write_text(_open_metrics())
    (folder / "prometheus.yml").write_text("{}\n")
    backfill = ["promtool", "tsdb", "create-blocks-from", "openmetrics", folder / "series", folder / "data"]
    subprocess.run(backfill, check=True, capture_output=True)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    command = [
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        "--storage.tsdb.retention.time=100y",
        f"--web.listen-address={address}",
    ]
    with (folder / "log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as server:
        try:
            yield f"http://{address}"
        finally:
            server.terminate()


@pytest.fixture(scope="module")
def store() -> SeriesStore:
    filled = SeriesStore()
    for name, labels, at, value in samples():
        filled.append(name, labels, at, value)
    return filled


class _Stopped:
    def now(self) -> datetime:
        return NOON + timedelta(minutes=20)


@pytest.fixture
async def both(real, store):
    """Asks the real Prometheus and the simulation the same; two answers."""
    app = web.Application()
    app.add_routes(routes(store, _Stopped(), prefix="", is_down=lambda: False))
    async with TestServer(app, host="127.0.0.1") as simulated, aiohttp.ClientSession() as session:
        await _ready(session, real)

        async def ask(path: str, **form: object):
            answers = []
            for url in (real, str(simulated.make_url("")).rstrip("/")):
                async with session.post(url + path, data=form) as response:
                    answers.append((response.status, await response.json()))
            return answers

        yield ask


async def _ready(session: aiohttp.ClientSession, url: str) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                async with session.get(url + "/-/ready") as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientConnectionError:
                pass
            await asyncio.sleep(0.05)


def _comparable(answer):
    """Points by their series' labels, and the error by its kind alone: its words are each one's own."""
    status, body = answer
    if body["status"] == "error":
        return status, body["errorType"]
    kind, result = body["data"]["resultType"], body["data"]["result"]
    if kind in {"scalar", "string"}:
        return status, kind, {(): [result]}
    points = {
        tuple(sorted(one["metric"].items())): one["values"] if kind == "matrix" else [one["value"]]
        for one in result
    }
    assert len(points) == len(result)
    return status, kind, points


def _same(expected, got) -> bool:
    if expected[:2] != got[:2] or len(expected) < 3:
        return expected == got
    ours, theirs = got[2], expected[2]
    return ours.keys() == theirs.keys() and all(
        len(theirs[key]) == len(ours[key])
        and all(_near(one, other) for one, other in zip(theirs[key], ours[key], strict=True))
        for key in theirs
    )


def _near(expected, got) -> bool:
    left, right = float(expected[1]), float(got[1])
    alike = (math.isnan(left) and math.isnan(right)) or math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-9)
    return alike and math.isclose(expected[0], got[0], abs_tol=1e-6, rel_tol=0)


@pytest.mark.parametrize("expression", EXPRESSIONS)
async def test_an_expression_means_what_the_real_prometheus_says(both, expression):
    for after in MOMENTS:
        at = NOON.timestamp() + after

        real, simulated = map(_comparable, await both("/api/v1/query", query=expression, time=at))

        assert _same(real, simulated), f"{after} s after noon:\n{real}\n{simulated}"


@pytest.mark.parametrize(
    "expression",
    [
        "requests_total",
        "rate(requests_total[1m])",
        "time()",
        "gap_total > 100",
        "sum by (pod) (requests_total)",
        "timestamp(gap_total)",
    ],
)
async def test_a_range_query_has_the_same_points(both, expression):
    start = NOON.timestamp() - 60

    form = {"query": expression, "start": start, "end": start + 1500, "step": "17s"}
    real, simulated = map(_comparable, await both("/api/v1/query_range", **form))

    assert _same(real, simulated), f"{real}\n{simulated}"


@pytest.mark.parametrize("query", ["temperature[1m]", "gap_total[10m] offset 1m"])
async def test_a_range_selector_gives_the_samples_themselves(both, query):
    real, simulated = map(_comparable, await both("/api/v1/query", query=query, time=NOON.timestamp() + 700))

    assert _same(real, simulated), f"{real}\n{simulated}"


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/api/v1/query", {"query": "sum("}),
        ("/api/v1/query", {"query": ""}),
        ("/api/v1/query", {"query": "1", "time": "noon"}),
        ("/api/v1/query_range", {"query": "1", "start": "0", "end": "9"}),
        ("/api/v1/query_range", {"query": "1", "start": "9", "end": "0", "step": "1"}),
        ("/api/v1/query_range", {"query": "1", "start": "0", "end": "9", "step": "0"}),
        ("/api/v1/query_range", {"query": "1", "start": "0", "end": "99999", "step": "1"}),
        ("/api/v1/query_range", {"query": "temperature[5m]", "start": "0", "end": "9", "step": "1"}),
        ("/api/v1/series", {}),
        ("/api/v1/series", {"match[]": "1 + 1"}),
    ],
)
async def test_what_prometheus_refuses_is_refused_alike(both, path, form):
    (real_status, real), (status, simulated) = await both(path, **form)

    assert (status, simulated["errorType"]) == (real_status, real["errorType"])


async def test_series_and_labels_are_listed_alike(both):
    window = {"start": NOON.timestamp(), "end": NOON.timestamp() + 1200}

    for path, form in [
        ("/api/v1/series", {"match[]": 'requests_total{status=~"5.."}'}),
        ("/api/v1/labels", {"match[]": "build"}),
        ("/api/v1/labels", {}),
    ]:
        (_, real), (_, simulated) = await both(path, **form, **window)
        listed = sorted(map(str, map(_ordered, real["data"])))
        assert listed == sorted(map(str, map(_ordered, simulated["data"])))


def _ordered(entry):
    return sorted(entry.items()) if isinstance(entry, dict) else entry

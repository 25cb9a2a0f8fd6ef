"""The queries of the example configuration, over series whose answers were worked out by hand.

Two versions serve in `production`. Each pod is read every 15 s from noon; the questions come at 12:01:00 with
a window of one minute, so that five readings lie in it, the first and last on its edges: nothing
to extrapolate.
"""

import math
from string import Template

import pytest

QUERIES = {
    "requests_total": "sum(http_requests_total{$selector})",
    "errors_total": 'sum(http_requests_total{$selector,status=~"5.."}) or vector(0)',
    "latency_buckets": "sum by (le) (http_request_duration_seconds_bucket{$selector})",
    "requests": "sum(increase(http_requests_total{$selector}[$window]))",
    "error_rate": '(sum(rate(http_requests_total{$selector,status=~"5.."}[$window])) or vector(0))'
    " / sum(rate(http_requests_total{$selector}[$window]))",
    "p50": "histogram_quantile(0.50, sum by (le)"
    " (rate(http_request_duration_seconds_bucket{$selector}[$window])))",
    "p95": "histogram_quantile(0.95, sum by (le)"
    " (rate(http_request_duration_seconds_bucket{$selector}[$window])))",
    "p99": "histogram_quantile(0.99, sum by (le)"
    " (rate(http_request_duration_seconds_bucket{$selector}[$window])))",
    "cpu": "sum(rate(container_cpu_usage_seconds_total{$pods_selector}[$window]))",
    "memory": "max(container_memory_working_set_bytes{$pods_selector})",
    "memory_limit": "max(container_spec_memory_limit_bytes{$pods_selector})",
    "conversion": "sum(rate(business_orders_total{$selector}[$window]))"
    " / sum(rate(business_sessions_total{$selector}[$window]))",
}


@pytest.fixture
def asked(only):
    def evaluate(name: str, version: str = "v2") -> float:
        text = Template(QUERIES[name]).substitute(
            selector=f'namespace="production",version="{version}"',
            pods_selector='namespace="production",pod=~"checkout-[a-z0-9]+-[a-z0-9]+"',
            window="1m",
        )
        return only(text, after=60)

    return evaluate


@pytest.fixture(autouse=True)
def production(fill):
    version = {"namespace": "production", "version": "v2"}
    pods = [version | {"pod": f"checkout-7d9f-{name}"} for name in ("aa", "bb")]
    for pod, share in zip(pods, (1, 3), strict=True):
        ok, failed = [100 + 30 * share * i for i in range(5)], [2 * share * i for i in range(5)]
        fill("http_requests_total", pod | {"status": "200"}, ok)
        fill("http_requests_total", pod | {"status": "503"}, failed)
        # Per minute and share: 60 up to 100 ms, 100 up to 500 ms, 120 in all.
        for bound, count in {"0.1": 15, "0.5": 25, "+Inf": 30}.items():
            counts = [count * share * i for i in range(5)]
            fill("http_request_duration_seconds_bucket", pod | {"le": bound}, counts)
        container = {"namespace": "production", "pod": pod["pod"]}
        fill("container_cpu_usage_seconds_total", container, [1.5 * share * i for i in range(5)])
        fill("container_memory_working_set_bytes", container, [1000 * share + i for i in range(5)])
        fill("container_spec_memory_limit_bytes", container, [4096] * 5)
    fill("business_orders_total", version, [3 * i for i in range(5)])
    fill("business_sessions_total", version, [60 * i for i in range(5)])
    stable = {"namespace": "production", "version": "v1", "pod": "checkout-1111-cc", "status": "200"}
    fill("http_requests_total", stable, [1000 + i for i in range(5)])
    fill("http_requests_total", stable | {"namespace": "staging", "version": "v2"}, [10**6] * 5)


@pytest.mark.parametrize(
    ("name", "figure"),
    [
        # (100 + 4·30) + (100 + 4·90) ok, 8 + 24 failed.
        ("requests_total", 220 + 460 + 32),
        ("errors_total", 32),
        # 120 + 360 ok, 8 + 24 failed.
        ("requests", 512),
        ("error_rate", 32 / 512),
        # Of 480, the 240th is the last of the 240 in the first bucket.
        ("p50", 0.1),
        # The 456th lies above the last finite bound.
        ("p95", 0.5),
        ("p99", 0.5),
        # 6 s and 18 s of CPU in 60 s.
        ("cpu", 0.4),
        ("memory", 3004),
        ("memory_limit", 4096),
        ("conversion", 0.05),
    ],
)
def test_a_query_of_the_example_gives_the_figure_worked_out_by_hand(asked, name, figure):
    assert asked(name) == pytest.approx(figure, rel=1e-12)


def test_the_buckets_of_all_pods_are_added_per_bound(ask):
    buckets = ask('sum by (le) (http_request_duration_seconds_bucket{version="v2"})', 60)

    assert buckets == {
        frozenset({("le", "0.1")}): 240,
        frozenset({("le", "0.5")}): 400,
        frozenset({("le", "+Inf")}): 480,
    }


def test_a_version_without_errors_has_the_error_rate_zero(asked):
    assert asked("errors_total", version="v1") == 0
    assert asked("error_rate", version="v1") == 0


def test_a_version_without_requests_has_no_error_rate(ask, fill):
    fill("http_requests_total", {"version": "idle", "status": "200"}, [5] * 5)

    rate = 'sum(rate(http_requests_total{version="idle",status=~"5.."}[1m])) or vector(0)'
    (value,) = ask(f'({rate}) / sum(rate(http_requests_total{{version="idle"}}[1m]))', 60).values()

    assert math.isnan(value)
    assert ask('sum(http_requests_total{version="unknown"})', 60) == {}

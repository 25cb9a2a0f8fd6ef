"""Users and their figures: traffic follows the objects, faults show in what is counted."""

from datetime import timedelta

import pytest
import yaml

from bot.sim.cluster import Settings
from bot.sim.metrics.evaluate import compiled
from bot.sim.metrics.store import milliseconds

CANARY = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: checkout-canary}
spec:
  replicas: 1
  selector: {matchLabels: {app: checkout, track: canary}}
  template:
    metadata: {labels: {app: checkout, track: canary}}
    spec: {containers: [{name: checkout, image: "registry.example.com/checkout:v2.5.0"}]}
"""


def route(stable: int, canary: int, header_to: str = "checkout-canary") -> str:
    return yaml.safe_dump(
        {
            "apiVersion": "networking.istio.io/v1",
            "kind": "VirtualService",
            "metadata": {"name": "checkout"},
            "spec": {
                "hosts": ["checkout", "checkout.example.com"],
                "http": [
                    {
                        "match": [{"headers": {"canary": {"exact": "true"}}}],
                        "route": [{"destination": {"host": header_to}}],
                    },
                    {
                        "route": [
                            {"destination": {"host": "checkout-stable"}, "weight": stable},
                            {"destination": {"host": "checkout-canary"}, "weight": canary},
                        ]
                    },
                ],
            },
        }
    )


def with_canary(cluster):
    cluster.apply(CANARY)
    cluster.until(lambda: len(cluster.ready("v2.5.0")) == 1)
    return cluster


def ask(cluster, query: str) -> float | None:
    """One number from the simulated Prometheus, now."""
    import promql_parser

    values = compiled(promql_parser.parse(query), cluster.sim.series)(milliseconds(cluster.clock.now()))
    if not isinstance(values, list):
        return float(values)
    assert len(values) <= 1
    return values[0].value if values else None


@pytest.mark.parametrize("weight", [0, 5, 25, 50, 100])
def test_traffic_follows_the_weights(cluster, weight: int) -> None:
    with_canary(cluster)

    cluster.apply(route(100 - weight, weight))
    before = cluster.requests("v2.5.0"), cluster.requests("v2.4.0")
    cluster.passes(400)
    new, old = cluster.requests("v2.5.0") - before[0], cluster.requests("v2.4.0") - before[1]

    # 20,000 requests: four standard deviations are less than 1.5 points.
    assert new / (new + old) == pytest.approx(weight / 100, abs=0.015)
    assert weight in {0, 100} or new > 0
    assert (new == 0) is (weight == 0)
    assert new + old == pytest.approx(400 * 50, rel=0.03)


def test_users_with_the_header_reach_the_canary_at_weight_zero(new_cluster) -> None:
    from bot.sim.cluster import STARTER

    cluster = new_cluster(Settings(headed=0.1))
    cluster.sim.load(STARTER)
    cluster.until(lambda: len(cluster.ready()) == 3)
    with_canary(cluster)

    cluster.apply(route(100, 0))
    cluster.passes(100)

    assert cluster.requests("v2.5.0") == pytest.approx(500, rel=0.25)


def test_requests_without_a_ready_pod_fail_at_the_router_and_nowhere_else(cluster) -> None:
    def failed() -> int:
        return sum(count for (*_, status), count in cluster.sim.traffic.routed.items() if status == 503)

    before = failed()

    cluster.apply(route(50, 50))
    cluster.passes(60)

    assert failed() - before == pytest.approx(1500, rel=0.15)
    assert ask(cluster, 'sum(http_requests_total{status=~"5.."}) or vector(0)') == 0


def test_errors_of_a_version_show_in_its_own_figures_only(cluster) -> None:
    with_canary(cluster)
    cluster.apply(route(75, 25))

    cluster.fault(**{"v2.5.0": {"error_rate": 0.05}})
    cluster.passes(300)

    rate = (
        '(sum(increase(http_requests_total{{version="{v}",status=~"5.."}}[4m])) or vector(0))'
        ' / sum(increase(http_requests_total{{version="{v}"}}[4m]))'
    )
    assert ask(cluster, rate.format(v="v2.5.0")) == pytest.approx(0.05, abs=0.02)
    assert ask(cluster, rate.format(v="v2.4.0")) == 0


def test_latency_is_added_to_every_answer(cluster) -> None:
    p95 = "histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket[1m])))"
    cluster.passes(90)
    before = ask(cluster, p95)

    cluster.fault(**{"v2.4.0": {"latency_ms": 300}})
    cluster.passes(90)

    assert before == pytest.approx(0.21, abs=0.03)
    assert ask(cluster, p95) == pytest.approx(0.51, abs=0.08)


def test_memory_conversion_and_limit_are_what_the_faults_say(cluster) -> None:
    cluster.fault(**{"v2.4.0": {"memory_leak_mb_per_min": 30, "conversion_rate": 0.2}})

    before = ask(cluster, "max(container_memory_working_set_bytes)")
    cluster.passes(180)

    assert before is not None
    assert ask(cluster, "max(container_memory_working_set_bytes)") == pytest.approx(
        before + 90 * 2**20, rel=0.05
    )
    assert ask(cluster, "max(container_spec_memory_limit_bytes)") == 256 * 2**20
    conversion = "sum(rate(business_orders_total[2m])) / sum(rate(business_sessions_total[2m]))"
    assert ask(cluster, conversion) == pytest.approx(0.2, abs=0.03)


def test_a_fault_waits_for_its_time_and_ends_after_it(cluster) -> None:
    from bot.sim.cluster.faults import Faults

    start = cluster.clock.now()
    faults = Faults()
    faults.replace({"v1": {"error_rate": 0.5, "after": "60s", "for": "2m"}}, start)

    def rate(seconds: int) -> float:
        return faults.of("v1", start, start + timedelta(seconds=seconds)).error_rate

    assert [rate(second) for second in (0, 59, 60, 179, 180)] == [0, 0, 0.5, 0.5, 0]
    assert faults.of("v2", start, start + timedelta(seconds=90)).error_rate == 0


def test_while_metrics_are_down_nothing_is_scraped(cluster) -> None:
    cluster.passes(30)

    cluster.fault(**{"*": {"metrics_down": True}})
    cluster.passes(120)

    assert ask(cluster, "count(count_over_time(http_requests_total[1m]))") is None


def test_the_series_of_a_pod_that_is_gone_end_at_once(cluster) -> None:
    with_canary(cluster)
    cluster.apply(route(50, 50))
    cluster.passes(30)
    seen = ask(cluster, 'sum(http_requests_total{version="v2.5.0"})')

    cluster.sim.store.remove(cluster_kind("Deployment"), "production", "checkout-canary")
    cluster.until(lambda: not cluster.pods("v2.5.0"))
    cluster.passes(2)

    assert seen is not None
    assert seen > 0
    assert ask(cluster, 'sum(http_requests_total{version="v2.5.0"})') is None


def cluster_kind(name: str):
    from bot.sim.cluster import kinds

    return kinds.of(name)


def test_the_same_seed_gives_the_same_history(new_cluster) -> None:
    from bot.sim.cluster import STARTER

    totals = []
    for _ in range(2):
        cluster = new_cluster(Settings(seed=7))
        cluster.sim.load(STARTER)
        cluster.passes(120)
        totals.append(cluster.requests("v2.4.0"))

    assert totals[0] == totals[1] > 0


def test_ten_minutes_of_traffic_cost_little(new_cluster) -> None:
    """At 60× ten minutes last ten seconds; less than 15 % of a core is 1.5 s (measured: 0.15 s)."""
    import time

    from bot.sim.cluster import STARTER

    cluster = new_cluster()
    cluster.sim.load(STARTER)

    began = time.process_time()
    cluster.passes(600)
    cost = time.process_time() - began

    assert cost < 600 / 60 * 0.15

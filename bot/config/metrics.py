"""Where figures come from and which questions give them.

The queries are templates. `$selector` and `$pods_selector` are filled from `selector` and `pods`, once per
version, `$window` from `window`.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from bot.config.quantities import Duration, minutes, seconds
from bot.config.section import Section
from bot.config.words import Line, Name, Url, template

_SELECTOR_NAMES = ("namespace", "version", "pods")
_QUERY_NAMES = ("selector", "pods_selector", "window", *_SELECTOR_NAMES)

Selector = Annotated[Line, template(*_SELECTOR_NAMES)]
Query = Annotated[str, Field(min_length=1), template(*_QUERY_NAMES)]

_REQUESTS = "http_requests_total{$selector}"
_ERRORS = 'http_requests_total{$selector,status=~"5.."}'
_LATENCY = "http_request_duration_seconds_bucket{$selector}"


def _quantile(of: str) -> str:
    return f"histogram_quantile({of}, sum by (le) (rate({_LATENCY}[$window])))"


class Queries(Section):
    """Each yields one number; the counters (`…_total`, buckets) let the analysis count disjoint windows."""

    requests_total: Query = f"sum({_REQUESTS})"
    errors_total: Query = f"sum({_ERRORS}) or vector(0)"
    latency_buckets: Query = f"sum by (le) ({_LATENCY})"
    requests: Query = f"sum(increase({_REQUESTS}[$window]))"
    error_rate: Query = f"(sum(rate({_ERRORS}[$window])) or vector(0)) / sum(rate({_REQUESTS}[$window]))"
    p50: Query = _quantile("0.50")
    p95: Query = _quantile("0.95")
    p99: Query = _quantile("0.99")
    cpu: Query = "sum(rate(container_cpu_usage_seconds_total{$pods_selector}[$window]))"
    memory: Query = "max(container_memory_working_set_bytes{$pods_selector})"
    memory_limit: Query = "max(container_spec_memory_limit_bytes{$pods_selector})"


class BusinessFigure(Section):
    query: Query
    better: Literal["higher", "lower"] = "higher"


class MetricsSettings(Section):
    kind: Literal["prometheus", "cloudwatch", "datadog"] = "prometheus"
    url: Url = "http://prometheus:9090"
    window: Duration = minutes(1)
    stale_after: Duration = seconds(30)
    selector: Selector = 'namespace="$namespace",version="$version"'
    pods: Selector = 'namespace="$namespace",pod=~"$pods"'
    queries: Queries = Queries()
    business: Mapping[Name, BusinessFigure] = {}

"""Prometheus' answers to instant queries, read strictly: a number, a histogram, or why there is none.

The format: https://prometheus.io/docs/prometheus/latest/querying/api/#expression-query-result-formats
"""

import json
import re
from math import inf, isfinite

from bot.domain.errors import Unreachable, Unreadable
from bot.domain.figures import Bucket, Figure, Gap

SYSTEM = "Prometheus"

_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")

# Nobody's histogram has more; a query without `sum by (le)` may have thousands.
_MOST_BUCKETS = 500


class Histogram:
    """A cumulative histogram, or the gap in its place."""

    def __init__(self, buckets: tuple[Bucket, ...] = (), gap: Gap | None = None, detail: str = "") -> None:
        self.buckets = buckets
        self.gap = gap
        self.detail = detail


# A range of values or a text is not what was asked for, even where a number could be found in it.
_TYPES = ("vector", "scalar")
_LONGEST_ERROR = 200


def check(content: bytes) -> None:
    """Look at a whole answer, of which the client only hands on the result.

    Raises:
        Unreachable: it says that it is an error, although the server calls it a success.
        Unreadable: it is no answer to an instant query.
    """
    try:
        said = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Unreadable(SYSTEM, "the answer is unreadable") from error
    if not isinstance(said, dict):
        raise Unreadable(SYSTEM, "the answer is unreadable")
    if said.get("status") == "error":
        words = " ".join(str(said.get("error") or "an error without a word").split())
        raise Unreachable(SYSTEM, words[:_LONGEST_ERROR])
    data = said.get("data")
    kind = data.get("resultType") if isinstance(data, dict) else None
    if said.get("status") != "success" or kind not in _TYPES:
        raise Unreadable(SYSTEM, f"the answer is unreadable: neither {' nor '.join(_TYPES)}")


def read_figure(result: object) -> Figure:
    """The one number of an answer."""
    if not isinstance(result, list):
        return _unreadable()
    if len(result) == 2 and isinstance(result[1], str):  # a scalar: [time, "value"]
        return _number(result[1])
    if not result:
        return Figure.missing(Gap.EMPTY, "no series matches")
    if len(result) > 1:
        return Figure.missing(Gap.SEVERAL, f"{len(result)} series where one was asked for")
    return _number(_value_of(result[0]))


def read_histogram(result: object) -> Histogram:
    """The buckets of `sum by (le) (…)`, ascending and cumulative."""
    if not isinstance(result, list):
        return Histogram(gap=Gap.UNREACHABLE, detail="the answer is unreadable")
    if not result:
        return Histogram(gap=Gap.EMPTY, detail="no series matches")
    counts: dict[float, float] = {}
    for series in result[: _MOST_BUCKETS + 1]:
        bound, count = _bound_of(series), _number(_value_of(series))
        if bound is None:
            return Histogram(gap=Gap.UNREACHABLE, detail="a series without a readable le label")
        if count.value is None:
            return Histogram(gap=count.gap, detail=count.detail)
        if bound in counts:
            return Histogram(gap=Gap.SEVERAL, detail="several series for one bucket")
        counts[bound] = count.value
    if inf not in counts or len(counts) > _MOST_BUCKETS:
        return Histogram(gap=Gap.UNREACHABLE, detail="not a whole histogram")
    return Histogram(_cumulative(counts))


def _cumulative(counts: dict[float, float]) -> tuple[Bucket, ...]:
    buckets, highest = [], 0.0
    for bound in sorted(counts):
        # Sums of floats may fall by a hair from one bucket to the next; Prometheus mends that, too.
        highest = max(highest, counts[bound])
        buckets.append(Bucket(le=None if bound == inf else bound, count=highest))
    return tuple(buckets)


def _bound_of(series: object) -> float | None:
    metric = series.get("metric") if isinstance(series, dict) else None
    text = metric.get("le") if isinstance(metric, dict) else None
    if not isinstance(text, str):
        return None
    if text == "+Inf":
        return inf
    return float(text) if _NUMBER.fullmatch(text) else None


def _value_of(series: object) -> object:
    value = series.get("value") if isinstance(series, dict) else None
    return value[1] if isinstance(value, list) and len(value) == 2 else None


def _number(text: object) -> Figure:
    if text in ("NaN", "+Inf", "-Inf", "Inf"):
        return Figure.missing(Gap.NAN, "no number, as of a ratio without requests")
    if not isinstance(text, str) or not _NUMBER.fullmatch(text):
        return _unreadable()
    value = float(text)
    return Figure.known(value) if isfinite(value) else Figure.missing(Gap.NAN, "too large a number")


def _unreadable() -> Figure:
    return Figure.missing(Gap.UNREACHABLE, "the answer is unreadable")

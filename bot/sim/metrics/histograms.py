"""`histogram_quantile`: a quantile read out of cumulative buckets, by Prometheus' rules.

The counts within a bucket are taken to lie evenly between its bounds. The first bucket begins at zero (unless
its bound is below), and the last, `+Inf`, answers with the bound before it: there is no better knowledge.
"""

import math
from itertools import accumulate

from bot.sim.metrics import arithmetic
from bot.sim.metrics.values import NAME, Labels, Sample, Vector, key_of

Bucket = tuple[float, float]
"""Upper bound and count of all that is not above it."""


def histogram_quantile(share: float, vector: Vector) -> Vector:
    histograms: dict[object, tuple[Labels, list[Bucket]]] = {}
    for sample in vector:
        bound = _bound(sample.labels.get("le", ""))
        if bound is None:
            continue
        labels = {name: value for name, value in sample.labels.items() if name not in {NAME, "le"}}
        histograms.setdefault(key_of(labels), (labels, []))[1].append((bound, sample.value))
    return [Sample(labels, _quantile(share, buckets)) for labels, buckets in histograms.values()]


def _bound(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _quantile(share: float, given: list[Bucket]) -> float:
    if math.isnan(share):
        return arithmetic.NAN
    if not 0 <= share <= 1:
        return math.copysign(arithmetic.INFINITY, share)
    bounds, counts = _cumulative(given)
    if bounds[-1] != arithmetic.INFINITY or len(bounds) < 2 or counts[-1] == 0:
        return arithmetic.NAN
    rank = share * counts[-1]
    hit = next((i for i, count in enumerate(counts[:-1]) if count >= rank), len(bounds) - 1)
    if hit == len(bounds) - 1:
        return bounds[-2]
    if hit == 0 and bounds[0] <= 0:
        return bounds[0]
    start, below = (bounds[hit - 1], counts[hit - 1]) if hit > 0 else (0.0, 0.0)
    return start + (bounds[hit] - start) * arithmetic.divide(rank - below, counts[hit] - below)


def _cumulative(given: list[Bucket]) -> tuple[list[float], list[float]]:
    """Bounds and counts in order: equal bounds merged, and no count below the one before it."""
    merged: dict[float, float] = {}
    for bound, count in sorted(given):
        merged[bound] = merged.get(bound, 0.0) + count
    return list(merged), list(accumulate(merged.values(), max))

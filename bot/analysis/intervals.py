"""Intervals that people read: on a proportion, on a quantile, and on the difference of two estimates.

- A proportion: Wilson's score interval (E. B. Wilson, "Probable inference", JASA 22, 1927), sound for rare
  events and for none at all, where the textbook's ± collapses to zero.
- A difference: the hybrid score interval (R. G. Newcombe, "Interval estimation for the difference between
  independent proportions", Statistics in Medicine 17, 1998, method 10), which needs only the two intervals
  and so serves quantiles as well (G. Y. Zou and A. Donner, same journal 27, 2008).
- A quantile: the latencies at the ranks of Wilson's interval around it.

These hold for one look. What may stop a stage early is in `evidence`.
"""

from math import sqrt
from typing import NamedTuple

from bot.analysis.latency import Histogram, quantile

Z95 = 1.959964  # two-sided 95 %


class Estimate(NamedTuple):
    """A figure and how far off it may be."""

    value: float
    low: float
    high: float


def proportion(hits: float, of: float, z: float = Z95) -> Estimate:
    """Wilson's interval; the whole of [0, 1] where nothing was seen."""
    if of <= 0:
        return Estimate(0.0, 0.0, 1.0)
    share = hits / of
    spread = z * z / of
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * sqrt(share * (1 - share) / of + spread / (4 * of))
    return Estimate(share, max(0.0, middle - half), min(1.0, middle + half))


def quantile_of(histogram: Histogram, q: float, z: float = Z95) -> Estimate | None:
    """A quantile with its interval; None without requests."""
    value = quantile(histogram, q)
    if value is None:
        return None
    ranks = proportion(q * histogram.total, histogram.total, z)
    low, high = quantile(histogram, ranks.low), quantile(histogram, ranks.high)
    assert low is not None, "there are requests"
    assert high is not None, "there are requests"
    return Estimate(value, low, high)


def difference(of: Estimate, against: Estimate) -> Estimate:
    """`of` − `against`."""
    change = of.value - against.value
    return Estimate(
        change,
        change - sqrt((of.value - of.low) ** 2 + (against.high - against.value) ** 2),
        change + sqrt((of.high - of.value) ** 2 + (against.value - against.low) ** 2),
    )

"""Reading a cumulative histogram: quantiles, and the share of requests slower than a boundary.

Between two bounds observations are taken as spread evenly, as Prometheus' `histogram_quantile` does
(https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile), so that a figure here
is the figure on the team's dashboard.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from bot.domain.figures import Bucket


class Histogram(NamedTuple):
    """Cumulative counts up to each bound; the last bound may be open (None)."""

    bounds: tuple[float | None, ...] = ()
    counts: tuple[float, ...] = ()

    @property
    def total(self) -> float:
        return self.counts[-1] if self.counts else 0.0

    @property
    def top(self) -> float:
        """The highest finite bound; beyond it nothing can be told apart."""
        return max((bound for bound in self.bounds if bound is not None), default=0.0)


def histogram(buckets: Sequence[Bucket]) -> Histogram:
    return Histogram(tuple(b.le for b in buckets), tuple(b.count for b in buckets))


def added(bounds: tuple[float | None, ...], windows: Iterable[tuple[float, ...]]) -> Histogram:
    """What several windows counted together; those without buckets add nothing."""
    counts = tuple(sum(column) for column in zip(*(w for w in windows if w), strict=True))
    return Histogram(bounds, counts) if counts else Histogram()


def quantile(of: Histogram, q: float) -> float | None:
    """The latency that a share `q` of the requests stays within; None without requests.

    In the +Inf bucket it is the highest finite bound, as in Prometheus: the histogram cannot tell more.
    """
    if of.total <= 0:
        return None
    rank = q * of.total
    below, lower = 0.0, 0.0
    for bound, count in zip(of.bounds, of.counts, strict=True):
        if bound is None:
            break
        if count >= rank:
            inside = count - below
            return lower + (bound - lower) * ((rank - below) / inside if inside > 0 else 1.0)
        below, lower = count, bound
    return lower


def slower_than(of: Histogram, boundary: float) -> float:
    """How many requests took longer; a bucket that the boundary cuts counts in proportion."""
    below, lower = 0.0, 0.0
    for bound, count in zip(of.bounds, of.counts, strict=True):
        if bound is None:
            break
        if boundary <= bound:
            share = (boundary - lower) / (bound - lower) if bound > lower else 1.0
            return of.total - (below + (count - below) * share)
        below, lower = count, bound
    return of.total - below

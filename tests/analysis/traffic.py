"""Counters of two versions under made-up traffic, read at every scrape as the bot reads them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import exp, inf, log

import numpy as np

from bot.domain.figures import Bucket, Figure, Sample

START = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
SCRAPE = timedelta(seconds=5)
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, inf)


@dataclass
class Version:
    """One version's traffic: Poisson arrivals, failures with one probability, log-normal latencies."""

    random: np.random.Generator
    per_second: float
    errors: float = 0.0005
    median: float = 0.09
    spread: float = 0.5
    requests: int = 0
    failed: int = 0
    slow: np.ndarray | None = None

    def sample(self, at: datetime) -> Sample:
        arrived = int(self.random.poisson(self.per_second * SCRAPE.total_seconds()))
        self.requests += arrived
        self.failed += int(self.random.binomial(arrived, self.errors))
        latencies = np.exp(self.random.normal(log(self.median), self.spread, arrived))
        counted = np.array([np.count_nonzero(latencies <= bound) for bound in BOUNDS])
        self.slow = counted if self.slow is None else self.slow + counted
        return reading(at, self.requests, self.failed, [float(c) for c in self.slow])

    @property
    def p95(self) -> float:
        return self.median * exp(1.645 * self.spread)


def reading(at: datetime, requests: float, errors: float, buckets: Sequence[float] = ()) -> Sample:
    return Sample(
        at=at,
        requests_total=Figure.known(float(requests)),
        errors_total=Figure.known(float(errors)),
        buckets=tuple(
            Bucket(le=None if bound == inf else bound, count=count)
            for bound, count in zip(BOUNDS, buckets, strict=False)
        ),
    )

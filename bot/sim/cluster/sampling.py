"""Chance in bulk: how many of n requests go where, without drawing each one when there are many."""

import math
import random
from bisect import bisect_right
from collections.abc import Sequence

# Below, each request is drawn by itself; above, the normal distribution is near enough.
_FEW = 40


def binomial(chance: random.Random, n: int, p: float) -> int:
    """How many of `n` happen, each with probability `p`."""
    if n <= 0 or p <= 0:
        return 0
    if p >= 1:
        return n
    if p > 0.5:
        return n - binomial(chance, n, 1 - p)
    if n <= _FEW:
        return sum(chance.random() < p for _ in range(n))
    if n * p < 10:
        return min(n, poisson(chance, n * p))
    return min(n, max(0, round(chance.gauss(n * p, math.sqrt(n * p * (1 - p))))))


def poisson(chance: random.Random, mean: float) -> int:
    """How many events happen where `mean` are expected."""
    if mean <= 0:
        return 0
    if mean > 60:
        return max(0, round(chance.gauss(mean, math.sqrt(mean))))
    count, product, limit = -1, 1.0, math.exp(-mean)
    while product > limit:
        count += 1
        product *= chance.random()
    return count


def spread(chance: random.Random, n: int, cumulative: Sequence[float]) -> list[int]:
    """`n` spread over classes whose shares, added up, are `cumulative` (the last is the total)."""
    counts = [0] * len(cumulative)
    total = cumulative[-1] if cumulative else 0.0
    if n <= 0 or total <= 0:
        return counts
    if n <= _FEW:
        for _ in range(n):
            counts[min(bisect_right(cumulative, chance.random() * total), len(counts) - 1)] += 1
        return counts
    before, left = 0.0, n
    for index, bound in enumerate(cumulative):
        if left == 0 or before >= total:
            break
        counts[index] = binomial(chance, left, (bound - before) / (total - before))
        left -= counts[index]
        before = bound
    return counts

"""Evidence that may be looked at as often as one likes: e-processes for "worse than allowed".

**The test.** Evidence is a likelihood ratio. Above the line stands the probability of what was seen if both
versions fail at rates about which only a prior is known; below it the highest probability that any rates
*within the allowed margin* give it. With rates within the margin such a ratio is a non-negative
supermartingale starting at one (or below one), so by Ville's inequality it *ever* reaches 1/α with
probability at most α, however often it is looked at and whenever one stops. This is exact for any number of
requests and failures, none included; no normal approximation.

  L. Wasserman, A. Ramdas, S. Balakrishnan, "Universal inference", PNAS 117 (2020): dividing by the maximum
  over the null.
  A. Ramdas, P. Grünwald, V. Vovk, G. Shafer, "Game-theoretic statistics and safe anytime-valid inference",
  Statistical Science 38 (2023): e-processes, Ville's inequality.

Fractions (a histogram's bucket cut by a boundary) are allowed: by convexity the ratio for a value in [0, 1]
is in expectation no larger than for a coin of the same mean.

**A fault in mid-stage.** Ten good minutes would dilute ten bad seconds. So a stake is also put on every
later window as the one where the trouble begins: one half on the stage's start, the rest falling slowly over
the windows after it (`log_stake`). The stakes sum to one, so their mixture is an e-process too; stakes on
windows no longer kept are counted as lost, which is safe.

**What it takes for granted:** that requests fail independently. Failures come in bursts, so `comparison`
asks in addition that more than one scrape shows them.
"""

from math import exp, inf, lgamma, log
from typing import NamedTuple

# What each question may spend on false alarms: together below one in a hundred stages.
ALPHA_ERRORS = 0.005
ALPHA_LATENCY = 0.002
ALPHA_WARMING = 0.002  # errors during a stage's cold start, which is counted on its own


class Prior(NamedTuple):
    """A Beta prior of a rate. It decides how soon evidence comes, never whether it is valid."""

    a: float
    b: float


_TRUSTED = Prior(0.5, 100.0)  # the version that has served for weeks: most likely well below one per cent
_ON_TRIAL = Prior(1.0, 20.0)  # a few per cent where something is wrong


class Seen(NamedTuple):
    """So many of so many."""

    hits: float
    of: float

    @property
    def rate(self) -> float:
        return self.hits / self.of if self.of > 0 else 0.0


def log_evidence(canary: Seen, stable: Seen, margin: float) -> float:
    """The logarithm of the evidence that the canary's rate exceeds stable's by more than `margin`."""
    if canary.of <= 0 or stable.of <= 0:
        return 0.0
    return _mixture(canary, _ON_TRIAL) + _mixture(stable, _TRUSTED) - _best_within(canary, stable, margin)


def log_evidence_above(seen: Seen, rate: float) -> float:
    """The logarithm of the evidence that the rate exceeds a fixed one."""
    if seen.of <= 0:
        return 0.0
    return _mixture(seen, _ON_TRIAL) - _likelihood(seen, min(seen.rate, rate))


# Half of the later stakes lie on the first so many windows: eight minutes of scrapes each 5 s.
_SPREAD = 100


def log_stake(window: int) -> float:
    """The logarithm of the stake on trouble that begins at this window, counted from 1.

    From the second on they are terms of a telescoping series whose sum is one half.
    """
    if window == 1:
        return log(0.5)
    before = window + _SPREAD - 2
    return log(0.5 * _SPREAD) - log(before * (before + 1))


def is_decisive(evidence: list[float], alpha: float) -> bool:
    """Whether the stakes together, each with its evidence, have reached 1/α."""
    return _log_sum(evidence) >= -log(alpha)


def _log_sum(terms: list[float]) -> float:
    """The logarithm of the sum of what these are the logarithms of."""
    highest = max(terms, default=-inf)
    return highest if highest == -inf else highest + log(sum(exp(term - highest) for term in terms))


def _mixture(seen: Seen, prior: Prior) -> float:
    hits, misses = seen.hits, seen.of - seen.hits
    return _log_beta(prior.a + hits, prior.b + misses) - _log_beta(*prior)


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)


def _best_within(canary: Seen, stable: Seen, margin: float) -> float:
    """The logarithm of the highest likelihood with the canary's rate at most stable's plus the margin."""
    if canary.rate <= stable.rate + margin:
        return _likelihood(canary, canary.rate) + _likelihood(stable, stable.rate)
    # The maximum lies where the margin is used up; the likelihood is concave along that line.
    low, high = stable.rate, min(canary.rate - margin, 1.0 - margin)
    for _ in range(40):
        middle = (low + high) / 2
        if _slope(canary, middle + margin) + _slope(stable, middle) > 0:
            low = middle
        else:
            high = middle
    # The higher of the two ends: never below the true maximum by more than the last halving.
    return max(_likelihood(canary, p + margin) + _likelihood(stable, p) for p in (low, high))


def _likelihood(seen: Seen, rate: float) -> float:
    hits, misses = seen.hits, seen.of - seen.hits
    return _times_log(hits, rate) + _times_log(misses, 1.0 - rate)


def _times_log(count: float, probability: float) -> float:
    if count <= 0:
        return 0.0
    return count * log(probability) if probability > 0 else -inf


def _slope(seen: Seen, rate: float) -> float:
    hits, misses = seen.hits, seen.of - seen.hits
    up = hits / rate if rate > 0 else (inf if hits > 0 else 0.0)
    down = misses / (1.0 - rate) if rate < 1 else (inf if misses > 0 else 0.0)
    return up - down

"""How often the comparison raises a false alarm, and how soon it sees a grave fault.

Run `python -m tests.analysis.false_alarms [--bakes 2000] [--looks 50]`.

Each bake has two versions that are the same, scraped and compared every 5 s. It prints the share of bakes in
which any look said WORSE; the aim is at most 1 %. Then it breaks the canary and prints the scrape at which
the verdict came.
"""

import argparse
from collections import Counter

import numpy as np

from bot.analysis import Limits, compare, count
from bot.domain.figures import Tally
from bot.domain.verdict import VerdictKind
from tests.analysis.traffic import SCRAPE, START, Version

LIMITS = Limits()


def bake(
    canary: Version, stable: Version, looks: int, *, broken_from: int = 0, errors: float = 0.0
) -> int | None:
    """The look, counted from the first scrape that can show the fault, at which the verdict was WORSE."""
    canary_tally = count(Tally(), canary.sample(START))
    stable_tally = count(Tally(), stable.sample(START))
    for look in range(1, looks + 1):
        if errors and look > broken_from:
            canary.errors = errors
        at = START + look * SCRAPE
        canary_tally = count(canary_tally, canary.sample(at))
        stable_tally = count(stable_tally, stable.sample(at))
        verdict = compare(canary_tally, stable_tally, None, None, LIMITS)
        if verdict.kind is VerdictKind.WORSE:
            return look - broken_from
    return None


def false_alarm_rate(
    bakes: int, looks: int, *, canary_rps: float, stable_rps: float, errors: float, seed: int
) -> float:
    random = np.random.default_rng(seed)
    alarms = 0
    for _ in range(bakes):
        canary, stable = Version(random, canary_rps, errors), Version(random, stable_rps, errors)
        alarms += bake(canary, stable, looks) is not None
    return alarms / bakes


def detection(bakes: int, *, broken_from: int, errors: float = 0.05, seed: int = 7) -> Counter[int | None]:
    random = np.random.default_rng(seed)
    return Counter(
        bake(
            Version(random, 25), Version(random, 75), broken_from + 24, broken_from=broken_from, errors=errors
        )
        for _ in range(bakes)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bakes", type=int, default=2000)
    parser.add_argument("--looks", type=int, default=50)
    given = parser.parse_args()
    for canary_rps, stable_rps, errors in ((25, 75, 0.0005), (5, 95, 0.0005), (25, 75, 0.01), (2, 2, 0.02)):
        rate = false_alarm_rate(
            given.bakes, given.looks, canary_rps=canary_rps, stable_rps=stable_rps, errors=errors, seed=1
        )
        print(f"A/A, {canary_rps} and {stable_rps} requests/s, {errors:.2%} errors: {rate:.2%} false alarms")
    for broken_from in (0, 24, 120):
        seen = detection(given.bakes // 10, broken_from=broken_from)
        spread = ", ".join(f"scrape {look}: {n}" for look, n in sorted(seen.items(), key=str))
        print(f"5 % errors at 25 requests/s from look {broken_from} on: {spread}")


if __name__ == "__main__":
    main()

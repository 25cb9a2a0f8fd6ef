"""More failing requests than a fixed share: found soon, and never by chance, by a burst or by one scrape."""

import numpy as np
import pytest

from bot.analysis import above, count
from bot.domain.figures import Tally
from tests.analysis.test_comparison import tally
from tests.analysis.traffic import SCRAPE, START, reading

_SCRAPES, _REQUESTS = 60, 100
_STAGES = 100


def first_found(rate: float, seed: int) -> int | None:
    """At which scrape a version with this error rate is first found to be above 1 %; None: never."""
    chance = np.random.default_rng(seed)
    counted, failed = count(Tally(), reading(START, 0, 0, [])), 0
    for scrape, errors in enumerate(chance.binomial(_REQUESTS, rate, _SCRAPES), start=1):
        failed += int(errors)
        counted = count(counted, reading(START + scrape * SCRAPE, scrape * _REQUESTS, failed, []))
        if above(counted, 0.01) is not None:
            return scrape
    return None


def test_what_is_found_is_said_with_its_figures() -> None:
    assert above(tally([125, 125], [6, 7]), 0.01) == (
        "5.2 % errors, more than the 1 % that are allowed (13 of 250 requests in 10 s)"
    )


@pytest.mark.parametrize(
    "errors",
    [[0] * 10, [1] * 10, [0, 0, 0, 60, 0, 0, 0, 0, 0, 0]],
    ids=["none", "just allowed", "one scrape"],
)
def test_nothing_is_found_where_nothing_is(errors: list[int]) -> None:
    assert above(tally([100] * 10, errors), 0.01) is None


def test_trouble_in_the_middle_is_not_diluted_by_what_was_well() -> None:
    assert above(tally([100] * 23, [0] * 20 + [8, 9, 8]), 0.01) is not None


def test_nothing_is_said_of_a_version_without_requests() -> None:
    assert above(Tally(), 0.01) is None


def test_a_rate_that_is_just_allowed_seldom_raises_an_alarm_however_often_one_looks() -> None:
    alarms = sum(first_found(0.01, seed) is not None for seed in range(_STAGES))

    assert alarms <= 0.005 * _STAGES + 3, f"{alarms} of {_STAGES}"


def test_five_per_cent_are_found_within_a_minute() -> None:
    found = [first_found(0.05, seed) for seed in range(50)]

    assert all(scrape is not None and scrape <= 12 for scrape in found), found

"""A leak told from noise."""

import math
import random
from datetime import UTC, datetime, timedelta

import pytest

from bot.analysis import growth

BEGAN = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
MEGABYTE = 1e6


def readings(per_hour: float, noise: float = 0.0, seed: int = 1) -> list[tuple[datetime, float]]:
    """Forty readings of ten minutes, of a process of 100 MB."""
    chance, found = random.Random(seed), []
    for number in range(40):
        passed = timedelta(seconds=15 * number)
        level = 100 * MEGABYTE * (1 + per_hour * passed / timedelta(hours=1))
        found.append((BEGAN + passed, level * (1 + chance.gauss(0, noise))))
    return found


@pytest.mark.parametrize("per_hour", [-0.3, 0.0, 0.05, 0.5, 3.0])
def test_a_straight_line_is_read_as_it_is(per_hour: float) -> None:
    found = growth(readings(per_hour))

    assert found is not None
    mean = 1 + per_hour * (39 * 15 / 2) / 3_600
    assert found.per_hour == pytest.approx(per_hour / mean, abs=1e-9)
    assert found.at_least == pytest.approx(found.per_hour, abs=1e-6)


def test_a_leak_is_seen_through_the_noise() -> None:
    seen = [growth(readings(0.5, noise=0.01, seed=seed)) for seed in range(100)]

    assert sum(one is not None and one.at_least > 0.1 for one in seen) >= 95


def test_noise_is_hardly_ever_taken_for_a_leak() -> None:
    """One in forty at most by the interval that is asked for; a limit of 10 % leaves room besides."""
    seen = [growth(readings(0.0, noise=0.01, seed=seed)) for seed in range(1_000)]

    assert sum(one is not None and one.at_least > 0 for one in seen) <= 45
    assert sum(one is not None and one.at_least > 0.1 for one in seen) <= 10


def test_a_saw_is_no_slope() -> None:
    """As a collector of garbage has it: up and down again, every two minutes."""
    saw = [(at, 100 * MEGABYTE * (1 + 0.2 * (n % 8) / 8)) for n, (at, _) in enumerate(readings(0))]
    found = growth(saw)

    assert found is not None
    assert found.at_least < 0.1


@pytest.mark.parametrize("number", [0, 1, 15])
def test_few_readings_say_nothing(number: int) -> None:
    assert growth(readings(1.0)[:number]) is None


def test_what_takes_no_time_or_is_nothing_has_no_slope() -> None:
    assert growth([(BEGAN, 1.0)] * 20) is None
    assert growth([(at, 0.0) for at, _ in readings(0)]) is None
    assert growth([(at, math.ulp(0)) for at, _ in readings(0)]) is not None

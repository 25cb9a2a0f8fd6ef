from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.analysis import count, restart
from bot.domain.figures import Figure, Gap, Sample, Tally
from tests.analysis.traffic import BOUNDS, SCRAPE, START, reading


def counted(*readings: Sample) -> Tally:
    tally = Tally()
    for one in readings:
        tally = count(tally, one)
    return tally


def at(scrape: float) -> object:
    return START + scrape * SCRAPE


def buckets(total: float) -> list[float]:
    return [total] * len(BOUNDS)


def test_the_first_reading_is_where_counting_begins() -> None:
    tally = counted(reading(at(0), 5000, 40))

    assert (tally.requests, tally.errors, tally.windows) == (0, 0, 0)
    assert tally.since == at(0)


def test_each_window_counts_what_the_counters_gained() -> None:
    tally = counted(
        reading(at(0), 5000, 40, buckets(5000)),
        reading(at(1), 5100, 41, buckets(5100)),
        reading(at(2), 5250, 45, buckets(5250)),
    )

    assert (tally.requests, tally.errors, tally.windows) == (250, 5, 2)
    assert [w.requests for w in tally.recent] == [100, 150]
    assert tally.buckets[-1].count == 250


@given(st.lists(st.integers(0, 500), min_size=1, max_size=40), st.integers(1, 5))
def test_asking_more_often_counts_nothing_twice(gains: list[int], times: int) -> None:
    total, readings = 1000, [reading(at(0), 1000, 0)]
    for scrape, gain in enumerate(gains, start=1):
        total += gain
        readings += [reading(at(scrape + look / (times + 1)), total, 0) for look in range(times)]

    tally = counted(*readings)

    assert tally.requests == sum(gains)
    assert tally.windows == sum(1 for gain in gains if gain)


def test_steps_of_pods_scraped_one_after_the_other_are_one_window() -> None:
    tally = counted(*(reading(START + timedelta(seconds=s), 100 * s, s) for s in range(9)))

    assert tally.requests == 800
    assert tally.windows == 2


def test_a_reading_that_is_older_than_the_last_is_ignored() -> None:
    tally = counted(reading(at(1), 5100, 0), reading(at(0), 5000, 0))

    assert tally.requests == 0


def test_a_gap_keeps_the_last_good_reading_and_the_next_one_counts_across_it() -> None:
    gap = Sample(at=at(1), requests_total=Figure.missing(Gap.UNREACHABLE, "connection refused"))
    blind = counted(reading(at(0), 5000, 0), gap, gap.with_(at=at(2)))

    seeing = count(blind, reading(at(3), 5300, 2))

    assert (blind.blind_since, blind.blind_detail) == (at(1), "connection refused")
    assert Gap.UNREACHABLE in blind.gaps
    assert (seeing.requests, seeing.errors, seeing.blind_since, seeing.gaps) == (300, 2, None, ())


def test_buckets_that_are_missing_once_are_counted_with_the_next_window() -> None:
    missing = reading(at(1), 5100, 0).with_(buckets_gap=Gap.NAN)

    tally = counted(reading(at(0), 5000, 0, buckets(5000)), missing, reading(at(2), 5200, 0, buckets(5200)))

    assert (tally.requests, tally.buckets[-1].count) == (200, 200)


def test_a_pod_missing_from_the_sum_for_a_scrape_is_not_counted_again() -> None:
    tally = counted(
        reading(at(0), 5000, 40),
        reading(at(1), 2000, 10),
        reading(at(2), 5200, 43),
    )

    assert (tally.requests, tally.errors) == (200, 3)


def test_a_process_that_began_anew_is_counted_from_its_first_reading_on() -> None:
    tally = counted(
        reading(at(0), 5000, 40),
        reading(at(1), 30, 2),
        reading(at(2), 130, 7),
        reading(at(3), 230, 7),
    )

    assert (tally.requests, tally.errors) == (200, 5)


def test_restarting_begins_where_counting_stands() -> None:
    warm = restart(counted(reading(at(0), 5000, 0), reading(at(1), 5100, 50)))

    tally = count(warm, reading(at(2), 5300, 51))

    assert (warm.requests, warm.windows, warm.since) == (0, 0, at(1))
    assert (tally.requests, tally.errors) == (200, 1)


def test_a_tally_survives_json() -> None:
    tally = counted(reading(at(0), 5000, 0, buckets(5000)), reading(at(1), 5100, 5, buckets(5100)))

    assert Tally.model_validate_json(tally.model_dump_json()) == tally

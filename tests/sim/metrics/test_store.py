"""How series begin, go on, end and are forgotten."""

import time
from datetime import timedelta

import pytest

from bot.sim.metrics import SeriesStore
from tests.sim.metrics.conftest import NOON


def test_a_series_is_found_for_five_minutes_after_its_last_sample(fill, ask):
    fill("up", {"pod": "a"}, [1])

    assert len(ask("up", after=300)) == 1
    assert ask("up", after=300.001) == {}
    assert ask("up", after=-1) == {}


def test_a_series_marked_stale_is_gone_at_once(store, fill, ask):
    fill("up", {"pod": "a", "zone": "x"}, [1, 1])
    fill("up", {"pod": "b", "zone": "x"}, [1, 1])

    store.mark_stale({"pod": "a"}, NOON + timedelta(seconds=15))

    assert ask("up", after=16) == {frozenset({("__name__", "up"), ("pod", "b"), ("zone", "x")}): 1}


def test_what_was_seen_before_a_stale_marker_still_counts(store, fill, only):
    fill("hits_total", {"pod": "a"}, [0, 10, 20])

    store.mark_stale({"pod": "a"}, NOON + timedelta(seconds=40))

    assert only("count_over_time(hits_total[1m])", after=60) == 3
    assert only("irate(hits_total[1m])", after=60) == pytest.approx(10 / 15)


def test_a_stale_series_lives_again_with_its_next_sample(store, fill, only):
    fill("up", {"pod": "a"}, [1])
    store.mark_stale({"pod": "a"}, NOON + timedelta(seconds=5))

    store.append("up", {"pod": "a"}, NOON + timedelta(seconds=10), 7)

    assert only("up", after=10) == 7


def test_a_sample_that_is_not_newer_is_dropped_and_counted(store, only):
    for seconds, value in ((10, 1), (10, 2), (5, 3)):
        store.append("up", {}, NOON + timedelta(seconds=seconds), value)

    assert only("count_over_time(up[1m])", after=10) == 1
    assert only("up", after=10) == 1
    assert store.series("up", {}).dropped == 2


def test_the_order_of_labels_and_empty_labels_make_no_other_series(store, only):
    store.append("up", {"a": "1", "b": "2"}, NOON, 1)
    store.append("up", {"b": "2", "a": "1"}, NOON + timedelta(seconds=1), 2)
    store.append("up", {"b": "2", "a": "1", "c": ""}, NOON + timedelta(seconds=2), 3)

    assert len(store) == 1
    assert only("up", after=2) == 3


def test_samples_past_retention_are_forgotten():
    store = SeriesStore(retention=timedelta(minutes=10))

    for index in range(2000):
        store.append("ticks", {}, NOON + timedelta(seconds=index), index)

    end = round((NOON.timestamp() + 1999) * 1000)
    window = store.series("ticks", {}).window(0, end)
    assert (window.values[0], len(window.values)) == (1399, 601)


def test_a_series_past_retention_is_forgotten_and_may_begin_anew():
    store = SeriesStore(retention=timedelta(minutes=10))
    store.append("up", {"pod": "old"}, NOON, 1)

    for minute in range(1, 30):
        store.append("up", {"pod": "new"}, NOON + timedelta(minutes=minute), 1)

    assert len(store) == 1
    store.append("up", {"pod": "old"}, NOON + timedelta(minutes=30), 1)
    assert len(store) == 2


@pytest.mark.bench
def test_forty_pods_of_sixty_series_are_kept_up_with():
    store = SeriesStore()
    labels = [
        {"namespace": "production", "pod": f"p{p}", "path": f"/{s}"} for p in range(40) for s in range(60)
    ]

    begun = time.perf_counter()
    for tick in range(24):
        at = NOON + timedelta(seconds=5 * tick)
        for each in labels:
            store.append("http_requests_total", each, at, tick)
    taken = time.perf_counter() - begun

    print(f"two simulated minutes (two real seconds at 60x) appended in {taken * 1000:.0f} ms")

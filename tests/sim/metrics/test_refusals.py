"""What is not supported is refused, with or without data; it is never an empty answer."""

import time

import pytest

from bot.sim.metrics.values import CannotExecute, NotSupported


@pytest.mark.parametrize(
    "query",
    [
        "max_over_time(rate(hits_total[1m])[5m:])",
        "hits_total @ 0",
        "rate(hits_total[1m] @ start())",
        'hits_total{a="1" or b="2"}',
        "month()",
        "timestamp(hits_total @ 0)",
        "hits_total atan2 2",
        "limitk(1, hits_total)",
        "hits_total + on (pod) group_left fill (0) hits_total",
        "double_exponential_smoothing(hits_total[5m], 0.5, 0.5)",
        "sum(topk(1, absent_over_time(hits_total[5m:1m])))",
    ],
)
def test_an_unsupported_expression_is_refused_by_name(ask, query):
    with pytest.raises(NotSupported, match="not supported by the simulated Prometheus"):
        ask(query)


def test_a_regular_expression_that_would_run_for_ever_is_stopped(fill, ask):
    fill("hits_total", {"path": "a" * 60 + "!"}, [1])
    begun = time.monotonic()

    with pytest.raises(NotSupported, match="costly"):
        ask(r'hits_total{path=~"(a|aa|a?)+b?c?([a-z]|a)+$"}')

    assert time.monotonic() - begun < 5


def test_a_regular_expression_of_endless_length_is_refused(ask):
    with pytest.raises(NotSupported, match="20000 characters"):
        ask(f'hits_total{{path=~"{"a" * 20_000}"}}')


def test_series_that_lose_what_tells_them_apart_cannot_be_answered(fill, ask):
    fill("in_total", {"pod": "a"}, [1, 2])
    fill("out_total", {"pod": "a"}, [1, 2])

    with pytest.raises(CannotExecute, match="same labelset"):
        ask('rate({__name__=~"in_total|out_total"}[1m])', after=15)


def test_two_partners_for_one_series_cannot_be_answered(fill, ask):
    for status in ("200", "500"):
        fill("hits_total", {"pod": "a", "status": status}, [1])

    with pytest.raises(CannotExecute, match="many-to-many"):
        ask("hits_total / on (pod) hits_total")

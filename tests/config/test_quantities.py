"""What is written is what is meant, and what is meant can be written again."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.config.quantities import (
    LONGEST,
    Ratio,
    Size,
    Slope,
    TimesBaseline,
    duration_text,
    parse_duration,
    parse_latency_limit,
    parse_ratio,
    parse_size,
    parse_slope,
)

milliseconds = st.integers(0, LONGEST // timedelta(milliseconds=1)).map(lambda n: timedelta(milliseconds=n))


@given(milliseconds)
def test_a_duration_survives_being_written(duration):
    assert parse_duration(duration_text(duration)) == duration


@given(st.integers(0, 10**9).map(lambda millionths: Ratio(millionths / 10**8)))
def test_a_ratio_survives_being_written(ratio):
    assert parse_ratio(str(ratio)) == ratio


@given(st.integers(0, 10**12).map(Size))
def test_a_size_survives_being_written(size):
    assert parse_size(str(size)) == size


@given(st.integers(100, 10**6).map(lambda n: TimesBaseline(n / 100)))
def test_a_multiple_of_the_baseline_survives_being_written(limit):
    assert parse_latency_limit(str(limit)) == limit


@given(st.integers(0, 10**6).map(lambda n: n / 100), st.sampled_from("smhd"))
def test_a_slope_survives_being_written(percent, unit):
    slope = parse_slope(f"{percent}%/{unit}")

    assert parse_slope(str(slope)) == slope


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", 0.5),
        ("30s", 30),
        ("5m", 300),
        ("24h", 86400),
        ("7d", 604800),
        ("1h30m", 5400),
        ("1.5h", 5400),
    ],
)
def test_a_duration_is_the_sum_of_its_parts(text, seconds):
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "30",
        "30 s",
        "-5m",
        "5M",
        "m",
        "30m1h",
        "1h 30m",
        "5min",
        "1e3s",
        "٣s",
        "0.1%",
        "inf",
        "1m1m",
        "5mss",
    ],
)
def test_what_is_no_duration_is_refused_with_the_forms(text):
    with pytest.raises(ValueError, match="500ms, 30s, 5m, 24h"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "value"), [("0.1%", 0.001), ("1%", 0.01), ("5 %", 0.05), ("100%", 1.0), ("0%", 0)]
)
def test_a_percentage_is_an_exact_share(text, value):
    assert parse_ratio(text) == value


@pytest.mark.parametrize("text", ["", "0.1", "5", "%", "-1%", "1,5%", "5 percent", "nan%", "5%%"])
def test_what_is_no_percentage_is_refused_with_the_forms(text):
    with pytest.raises(ValueError, match=r"1%, 0\.1% or 80%"):
        parse_ratio(text)


def test_a_latency_limit_is_a_duration_or_a_multiple_of_the_baseline():
    assert parse_latency_limit("500ms") == timedelta(milliseconds=500)
    assert parse_latency_limit("2x baseline") == TimesBaseline(2.0)
    assert parse_latency_limit("1.5 × baseline") == TimesBaseline(1.5)


@pytest.mark.parametrize("text", ["2", "2x", "0s", "x baseline", "twice the baseline", "10%"])
def test_what_is_no_latency_limit_is_refused_with_the_forms(text):
    with pytest.raises(ValueError, match="2x baseline"):
        parse_latency_limit(text)


def test_sizes_and_slopes_have_their_units():
    assert parse_size("250kB") == 250_000
    assert parse_size("1.5KiB") == 1536
    assert parse_slope("10%/h") == Slope(Ratio(0.1), timedelta(hours=1))
    assert str(Size(250_000)) == "250kB"
    with pytest.raises(ValueError, match="250kB"):
        parse_size("250kb")
    with pytest.raises(ValueError, match="10%/h"):
        parse_slope("10%")

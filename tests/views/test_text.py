"""Words and figures as people read them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.views import blocks, text


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        (timedelta(seconds=1.84), "1.8 s"),
        (timedelta(seconds=24), "24 s"),
        (timedelta(minutes=11), "11 min"),
        (timedelta(hours=2, minutes=40), "2 h 40 min"),
        (timedelta(hours=3), "3 h"),
        (timedelta(days=3), "3 days"),
        (timedelta(seconds=-5), "0.0 s"),
    ],
)
def test_spans(duration, words):
    assert text.span(duration) == words


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (0.0004, "ratio", "0.04 %"),
        (0.048, "ratio", "4.8 %"),
        (0.12, "ratio", "12 %"),
        (0.0, "ratio", "0 %"),
        (0.212, "s", "212 ms"),
        (12.34, "s", "12.3 s"),
        (251_000_000, "bytes", "251 MB"),
        (1_400_000_000, "bytes", "1.4 GB"),
        (25.04, "1/s", "25.0/s"),
        (0.1234, "cores", "0.12 cores"),
        (None, "s", "–"),
    ],
)
def test_figures(value, unit, words):
    assert text.figure(value, unit) == words


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (-0.0001, "ratio", "−0.01 points"),
        (0.0475, "ratio", "+4.75 points"),
        (0.0000001, "ratio", "±0 points"),
        (0.004, "s", "+4 ms"),
        (-0.011, "s", "−11 ms"),
        (None, "ratio", "–"),
    ],
)
def test_changes_have_a_sign_and_a_true_minus(value, unit, words):
    assert text.change(value, unit) == words


def test_counts_have_separators_and_nouns_their_plural():
    assert text.count(18_240) == "18,240"
    assert text.plural(1, "approval") == "1 approval"
    assert text.plural(5, "approval") == "5 approvals"


def test_a_moment_is_shown_in_the_readers_zone_with_utc_to_fall_back_on():
    moment = datetime(2026, 11, 23, 14, 33, tzinfo=UTC)

    assert text.when(moment) == f"<!date^{int(moment.timestamp())}^{{time}}|14:33 UTC>"


@pytest.mark.parametrize(
    ("outside", "safe"),
    [
        ("<!channel>", "&lt;!channel&gt;"),
        ("a & b", "a &amp; b"),
        ("two\nlines\tand a tab", "two lines and a tab"),
        ("a\u2028b\u0085c", "a b c"),
        ("\u202eevil\u2066\x00", "evil"),
    ],
)
def test_outside_text_is_harmless(outside, safe):
    assert text.escaped(outside) == safe


@given(st.text(), st.integers(1, 300))
def test_outside_text_is_bounded_and_never_makes_a_token(outside, most):
    said = text.escaped(outside, most)

    assert "<" not in said
    assert ">" not in said
    assert len(said.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">")) <= most


def test_a_backtick_cannot_end_a_monospaced_run():
    assert text.code("a`b`c") == "`aʼbʼc`"


@given(st.text(alphabet="ab&<>;! ", max_size=60), st.integers(1, 60))
def test_a_cut_never_leaves_half_an_escape_or_a_token(outside, most):
    said = blocks.cut(f"{text.escaped(outside)} <!date^1^{{time}}|now>", most)

    assert len(said) <= most
    assert said.count("<") == said.count(">")
    left = said.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")
    assert "&" not in left


def test_names_are_joined_as_people_say_them():
    assert text.joined(()) == ""
    assert text.joined(("Bo",)) == "Bo"
    assert text.joined(("Bo", "Cy", "Eve")) == "Bo, Cy and Eve"


def test_sections_break_between_lines():
    lines = [f"line {number:4} " + "x" * 90 for number in range(100)]

    made = blocks.sections(lines)

    assert all(len(block["text"]["text"]) <= 3_000 for block in made)
    assert "\n".join(block["text"]["text"] for block in made).splitlines() == lines


def test_too_many_blocks_lose_text_but_never_their_buttons():
    many = [blocks.section("x" * 3_000)] * 60 + [blocks.actions(blocks.button("Hold", "hold", "r:1"))]

    kept = blocks.fitted(many)

    assert len(kept) <= 50
    assert kept[-1] == many[-1]


def test_a_figure_and_its_unit_stay_in_one_line():
    assert blocks.unbroken("5 % for 2 h 40 min, 212 ms, 3 minutes") == (
        "5\u00a0% for 2\u00a0h 40\u00a0min, 212\u00a0ms, 3 minutes"
    )

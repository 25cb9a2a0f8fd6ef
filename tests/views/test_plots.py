"""The picture under a stage."""

import struct

import pytest

from bot.domain.figures import Point
from bot.views.items import Picture
from bot.views.plots import draw
from tests.support.builders import MORNING
from tests.support.story import points, seconds


def a_picture(shown: tuple[Point, ...], **changes: object) -> Picture:
    picture = Picture(
        name="canary-25.png",
        title="Errors at 25 %: v2.5.0 is no worse",
        alt="Errors: 0.04 % on v2.5.0",
        points=shown,
        weight=25,
        canary="v2.5.0",
        stable="v2.4.1",
        allowed={"errors": 0.001},
    )
    return picture.with_(**changes)


def size_of(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def test_a_picture_is_1200_by_500_at_twice_the_density():
    assert size_of(draw(a_picture(points(25)))) == (2_400, 1_000)


def test_a_picture_is_small_enough_for_a_phone_on_the_way():
    assert len(draw(a_picture(points(25, 120)))) < 60_000


def test_the_same_points_give_the_same_bytes_and_others_do_not():
    one, again = draw(a_picture(points(25))), draw(a_picture(points(25)))

    assert one == again
    assert one != draw(a_picture(points(25, errors=0.01)))


def test_what_is_allowed_is_drawn():
    strict, lenient = {"errors": 0.0001}, {"errors": 0.0002}

    assert draw(a_picture(points(25), allowed=strict)) != draw(a_picture(points(25), allowed=lenient))


def test_gaps_lone_points_and_a_shift_in_the_middle_can_be_drawn():
    shown = [*points(5, 6), *points(25, 6, since=MORNING + seconds(180))]
    shown[3] = shown[3].with_(canary={})
    shown[5] = shown[5].with_(canary={}, stable={})

    assert size_of(draw(a_picture(tuple(shown)))) == (2_400, 1_000)


def test_figures_that_are_all_nought_or_of_one_kind_only_can_be_drawn():
    still = tuple(
        Point(at=MORNING + seconds(n), weight=5, canary={"errors": 0.0}, stable={"errors": 0.0})
        for n in range(3)
    )

    assert size_of(draw(a_picture(still, allowed={}))) == (2_400, 1_000)


@pytest.mark.parametrize("text", ["$x^{$ a $\\frac$", "_hidden", "v" * 300, "", "é ✓"])
def test_any_words_can_be_drawn(text):
    assert draw(a_picture(points(25, 3), title=text, canary=text, stable=text))


def test_a_picture_of_nothing_is_refused():
    empty = Point(at=MORNING, weight=5, canary={}, stable={})

    with pytest.raises(ValueError, match="no point"):
        draw(a_picture((empty, empty)))

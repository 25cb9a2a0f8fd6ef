"""Crash points by themselves: what a hook hears, and which names they have."""

import pytest

from bot.domain.points import around, passing, without_ids
from tests.support.passed import passed_points


def test_a_point_that_nobody_listens_for_does_nothing():
    passing("journal/ended/before")

    with around("kube/GET pods"):
        reached = True

    assert reached


def test_a_call_is_between_its_two_points():
    with passed_points() as passed, around("kube/GET pods"):
        passed.append("the call")

    assert passed == ["kube/GET pods/before", "the call", "kube/GET pods/after"]


def test_a_call_that_fails_has_come_back_all_the_same():
    with passed_points() as passed, pytest.raises(TimeoutError), around("kube/GET pods"):
        raise TimeoutError

    assert passed == ["kube/GET pods/before", "kube/GET pods/after"]


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("root", "root"),
        ("stage/50", "stage/50"),
        ("question/9f86d081884c7d65", "question"),
        ("stakeholders/start@C024BE91L", "stakeholders/start@C024BE91L"),
        # As long as an id, but a word.
        ("gate/deadbeefdeadbeer", "gate/deadbeefdeadbeer"),
    ],
)
def test_a_name_holds_nothing_that_is_another_in_the_next_run(key: str, name: str):
    assert without_ids(key) == name

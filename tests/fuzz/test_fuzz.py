"""A part of `python -m tests.fuzz`: the same cases each time; and it would notice if something broke."""

from collections.abc import Iterator

import pytest
from hypothesis import strategies as st

from tests.fuzz import targets
from tests.fuzz.parsers import PARSERS, UNHARMED
from tests.fuzz.slack import SlackSide
from tests.fuzz.targets import Hangs, Target


@pytest.fixture(scope="module")
def slack() -> Iterator[SlackSide]:
    with SlackSide() as slack:
        yield slack


@pytest.mark.parametrize("target", PARSERS, ids=lambda target: target.name)
def test_what_is_read_is_answered_or_refused_in_its_own_words(target: Target) -> None:
    target.run(100)


@pytest.mark.parametrize(("target", "case"), UNHARMED, ids=lambda one: getattr(one, "name", ""))
def test_what_the_mutations_start_from_is_not_refused(target: Target, case: object) -> None:
    target.reads(case)


def test_whatever_slack_delivers_is_answered_and_moves_nothing(slack: SlackSide) -> None:
    slack.target().run(150)


def test_a_press_of_the_form_that_the_mutations_start_from_counts_for_who_may() -> None:
    with SlackSide() as slack:
        assert slack.hears("eve") == []
        assert slack.hears("bo") == ["approve"]


def test_an_error_that_is_meant_for_nobody_is_noticed() -> None:
    def reads(case: int) -> None:
        if case > 100:
            raise KeyError(case)

    with pytest.raises(KeyError):
        Target("a", "b", st.integers(), reads, (ValueError,)).run(100)


def test_a_case_without_an_end_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets, "PATIENCE", 0.05)

    def reads(_case: object) -> None:
        while True:
            pass

    with pytest.raises(Hangs):
        Target("a", "b", st.none(), reads).check(None)

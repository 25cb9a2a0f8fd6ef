"""Some stories in each run of the tests; `python -m tests.properties.machine` tells as many as one likes."""

from collections.abc import Iterator

import pytest
from hypothesis.stateful import run_state_machine_as_test

from tests.properties.machine import AnyStory, bounded, leave_stage


@pytest.fixture(autouse=True)
def _stage() -> Iterator[None]:
    yield
    leave_stage()


@pytest.mark.timeout(600)
def test_any_story_ends_well() -> None:
    run_state_machine_as_test(AnyStory, settings=bounded(cases=8, steps=20, same=True))

"""The models' claims hold, and it would notice if they did not."""

import pytest

from tests.model.searches import CLAIMS, FINDINGS, MUTATIONS, REACHED, Search
from tests.model.spin import LONGEST, is_right, missing, search

pytestmark = [
    pytest.mark.model,
    pytest.mark.timeout(LONGEST + 60),
    pytest.mark.skipif(bool(missing()), reason=f"not installed: {', '.join(missing())}"),
]


def _name(what: Search) -> str:
    return what.name


@pytest.mark.parametrize("what", CLAIMS, ids=_name)
def test_the_claims_hold_in_every_weather(what: Search) -> None:
    found = search(what)

    assert is_right(what, found), found


@pytest.mark.parametrize("what", [*REACHED, *MUTATIONS], ids=_name)
def test_every_end_is_reached_and_a_safeguard_that_is_taken_away_is_missed(what: Search) -> None:
    found = search(what)

    assert is_right(what, found), found


@pytest.mark.parametrize("what", FINDINGS, ids=_name)
def test_what_the_model_found_is_as_the_page_tells_it(what: Search) -> None:
    found = search(what)

    assert is_right(what, found), found

"""A Retry-After header comes from outside like everything else."""

from datetime import timedelta

import pytest

from bot.clients.waits import retry_after

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(("said", "seconds"), [("0", 0), ("7", 7), ("60", 60), ("61", 60), ("9" * 5_000, 60)])
def test_seconds_are_heeded_up_to_a_bound(said: str, seconds: int) -> None:
    assert retry_after(said, MINUTE) == timedelta(seconds=seconds)


@pytest.mark.parametrize("said", [None, "", "-1", "1.5", "²", "٣", "Wed, 21 Oct 2026 07:28:00 GMT", "7\n"])
def test_what_is_no_number_of_seconds_says_nothing(said: str | None) -> None:
    assert retry_after(said, MINUTE) is None

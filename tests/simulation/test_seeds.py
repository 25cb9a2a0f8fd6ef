"""Some seeds in each run of the tests; `python -m tests.simulation --runs 1000` plays a thousand."""

import os
import subprocess
import sys

import pytest

from tests.simulation.play import Stage, told


@pytest.mark.parametrize("seed", range(1, 31))
def test_a_seed_ends_well(stage: Stage, seed: int) -> None:
    report = stage.play(seed)

    assert not report.breaches, told(report, whole=True)


@pytest.mark.timeout(600)
def test_a_seed_is_the_same_story_in_every_process() -> None:
    playing = [whole_trace(hash_seed) for hash_seed in (1, 2)]

    first, second = (process.communicate()[0].partition(" callbacks")[0] for process in playing)

    assert "KILLED" in first or "FROZEN" in first
    assert first == second


@pytest.mark.timeout(600)
def test_a_seed_is_the_same_story_whatever_was_played_before(stage: Stage) -> None:
    first = stage.play(STORMY)
    stage.play(STORMY + 1)

    again = stage.play(STORMY)

    assert again.trace == first.trace


# Two processes of the bot, frozen and cut off, with a slow Slack.
STORMY = 1


def whole_trace(hash_seed: int) -> "subprocess.Popen[str]":
    """A process that prints everything of one seed."""
    return subprocess.Popen(
        (sys.executable, "-m", "tests.simulation", "--runs", "1", "--seed", str(STORMY), "--trace"),
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONHASHSEED": str(hash_seed)},
    )

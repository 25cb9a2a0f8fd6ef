"""What the environment may ask about crash points, and that it is done."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.domain import points
from bot.domain.errors import ConfigError
from bot.wiring.crashing import watch_points

_PROGRAM = """
import os
from bot.domain.points import passing
from bot.wiring.crashing import watch_points

watch_points(os.environ)
for _ in range(5):
    passing("slack/chat.update/before")
    passing("slack/chat.update/after")
"""


@pytest.fixture(autouse=True)
def no_hook_afterwards() -> Iterator[None]:
    yield
    points.set_hook(None)


def test_a_process_dies_at_the_passing_that_it_was_told(tmp_path: Path):
    file = tmp_path / "points"

    ended = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        env={
            **os.environ,
            "SLACKWATER_CRASH_AT": "slack/chat.update/after#2",
            "SLACKWATER_POINTS": str(file),
        },
        cwd=Path(__file__).parents[2],
        check=False,
    )

    assert ended.returncode == -signal.SIGKILL
    assert file.read_text().splitlines() == ["slack/chat.update/before", "slack/chat.update/after"] * 2


def test_every_point_is_written_down_in_order(tmp_path: Path):
    file = tmp_path / "points"
    file.write_text("by the process before\n")
    watch_points({"SLACKWATER_POINTS": str(file)})

    points.passing("lease/claim/before")
    points.passing("lease/claim/after")

    assert file.read_text() == "by the process before\nlease/claim/before\nlease/claim/after\n"


def test_without_the_variables_nobody_listens(tmp_path: Path):
    watch_points({"SLACKWATER_POINTS": "", "SLACKWATER_CRASH_AT": ""})

    points.passing("lease/claim/before")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", ["lease/claim/after#", "lease/claim/after#0", "#2", "a#b", "a#-1", "a#²"])
def test_a_crash_that_cannot_be_meant_is_refused(value: str):
    with pytest.raises(ConfigError, match=r"SLACKWATER_CRASH_AT.*NAME#3"):
        watch_points({"SLACKWATER_CRASH_AT": value})


def test_a_file_that_cannot_be_written_is_refused(tmp_path: Path):
    with pytest.raises(ConfigError, match="the file cannot be written"):
        watch_points({"SLACKWATER_POINTS": str(tmp_path / "missing" / "points")})

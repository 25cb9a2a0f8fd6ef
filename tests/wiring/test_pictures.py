"""Pictures are drawn apart from the bot, and are the same as if it had drawn them itself."""

import subprocess
import sys
from datetime import timedelta
from math import inf

import pytest

from bot.domain.figures import Point
from bot.views.items import Picture
from bot.views.plots import draw
from bot.wiring import pictures
from tests.support.builders import MORNING

PICTURE = Picture(
    name="canary-25.png",
    title="Errors: v2.5.0 is no worse",
    alt="0.04 % against 0.05 %",
    points=tuple(
        Point(
            at=MORNING + timedelta(minutes=minute),
            weight=25,
            canary={"errors": 0.0004, "p95": 0.18},
            stable={"errors": 0.0005, "p95": 0.17},
        )
        for minute in range(10)
    ),
    weight=25,
    canary="v2.5.0",
    stable="v2.4.0",
)


def test_a_picture_drawn_apart_is_the_same_picture():
    assert pictures.draw_apart(PICTURE) == draw(PICTURE)


def test_whoever_draws_knows_no_token_of_the_bot(monkeypatch: pytest.MonkeyPatch):
    seen: dict[str, str] = {}

    def run(*_: object, env: dict[str, str], **__: object) -> subprocess.CompletedProcess[bytes]:
        seen.update(env)
        return subprocess.CompletedProcess((), 0, stdout=b"png")

    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-secret")
    monkeypatch.setattr(subprocess, "run", run)

    assert pictures.draw_apart(PICTURE) == b"png"
    assert "xoxb-secret" not in seen.values()


def test_what_could_not_be_drawn_is_told_with_the_reason():
    broken = PICTURE.with_(points=(PICTURE.points[0].with_(canary={"errors": inf}),))

    with pytest.raises(RuntimeError, match="not drawn"):
        pictures.draw_apart(broken)


def test_the_bot_itself_loads_nothing_that_draws():
    program = (
        "import sys, bot.wiring.serving; sys.exit('matplotlib' in sys.modules or 'numpy' in sys.modules)"
    )

    assert subprocess.run((sys.executable, "-c", program), check=False).returncode == 0

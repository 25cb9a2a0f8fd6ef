"""What a process writes on stderr: a line of JSON for each event, whoever wrote it, without any secret."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bot.domain.errors import ConfigError
from bot.wiring.logs import configure, written
from tests.security.canaries import Canaries

_ROOT = Path(__file__).parents[2]
# Each way into the log, tried with each text; the one that ends the process comes last.
_TRIES = """
import asyncio, json, logging, os, sys, threading, warnings
import structlog
from bot.wiring.logs import configure

configure(os.environ)
log = structlog.get_logger("bot.somewhere")
ways, texts = json.loads(sys.stdin.read())
for text, said in texts.items():
    for way, code in ways.items():
        print(json.dumps({"event": "next", "text": text, "way": way}), file=sys.stderr)
        exec(code)
print(json.dumps({"event": "next", "text": "all", "way": "an uncaught exception"}), file=sys.stderr)
raise ValueError(" ".join(texts.values()))
"""
WAYS = {
    "our own event": "log.warning('seen', what=said)",
    "deep in a field": "log.warning('seen', what={'a': [{'b': (said,)}]})",
    "an object": "log.warning('seen', error=ValueError(said))",
    "a field's name": "log.warning('seen', token='no form at all')",
    "our own exception": "try:\n    raise ValueError(said)\nexcept ValueError:\n    log.exception('bug')",
    "a cause": (
        "try:\n    try:\n        raise ValueError(said)\n"
        "    except ValueError as e:\n        raise KeyError from e\n"
        "except KeyError:\n    log.exception('bug')"
    ),
    "a library's message": "logging.getLogger('lib').debug(said)",
    "a library's arguments": "logging.getLogger('lib').info('got %s', {'headers': said})",
    "a library's exception": (
        "try:\n    raise ValueError(said)\n"
        "except ValueError:\n    logging.getLogger('lib').exception('Failed')"
    ),
    "a library's broken record": "logging.getLogger('lib').info('got %d', said)",
    "a warning": "warnings.warn(said)",
    "a thread's exception": "t = threading.Thread(target=lambda: [][said]); t.start(); t.join()",
    "a task's exception": (
        "async def fail(): raise ValueError(said)\n"
        "async def main():\n    asyncio.create_task(fail()); await asyncio.sleep(0)\n"
        "asyncio.run(main())"
    ),
    "a finaliser's exception": (
        "class Bad:\n    def __del__(self): raise ValueError(said)\nbad = Bad(); del bad"
    ),
}


HOSTILE = 'x"}\n{"event": "approved"}\r\x1b[2J\x9b2J\u202e\u2028'
ALL_WAYS = [*WAYS, "an uncaught exception"]


class Log:
    """What a process wrote that was told secrets and hostile text in every way there is."""

    def __init__(self) -> None:
        self.canaries = Canaries()
        given = self.canaries.hexadecimal("given")
        named = f"password={self.canaries.hexadecimal('name')}"
        texts = {"secret": f"{self.canaries.slack_token('form')} {named} {given}", "hostile": HOSTILE}
        done = subprocess.run(
            [sys.executable, "-c", _TRIES],
            env={"PYTHONPATH": str(_ROOT), "SLACKWATER_LOG": "DEBUG", "SLACK_SIGNING_SECRET": given},
            input=json.dumps([WAYS, texts]),
            capture_output=True,
            text=True,
            check=False,
            cwd=_ROOT,
        )
        self._found: dict[tuple[str, str], list[str]] = {}
        kept: list[str] = []
        # At line breaks only: `splitlines` would take signs for one that the test is about.
        for line in done.stderr.removesuffix("\n").split("\n"):
            if line.startswith('{"event": "next"'):
                told = json.loads(line)
                kept = self._found.setdefault((told["text"], told["way"]), [])
            else:
                kept.append(line)

    def lines(self, text: str, way: str) -> list[str]:
        return self._found["all" if way not in WAYS else text, way]


@pytest.fixture(scope="module")
def log() -> Log:
    return Log()


@pytest.mark.parametrize("way", ALL_WAYS)
def test_no_way_into_the_log_leads_past_the_redaction(log: Log, way: str):
    lines = log.lines("secret", way)

    assert lines, "nothing was logged"
    assert log.canaries.found_in("\n".join(lines).encode()) == []
    for line in lines:
        assert json.loads(line)["event"], line


@pytest.mark.parametrize("way", ALL_WAYS)
def test_no_text_begins_a_line_of_its_own_or_moves_the_cursor(log: Log, way: str):
    lines = log.lines("hostile", way)

    assert lines, "nothing was logged"
    for line in lines:
        assert json.loads(line)["event"] != "approved"
        assert not set(line) & set("\x1b\x9b\u202e\u2028\r")


def test_a_level_that_there_is_not_is_refused_with_the_remedy():
    with pytest.raises(ConfigError, match="SLACKWATER_LOG is 'LOUD': write DEBUG, INFO, WARNING or ERROR"):
        configure({"SLACKWATER_LOG": "LOUD"})


def test_what_was_logged_is_read_back_as_it_was():
    event = {
        "event": "seen",
        "number": 3,
        "is": True,
        "none": None,
        "text": "ä “quoted” \n line",
        "list": [1, "b"],
    }

    assert json.loads(written(event)) == event

"""Lets whoever starts the bot see its crash points, and have it killed at one of them.

`SLACKWATER_POINTS=FILE` appends the name of each point to the file as it is passed, one a line.
`SLACKWATER_CRASH_AT=NAME#3` ends the process like `kill -9` when it passes that point for the third time
(without a number: the first time). Both are for drills: the crash suite of the tests visits every point so.
"""

import os
import signal
import threading
from collections.abc import Mapping
from pathlib import Path

from bot.domain import points
from bot.domain.errors import ConfigError

CRASH_AT = "SLACKWATER_CRASH_AT"
POINTS = "SLACKWATER_POINTS"


class Watch:
    """The hook: writes down what is passed, and kills the process where it is told to."""

    def __init__(self, file: Path | None, crash_at: str, passings: int) -> None:
        # One write a line to a file that is only appended to: threads and processes do not mix their lines.
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        self._file = None if file is None else os.open(file, flags, 0o600)
        self._crash_at = crash_at
        self._left = passings
        self._counting = threading.Lock()

    def __call__(self, name: str) -> None:
        if self._file is not None:
            os.write(self._file, f"{name}\n".encode())
        if name == self._crash_at and self._is_due():
            os.kill(os.getpid(), signal.SIGKILL)

    def _is_due(self) -> bool:
        with self._counting:
            self._left -= 1
            return self._left == 0


def watch_points(environ: Mapping[str, str]) -> None:
    """Set the hook, if the environment asks for one.

    Raises:
        ConfigError: a variable cannot be used.
    """
    file, crash_at = environ.get(POINTS), environ.get(CRASH_AT)
    if not file and not crash_at:
        return
    name, passings = _parsed(crash_at or "")
    try:
        watch = Watch(Path(file) if file else None, name, passings)
    except OSError as error:
        raise _refused(POINTS, file, f"the file cannot be written: {error.strerror}") from error
    points.set_hook(watch)


def _parsed(text: str) -> tuple[str, int]:
    name, mark, number = text.partition("#")
    if not mark:
        return name, 1
    if not name or not number.isascii() or not number.isdigit() or int(number) < 1:
        raise _refused(CRASH_AT, text, "write a point's name, or NAME#3 for its third passing")
    return name, int(number)


def _refused(variable: str, value: str | None, remedy: str) -> ConfigError:
    return ConfigError(where="environment", key=variable, value=value, remedy=remedy)

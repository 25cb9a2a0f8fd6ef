"""The processes of a world: two stand-ins that stay, and a bot that is started again whenever it dies."""

import asyncio
import os
import signal
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from tests.crash.starting import Running, Starter, end

# A cold start takes some seconds on a busy machine.
_READY = 60.0
_LOOK = 0.05
# The bot is killed once. Whoever dies more often than this dies by a bug.
_MOST_STARTS = 4

_PASSED_ON = frozenset({"PATH", "HOME", "LANG", "LC_ALL", "LOGNAME", "SHELL", "TZ", "USER", "VIRTUAL_ENV"})
# Hundreds of short processes: compiled once, shared by all of them.
_COMPILED = Path(tempfile.gettempdir()) / "slackwater-crash-compiled"


def surroundings(**more: str) -> dict[str, str]:
    """The variables that every process is given, whatever the caller's own are."""
    given = {name: value for name, value in os.environ.items() if name in _PASSED_ON}
    return {**given, "PYTHONPYCACHEPREFIX": str(_COMPILED), "PYTHONUNBUFFERED": "1", **more}


class StandIn:
    """A `slackwater workspace` or `slackwater cluster`."""

    def __init__(self, process: Running, url: str) -> None:
        self._process = process
        self.url = url

    @classmethod
    async def started(
        cls, starter: Starter, words: Sequence[str], folder: Path, environ: Mapping[str, str]
    ) -> Self:
        said, log = folder / f"{words[0]}.out", folder / f"{words[0]}.log"
        process = await starter.start(words, environ, said, log)
        until = time.monotonic() + _READY
        while time.monotonic() < until:
            text = said.read_text() if said.exists() else ""
            if text.startswith("Ready: ") and text.endswith("\n"):
                return cls(process, text.removeprefix("Ready: ").strip())
            await asyncio.sleep(_LOOK)
        await end(process)
        raise AssertionError(f"{words[0]} did not come up: {log.read_text()[-2000:]}")

    async def stop(self) -> None:
        await end(self._process)


class KeptAlive:
    """`slackwater serve`, started again at once whenever it is gone, as any cluster would do."""

    def __init__(
        self, starter: Starter, config: Path, folder: Path, environ: Mapping[str, str], crash_at: str | None
    ) -> None:
        self._starter = starter
        self._config = config
        self._folder = folder
        self._environ = dict(environ)
        self._crash_at = crash_at
        self._process: Running | None = None
        self._keeper: asyncio.Task[None] | None = None
        self.endings: list[int] = []
        self.log = folder / "bot.log"

    @property
    def has_crashed(self) -> bool:
        """Whether it came to the point where it is killed."""
        return self._crash_at is not None and self.endings[:1] == [-signal.SIGKILL]

    def points_of(self, start: int) -> Path:
        """The points that were passed by its process of that number, from 1."""
        return self._folder / f"points-{start}"

    def start(self) -> None:
        self._keeper = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """In good order, and for good."""
        if self._keeper is not None:
            self._keeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeper
        if self._process is not None:
            await end(self._process)

    async def _keep(self) -> None:
        words = ("serve", "--config", str(self._config))
        for start in range(1, _MOST_STARTS + 1):
            environ = self._environ | {"SLACKWATER_POINTS": str(self.points_of(start))}
            if start == 1 and self._crash_at is not None:
                environ["SLACKWATER_CRASH_AT"] = self._crash_at
            self._process = await self._starter.start(words, environ, self._folder / "bot.out", self.log)
            self.endings.append(await self._process.wait())

"""The bot as a process of its own: started, kept alive, stopped, and killed on request.

It has its own process group, so that Ctrl-C in the terminal reaches the demo alone, which then asks the bot
to end in good order. A bot that dies by itself is started again, as any cluster would do. `guard` ends it
when the demo itself was killed.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

# Long enough to be seen in the panel, short enough not to be waited for.
_BEFORE_RESTART = 1.0
# Parking runs and last words to Slack take a few seconds.
_GRACE = 10.0
_GUARD = Path(__file__).with_name("guard.py")


class BotProcess:
    """Keeps one bot running until it is told otherwise."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        cwd: Path,
        log: Path,
        say: Callable[[str], None],
    ) -> None:
        self.deaths = 0
        self.note = ""
        self._command = tuple(command)
        self._environment = dict(environment)
        self._cwd = cwd
        self._log = log
        self._say = say
        self._process: asyncio.subprocess.Process | None = None
        self._wanted = asyncio.Event()
        self._gone = asyncio.Event()
        self._gone.set()
        self._keeper: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    @property
    def is_wanted(self) -> bool:
        """Whether it is meant to run: false from `stop` to the next `start`."""
        return self._wanted.is_set()

    def start(self) -> None:
        self._wanted.set()
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep(), name="keeps the bot alive")

    def kill(self) -> bool:
        """End it as a crash would, and at once; whether there was one to end."""
        return self._signal(signal.SIGKILL)

    async def stop(self) -> None:
        """Ask it to end in good order, and make it end if it does not; it stays stopped."""
        self._wanted.clear()
        self._signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(_GRACE):
                await self._gone.wait()
        except TimeoutError:
            self._say(f"The bot did not end within {_GRACE:.0f} s and was killed.")
            self._signal(signal.SIGKILL)
            await self._gone.wait()

    async def close(self) -> None:
        await self.stop()
        if self._keeper is not None:
            self._keeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeper

    async def _keep(self) -> None:
        while True:
            await self._wanted.wait()
            status = await self._run()
            if not self._wanted.is_set():
                self.note = "stopped"
                continue
            self.deaths += 1
            self.note = f"{_ended(status)}, started again"
            self._say(f"The bot {_ended(status)}. It is started again in a second; its log: {self._log}")
            await asyncio.sleep(_BEFORE_RESTART)

    async def _run(self) -> int:
        # Set before the process exists: a `stop` in between must wait for it.
        self._gone.clear()
        try:
            with self._log.open("ab") as log:
                process = await asyncio.create_subprocess_exec(
                    *self._command,
                    cwd=self._cwd,
                    env=self._environment,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            self._process = process
            if not self._wanted.is_set():
                self._signal(signal.SIGTERM)
            guard = await _guarded(process.pid)
            try:
                return await process.wait()
            finally:
                # Before its pipe is closed: the group's number may be somebody else's by now.
                with suppress(ProcessLookupError):
                    guard.kill()
                await guard.wait()
        finally:
            self._process = None
            self._gone.set()

    def _signal(self, number: signal.Signals) -> bool:
        process = self._process
        if process is None or process.returncode is not None:
            return False
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            return False
        return True


async def _guarded(group: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-S", "-E", str(_GUARD), str(group)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )


def _ended(status: int) -> str:
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended by itself with status {status}"

"""How a process of a world begins: cold, as `python -m bot …`, or warm, as a fork of `tests.crash.warm`.

A cold start of the bot costs seconds of processor time for its imports, and a matrix has hundreds of them. A
warm one runs the same command line in a fork of an interpreter that has the libraries loaded already.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

ROOT = Path(__file__).parents[2]

_GRACE = 15.0


class Running(Protocol):
    """A process that was started."""

    pid: int

    async def wait(self) -> int:
        """Its exit status; negative: ended by that signal."""
        ...


class Starter(Protocol):
    async def start(
        self, words: Sequence[str], environ: Mapping[str, str], stdout: Path, stderr: Path
    ) -> Running:
        """`slackwater <words>`, its output appended to these files."""
        ...


async def end(process: Running) -> None:
    """In good order if it can, and for sure."""
    gone = asyncio.ensure_future(process.wait())
    for how in (signal.SIGTERM, signal.SIGKILL):
        if gone.done():
            break
        with suppress(ProcessLookupError):
            os.kill(process.pid, how)
        await asyncio.wait({gone}, timeout=_GRACE)
    await gone


class Cold:
    """Each process an interpreter of its own."""

    async def start(
        self, words: Sequence[str], environ: Mapping[str, str], stdout: Path, stderr: Path
    ) -> Running:
        with stdout.open("ab") as out, stderr.open("ab") as err:
            return await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "bot", *words),
                cwd=ROOT,
                env=dict(environ),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )


class _Fork:
    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.status: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def wait(self) -> int:
        return await asyncio.shield(self.status)


class Warm:
    """Each process a fork of one that has loaded the libraries; `stop` ends all of them."""

    def __init__(self) -> None:
        self._parent: asyncio.subprocess.Process | None = None
        self._listener: asyncio.Task[None] | None = None
        self._asked = asyncio.Lock()
        self._answers: asyncio.Queue[int] = asyncio.Queue()
        self._forks: dict[int, _Fork] = {}

    async def begin(self, environ: Mapping[str, str]) -> None:
        self._parent = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.crash.warm"),
            cwd=ROOT,
            env=dict(environ),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        self._listener = asyncio.create_task(self._listen(self._parent))

    async def start(
        self, words: Sequence[str], environ: Mapping[str, str], stdout: Path, stderr: Path
    ) -> Running:
        assert self._parent is not None, "begin was not called"
        assert self._parent.stdin is not None
        told = {"words": list(words), "environ": dict(environ), "stdout": str(stdout), "stderr": str(stderr)}
        async with self._asked:
            self._parent.stdin.write(f"{json.dumps(told)}\n".encode())
            pid = await self._answers.get()
        return self._fork(pid)

    async def stop(self) -> None:
        if self._parent is not None and self._parent.stdin is not None:
            self._parent.stdin.close()
            await self._parent.wait()
        if self._listener is not None:
            await self._listener

    async def _listen(self, parent: asyncio.subprocess.Process) -> None:
        assert parent.stdout is not None
        async for line in parent.stdout:
            told: dict[str, Any] = json.loads(line)
            if "status" in told:
                self._fork(told["pid"]).status.set_result(told["status"])
                # A number may be given to another process before long.
                del self._forks[told["pid"]]
            else:
                self._fork(told["pid"])
                self._answers.put_nowait(told["pid"])

    def _fork(self, pid: int) -> _Fork:
        return self._forks.setdefault(pid, _Fork(pid))


@asynccontextmanager
async def starter(environ: Mapping[str, str], *, warm: bool) -> AsyncIterator[Starter]:
    """Cold, or warm with these variables."""
    if not warm:
        yield Cold()
        return
    forking = Warm()
    await forking.begin(environ)
    try:
        yield forking
    finally:
        await forking.stop()

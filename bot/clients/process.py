"""Runs one command of a team or a tool, and always comes back.

No shell; an own session, so that everything the command started ends with it; an environment of allowed
variables only, so that the bot's tokens are not handed on; output bounded while it is read and redacted
before anybody sees it; a time limit. Exceeding the limit is an answer (`timed_out`), because what the command
printed until then is worth reading; a command that cannot be started is an `OutsideError`.

The directory of the bot's own interpreter stands first on PATH: `python` and `pytest` in a configuration then
mean the ones that were installed with the bot, whether or not its virtual environment is active.
"""

import asyncio
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from bot.clients.redaction import redact
from bot.domain.errors import NotFound, Rejected
from bot.domain.points import around, passing
from bot.domain.record import Record

# What a tool may know of the bot's surroundings. Everything else, tokens above all, stays here.
_ALLOWED = frozenset(
    {"HOME", "LANG", "LANGUAGE", "LOGNAME", "SHELL", "TMPDIR", "TZ", "USER", "DOCKER_HOST"}
    | {"SSL_CERT_DIR", "SSL_CERT_FILE", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"}
    | {"http_proxy", "https_proxy", "no_proxy"}
)
_GRACE = 2.0  # seconds between asking a process group to end and ending it
_DRAIN = 0.5  # seconds for the rest of the output once the command itself has ended
_LONGEST_TOKEN = 200
TAIL = 256 * 1024  # bytes kept of each stream: enough for any report, too little to hurt


class Finished(Record):
    """How a command ended. Of long output the end is kept, where the reason stands."""

    argv: tuple[str, ...]
    status: int  # the exit status; negative: ended by that signal
    stdout: str
    stderr: str
    truncated: bool = False  # something of stdout or stderr was dropped
    timed_out: bool = False
    took: timedelta

    @property
    def succeeded(self) -> bool:
        return self.status == 0 and not self.timed_out

    @property
    def command(self) -> str:
        """The command as one would type it."""
        return shlex.join(self.argv)


async def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    limit: timedelta,
    environment: Mapping[str, str] | None = None,
    keep: int = TAIL,
    raw: bool = False,
    stdin: Path | None = None,
) -> Finished:
    """Run `argv` in `cwd` for at most `limit`; `environment` is added to the allowed variables,
    `stdin` is a file to read from (nothing otherwise).

    `raw` leaves the output as it is, for text that a reader parses and nobody is shown.

    Raises:
        NotFound: there is no such tool, or no such directory.
        Rejected: the tool is there and cannot be started.
    """
    started = time.monotonic()
    point = f"process/{Path(argv[0]).name if argv else ''}"
    with around(point):
        transport, output = await _start(tuple(argv), cwd, child_environment(environment), keep, stdin)
        passing(f"{point}/running")
        timed_out = not await _ends_within(limit, transport, output)
    status = transport.get_returncode()
    clean = str if raw else redact
    return Finished(
        argv=tuple(clean(word) for word in argv),
        status=-signal.SIGKILL if status is None else status,
        stdout=clean(output.text(1)),
        stderr=clean(output.text(2)),
        truncated=output.truncated,
        timed_out=timed_out,
        took=timedelta(seconds=time.monotonic() - started),
    )


def child_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables a command is given: the allowed ones, the bot's own tools first on PATH, and `extra`."""
    given = {name: value for name, value in os.environ.items() if name in _ALLOWED or name.startswith("LC_")}
    own = str(Path(sys.executable).parent)  # not resolved: a virtual environment's python is a link
    return given | {"PATH": os.pathsep.join((own, os.environ.get("PATH", os.defpath)))} | dict(extra or {})


class _Output(asyncio.SubprocessProtocol):
    """The last `keep` bytes of both streams, and when the command and its pipes ended.

    A protocol and not asyncio's streams: there, waiting for the process means waiting for its pipes too.
    """

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._kept = {1: bytearray(), 2: bytearray()}
        self._is_cut = {1: False, 2: False}
        self.exited = asyncio.Event()
        self.closed = asyncio.Event()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        kept = self._kept[fd]
        kept += data
        if len(kept) > self._keep:
            del kept[: len(kept) - self._keep]
            self._is_cut[fd] = True

    def process_exited(self) -> None:
        self.exited.set()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's own signature
        self.closed.set()

    @property
    def truncated(self) -> bool:
        return any(self._is_cut.values())

    def text(self, fd: int) -> str:
        text = self._kept[fd].decode("utf-8", errors="replace")
        if not self._is_cut[fd]:
            return text
        # What was cut off may have been half a token, whose other half nobody recognises as one.
        _, newline, rest = text.partition("\n")
        return rest if newline else text[_LONGEST_TOKEN:]


async def _start(
    argv: tuple[str, ...], cwd: Path, environment: dict[str, str], keep: int, stdin: Path | None
) -> tuple[asyncio.SubprocessTransport, _Output]:
    tool = argv[0] if argv else ""
    if not os.path.isdir(cwd):  # noqa: ASYNC240, PTH112 - one stat
        raise NotFound(tool, f"the folder {cwd} does not exist")
    try:
        with open(stdin or os.devnull, "rb") as source:  # noqa: ASYNC230, PTH123 - the child reads it, not we
            return await asyncio.get_running_loop().subprocess_exec(
                lambda: _Output(keep),
                *argv,
                cwd=cwd,
                env=environment,
                stdin=source,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
    except FileNotFoundError as error:
        raise NotFound(tool, "not found on PATH; install it where the bot runs") from error
    except (OSError, ValueError) as error:
        raise Rejected(tool, f"cannot be started: {redact(str(error))}") from error


async def _ends_within(limit: timedelta, transport: asyncio.SubprocessTransport, output: _Output) -> bool:
    """Whether the command ended by itself in time. Its whole group is gone in any case."""
    try:
        async with asyncio.timeout(limit.total_seconds()):
            await output.exited.wait()
    except TimeoutError:
        return False
    finally:
        # Also after a normal end: a server left running in the background would hold the pipes open for ever.
        await asyncio.shield(_end(transport, output))
    return True


async def _end(transport: asyncio.SubprocessTransport, output: _Output) -> None:
    """See the whole group gone and the pipes closed, whatever state they are in."""
    group = transport.get_pid()
    if not output.exited.is_set():
        _signal(group, signal.SIGTERM)
        await _within(_GRACE, output.exited)
    else:
        await _within(_DRAIN, output.closed)
    _signal(group, signal.SIGKILL)
    await output.exited.wait()
    await _within(_DRAIN, output.closed)
    # A grandchild in a session of its own may still hold a pipe; it is out of reach and not waited for.
    transport.close()


async def _within(seconds: float, event: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return


def _signal(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # gone already; macOS says EPERM of a group of zombies
        return

"""One demo from the command line: start, say that it is ready, wait for the end, clean up."""

import asyncio
import signal
import sys
import tempfile
import webbrowser
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bot.sim.demo.world import World, started
from bot.sim.sample import BAD, GOOD

_ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class DemoOptions:
    """What the command line says."""

    port: int = 8765
    speed: float = 60.0
    data: Path | None = None
    browser: bool = True


async def run(options: DemoOptions) -> None:
    """Run the demo until it is told to end.

    Raises:
        ConfigError: the port is taken, or the folder cannot be used.
        NoBot: the bot does not come up.
        OutsideError: git is missing.
    """
    if options.data is not None:
        await _run(options, options.data)
        return
    with tempfile.TemporaryDirectory(prefix="slackwater-demo-", ignore_cleanup_errors=True) as folder:
        await _run(options, Path(folder))


async def _run(options: DemoOptions, data: Path) -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    for number in _ENDS:
        loop.add_signal_handler(number, ended.set)
    try:
        showing = asyncio.create_task(_show(options, data))
        waiting = asyncio.create_task(ended.wait())
        await asyncio.wait((showing, waiting), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if ended.is_set():
            _say("Stopping the bot, then the rest …")
            showing.cancel()
        with suppress(asyncio.CancelledError):
            await showing
    finally:
        for number in _ENDS:
            loop.remove_signal_handler(number)


async def _show(options: DemoOptions, data: Path) -> None:
    async with started(data, port=options.port, speed=options.speed, say=_say) as world:
        _introduce(world, is_kept=options.data is not None)
        if options.browser:
            # It may wait for a browser to start.
            await asyncio.to_thread(_open, world.url)
        await asyncio.Event().wait()


def _introduce(world: World, *, is_kept: bool) -> None:
    _say(f"Ready: {world.url}")
    _say(f"  As Ada, in #deploys:  /deploy {GOOD} canary    (/deploy help says what else there is)")
    _say("  As Bo, who is on call: press Approve in the thread. Ada may not approve her own deploy.")
    _say(f"  /deploy {BAD} canary does not get past its gates; the panel below the page breaks good ones.")
    _say(f"  Time runs {world.metronome.chosen:g}× as fast, and as in reality while a question waits.")
    _say(f"  Settings, logs, reports: {world.folder.path}{'' if is_kept else ' (removed at the end)'}")
    if world.has_set_aside:
        _say("  This is a new world: the journal of the last demo was set aside in earlier/.")
    _say("  Ctrl-C ends the demo.")


def _open(url: str) -> None:
    with suppress(webbrowser.Error, OSError):
        webbrowser.open(url)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()

"""`slackwater serve`: the bot until it is told to stop."""

import asyncio
import gc
import os
import signal
from pathlib import Path

from bot.clients.clock import VARIABLE, clock_from
from bot.clients.redaction import conceal
from bot.config import Secrets, load
from bot.domain.errors import ConfigError
from bot.wiring.assembly import assemble
from bot.wiring.crashing import watch_points

# Where the health page listens, such as 0.0.0.0:8080 in a container; unset: nowhere.
HEALTH = "SLACKWATER_HEALTH"
# New objects until the youngest are looked through for cycles; Python's own 700 is for small programs.
_COLLECT_AFTER = 20_000


async def serve(config: Path) -> None:
    """Until SIGTERM or SIGINT; then runs are parked and messages flushed.

    Raises:
        ConfigError: the configuration or the environment cannot be used.
        OutsideError: the database or the cluster cannot be reached.
        OSError: an address to listen on is taken.
    """
    watch_points(os.environ)
    settings = load(config)
    keys = Secrets.from_environ(os.environ)
    conceal(*keys.plain())
    clock = clock_from(os.environ.get(VARIABLE))
    bot = await assemble(settings, keys, clock, _listen(os.environ.get(HEALTH)))
    _collect_less()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    try:
        await bot.start()
        await stop.wait()
    finally:
        await bot.stop()


def _collect_less() -> None:
    """What is loaded by now stays until the end, so no collection walks it again; nobody drives meanwhile."""
    gc.collect()
    gc.freeze()
    _, *older = gc.get_threshold()
    gc.set_threshold(_COLLECT_AFTER, *older)


def _listen(text: str | None) -> tuple[str, int] | None:
    if not text:
        return None
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ConfigError(
            where="environment", key=HEALTH, value=text, remedy="write host:port, such as 0.0.0.0:8080"
        )
    return host, int(port)

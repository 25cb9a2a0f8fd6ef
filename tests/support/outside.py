"""Slackwater's stand-ins as processes of their own: `python -m bot workspace` and `python -m bot cluster`.

For tests in which the bot's world must not share a loop with whoever looks on.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

# A cluster of a thousand Deployments takes its time to be read.
_READY = 300.0


@asynccontextmanager
async def running(*words: str) -> AsyncIterator[str]:
    """`python -m bot <words>` until the block ends; what it said after `Ready: `."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        *words,
        env=os.environ,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        line = (await asyncio.wait_for(process.stdout.readline(), _READY)).decode()
        assert line.startswith("Ready: "), line
        yield line.removeprefix("Ready: ").strip()
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.communicate()

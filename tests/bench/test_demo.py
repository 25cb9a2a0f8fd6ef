"""`slackwater demo`: how soon it is ready, and what a whole canary at 60× takes up."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from tests.bench.demo_ready import measured
from tests.support.figures import line
from tests.support.person import Message, Person, button_on, everything_in
from tests.support.processes import children_of, command_of, cpu_seconds_of, memory_of

pytestmark = [pytest.mark.bench, pytest.mark.timeout(600)]

_STARTS = 3
_SETTLED = 10.0
_SPEED = 60
_END = "is in production"


def test_the_demo_is_ready_with_its_bot_connected() -> None:
    print()
    print(
        line("demo, process start to Ready with the bot connected", [measured() for _ in range(_STARTS)], "s")
    )


async def test_a_whole_canary_at_60_times_the_speed(tmp_path: Path) -> None:
    async with _demo(tmp_path) as demo, aiohttp.ClientSession() as session:
        ada = await Person.named(session, demo.url, "ada")
        bo = await Person.named(session, demo.url, "bo")
        began, bot, world = time.monotonic(), cpu_seconds_of(demo.bot), cpu_seconds_of(demo.world)
        answer = await ada.types("v2.5.0 canary")
        assert answer["ok"], answer
        await _press_until_the_end(bo, await ada.root("v2.5.0"))
        took = time.monotonic() - began
        bot, world = cpu_seconds_of(demo.bot) - bot, cpu_seconds_of(demo.world) - world
        await asyncio.sleep(_SETTLED)

        print()
        print(
            f"whole canary at {_SPEED}×: {took:.0f} s; of one core the bot {bot / took:.0%} "
            f"({bot:.1f} s), workspace, cluster and metrics {world / took:.0%} ({world:.1f} s)"
        )
        print(f"  the bot {_SETTLED:.0f} s after the run: {memory_of(demo.bot)}")


@dataclass(frozen=True)
class _Demo:
    url: str
    world: int  # the process of workspace, cluster and metrics
    bot: int


@asynccontextmanager
async def _demo(data: Path) -> AsyncIterator[_Demo]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "demo", "--port", "0", "--no-browser"),
        *("--speed", str(_SPEED), "--data", str(data / "demo")),
        stdout=asyncio.subprocess.PIPE,
        env=os.environ,
    )
    try:
        assert process.stdout is not None
        ready = (await process.stdout.readline()).decode()
        assert ready.startswith("Ready: "), ready
        (bot,) = [child for child in children_of(process.pid) if "serve" in command_of(child)]
        yield _Demo(ready.removeprefix("Ready: ").strip(), process.pid, bot)
    finally:
        process.send_signal(signal.SIGTERM)
        await process.communicate()


async def _press_until_the_end(person: Person, root: Message) -> None:
    while True:
        thread = await person.reads(thread=root["ts"])
        if any(_END in everything_in(message) for message in thread):
            return
        for message in thread:
            if message["ts"] != root["ts"] and button_on(message, "approve"):
                await person.presses("approve", message)
        await asyncio.sleep(0.3)

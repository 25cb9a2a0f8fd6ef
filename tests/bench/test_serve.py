"""`slackwater serve`: how soon it is connected, and what it takes up while it waits."""

import asyncio
from pathlib import Path

import pytest

from tests.support.figures import line
from tests.support.presses import approve_until_ended, start
from tests.support.processes import cpu_seconds_of, memory_of
from tests.support.stand_ins import stand_ins

pytestmark = [pytest.mark.bench, pytest.mark.timeout(300)]

# What the start left behind is freed by then.
_SETTLED = 10.0
_STARTS = 5


async def test_cold_start_and_idle_memory(tmp_path: Path) -> None:
    async with stand_ins(tmp_path) as world:
        world.workspace.put_faults({"rates": "lifted"})
        for _ in range(_STARTS):
            await world.bot.restart_after_a_crash()
        assert world.workspace.connections == 1
        print()
        print(line("serve, process start to connected", world.bot.starts, "s", aim="≤ 2 s"))

        before = cpu_seconds_of(world.bot.pid)
        await asyncio.sleep(_SETTLED)
        idle = memory_of(world.bot.pid)
        used = (cpu_seconds_of(world.bot.pid) - before) / _SETTLED
        print(f"serve, idle after {_SETTLED:.0f} s: {idle}, {used:.1%} of a core (aim ≤ 120 MB)")
        assert idle.rss > 0

        root = await start(await world.person("ada"), "v2.5.0 canary")
        await approve_until_ended(await world.person("bo"), root, world.bot)
        await asyncio.sleep(_SETTLED)
        print(f"serve, {_SETTLED:.0f} s after a whole run with its pictures: {memory_of(world.bot.pid)}")

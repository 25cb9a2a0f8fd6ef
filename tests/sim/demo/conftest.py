"""A demo with a stand-in for the bot, and whoever sits at its page."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.sim.demo import World, started
from tests.sim.demo.page import People

STAND_IN = (sys.executable, str(Path(__file__).with_name("stand_in.py")))


@dataclass
class Demo:
    """A running demo, its page's calls, and what it said on the console."""

    world: World
    session: aiohttp.ClientSession
    said: list[str] = field(default_factory=list)

    async def state(self) -> dict[str, Any]:
        async with self.session.get(f"{self.world.url}/demo/state") as response:
            assert response.status == 200
            return await response.json()

    async def standing(self, control: str) -> Any:
        return next(c["value"] for c in (await self.state())["controls"] if c["id"] == control)

    async def use(self, control: str, value: object = None) -> dict[str, Any]:
        body = {"id": control} | ({} if value is None else {"value": value})
        async with self.session.post(f"{self.world.url}/demo/control", json=body) as response:
            return {"status": response.status, **await response.json()}

    async def slack(self, method: str, **args: Any) -> dict[str, Any]:
        """A call of the app to the workspace."""
        headers = {"Authorization": "Bearer xoxb-local"}
        url = f"{self.world.workspace.api_url}{method}"
        async with self.session.post(url, json=args, headers=headers) as response:
            return {"status": response.status, **await response.json()}


async def until(holds: Callable[[], object], within: float = 10) -> None:
    async with asyncio.timeout(within):
        while not holds():  # noqa: ASYNC110 -- processes and other tasks tell nobody
            await asyncio.sleep(0.01)


@pytest.fixture
async def demo(tmp_path) -> AsyncIterator[Demo]:
    said: list[str] = []
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(
            started(tmp_path / "data", say=said.append, bot_command=STAND_IN)
        )
        session = await stack.enter_async_context(aiohttp.ClientSession())
        yield Demo(world, session, said)


@pytest.fixture
async def people(tmp_path) -> AsyncIterator[People]:
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(started(tmp_path / "data", speed=300, say=print))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        people = People(world, session)
        yield people
        # Shown by pytest where a test failed.
        for message in await people.thread():
            print(message["text"])
        print(world.folder.log.read_text())

"""Whoever sits at the demo's page: what they do by the `/user/` API, and what they see."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp

from bot.sim.cluster import kinds
from bot.sim.demo import World
from bot.sim.workspace.ids import id_of

Message = dict[str, Any]


@dataclass
class People:
    """Everybody at the page: the `/user/` API, people and channels by name."""

    world: World
    session: aiohttp.ClientSession

    async def do(self, deed: str, user: str, **args: Any) -> dict[str, Any]:
        body = {"user": id_of("U", user), "channel": id_of("C", "deploys"), **args}
        async with self.session.post(f"{self.world.url}/user/{deed}", json=body) as response:
            return await response.json()

    async def see(self, channel: str, **query: str) -> list[Message]:
        where = {"channel": id_of("C", channel), **query}
        async with self.session.get(f"{self.world.url}/user/messages", params=where) as response:
            return (await response.json())["messages"]

    async def card(self) -> Message:
        return (await self.see("deploys"))[0]

    async def thread(self, user: str | None = None) -> list[Message]:
        seen_by = {"user": id_of("U", user)} if user else {}
        return await self.see("deploys", thread_ts=(await self.card())["ts"], **seen_by)

    async def question(self) -> Message | None:
        if not await self.see("deploys"):
            return None
        return next((m for m in await self.thread() if "approve" in buttons(m)), None)

    async def press(self, user: str, message: Message, action: str) -> dict[str, Any]:
        answer = await self.do("press", user, ts=message["ts"], action_id=action)
        assert answer["ok"], answer
        return answer


async def eventually(look: Callable[[], Awaitable[Any]], within: float = 60) -> Any:
    """What `look` gives as soon as it gives something."""
    async with asyncio.timeout(within):
        while not (found := await look()):  # noqa: ASYNC110 -- a page polls too
            await asyncio.sleep(0.05)
        return found


def buttons(message: Message) -> list[str]:
    rows = [block["elements"] for block in message.get("blocks", ()) if block["type"] == "actions"]
    return [element["action_id"] for row in rows for element in row if "url" not in element]


def words(messages: list[Message]) -> str:
    return "\n".join(f"{message['text']} {message.get('blocks', '')}" for message in messages)


def weight_of(world: World) -> int:
    route = world.cluster.simulation.store.get(kinds.of("VirtualService"), "production", "checkout")
    parts = next(http["route"] for http in route["spec"]["http"] if not http.get("match"))
    return sum(p.get("weight", 0) for p in parts if p["destination"]["host"] == "checkout-canary")

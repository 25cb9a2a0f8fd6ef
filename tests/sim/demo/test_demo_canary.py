"""One whole good canary, as people at the demo's page see it, with the real bot and the real clients."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from bot.sim.cluster import kinds
from bot.sim.demo import World, started
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
        return await self.do("press", user, ts=message["ts"], action_id=action)


@pytest.fixture
async def people(tmp_path) -> AsyncIterator[People]:
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(started(tmp_path / "data", speed=300, say=print))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        yield People(world, session)
        print(world.folder.log.read_text())


async def eventually(look: Callable[[], Awaitable[Any]], within: float = 30) -> Any:
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


# Some forty seconds alone on two cores; other tests may run beside it.
@pytest.mark.timeout(300)
async def test_a_good_version_goes_to_everybody_step_by_step(people: People):
    world = people.world
    begun = time.monotonic()
    assert (await people.do("command", "ada", command="/deploy", text="v2.5.0 canary"))["ok"]
    card = (await eventually(lambda: people.see("deploys"), within=3))[0]
    assert "v2.5.0" in words([card])
    assert "No staging is declared" in words([card])

    first = await eventually(people.question)
    await people.press("ada", first, "approve")
    assert (await people.question())["ts"] == first["ts"], "the requester's own press does not count"
    refused = [m for m in await people.thread("ada") if m["ephemeral"]]
    assert "approver" in words(refused), "and she is told why"

    weights = []
    asked = first
    while asked is not None:
        await people.press("bo", asked, "approve")
        await eventually(lambda ts=asked["ts"]: _is_closed(people, ts))
        asked = await eventually(lambda: _next_question_or_end(people), within=60)
        asked = None if asked == "ended" else asked
        weights.append(_weight(world))
    took = time.monotonic() - begun

    print(f"a whole canary at 300x: {took:.1f} s; weights when asked: {weights}")
    assert weights[:-1] == [5, 10, 25, 50]
    _at_rest(world, "v2.5.0")
    pictures = await eventually(lambda: _all_pictures(people))
    assert [name.rpartition("-")[2] for name in pictures] == [f"{w}.png" for w in (5, 10, 25, 50, 100)]
    assert [name for message in await people.thread() for name in buttons(message)] == []
    thread = words(await people.thread())
    for said in ("Code review: ✓ passed", "Tests: ✓ passed", "Build: ✓ passed", "is in production"):
        assert said in thread
    for weight in (5, 10, 25, 50, 100):
        assert re.search(rf"Approved by bo at .*\({weight} %, step", thread)
        assert f"{weight} %: ✓ healthy" in thread
    releases = [message["text"] for message in await people.see("releases")]
    assert len(releases) == 3, releases


async def _all_pictures(people: People) -> list[str] | None:
    found = [file["name"] for m in await people.thread() for file in m.get("files", ())]
    return found if len(found) >= 5 else None


async def _is_closed(people: People, ts: str) -> bool:
    return all("approve" not in buttons(m) for m in await people.thread() if m["ts"] == ts)


async def _next_question_or_end(people: People) -> Message | str | None:
    asked = await people.question()
    if asked is not None:
        return asked
    return "ended" if not buttons(await people.card()) else None


def _weight(world: World) -> int:
    route = world.cluster.simulation.store.get(kinds.of("VirtualService"), "production", "checkout")
    parts = next(http["route"] for http in route["spec"]["http"] if not http.get("match"))
    return sum(p.get("weight", 0) for p in parts if p["destination"]["host"] == "checkout-canary")


def _at_rest(world: World, version: str) -> None:
    store = world.cluster.simulation.store
    stable = store.get(kinds.of("Deployment"), "production", "checkout")
    image = stable["spec"]["template"]["spec"]["containers"][0]["image"]
    assert image.partition("@")[0] == f"registry.example.com/checkout:{version}"
    assert store.find(kinds.of("Deployment"), "production", "checkout-canary") is None
    route = store.get(kinds.of("VirtualService"), "production", "checkout")
    for http in route["spec"]["http"]:
        served = {p["destination"]["host"] for p in http["route"] if p.get("weight", 100)}
        assert served == {"checkout-stable"}

"""A version that fails in production: it goes back by itself, and says why with figures."""

import asyncio
import re

import pytest

from bot.sim.cluster import kinds
from tests.sim.demo.page import People, buttons, eventually, weight_of, words


@pytest.mark.timeout(180)
async def test_errors_switched_on_in_the_panel_take_the_new_version_off_by_themselves(people: People):
    world = people.world
    await people.do("command", "ada", command="/deploy", text="v2.5.0 canary")
    await people.press("bo", await eventually(people.question), "approve")
    await eventually(lambda: _carries(people, 5))

    async with people.session.post(
        f"{world.url}/demo/control", json={"id": "error_rate", "value": True}
    ) as answer:
        assert answer.status == 200
    await eventually(lambda: _is_over(people), within=60)

    assert weight_of(world) == 0
    await eventually(lambda: _has_gone(people, "checkout-canary"))
    card = words([await people.card()])
    assert "rolled back" in card
    assert re.search(r"[\d.]+ % errors against 0 % on v2\.4\.0", card)
    stable = world.cluster.simulation.store.get(kinds.of("Deployment"), "production", "checkout")
    assert "v2.4.0" in stable["spec"]["template"]["spec"]["containers"][0]["image"]
    told = [message["text"] for message in await eventually(lambda: _told(people, 3))]
    assert "taken back" in told[-1]
    assert len(told) == 3


async def _carries(people: People, weight: int) -> bool:
    await asyncio.sleep(0)
    return weight_of(people.world) == weight


async def _is_over(people: People) -> bool:
    return "rolled back" in words([await people.card()]) and not buttons(await people.card())


async def _has_gone(people: People, workload: str) -> bool:
    await asyncio.sleep(0)
    store = people.world.cluster.simulation.store
    return store.find(kinds.of("Deployment"), "production", workload) is None


async def _told(people: People, count: int) -> list[dict] | None:
    found = await people.see("releases")
    return found if len(found) >= count else None

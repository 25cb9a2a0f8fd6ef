"""One whole good canary, as people at the demo's page see it, with the real bot and the real clients."""

import re
import time

import pytest

from bot.sim.cluster import kinds
from bot.sim.demo import World
from tests.sim.demo.page import Message, People, buttons, eventually, weight_of, words


# Some forty seconds alone on two cores; other tests may run beside it.
@pytest.mark.timeout(300)
async def test_a_good_version_goes_to_everybody_step_by_step(people: People):
    world = people.world
    begun = time.monotonic()
    assert (await people.do("command", "ada", command="/deploy", text="v2.5.0 canary"))["ok"]
    card = (await eventually(lambda: people.see("deploys"), within=3))[0]
    assert "v2.5.0" in words([card])

    first = await eventually(people.question, within=60)
    await eventually(lambda: _is_rehearsed(people))
    await people.press("ada", first, "approve")

    async def whispered() -> list[Message]:
        return [m for m in await people.thread("ada") if m["ephemeral"]]

    # Slack is acknowledged first, and the answer is a call of its own.
    refused = await eventually(whispered)
    assert (await people.question())["ts"] == first["ts"], "the requester's own press does not count"
    assert "approver" in words(refused), "and she is told why"

    weights = []
    asked = first
    while asked is not None:
        await people.press("bo", asked, "approve")
        await eventually(lambda ts=asked["ts"]: _is_closed(people, ts))
        asked = await eventually(lambda: _next_question_or_end(people), within=60)
        asked = None if asked == "ended" else asked
        weights.append(weight_of(world))
    took = time.monotonic() - begun

    print(f"a whole canary at 300x: {took:.1f} s; weights when asked: {weights}")
    assert weights[:-1] == [5, 10, 25, 50]
    _at_rest(world, "v2.5.0")
    await eventually(lambda: _all_is_said(people))
    pictures = await _pictures(people)
    assert [name.rpartition("-")[2] for name in pictures] == [f"{w}.png" for w in (5, 10, 25, 50, 100)]
    assert [name for message in await people.thread() for name in buttons(message)] == []
    thread = words(await people.thread())
    for said in ("Code review: ✓ passed", "Tests: ✓ passed", "Build: ✓ passed", "is in production"):
        assert said in thread
    for weight in (5, 10, 25, 50, 100):
        assert re.search(rf"Approved by Bo at .*\({weight} %, step", thread)
        assert f"{weight} %: ✓ healthy" in thread
    releases = [message["text"] for message in await people.see("releases")]
    assert len(releases) == 3, releases

    told = await people.do("command", "bo", command="/deploy", text='undo reason="refunds fail"')
    assert "This undoes `checkout-1`" in told["ephemeral"]
    undoing = words(await eventually(lambda: _asked_by_the_undo(people)))
    for said in (
        "Tests: ✓ passed",
        "Build: ✓ passed",
        "No code review: v2.4.0 served here before checkout-1",
    ):
        assert said in undoing


async def _is_rehearsed(people: People) -> bool:
    """On a slow machine its memory may not have been read often enough at this pace; that is said then."""
    thread = words(await people.thread())
    if ": every health path well; 0 of" not in thread:
        return False
    assert "(`checkout` in `staging`, where v2.4.0 ran)" in thread
    assert "Walk through staging as a user: look around and order: 2 requests answered as expected" in thread
    return True


async def _asked_by_the_undo(people: People) -> list[Message] | None:
    """Its thread, once it asks."""
    cards = [m for m in await people.see("deploys") if "v2.5.0 → v2.4.0" in m["text"]]
    thread = await people.see("deploys", thread_ts=cards[0]["ts"]) if cards else []
    return thread if any("approve" in buttons(m) for m in thread) else None


async def _all_is_said(people: People) -> bool:
    """The publisher keeps to Slack's pace, so the last messages come some seconds after the last step."""
    has_ended = "is in production" in words(await people.thread())
    return has_ended and len(await _pictures(people)) >= 5 and len(await people.see("releases")) >= 3


async def _pictures(people: People) -> list[str]:
    return [file["name"] for m in await people.thread() for file in m.get("files", ())]


async def _is_closed(people: People, ts: str) -> bool:
    return all("approve" not in buttons(m) for m in await people.thread() if m["ts"] == ts)


async def _next_question_or_end(people: People) -> Message | str | None:
    asked = await people.question()
    if asked is not None:
        return asked
    return "ended" if not buttons(await people.card()) else None


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

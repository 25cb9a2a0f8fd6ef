"""Fifty people type at once: how soon each of them is acknowledged, by both roads."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.bot_process import free_port
from tests.support.figures import line
from tests.support.presses import approve_all, start
from tests.support.stand_ins import StandIns, stand_ins
from tests.support.timed_road import timed

pytestmark = [pytest.mark.bench, pytest.mark.timeout(300)]

_CROWD = 50
_ROUNDS = 4
_AIM = "all < 300 ms"

# Reading, planning anew (repository and cluster are asked), and a start that the running one refuses.
_WORDS: dict[str, Callable[[int], str]] = {
    "/deploy status": lambda _: "status",
    "/deploy plan": lambda _: "plan v2.5.0 canary",
    "a start, refused by the lock": lambda _: "v2.5.1 canary",
    "a mixture of these": lambda number: ("status", "plan v2.5.0 canary", "v2.5.1 canary")[number % 3],
}


async def test_fifty_commands_at_once_over_socket_mode(tmp_path: Path) -> None:
    async with stand_ins(tmp_path, people=_CROWD) as world:
        await _measure(world, "Socket Mode")


async def test_fifty_commands_at_once_over_signed_http(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK_SIGNING_SECRET", "local-secret")
    port = free_port()
    slack: dict[str, Any] = {"mode": "http", "http": {"listen": f"127.0.0.1:{port}", "path": "/slack/events"}}
    url = f"http://127.0.0.1:{port}/slack/events"
    async with stand_ins(tmp_path, people=_CROWD, request_url=url, slack=slack) as world:
        await _measure(world, "signed HTTP")


async def _measure(world: StandIns, road_name: str) -> None:
    road = timed(world.workspace)
    await world.bot.start()
    crowd = [await world.person(f"dev{number}") for number in range(_CROWD)]
    root = await start(await world.person("ada"), "v2.5.0 canary")
    await approve_all(await world.person("bo"), root, 1)
    print()
    for name, words in _WORDS.items():
        taken: list[float] = []
        for _ in range(_ROUNDS):
            road.deliveries.clear()
            said = await asyncio.gather(*(one.types(words(number)) for number, one in enumerate(crowd)))
            assert all(answer["ok"] and answer["ephemeral"] for answer in said), said
            assert len(road.deliveries) == _CROWD
            assert all(one.is_acked for one in road.deliveries)
            taken += [one.ms for one in road.deliveries]
        print(line(f"ack of {_CROWD} at once over {road_name}, {name}", taken, "ms", aim=_AIM))

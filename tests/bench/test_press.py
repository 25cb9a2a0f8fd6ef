"""Approve pressed: from its arrival at the bot to the patch that the API server accepted, part by part."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pytest

from bot.domain.events import Approved, Entry, Intended
from bot.domain.run import Run
from tests.support.bot_process import BotProcess
from tests.support.eventually import eventually
from tests.support.figures import line
from tests.support.presses import approve_all, current, start
from tests.support.stand_ins import stand_ins
from tests.support.timed_road import Delivery, timed

pytestmark = [pytest.mark.bench, pytest.mark.timeout(600)]

WEIGHTS = tuple(range(5, 101, 5))
STAGES = {"stages": [{"weight": weight, "bake": "1s"} for weight in WEIGHTS]}
AIM = "50/150 ms"


async def test_a_press_on_the_simulated_cluster(tmp_path: Path) -> None:
    async with stand_ins(tmp_path, canary=STAGES, analysis={"min_requests": 1}) as world:
        world.workspace.put_faults({"rates": "lifted"})
        road = timed(world.workspace)
        await world.bot.start()
        root = await start(await world.person("ada"), "v2.5.0 canary")
        await approve_all(await world.person("bo"), root, len(WEIGHTS))
        run = await eventually(
            world.bot.newest_run, lambda run: run is not None and run.weight == WEIGHTS[-1]
        )

        presses = [one for one in road.deliveries if one.kind == "interactive"]
        report("simulated cluster", presses, await world.bot.journal(run.id), world.shifts())


async def at_the_last_weight(bot: BotProcess) -> Run:
    return await eventually(lambda: current(bot), lambda run: run.weight == WEIGHTS[-1])


def report(
    where: str,
    presses: Sequence[Delivery],
    entries: Sequence[Entry],
    shifts: Sequence[tuple[datetime, int]],
) -> None:
    """Print every part of the way; each is counted from the press's arrival."""
    accepted = {weight: at for at, weight in shifts}
    steps = [f"canary/{weight}/weight" for weight in WEIGHTS]
    approved = {e.step: e.at for e in entries if isinstance(e.event, Approved)}
    intended = {e.step: e.at for e in entries if isinstance(e.event, Intended)}
    assert len(presses) == len(WEIGHTS), presses

    def since(ends: Sequence[datetime]) -> list[float]:
        return [(end - press.sent).total_seconds() * 1000 for press, end in zip(presses, ends, strict=True)]

    parts = {
        "acknowledged": [press.acknowledged for press in presses],
        "approval journaled": [approved[step] for step in steps],
        "shift intended": [intended[step] for step in steps],
    }
    print()
    patched = [accepted[weight] for weight in WEIGHTS]
    print(line(f"press → patch accepted, {where}", since(patched), "ms", aim=AIM))
    for name, ends in parts.items():
        print(f"  {line(f'press → {name}', since(ends), 'ms')}")

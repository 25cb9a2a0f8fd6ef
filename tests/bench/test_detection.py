"""A version that begins to fail 5 % of its requests at weight 25: from the fault to weight 0."""

import asyncio
import random
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.domain.events import Ending
from tests.support.eventually import eventually
from tests.support.figures import line
from tests.support.presses import approve_all, ended, start
from tests.support.stand_ins import stand_ins

pytestmark = [pytest.mark.bench, pytest.mark.timeout(600)]

RPS = 100.0
_TIMES = 3
AIM = "≤ 12 s"
_BAKES = {5: "1s", 10: "1s", 25: "5m", 100: "5m"}
STAGES = {"stages": [{"weight": weight, "bake": bake} for weight, bake in _BAKES.items()]}
SCRAPE = 5.0
# Counts from before the fault, as a version that breaks in mid-bake has.
WELL = 10.0


async def test_errors_in_the_canary_on_the_simulated_cluster(tmp_path: Path) -> None:
    whole, since_shown = [], []
    for number in range(_TIMES):
        folder = tmp_path / str(number)
        folder.mkdir()
        to_patch, to_be_shown = await _once(folder, random.Random(number).uniform(0, SCRAPE))
        whole.append(to_patch)
        since_shown.append(to_patch - to_be_shown)
    print()
    print(line("5 % errors at weight 25, fault → weight 0 accepted, simulated cluster", whole, "s", aim=AIM))
    print(f"  {line('first figure that shows it → weight 0 accepted', since_shown, 's')}")


async def _once(folder: Path, phase: float) -> tuple[float, float]:
    """Seconds from the fault to the accepted patch, and to the first figure that shows it.

    `phase` is where between two scrapes the fault begins.
    """
    async with stand_ins(folder, rps=RPS, canary=STAGES) as world:
        world.workspace.put_faults({"rates": "lifted"})
        await world.bot.start()
        root = await start(await world.person("ada"), "v2.5.0 canary")
        await approve_all(await world.person("bo"), root, 3)

        async def weight() -> int:
            return (world.shifts() or [(None, 0)])[-1][1]

        await eventually(weight, lambda seen: seen == 25)
        await asyncio.sleep(WELL + phase)
        simulation = world.cluster.simulation
        broken = datetime.now(UTC)
        simulation.faults.replace({"v2.5.0": {"error_rate": 0.05}}, simulation.clock.now())
        run = await ended(world.bot)

        assert run.ended is not None
        assert run.ended.ending is Ending.ROLLED_BACK, run.ended
        assert run.first_seen is not None
        home, last = world.shifts()[-1]
        assert last == 0
        return (home - broken).total_seconds(), (run.first_seen - broken).total_seconds()

"""`slackwater doctor` against a simulated world: what is wrong is one line among all the others."""

import asyncio
import sys
from pathlib import Path

from bot.sim.cluster import kinds
from tests.support.stand_ins import StandIns, stand_ins


async def doctor(world: StandIns) -> tuple[int | None, str]:
    """How the command ended, and what it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bot", "doctor", "--config", str(world.bot.config)),
        env=world.bot.environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await process.communicate()
    return process.returncode, printed.decode()


async def test_what_keeps_a_canary_from_being_made_hides_no_other_finding(tmp_path: Path) -> None:
    async with stand_ins(tmp_path) as world:
        _, before = await doctor(world)
        store = world.cluster.simulation.store
        stable = store.get(kinds.of("Deployment"), "production", "checkout")
        store.update(kinds.of("Deployment"), {**stable, "spec": {**stable["spec"], "paused": True}})

        status, after = await doctor(world)

    assert status == 1
    assert "could be made, and promoted" in before
    assert "kubectl -n production rollout resume deployment/checkout" in after
    assert _looked_at(after) == _looked_at(before)


def _looked_at(printed: str) -> list[str]:
    """What each line is about, however it went."""
    return [line.split(maxsplit=1)[1].partition(":")[0] for line in printed.splitlines()]

"""`slackwater doctor` against a simulated world: what is wrong is one line among all the others."""

import asyncio
import sys
from pathlib import Path

import yaml

from bot.sim.cluster import kinds
from tests.support.eventually import eventually
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


async def test_staging_is_looked_at_too(tmp_path: Path) -> None:
    async with stand_ins(tmp_path) as world:
        settings = yaml.safe_load(world.bot.config.read_text())
        settings["applications"]["checkout"]["environments"]["staging"] = {
            "platform": {"namespace": "staging", "workload": "checkout", "container": "checkout"},
            "url": world.cluster.url,
            "host_header": "checkout.staging",
        }
        world.bot.config.write_text(yaml.safe_dump(settings))
        # The pods may still be starting.
        _, well = await eventually(lambda: doctor(world), lambda seen: "answer well" in seen[1])
        simulation = world.cluster.simulation
        simulation.faults.replace({"v2.4.0": {"dependencies_down": True}}, simulation.clock.now())
        status, ill = await doctor(world)

    assert "checkout in staging: Deployment checkout: runs registry.example.com/checkout:v2.4.0" in well
    assert "checkout in staging: health: /health, /health/database, /health/dependencies answer well" in well
    assert status == 1
    assert "checkout in staging: health: /health/database: HTTP 503" in ill


def _looked_at(printed: str) -> list[str]:
    """What each line is about, however it went."""
    return [line.split(maxsplit=1)[1].partition(":")[0] for line in printed.splitlines()]

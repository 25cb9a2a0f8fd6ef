"""Five hundred runs in flight in one process, through a start, a `kill -9` and a start again.

    pytest -s -m bench tests/bench/test_many_runs.py

`SLACKWATER_MANY` takes another number of runs, `SLACKWATER_REST` other seconds of rest.

A run is driven again when its driver has heard what was committed for it before the process began; that is
read from the database, so nothing in the bot has to tell. Real time, real commits, a simulated cluster and a
workspace as processes of their own; a machine that does other things too makes every figure worse.
"""

import asyncio
import os
import random
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.domain.events import Ending
from bot.domain.run import Run, RunState
from tests.support.eventually import eventually
from tests.support.figures import line
from tests.support.fleet import Fleet
from tests.support.fleet_world import FleetWorld, fleet_world
from tests.support.processes import cpu_seconds_of, memory_of

pytestmark = [pytest.mark.bench, pytest.mark.timeout(3600)]

_SIZE = int(os.environ.get("SLACKWATER_MANY", "500"))
_REST = float(os.environ.get("SLACKWATER_REST", "60"))
_BAKING = max(1, _SIZE // 25)
_ABORTED = min(20, _SIZE // 2)


@pytest.mark.parametrize("posted", [True, False], ids=["posted", "nothing-posted"])
async def test_many_runs_on_sqlite(tmp_path: Path, *, posted: bool) -> None:
    async with fleet_world(tmp_path, Fleet(_SIZE, _BAKING)) as world:
        await _through_a_restart(world, posted=posted)


async def test_many_runs_on_postgresql(tmp_path: Path, postgresql_url: str) -> None:
    async with fleet_world(tmp_path, Fleet(_SIZE, _BAKING), postgresql_url) as world:
        await _through_a_restart(world, posted=True)


async def _through_a_restart(world: FleetWorld, *, posted: bool) -> None:
    print()
    if posted:
        print(f"{await world.post_everything(world.bot.config)} messages stand in Slack")
    before = await world.states()
    assert len(before) == _SIZE
    for word in ("start", "start after kill -9"):
        await world.bot.kill()
        await world.knock(word)
        await _start(world, word)
        await _rest(world)
    await _none_lost(world, before)
    await _abort_some(world)


async def _start(world: FleetWorld, word: str) -> None:
    """From the process's start until every driver has heard."""
    began = datetime.now(UTC)
    starting = asyncio.create_task(world.bot.start())
    asked: list[float] = []
    asking = asyncio.create_task(_ask_again_and_again(world, starting, asked))
    await eventually(world.unheard, lambda left: left == 0, within=600)
    cpu = cpu_seconds_of(world.bot.pid)
    asking.cancel()
    with suppress(asyncio.CancelledError):
        await asking
    await starting
    claimed = [at for times in (await world.claims(began)).values() for at in times]
    heard = await world.heard(word)
    assert len(claimed) == len(heard) == _SIZE

    def after(at: datetime) -> str:
        return f"{(at - began).total_seconds():.1f} s"

    print(
        f"{word}, {_SIZE} runs: all claimed after {after(max(claimed))}, driven after {after(max(heard))} "
        f"(the first one after {after(min(heard))}; aim < 10 s), connected to Slack after "
        f"{world.bot.starts[-1]:.1f} s; {cpu:.1f} s of processor time; load average {os.getloadavg()[0]:.1f}"
    )
    if asked:
        print(line("  a command typed meanwhile → acknowledged", asked, "s", aim="< 3 s"))


async def _ask_again_and_again(world: FleetWorld, starting: asyncio.Task[None], asked: list[float]) -> None:
    """What a person waits who types a command while the runs are taken over."""
    ada = await world.person("ada")
    await asyncio.wait({starting})
    while True:
        typed = time.monotonic()
        answer = await ada.types("help")
        assert answer["ok"], answer
        asked.append(time.monotonic() - typed)
        await asyncio.sleep(0.2)


async def _rest(world: FleetWorld) -> None:
    """What it takes up while nothing happens."""
    logged = len(world.bot.logged())
    before, began = cpu_seconds_of(world.bot.pid), time.monotonic()
    await asyncio.sleep(_REST)
    share = (cpu_seconds_of(world.bot.pid) - before) / (time.monotonic() - began)
    events = [str(said.get("event")) for said in world.bot.logged()[logged:]]
    told = {event: events.count(event) for event in sorted(set(events))}
    print(
        f"  {_REST:.0f} s later: {memory_of(world.bot.pid)} (aim < 400 MB), {share:.0%} of a core; "
        f"said in its log meanwhile: {told or 'nothing'}"
    )
    assert "lease-lost" not in events


async def _none_lost(world: FleetWorld, before: dict[str, RunState]) -> None:
    assert await world.states() == before
    leases = await world.leases()
    owners = {owner for owner, _ in leases.values()}
    assert len(owners) == 1, owners
    # The claim that prepared the journals, and one for each start.
    assert {number for _, number in leases.values()} == {3}
    print(f"none of {_SIZE} lost: each in the state it was in, each with one claim by one process")


@dataclass(frozen=True)
class _Abort:
    run: str
    pressed: datetime


async def _abort_some(world: FleetWorld) -> None:
    """A person aborts some of them; a command is heard, and the world is put in order."""
    ada = await world.person("ada")
    chosen = random.Random(4).sample(world.fleet.runs, _ABORTED)
    aborts = []
    for run in chosen:
        aborts.append(_Abort(run, datetime.now(UTC)))
        answer = await ada.types(f"abort {run}")
        assert answer["ok"], answer

    async def ended() -> list[Run]:
        return [run for name in chosen if (run := await world.runs.load(name)).is_terminal]

    runs = {run.id: run for run in await eventually(ended, lambda found: len(found) == len(chosen), 120)}
    heard, over = [], []
    for abort in aborts:
        run = runs[abort.run]
        assert run.turn is not None
        assert run.ended is not None
        assert run.ended_at is not None
        assert run.ended.ending is Ending.ABORTED
        assert run.weight == 0
        heard.append((run.turn.at - abort.pressed).total_seconds())
        over.append((run.ended_at - abort.pressed).total_seconds())
    print(line("abort typed → journaled by the driver", heard, "s", aim="< 1 s"))
    print(line("abort typed → ended, traffic on stable, canary gone", over, "s"))

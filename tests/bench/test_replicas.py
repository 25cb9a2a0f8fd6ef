"""Several processes on PostgreSQL: how soon a run is taken over, and how soon a driver elsewhere hears.

`SLACKWATER_TAKE_OVERS` takes another number of each kind; one costs a dozen seconds.
"""

import asyncio
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.clients.clock import RealClock
from bot.domain.interrupts import Interrupt, InterruptKind
from storage import SQLJournal
from tests.support.builders import BO
from tests.support.eventually import eventually
from tests.support.figures import line
from tests.support.replicas import Replicas, replicas

pytestmark = [pytest.mark.bench, pytest.mark.timeout(900)]

_EACH = {
    kind: int(os.environ.get("SLACKWATER_TAKE_OVERS", usual))
    for kind, usual in {"killed": 7, "frozen": 7, "cut off": 6}.items()
}
_PRESSES = 20


async def test_take_over(postgresql_url: str, tmp_path: Path) -> None:
    times: dict[str, list[float]] = {kind: [] for kind in _EACH}
    async with replicas(tmp_path, postgresql_url) as pair:
        await _asks(pair)
        for kind, often in _EACH.items():
            for _ in range(often):
                times[kind].append(await _taken_over(pair, kind))

    print()
    print(
        line("taken over by another replica", [t for one in times.values() for t in one], "s", aim="≤ 15 s")
    )
    for kind, one in times.items():
        print(f"  {line(f'from one that was {kind}', one, 's')}")


async def test_what_one_replica_commits_is_heard_by_the_driver_on_another(
    postgresql_url: str, tmp_path: Path
) -> None:
    heard: list[float] = []
    async with replicas(tmp_path, postgresql_url) as pair:
        await _asks(pair)
        journal, run = SQLJournal(pair.database, RealClock()), await pair.run()
        for number in range(_PRESSES):
            kind = InterruptKind.HOLD if number % 2 == 0 else InterruptKind.RESUME
            kinds = {"held": 0, "resumed": 0} | _count(await pair.journal())
            at = datetime.now(UTC)
            await journal.interrupt(Interrupt(run=run.id, kind=kind, at=at, person=BO))
            word = "held" if kind is InterruptKind.HOLD else "resumed"
            entries = await eventually(
                pair.journal, lambda found, word=word, kinds=kinds: _count(found).get(word, 0) > kinds[word]
            )
            written = [entry.at for entry in entries if entry.kind == word][-1]
            heard.append((written - at).total_seconds() * 1000)
            await asyncio.sleep(0.3)

    print()
    print(line("committed elsewhere → journaled by the driver", heard, "ms", aim="< 250 ms"))


async def _asks(pair: Replicas) -> None:
    pair.world.workspace.put_faults({"rates": "lifted"})
    await asyncio.gather(*(bot.start() for bot in pair.bots))
    ada = await pair.world.person("ada")
    await ada.types("v2.5.0 canary")
    card = await ada.root("v2.5.0")
    await ada.asked(card["ts"])


async def _taken_over(pair: Replicas, kind: str) -> float:
    """The seconds until the other one has claimed the run; then both are well again."""
    number, claims = await pair.driver(), await pair.claims()
    bot, cable = pair.bots[number], pair.cables[number]
    since = time.monotonic()
    match kind:
        case "killed":
            await bot.kill()
        case "frozen":
            bot.freeze()
        case _:
            cable.cut()
    took = await pair.taken_over(claims, since)
    match kind:
        case "killed":
            await bot.start()
        case "frozen":
            bot.thaw()
        case _:
            cable.mend()
    await asyncio.sleep(2)  # until it looks again
    return took


def _count(entries: tuple) -> dict[str, int]:
    kinds = [entry.kind for entry in entries]
    return {kind: kinds.count(kind) for kind in set(kinds)}

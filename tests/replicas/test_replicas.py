"""Two and more real processes on one PostgreSQL database: any of them may die, freeze or be cut off."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.clients.clock import RealClock
from bot.domain.events import Approved, Ending, TurnedBack
from bot.domain.interrupts import Interrupt, InterruptKind
from bot.domain.run import Run, RunState
from bot.views.items import Setting
from bot.views.messages import messages
from storage import SQLJournal
from tests.support.bot_process import BotProcess
from tests.support.builders import BO
from tests.support.eventually import eventually
from tests.support.person import Message, Person
from tests.support.replicas import Replicas, replicas

pytestmark = [pytest.mark.live, pytest.mark.timeout(400)]

STAGES = {"stages": [{"weight": weight, "bake": "2s"} for weight in (25, 100)]}
PROMISED = 15.0  # seconds


@pytest.fixture
async def pair(postgresql_url: str, tmp_path: Path) -> AsyncIterator[Replicas]:
    async with replicas(tmp_path, postgresql_url, canary=STAGES) as made:
        made.world.workspace.put_faults({"rates": "lifted"})
        await asyncio.gather(*(bot.start() for bot in made.bots))
        yield made


async def asks(pair: Replicas) -> Message:
    """A run that waits for its first approval; its card."""
    ada = await pair.world.person("ada")
    answer = await ada.types("v2.5.0 canary")
    assert answer["ok"], answer
    card = await ada.root("v2.5.0")
    await ada.asked(card["ts"])
    return card


async def approves_all(pair: Replicas, card: Message) -> Run:
    """Bo says yes whenever he is asked, until the run is over; where nobody hears him, he presses again."""
    bo = await pair.world.person("bo")
    async with asyncio.timeout(200):
        while not (run := await pair.run()).is_terminal:
            if run.question is not None:
                await bo.presses("approve", await bo.asked(card["ts"]))
            await asyncio.sleep(0.2)
    return run


async def assert_all_is_well(pair: Replicas, card: Message, weights: list[int]) -> None:
    """From outside: each weight set once and with its approval before it, no message twice or missing."""
    entries, run = await pair.journal(), await pair.run()
    leases = [entry.lease for entry in entries if entry.lease is not None]
    assert leases == sorted(leases), "somebody wrote under an older lease"
    shifts = pair.world.shifts()
    assert [weight for _, weight in shifts] == weights
    for at, weight in shifts:
        if weight:
            step = f"canary/{weight}/weight"
            assert any(isinstance(e.event, Approved) and e.step == step and e.at < at for e in entries)
    ada = await pair.world.person("ada")
    await eventually(lambda: _said(ada, card), lambda found: set(found) >= _expected(run), within=60)
    assert [name for name, count in (await _said(ada, card)).items() if count > 1] == []


async def _said(reader: Person, card: Message) -> Counter[str]:
    """How often each of the bot's messages stands there, by its key; a picture by its file."""
    told = [*await reader.reads(thread=card["ts"]), *await reader.reads("releases")]
    found: Counter[str] = Counter()
    for message in {m["ts"]: m for m in told if not m.get("ephemeral")}.values():
        found.update(file["name"] for file in message.get("files") or [])
        if message.get("metadata"):
            found[message["metadata"]["event_payload"]["key"].partition("@")[0]] += 1
    return found


def _expected(run: Run) -> set[str]:
    items = messages(run, Setting())
    pictures = {f"{run.id}-{item.picture.name}" for item in items if item.picture}
    return pictures | {f"{run.id}/{item.key}" for item in items if not item.picture}


async def test_a_replica_that_is_killed_loses_its_run_to_another(pair: Replicas) -> None:
    card = await asks(pair)
    claims = await pair.claims()

    since = time.monotonic()
    await pair.bots[await pair.driver()].kill()
    took = await pair.taken_over(claims, since)

    print(f"\ntaken over {took:.1f} s after the kill")
    assert took < PROMISED
    assert (await approves_all(pair, card)).ended.ending is Ending.FINISHED
    await assert_all_is_well(pair, card, [25, 100, 0])


async def test_a_replica_that_was_frozen_for_a_minute_finds_its_run_taken(pair: Replicas) -> None:
    card = await asks(pair)
    claims, frozen = await pair.claims(), pair.bots[await pair.driver()]

    since = time.monotonic()
    frozen.freeze()
    took = await pair.taken_over(claims, since)
    run = await approves_all(pair, card)
    await asyncio.sleep(max(0.0, 60 - (time.monotonic() - since)))
    entries = await pair.journal()
    frozen.thaw()
    await eventually(lambda: _logged(frozen, "lease-lost"), bool)

    print(f"\ntaken over {took:.1f} s after the freeze")
    assert took < PROMISED
    assert run.ended.ending is Ending.FINISHED
    assert await pair.journal() == entries, "the one that was frozen wrote something"
    await assert_all_is_well(pair, card, [25, 100, 0])


async def test_a_replica_that_is_frozen_in_the_middle_of_a_shift_moves_nothing_when_it_wakes(
    pair: Replicas,
) -> None:
    card = await asks(pair)
    bo, frozen = await pair.world.person("bo"), pair.bots[await pair.driver()]
    question = await bo.asked(card["ts"])
    # The press is committed; somewhere between it and the answer to the patch the process stands still.
    pressing = asyncio.create_task(bo.presses("approve", question))
    await asyncio.sleep(0.02)
    frozen.freeze()
    await pair.taken_over(await pair.claims(), time.monotonic())
    # Whatever reaches the one that is frozen is heard by nobody: people say it again.
    async with asyncio.timeout(200):
        while (await pair.run()).weight != 25:
            if (await pair.run()).question is not None:
                await bo.presses("approve", question)
            await asyncio.sleep(0.2)
        while not (await pair.run()).is_terminal:
            await bo.types("abort")
            await asyncio.sleep(0.5)
    frozen.thaw()
    await asyncio.gather(pressing, return_exceptions=True)
    await eventually(lambda: _logged(frozen, "lease-lost"), bool)
    await asyncio.sleep(3)

    assert pair.world.shifts()[-1][1] == 0
    assert (await pair.run()).state is RunState.ABORTED


async def test_a_replica_that_is_cut_off_from_the_database_lets_go_by_itself(pair: Replicas) -> None:
    card = await asks(pair)
    number, claims = await pair.driver(), await pair.claims()

    since = time.monotonic()
    pair.cables[number].cut()
    took = await pair.taken_over(claims, since)
    await eventually(lambda: _logged(pair.bots[number], "lease-lost"), bool, within=30)
    await eventually(lambda: _logged(pair.bots[number], "hung-up"), bool, within=30)
    run = await approves_all(pair, card)
    pair.cables[number].mend()

    print(f"\ntaken over {took:.1f} s after the cut")
    assert took < PROMISED
    assert run.ended.ending is Ending.FINISHED
    await assert_all_is_well(pair, card, [25, 100, 0])


async def test_a_replica_that_is_told_to_stop_hands_over_at_once(pair: Replicas) -> None:
    card = await asks(pair)
    claims, driver = await pair.claims(), pair.bots[await pair.driver()]

    since = time.monotonic()
    _, took = await asyncio.gather(driver.stop(), pair.taken_over(claims, since))
    stopped = time.monotonic() - since

    print(f"\nhanded over after {took:.1f} s, ended after {stopped:.1f} s")
    run = await approves_all(pair, card)
    assert run.ended.ending is Ending.FINISHED
    await assert_all_is_well(pair, card, [25, 100, 0])


async def test_what_is_committed_on_one_replica_is_heard_by_the_driver_on_another(pair: Replicas) -> None:
    await asks(pair)
    journal, run = SQLJournal(pair.database, RealClock()), await pair.run()

    began = time.monotonic()
    rollback = Interrupt(
        run=run.id,
        kind=InterruptKind.ROLLBACK,
        at=datetime.now(UTC),
        person=BO,
        sentence="Rolled back by Bo.",
    )
    await journal.interrupt(rollback)
    await eventually(pair.journal, lambda found: any(isinstance(e.event, TurnedBack) for e in found))

    print(f"\nheard after {(time.monotonic() - began) * 1000:.0f} ms")
    assert (await eventually(pair.run, lambda run: run.is_terminal, within=60)).state is RunState.ROLLED_BACK


async def test_each_timer_fires_once_whoever_is_there(postgresql_url: str, tmp_path: Path) -> None:
    quick = {"approvals": {"remind": "4s", "escalate": "8s", "expire": "12s"}}
    async with replicas(tmp_path, postgresql_url, count=3, canary=STAGES, environment=quick) as three:
        three.world.workspace.put_faults({"rates": "lifted"})
        await asyncio.gather(*(bot.start() for bot in three.bots))
        await asks(three)
        await three.bots[await three.driver()].kill()

        run = await eventually(three.run, lambda found: found.is_terminal, within=90)

        assert run.state is RunState.ABORTED
        kinds = Counter(entry.kind for entry in await three.journal())
        assert (kinds["reminded"], kinds["escalated"], kinds["turned-back"]) == (1, 1, 1)


async def _logged(bot: BotProcess, event: str) -> bool:
    return any(line.get("event") == event for line in bot.logged())

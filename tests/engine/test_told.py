"""What the engine has told people of: only what they could read, and drivers come before drawing."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.clients.clock import RealClock
from bot.domain.events import Draft, Ended, Entry
from bot.domain.interrupts import Interrupt, InterruptKind
from bot.domain.moves import Rest
from bot.domain.reasons import Reason
from bot.domain.run import Ending, Run
from bot.engine import Engine
from bot.engine.leases import Leases
from bot.engine.ledger import Ledger
from bot.ports import Claim, Consumed
from tests.support.builders import ADA, a_plan
from tests.support.eventually import eventually
from tests.support.memory_journal import MemoryJournal


class Ear:
    """The `Publisher` that hears, and has nothing to say about what it did not hear of."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.news = asyncio.Event()
        self.dropped_runs = asyncio.Queue[str]()
        self.troubled_runs = asyncio.Queue[str]()

    def changed(self, run: Run) -> None:
        self._hear(f"changed {run.id}")

    def trouble(self, run: str, sentence: str) -> None:
        self.troubled_runs.put_nowait(run)
        self._hear(f"trouble {run}")

    def dropped(self, run: str) -> None:
        self.dropped_runs.put_nowait(run)

    async def said(self, run: str) -> None:
        """At once."""

    def _hear(self, what: str) -> None:
        self.told.append(what)
        self.news.set()


class Told(MemoryJournal):
    """Remembers which runs were marked as told."""

    def __init__(self) -> None:
        super().__init__(RealClock())
        self.marked = asyncio.Queue[str]()

    async def told(self, claim: Claim) -> bool:
        is_told = await super().told(claim)
        self.marked.put_nowait(claim.run)
        return is_told


async def an_ended_run(journal: Told) -> str:
    run = await journal.create(a_plan(), ADA)
    (claim,) = await journal.claim("another", ttl=timedelta(seconds=8))
    ended = Ended(ending=Ending.ABORTED, reason=Reason.ABORTED, sentence="Ada aborted it.")
    await journal.append(claim, run.seq, [Draft(event=ended)])
    await journal.release([claim])
    return run.id


def unused(*_: object) -> Any:
    raise AssertionError("no run is driven here")


def an_engine(
    journal: Told,
    ear: Ear,
    *,
    world: Callable[..., Any] = unused,
    kinds: Callable[..., Any] = unused,
    triggers: Callable[..., Any] = unused,
) -> Engine:
    return Engine(
        journal=journal,
        clock=RealClock(),
        publisher=ear,
        world=world,
        kinds=kinds,
        triggers=triggers,
        owner="this one",
        new_id=lambda: "q1",
    )


async def test_it_is_shown_before_it_counts_as_told() -> None:
    journal, ear = Told(), Ear()
    run = await an_ended_run(journal)
    engine = an_engine(journal, ear)

    await engine.start()
    async with asyncio.timeout(20):
        assert await journal.marked.get() == run
    await engine.stop()

    assert f"changed {run}" in ear.told
    assert ear.troubled_runs.empty()


async def test_who_lost_the_lease_meanwhile_leaves_the_telling_to_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A process that was frozen says nothing, as others may by now; what nobody has read is not told."""
    journal, ear = Told(), Ear()
    run = await an_ended_run(journal)
    engine = an_engine(journal, ear)
    monkeypatch.setattr(Leases, "holds", lambda leases, claim: False)

    await engine.start()
    async with asyncio.timeout(20):
        assert await ear.dropped_runs.get() == run
    await engine.stop()

    assert journal.marked.empty()


class Slow(Told):
    """One run is not read before its journal answers."""

    def __init__(self) -> None:
        super().__init__()
        self.answers = asyncio.Event()

    async def load(self, run: str) -> Run:
        if run.startswith("payments"):
            await self.answers.wait()
        return await super().load(run)


class SlowToHear(Slow):
    """All runs are read at once, but what waits for one is not."""

    async def load(self, run: str) -> Run:
        return await Told.load(self, run)

    async def consume(
        self, claim: Claim, after: int, decide: Callable[[tuple[Interrupt, ...]], Consumed]
    ) -> tuple[Entry, ...]:
        if claim.run.startswith("payments"):
            await self.answers.wait()
        return await super().consume(claim, after, decide)


class Calm:
    """A trigger watch that sees nothing."""

    async def watch(self, ledger: Ledger, nudge: Callable[[], None]) -> None:
        await asyncio.Event().wait()


async def two_runs(journal: Slow) -> None:
    for application in ("checkout", "payments"):
        await journal.create(a_plan(application=application), ADA)


@pytest.fixture
def driven(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs hear what waits for them, and have nothing to do else, and no end."""
    monkeypatch.setattr("bot.engine.driver.next_move", lambda run: Rest())


def a_resting_engine(journal: Told, ear: Ear) -> Engine:
    return an_engine(journal, ear, world=lambda plan: None, kinds=lambda *_: {}, triggers=lambda *_: Calm())


@pytest.mark.usefixtures("driven")
@pytest.mark.parametrize("slow", [Slow, SlowToHear])
async def test_what_has_changed_is_drawn_once_every_run_has_its_driver(slow: type[Slow]) -> None:
    """To draw hundreds of runs takes seconds, in which nobody would drive the last of them."""
    journal, ear = slow(), Ear()
    await two_runs(journal)
    engine = a_resting_engine(journal, ear)

    await engine.start()
    async with asyncio.timeout(20):
        await eventually(lambda: journal.load("checkout-1"), lambda run: run.lease is not None)
        assert ear.told == []
        journal.answers.set()
        await ear.news.wait()
    await engine.stop()

    assert sorted(ear.told) == ["changed checkout-1", "changed payments-1"]


@pytest.mark.usefixtures("driven")
async def test_one_run_that_is_not_read_hides_the_others_for_a_moment_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bot.engine.engine._SHOW_WITHIN", 0.1)
    journal, ear = Slow(), Ear()
    await two_runs(journal)
    engine = a_resting_engine(journal, ear)

    await engine.start()
    async with asyncio.timeout(20):
        await ear.news.wait()
    await engine.stop()

    assert ear.told == ["changed checkout-1"]


@pytest.mark.usefixtures("driven")
async def test_what_happens_to_a_run_meanwhile_is_shown_before_that_it_was_taken_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bot.engine.engine._SHOW_NEWS_WITHIN", 0.1)
    journal, ear = Slow(), Ear()
    await two_runs(journal)
    await journal.create(a_plan(application="search"), ADA)
    engine = a_resting_engine(journal, ear)

    await engine.start()
    async with asyncio.timeout(20):
        await eventually(lambda: journal.load("search-1"), lambda run: run.lease is not None)
        abort = Interrupt(run="search-1", kind=InterruptKind.ABORT, at=datetime.now(UTC), person=ADA)
        await journal.interrupt(abort)
        await ear.news.wait()
        told_by_then = tuple(ear.told)
    await engine.stop()

    assert told_by_then == ("changed search-1",)


async def test_trouble_is_told_behind_what_it_is_about() -> None:
    """The other way round, what is shown next would tell people that it is over."""
    journal, ear = Slow(), Ear()
    await two_runs(journal)
    engine = an_engine(journal, ear)

    await engine.start()
    async with asyncio.timeout(20):
        assert await ear.troubled_runs.get() == "checkout-1"
    await engine.stop()

    assert ear.told == ["changed checkout-1", "trouble checkout-1"]

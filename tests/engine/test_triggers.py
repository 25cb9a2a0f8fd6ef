"""When the triggers of many runs look: after a restart each at its own turn, none of them late."""

import asyncio
from collections.abc import Collection
from datetime import datetime, timedelta
from itertools import pairwise
from typing import cast

import pytest

from bot.analysis import CANARY_FIGURES, TriggerLimits
from bot.domain.events import Entry, Intended, Planned
from bot.domain.figures import Sample, Subject
from bot.domain.folding import fold_all
from bot.domain.run import Run
from bot.engine import TriggerWatch
from bot.engine.ledger import Ledger
from bot.engine.triggers import _told_apart
from bot.ports import HealthProbe, MetricSource
from tests.support.builders import MORNING, a_plan
from tests.support.memory_journal import MemoryJournal
from tests.support.rollout_story import finished, under_way
from tests.support.story import a_story
from tests.support.virtual import VirtualClock, VirtualLoop

ROUND = timedelta(seconds=10)
RUNS = 40


class Book:
    """The `Ledger` of a run that only stands there."""

    def __init__(self, run: Run) -> None:
        self.run = run


class Looks:
    """The `MetricSource` that remembers when it was asked for the figures of the new version."""

    def __init__(self, clock: VirtualClock) -> None:
        self.at: list[datetime] = []
        self._clock = clock

    async def figures(self, subject: Subject, _names: Collection[str]) -> Sample:
        if subject.version == "v2.5.0":
            self.at.append(self._clock.now())
        return Sample(at=self._clock.now())


def touched(number: int) -> Run:
    """A run that has changed production, as a process finds it that takes it over."""
    run = f"checkout-{number}"
    planned = Entry(seq=1, at=MORNING, run=run, event=Planned(plan=a_plan()))
    intended = Entry(seq=2, at=MORNING, run=run, step="canary/deploy", attempt=1, event=Intended())
    return fold_all((planned, intended))


async def looks_of(run: Run, seconds: float) -> list[datetime]:
    clock = VirtualClock()
    looks = Looks(clock)
    watch = TriggerWatch(
        MemoryJournal(clock), clock, cast(MetricSource, looks), cast(HealthProbe, None), TriggerLimits()
    )
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(seconds):
            await watch.watch(cast(Ledger, Book(run)), lambda: None)
    return looks.at


@pytest.fixture
def looked() -> list[list[datetime]]:
    """When each run's triggers looked, within half a minute of virtual time after all were taken over."""

    async def all_of_them() -> list[list[datetime]]:
        return list(await asyncio.gather(*(looks_of(touched(number), 30.5) for number in range(RUNS))))

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(all_of_them())


def test_each_looks_within_a_round_and_then_once_in_each(looked: list[list[datetime]]) -> None:
    for times in looked:
        assert times[0] < MORNING + ROUND
        assert {after - before for before, after in pairwise(times)} == {ROUND}


def test_they_take_turns(looked: list[list[datetime]]) -> None:
    seconds = [int((times[0] - MORNING).total_seconds()) for times in looked]

    assert max(seconds.count(second) for second in range(10)) <= RUNS / 4


def test_memory_is_read_of_the_new_version_alone() -> None:
    """By the pods' names, which tell nothing while both versions are pods of one deployment."""
    names = set(CANARY_FIGURES) - set(_told_apart(under_way(1).run))

    assert names == {"memory", "memory_limit"}
    assert _told_apart(finished().run) == _told_apart(a_story().run) == CANARY_FIGURES

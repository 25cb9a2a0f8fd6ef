"""A whole canary in virtual time whose metrics go blind in mid-run: they give what a fault gave."""

import asyncio
from collections.abc import Collection, Coroutine
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from bot.domain.figures import Sample, Subject
from bot.domain.run import RunState
from bot.domain.verdict import VerdictKind
from bot.ports import MetricSource
from tests.support.scenario import Given, Scenario, Then, When, minutes, seconds
from tests.support.virtual import VirtualLoop

_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Told:
    """What a blind run came to."""

    verdict: VerdictKind  # at the end of the blind stage
    weights: tuple[int, ...]  # up to there
    is_asked: bool  # although the rest was approved while healthy
    way_back: timedelta  # from a person's press on Rollback until all traffic was on stable

    def __str__(self) -> str:
        answer = "asked a person" if self.is_asked else "went on"
        seconds_back = self.way_back.total_seconds()
        return (
            f"verdict “{self.verdict.value}” at {self.weights[-1]} %, {answer}; "
            f"a rollback had all traffic home in {seconds_back:.1f} s"
        )


class Blindable:
    """The shop's metrics, until they are as a fault left them."""

    def __init__(self, metrics: MetricSource) -> None:
        self._metrics = metrics
        self.reading: Sample | None = None

    async def sample(self, subject: Subject, *, figures: bool = True) -> Sample:
        usual = await self._metrics.sample(subject, figures=figures)
        if self.reading is None:
            return usual
        return self.reading.with_(at=usual.at, figures=self.reading.figures if figures else {})

    async def counters(self, subject: Subject, *, at: datetime) -> Sample:
        return await self._metrics.counters(subject, at=at)

    async def figures(self, subject: Subject, names: Collection[str]) -> Sample:
        usual = await self._metrics.figures(subject, names)
        if self.reading is None:
            return usual
        return self.reading.with_(
            at=usual.at, figures={k: v for k, v in self.reading.figures.items() if k in names}
        )


def in_virtual_time(story: Coroutine[Any, Any, _Result]) -> _Result:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(story)


async def goes_blind(reading: Sample) -> Told:
    """From the middle of the 10 % stage on; all that comes after was approved while healthy."""
    scenario = Scenario()
    given, when, then = Given(scenario), When(scenario), Then(scenario)
    given.stages(5, 10, 25, 100, bake=seconds(90))
    metrics = _blindable(scenario)
    try:
        await when.started()
        await when.approved(5, rest=True)
        await when.begun("canary/10/bake")
        await when.passes(seconds(20))
        metrics.reading = reading
        question = await when.asked_for(25)
        told_verdict = then.run.verdict
        assert told_verdict is not None
        assert question
        weights = tuple(scenario.shop.shifts)
        await when.passes(minutes(2))
        assert tuple(scenario.shop.shifts) == weights, "traffic moved although nothing is known"
        pressed = scenario.clock.now()
        await when.rolls_back()
        await when.until(lambda: scenario.shop.weight == 0, seconds(60))
        home = next(effect.at for effect in scenario.shop.effects if effect.what == "home")
        await when.is_over()
        assert then.run.state is RunState.ROLLED_BACK
        scenario.invariants()
        return Told(
            verdict=told_verdict.kind, weights=weights, is_asked=bool(question), way_back=home - pressed
        )
    finally:
        await scenario.close()


def _blindable(scenario: Scenario) -> Blindable:
    shop = scenario.shop
    ports = shop.ports()
    metrics = Blindable(ports.metrics)
    shop.ports = lambda: replace(ports, metrics=metrics)  # type: ignore[method-assign]
    return metrics

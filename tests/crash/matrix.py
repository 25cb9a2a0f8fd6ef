"""The matrix: every point of every direction, or a seeded part of it, several worlds at a time."""

import asyncio
import random
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from bot.sim import sample
from tests.crash.diary import Diary
from tests.crash.directions import Direction
from tests.crash.processes import surroundings
from tests.crash.stalls import Stalls, watched
from tests.crash.starting import starter
from tests.crash.strategy import Strategy
from tests.crash.visits import Outcome, Point, Visit, play, points_to_visit
from tests.crash.world import Ground, NewDatabase

Say = Callable[[str], None]

# Of a visit during which the machine stood still.
_TRIES = 3


@dataclass
class Result:
    """What a direction came to, point by point."""

    strategy: Strategy
    direction: Direction
    names: tuple[str, ...]  # the points that exist
    wanted: int = 0  # visits that would be all of them
    outcomes: list[Outcome] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def visited(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.reached]

    @property
    def never_reached(self) -> list[str]:
        """Points that exist and that no kill came to, though it was tried."""
        tried = {outcome.visit.point.name for outcome in self.outcomes if outcome.visit.point}
        return sorted(tried - self._names_visited)

    @property
    def _names_visited(self) -> set[str]:
        return {outcome.visit.point.name for outcome in self.visited if outcome.visit.point}

    @property
    def failed(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.findings]

    def line(self) -> str:
        """`canary forward: 318 points exist, …`."""
        missed = sum(outcome.visit.point is not None and not outcome.reached for outcome in self.outcomes)
        names = len(self._names_visited)
        return (
            f"{self.strategy.name} {self.direction.name}: {len(self.names)} points exist, {names} visited by "
            f"{len(self.visited)} of {self.wanted} kills, {len(self.failed)} failed; "
            f"{self.seconds:.0f} s of runs"
            + (f"; {missed} more ended before they came to their point" if missed else "")
        )


@dataclass(frozen=True)
class Order:
    """What to visit, and for how long."""

    strategy: Strategy
    directions: Sequence[Direction]
    seed: int
    jobs: int
    seconds: float | None = None  # None: all of it
    only: Sequence[Point] = ()


async def visited(
    folder: Path, order: Order, new_database: NewDatabase | None, *, warm: bool, say: Say
) -> list[Result]:
    """The matrix, or the part of it that is ordered, in worlds under `folder`."""
    repository = await sample.create(folder)
    async with starter(surroundings(), warm=warm) as started, watched() as stalls:
        ground = Ground(started, repository, new_database)
        return await Matrix(ground, folder, order, say, stalls).run()


class Matrix:
    """Plays visits and keeps the folders of those that failed."""

    def __init__(self, ground: Ground, folder: Path, order: Order, say: Say, stalls: Stalls) -> None:
        self._ground = ground
        self._folder = folder
        self._order = order
        self._say = say
        self._stalls = stalls
        self._calm = [Visit(order.strategy, direction, None) for direction in order.directions]
        self._diary = Diary(folder / "visits.jsonl", {visit.direction.name: visit for visit in self._calm})
        self._numbers = count(1)
        self._usual: dict[str, frozenset[str]] = {}

    async def run(self) -> list[Result]:
        """Every direction's result, the runs included in which nothing dies."""
        began = time.monotonic()
        until = None if self._order.seconds is None else began + self._order.seconds
        calm = await self._all(self._calm, None)
        results = {
            o.visit.direction.name: Result(o.visit.strategy, o.visit.direction, tuple(o.passed)) for o in calm
        }
        for outcome in calm:
            name = outcome.visit.direction.name
            self._usual[name] = outcome.keys
            if outcome.findings:
                results[name].outcomes.append(outcome)
        for outcome in await self._all(self._visits(calm, results), until):
            result = results[outcome.visit.direction.name]
            result.outcomes.append(outcome)
            result.seconds += outcome.seconds
        return list(results.values())

    def _visits(self, calm: Sequence[Outcome], results: dict[str, Result]) -> list[Visit]:
        chance = random.Random(self._order.seed)
        visits = []
        for outcome in calm:
            direction = outcome.visit.direction
            points = self._order.only or list(points_to_visit(outcome.passed, chance))
            results[direction.name].wanted = len(points)
            visits += [Visit(self._order.strategy, direction, point) for point in points]
        if self._order.seconds is not None:
            chance.shuffle(visits)
        return visits

    async def _all(self, visits: Sequence[Visit], until: float | None) -> list[Outcome]:
        left: Iterator[Visit] = iter(visits)
        outcomes: list[Outcome] = []

        async def work() -> None:
            for visit in left:
                # One that would most likely end too late is not begun.
                if until is not None and time.monotonic() + _usual_seconds(outcomes) > until:
                    return
                known = self._diary.known(visit)
                outcome = known or await self._play(visit)
                outcomes.append(outcome)
                if known is None:
                    self._diary.write(outcome)
                    self._tell(outcome, f"{len(outcomes)} of {len(visits)}")

        await asyncio.gather(*(work() for _ in range(self._order.jobs)))
        return outcomes

    async def _play(self, visit: Visit) -> Outcome:
        usual = self._usual.get(visit.direction.name, frozenset())
        for tries_left in reversed(range(_TRIES)):
            began = time.monotonic()
            folder = self._new_folder(visit.direction.name)
            outcome = await play(visit, folder, self._ground, usual)
            if not outcome.findings:
                await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
                break
            if not tries_left or not self._stalls.any_since(began):
                break
            self._say(f"{visit.direction.name} {visit.point}: the machine stood still meanwhile, so again")
        return outcome

    def _new_folder(self, name: str) -> Path:
        folders = (self._folder / f"{name}-{number}" for number in self._numbers)
        # One of an earlier matrix may still lie there.
        return next(folder for folder in folders if not folder.exists())

    def _tell(self, outcome: Outcome, which: str) -> None:
        visit = outcome.visit
        words = f"{which}: {visit.strategy.name} {visit.direction.name} {visit.point or 'without a kill'}"
        if outcome.findings:
            self._say(f"{words}: FAILED, see {outcome.folder}")
            for finding in outcome.findings:
                self._say(f"    {finding}")
        else:
            missed = "" if outcome.reached or visit.point is None else ", but it was not passed"
            self._say(f"{words}: right{missed} ({outcome.seconds:.0f} s)")


def _usual_seconds(outcomes: Sequence[Outcome]) -> float:
    return sum(outcome.seconds for outcome in outcomes) / len(outcomes) if outcomes else 0.0

"""One visit: a run in a world of its own, its bot killed at one point, and what is wrong afterwards."""

import asyncio
import random
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.crash.directions import Direction
from tests.crash.findings import findings, message_keys, of_messages
from tests.crash.outside import Seen, seen
from tests.crash.people import NotInTime, Thread, deploy
from tests.crash.strategy import Strategy
from tests.crash.world import Ground, World, world

# Real seconds, a start of the bot and PostgreSQL's lease included.
_LONGEST = 150.0
# From the end of the run until everything is said: posts are 1.1 s apart, and pictures have to be drawn.
_LAST_WORDS = 60.0
# What a restarted bot would do twice it does in its first moments.
_SETTLED = 1.5
_LOOK = 0.5


@dataclass(frozen=True)
class Point:
    """A crash point, and which of its passings is meant."""

    name: str
    passing: int = 1

    def __str__(self) -> str:
        return self.name if self.passing == 1 else f"{self.name}#{self.passing}"


@dataclass(frozen=True)
class Visit:
    strategy: Strategy
    direction: Direction
    point: Point | None  # None: nothing dies


@dataclass(frozen=True)
class Outcome:
    """What came of a visit."""

    visit: Visit
    reached: bool
    findings: tuple[str, ...]
    seconds: float
    folder: Path
    passed: Mapping[str, int]  # how often the first process passed each point
    keys: frozenset[str]  # the messages that stand there


async def play(visit: Visit, folder: Path, ground: Ground, usual: frozenset[str] = frozenset()) -> Outcome:
    """Carry the visit out. Nothing that goes wrong is raised; it is among the findings."""
    began = time.monotonic()
    strategy, direction, point = visit.strategy, visit.direction, visit.point
    wrong: list[str]
    last: Seen | None = None
    has_crashed = False
    passed: Counter[str] = Counter()
    try:
        crash_at = str(point) if point is not None else None
        async with world(
            folder,
            ground,
            strategy=strategy.settings(direction.name),
            routing=strategy.routing,
            remind=direction.remind,
            crash_at=crash_at,
        ) as played:
            last, wrong = await _story(played, visit, usual)
            has_crashed = played.bot.has_crashed
            passed.update(_lines(played.bot.points_of(1)))
    except Exception:  # noqa: BLE001 - one visit that breaks must not end hundreds of others
        wrong = [f"the visit broke: {traceback.format_exc(limit=-4)}"]
    keys = message_keys(last) if last is not None else frozenset()
    return Outcome(visit, has_crashed, tuple(wrong), time.monotonic() - began, folder, passed, keys)


def points_to_visit(passed: Mapping[str, int], chance: random.Random) -> Iterator[Point]:
    """Every point at its first passing; one that is passed again also at a later passing, drawn by lot."""
    for name, times in passed.items():
        yield Point(name)
        # Not the very last ones: how often figures are asked for differs from run to run.
        latest = max(2, times * 3 // 4)
        if times > 1:
            yield Point(name, chance.randint(2, latest))


async def _story(played: World, visit: Visit, usual: frozenset[str]) -> tuple[Seen | None, list[str]]:
    direction = visit.direction
    until = time.monotonic() + _LONGEST
    if direction.faults:
        await played.breaks(direction.faults)
    try:
        thread = await deploy(played, visit.strategy.command)
        while not thread.has(direction.last):
            if time.monotonic() > until:
                raise NotInTime(f"the run is not over after {_LONGEST:.0f} s")  # noqa: TRY301 - one way out
            await thread.look()
            await direction.play(played, thread)
        last = await _last_words(played, thread, usual)
    except NotInTime as error:
        return None, [str(error)]
    return last, findings(last, visit.strategy, direction, usual)


async def _last_words(played: World, thread: Thread, usual: frozenset[str]) -> Seen:
    """What is seen once everything is said that should be, or nothing more can be expected."""
    until = time.monotonic() + _LAST_WORDS
    while time.monotonic() < until:
        if await played.is_connected() and not of_messages(await seen(played, thread), usual):
            break
        await asyncio.sleep(_LOOK)
    await asyncio.sleep(_SETTLED)
    return await seen(played, thread)


def _lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []

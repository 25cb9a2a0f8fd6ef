"""Plays one seed from beginning to end and judges it: the same in every process, however often.

Everything that is random by nature elsewhere (uids, file ids, the hash of a task) is drawn from the seed or
counted while a simulation is played, and put back afterwards.
"""

import asyncio
import gc
import itertools
import os
import random
import sys
import time
import warnings
from collections import Counter
from collections.abc import Coroutine, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import structlog

from storage import Database
from tests.simulation.forecast import Forecast, forecast
from tests.simulation.judgement import judged, unsaid
from tests.simulation.loop import SeededLoop, current_life
from tests.simulation.simulation import Simulation, Stuck, is_a_bug

# How long Slack may take to have everything, once all is calm; and how long nothing more may be said then.
_TELLING, _SILENCE = 900.0, 10.0


@dataclass
class Report:
    """What came of one seed."""

    seed: int
    breaches: list[str]
    trace: list[str]
    counted: Counter[str] = field(default_factory=Counter)
    virtual: float = 0.0  # seconds
    real: float = 0.0  # seconds by the wall's clock
    spent: float = 0.0  # of a processor's time


class Stage:
    """Where simulations are played: a folder with a database that has all its tables already."""

    def __init__(self) -> None:
        shared = Path("/dev/shm")  # memory, where there is any
        where = str(shared) if os.access(shared, os.W_OK) else None
        self._folder = Path(mkdtemp(prefix="slackwater-simulation-", dir=where))
        self.template = self._folder / "template.db"
        asyncio.run(_migrated(self.template))
        gc.collect()
        gc.freeze()

    def close(self) -> None:
        for file in self._folder.iterdir():
            file.unlink()
        self._folder.rmdir()

    @contextmanager
    def world(self, seed: int, circumstances: Forecast) -> Iterator[Simulation]:
        """A simulation that has not begun. Afterwards nothing is left of it."""
        loop = SeededLoop(random.Random(f"{seed}/order"))
        with _counted_identities(), _without_collection():
            simulation = Simulation(seed, circumstances, loop, self.template)
            try:
                with _heard(simulation):
                    yield simulation
            finally:
                _swept(simulation, loop)

    def play(self, seed: int, without: tuple[str, ...] = ()) -> Report:
        """One seed; the story is the same each time."""
        began, spent = time.perf_counter(), time.process_time()
        with self.world(seed, forecast(seed, without)) as simulation:
            breaches = ended(simulation, simulation.play())
            loop, trace = simulation.loop, simulation.trace
            trace.note("loop", f"{loop.carried_out} callbacks")
            report = Report(seed, breaches, trace.lines, trace.counted, virtual=loop.time())
        report.real, report.spent = time.perf_counter() - began, time.process_time() - spent
        return report


def ended(simulation: Simulation, story: Coroutine[Any, Any, None]) -> list[str]:
    """Let the story come to its end and everything be said; what is not as it has to be then."""

    async def whole() -> None:
        await story
        await simulation.ends()
        with suppress(Stuck):
            # What is still missing then is told by its judge.
            await simulation.until(lambda: not any(unsaid(simulation)), "not said", _TELLING, look=3.0)
        await asyncio.sleep(_SILENCE)
        await simulation.stop()

    try:
        simulation.loop.run_until_complete(whole())
    except Stuck as stuck:
        return [str(stuck), *simulation.unexpected]
    except AssertionError as error:
        return [f"the world is out of joint: {error}", *simulation.unexpected]
    return judged(simulation)


async def _migrated(file: Path) -> None:
    database = Database(f"sqlite:///{file}")
    await database.migrate()
    await database.close()


@contextmanager
def _counted_identities() -> Iterator[None]:
    """What the simulated outside gives out at random is counted instead."""
    ids, files = itertools.count(1), itertools.count(1)
    with ExitStack() as stack:
        uuid = SimpleNamespace(uuid4=lambda: f"00000000-0000-4000-8000-{next(ids):012d}")
        stack.enter_context(patch("bot.sim.cluster.store.uuid", uuid))
        stack.enter_context(patch("bot.sim.cluster.requests._SUFFIXES", itertools.count()))
        store = "bot.sim.workspace.file_store"
        stack.enter_context(patch(f"{store}.fresh_id", lambda prefix: f"{prefix}{next(files):010d}"))
        stack.enter_context(patch(f"{store}.secret", lambda: f"ticket-{next(files)}"))
        yield


@contextmanager
def _without_collection() -> Iterator[None]:
    """Garbage is collected between simulations, so that nothing is closed by it at a time of its own."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@contextmanager
def _heard(simulation: Simulation) -> Iterator[None]:
    """What the bot logs goes into the trace, and an error that nobody made on purpose is one too many."""
    before = structlog.get_config()

    def hear(_logger: Any, level: str, event: Any) -> Any:
        error = event.pop("exc_info", None)
        error = sys.exc_info()[1] if error is True else error
        said = " ".join(f"{key}={value}" for key, value in event.items() if key != "event")
        why = f" ({type(error).__name__}: {error})" if error else ""
        told = f"{event['event']} {said}{why}"
        simulation.trace.note(current_life() or "world", f"{level}: {told}"[:300])
        if error is not None and is_a_bug(error):
            simulation.unexpected.append(told)
        raise structlog.DropEvent

    structlog.configure(processors=[hear])
    try:
        yield
    finally:
        structlog.configure(**before)


def _swept(simulation: Simulation, loop: SeededLoop) -> None:
    """Let go of everything, also of what dead processes were in the middle of; nothing of it may speak."""
    loop.set_exception_handler(lambda loop, context: None)
    hook, sys.unraisablehook = sys.unraisablehook, lambda unraisable: None
    try:
        with warnings.catch_warnings(), _silence():
            warnings.simplefilter("ignore")
            for task in asyncio.all_tasks(loop):
                task._log_destroy_pending = False  # type: ignore[attr-defined]
                with suppress(Exception):
                    task.get_coro().close()
            simulation.close()
            loop.close()
            simulation.__dict__.clear()
            del simulation, loop
            gc.collect()
    finally:
        sys.unraisablehook = hook


@contextmanager
def _silence() -> Iterator[None]:
    before = structlog.get_config()
    structlog.configure(processors=[_drop])
    try:
        yield
    finally:
        structlog.configure(**before)


def _drop(_logger: Any, _level: str, _event: Any) -> Any:
    raise structlog.DropEvent


def told(report: Report, *, whole: bool) -> str:
    """A failure for people: why, and the way to it."""
    lines = [f"seed {report.seed} failed:", *(f"  - {breach}" for breach in report.breaches)]
    if whole:
        lines += report.trace
    return "\n".join(lines)

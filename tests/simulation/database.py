"""The real database, with the road to it under the seed's weather.

`storage.Database` is used as it is: the loop carries its threads' work out by itself (`SeededLoop`). What is
added here is trouble: a database that is away or locked, an answer that is lost after the commit, and a
process that dies or freezes right before or right after a transaction was committed. Whatever was committed
is told at that very moment, in the order of the commits.
"""

import asyncio
import random
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FunctionType
from typing import Any, TypeVar

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from bot.domain.errors import Unreachable
from storage import Database
from tests.simulation.loop import Life, SeededLoop, current_life
from tests.simulation.weather import Weather
from tests.simulation.witness import Witness

_Result = TypeVar("_Result")

# How long news is on its way (virtual seconds).
_NEWS = (0.001, 0.05)
# As long as the database's own lock time-out.
_LOCKED = 5.0
# Every process of every simulation that is played here opens the same file, one after the other, and each
# transaction is carried out as a whole: so they may share one connection, and what was compiled for it.
_ENGINES: dict[Path, tuple[Engine, Engine]] = {}


class SimulatedDatabase(Database):
    """One process's way to the database that all share."""

    def __init__(self, file: Path, weather: Weather, store: "Store") -> None:
        super().__init__(f"sqlite:///{file}")
        self._weather = weather
        self._store = store
        if not weather.forecast.has_one_thread:
            self._threads = ThreadPoolExecutor(4)
        self._reads, self._writes = _ENGINES.setdefault(file, (self._reads, self._writes))  # type: ignore[assignment]

    async def run(
        self, work: Callable[[Session], _Result], point: str, *, is_urgent: bool = False
    ) -> _Result:
        trouble = await self._trouble(is_write=True)
        result = await super().run(work, point, is_urgent=is_urgent)
        if trouble == "lost":
            raise Unreachable("the database", "the connection broke before the answer came")
        return result

    async def read(self, work: Callable[[Session], _Result]) -> _Result:
        await self._trouble(is_write=False)
        return await super().read(work)

    async def listen(self, heard: Callable[[str], None]) -> None:
        life = current_life()
        if life is None or self._weather.forecast.is_one_machine:
            await super().listen(heard)  # a file tells nobody
            return
        await self._store.bell.listen(life, heard)

    async def _trouble(self, *, is_write: bool) -> str | None:
        """What becomes of this transaction, as far as that comes before it.

        Raises:
            Unreachable: it does not come to it.
        """
        trouble = self._weather.database(current_life(), is_write=is_write)
        match trouble:
            case "away":
                raise Unreachable("the database", "connection refused")
            case "locked":
                await asyncio.sleep(_LOCKED)
                raise Unreachable("the database", "database is locked")
            case "slow":
                await asyncio.sleep(1.5)
        return trouble

    def _carry_out(self, engine: Engine, work: Callable[[Session], _Result]) -> _Result:
        life, is_write = current_life(), engine is self._writes
        self._weather.moment(life, "write" if is_write else "read")
        if life is not None and not life.is_alive:
            raise Unreachable("the database", "nobody is there any more to whom this could be told")
        if not is_write:
            return self._store.read(work, lambda: super(SimulatedDatabase, self)._carry_out(engine, work))
        result = super()._carry_out(engine, work)
        self._store.committed()
        self._weather.moment(life, "write")
        return result


class Store:
    """What all processes share of the database, beside its file."""

    def __init__(self, bell: "Bell", witness: Witness) -> None:
        self.bell = bell
        self._witness = witness
        self._known: dict[Any, Any] = {}

    def committed(self) -> None:
        """Some process has just committed something."""
        self._known.clear()
        for run in self._witness.committed():
            self.bell.ring(run)

    def read(self, work: Callable[..., _Result], carry_out: Callable[[], _Result]) -> _Result:
        """What a read gives; one that was carried out since the last commit gives the same again.

        Every process looks each second, and compares its messages with the memory before each call. Most of
        a simulation's time would go into statements whose answer is known.
        """
        question = _question(work)
        if question is None:
            return carry_out()
        if question not in self._known:
            self._known[question] = carry_out()
        known: _Result = self._known[question]
        return known


def _question(work: Callable[..., Any]) -> Any:
    """What a piece of work asks, as something to look up: its code, and what that was made with."""
    if not isinstance(work, FunctionType):
        return None
    question = (work.__code__, *(cell.cell_contents for cell in work.__closure__ or ()))
    try:
        hash(question)
    except TypeError:
        return None
    return question


class Bell:
    """Tells every process of news for a run, as LISTEN and NOTIFY do; some of it is lost in bad weather."""

    def __init__(self, seed: int, loop: SeededLoop, weather: Weather) -> None:
        self._loop = loop
        self._weather = weather
        self._chance = random.Random(f"{seed}/bell")
        self._listening: dict[Life, Callable[[str], None]] = {}

    async def listen(self, life: Life, heard: Callable[[str], None]) -> None:
        """Until cancelled."""
        self._listening[life] = heard
        try:
            await self._loop.create_future()
        finally:
            self._listening.pop(life, None)

    def ring(self, run: str) -> None:
        for life, heard in self._listening.items():
            takes = self._chance.uniform(*_NEWS)
            is_lost = self._chance.random() < self._weather.forecast.database
            if life.is_alive and not is_lost and not self._weather.has_no_database(life):
                self._loop.call_later(takes, heard, run, context=life.context.copy())


def fresh(template: Path, file: Path) -> None:
    """A new database with all its tables, without the time that migrations take."""
    if file in _ENGINES:
        _ENGINES[file][0].dispose()
    for old in (file, *(file.with_name(file.name + end) for end in ("-wal", "-shm"))):
        old.unlink(missing_ok=True)
    shutil.copyfile(template, file)

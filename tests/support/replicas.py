"""Several real processes of the bot on one PostgreSQL database, each by a cable of its own."""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import make_url

from bot.clients.clock import RealClock
from bot.domain.events import Claimed, Entry
from bot.domain.run import Run
from storage import Database, SQLJournal, SQLRuns
from tests.support.bot_process import BotProcess
from tests.support.cable import Cable
from tests.support.eventually import eventually
from tests.support.stand_ins import StandIns, stand_ins


@dataclass(frozen=True)
class Replicas:
    """The stand-ins with their bots, and the tests' own look into the database."""

    world: StandIns
    cables: tuple[Cable, ...]
    database: Database

    @property
    def bots(self) -> tuple[BotProcess, ...]:
        return self.world.bots

    async def run(self) -> Run:
        runs = SQLRuns(self.database, RealClock())
        found = await eventually(runs.recent, bool)
        return await runs.load(found[0].id)

    async def journal(self) -> tuple[Entry, ...]:
        return await SQLJournal(self.database, RealClock()).entries((await self.run()).id)

    async def driver(self) -> int:
        """Which of the bots drives the run, by the newest claim."""
        entries = await eventually(self.journal, lambda found: any(e.kind == "claimed" for e in found))
        claims = [entry.event for entry in entries if isinstance(entry.event, Claimed)]
        pid = int(claims[-1].owner.split("/")[1])
        (number,) = (n for n, bot in enumerate(self.bots) if bot.pid == pid)
        return number

    async def claims(self) -> int:
        return sum(entry.kind == "claimed" for entry in await self.journal())

    async def taken_over(self, claims: int, since: float) -> float:
        """Until there is another claim than those so many; the seconds since then."""
        await eventually(self.claims, lambda found: found > claims, within=60)
        return time.monotonic() - since


@asynccontextmanager
async def replicas(folder: Path, url: str, count: int = 2, **stage: Any) -> AsyncIterator[Replicas]:
    """`count` bots that are not started yet, on the (empty) database of this URL."""
    where = make_url(url)
    assert where.host is not None, "it has to be a server"
    assert where.port is not None, "it has to name its port"
    async with AsyncExitStack() as stack:
        cables = tuple([await stack.enter_async_context(Cable(where.host, where.port)) for _ in range(count)])
        urls = tuple(
            where.set(host="127.0.0.1", port=cable.port).render_as_string(hide_password=False)
            for cable in cables
        )
        database = Database(url)
        await database.migrate()
        stack.push_async_callback(database.close)
        world = await stack.enter_async_context(stand_ins(folder, databases=urls, **stage))
        yield Replicas(world, cables, database)

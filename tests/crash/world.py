"""One world: cluster, workspace and bot as processes of their own, on a fast clock that they share."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from tests.crash.processes import KeptAlive, StandIn, surroundings
from tests.crash.settings import PEOPLE, settings
from tests.crash.starting import Starter
from tests.support.person import Person
from tests.support.routing import Routing

# The bot asks about twenty times a second for figures, so a faster clock would only tire the machine; and a
# start of the bot must not take longer than the five simulated minutes that a canary has to come up.
SPEED = 20.0
# On PostgreSQL a lease of a process that was killed has to run out first: 15 s.
SPEED_ON_POSTGRESQL = 10.0
RPS = 50

# Gives the URL of a fresh database; None: a file in the world's folder.
NewDatabase = Callable[[], str]


@dataclass(frozen=True)
class World:
    """What a visit is played with."""

    folder: Path
    config: Path
    database: str
    cluster: StandIn
    workspace: StandIn
    bot: KeptAlive
    routing: Routing
    session: aiohttp.ClientSession
    ada: Person
    bo: Person

    async def asks(self, url: str) -> Any:
        """What is there, as JSON; None for what is not."""
        async with self.session.get(url) as answer:
            return await answer.json() if answer.status == 200 else None

    async def breaks(self, faults: dict[str, Any]) -> None:
        async with self.session.put(f"{self.cluster.url}/faults", json=faults) as answer:
            assert answer.status == 200, await answer.text()

    async def is_connected(self) -> bool:
        return bool((await self.asks(f"{self.workspace.url}/user/workspace"))["connected"])


@dataclass(frozen=True)
class Ground:
    """What all worlds of a matrix stand on."""

    starter: Starter
    repository: Path
    new_database: NewDatabase | None = None


@asynccontextmanager
async def world(
    folder: Path,
    ground: Ground,
    *,
    strategy: dict[str, Any],
    routing: Routing,
    remind: str,
    crash_at: str | None,
) -> AsyncIterator[World]:
    """A world whose bot is being started; its processes end with the block."""
    scratch = folder / "tmp"
    scratch.mkdir(parents=True)
    starter, new_database = ground.starter, ground.new_database
    speed = SPEED if new_database is None else SPEED_ON_POSTGRESQL
    clock = f"{speed:g}@{datetime.now(UTC).isoformat()}"
    environ = surroundings(SLACKWATER_CLOCK=clock, TMPDIR=str(scratch))
    people, kubeconfig, config = folder / "people.json", folder / "kubeconfig", folder / "slackwater.yaml"
    people.write_text(json.dumps(PEOPLE))
    database = new_database() if new_database is not None else f"sqlite:///{folder / 'slackwater.db'}"
    # Checkouts of several bots would get into each other's way in one repository.
    shutil.copytree(ground.repository, folder / "checkout")
    workspace, cluster = await asyncio.gather(
        StandIn.started(starter, ("workspace", "--port", "0", "--people", str(people)), folder, environ),
        StandIn.started(
            starter,
            (
                *("cluster", "--port", "0", "--kubeconfig", str(kubeconfig), "--rps", str(RPS)),
                *("--apply", str(routing.manifests(folder))),
            ),
            folder,
            environ,
        ),
    )
    made = settings(
        folder,
        cluster.url,
        folder / "checkout",
        database,
        strategy=strategy,
        routing=routing,
        remind=remind,
    )
    config.write_text(yaml.safe_dump(made, sort_keys=False))
    slack = {
        "SLACK_API_URL": f"{workspace.url}/api/",
        "SLACK_BOT_TOKEN": "xoxb-local",
        "SLACK_APP_TOKEN": "xapp-local",
        "KUBECONFIG": str(kubeconfig),
    }
    bot = KeptAlive(starter, config, folder, environ | slack, crash_at)
    try:
        async with aiohttp.ClientSession() as session:
            async with session.put(f"{workspace.url}/user/faults", json={"rates": "lifted"}) as answer:
                assert (await answer.json())["ok"]
            ada = await Person.named(session, workspace.url, "ada")
            bo = await Person.named(session, workspace.url, "bo")
            bot.start()
            yield World(folder, config, database, cluster, workspace, bot, routing, session, ada, bo)
    finally:
        await bot.stop()
        await asyncio.gather(cluster.stop(), workspace.stop())

"""The world of a fleet: cluster and workspace as processes, the database with its runs, and one bot process.

A bot that is started here finds what it would find after a crash in the middle of everything.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy import func, select
from sqlmodel import col

from bot.clients.clock import RealClock
from bot.config import load
from bot.domain.events import Claimed
from bot.domain.interrupts import Interrupt, InterruptKind
from bot.domain.people import Role
from bot.domain.run import Run, RunState
from bot.sim import sample
from bot.slack import Channels, Directory, SlackCalls, SlackPublisher, SlackRoles, Tempo
from bot.slack.pace import Pace
from bot.views.items import Setting
from bot.views.messages import messages
from bot.wiring.deployables import granted
from storage import Database, Messages, SQLJournal, SQLRuns
from storage.tables import InterruptRow, RunRow
from tests.support.bot_process import BotProcess
from tests.support.eventually import eventually
from tests.support.fleet import Fleet
from tests.support.outside import running
from tests.support.person import Person

_PEOPLE = {
    "people": [{"name": "ada", "groups": ["engineers"]}, {"name": "bo", "groups": ["oncall"]}],
    "channels": ["deploys", "releases"],
}
# The patience of a publisher that prepares a workspace whose rates are lifted.
_QUICK = Tempo(calm=0.01, first_retry=0.1, breath=0.001, remembered=0.1)
_AT_ONCE = 20
_PICTURE = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class FleetWorld:
    """Everything around the bot, and a look of its own into the database."""

    fleet: Fleet
    bot: BotProcess
    database: Database
    slack: str
    session: aiohttp.ClientSession

    @property
    def runs(self) -> SQLRuns:
        return SQLRuns(self.database, RealClock())

    @property
    def journal(self) -> SQLJournal:
        return SQLJournal(self.database, RealClock())

    async def person(self, name: str) -> Person:
        return await Person.named(self.session, self.slack, name)

    async def lift_rates(self, *, lifted: bool) -> None:
        faults = {"rates": "lifted"} if lifted else {}
        async with self.session.put(f"{self.slack}/user/faults", json=faults) as answer:
            assert answer.status == 200, await answer.text()

    async def calls(self) -> list[dict[str, Any]]:
        """The newest calls of Slack's API that the bot made."""
        async with self.session.get(f"{self.slack}/user/log", params={"limit": "10000"}) as answer:
            return list((await answer.json())["calls"])

    async def knock(self, word: str) -> None:
        """Commit an interrupt for every run that comes to nothing but has to be heard by its driver."""
        for run in self.fleet.runs:
            at = datetime.now(UTC)
            await self.journal.interrupt(Interrupt(run=run, kind=InterruptKind.TIMER, at=at, purpose=word))

    async def unheard(self) -> int:
        query = select(func.count()).where(col(InterruptRow.consumed_at).is_(None))
        return await self.database.read(lambda session: session.scalars(query).one())

    async def heard(self, word: str) -> list[datetime]:
        """When each driver heard the knock."""
        query = select(col(InterruptRow.consumed_at)).where(col(InterruptRow.purpose) == word)
        found = await self.database.read(lambda session: session.scalars(query).all())
        return sorted(at for at in found if at is not None)

    async def leases(self) -> dict[str, tuple[str | None, int]]:
        """Owner and number of each run's lease."""
        query = select(col(RunRow.id), col(RunRow.lease_owner), col(RunRow.lease_number))
        rows = await self.database.read(lambda session: session.execute(query).all())
        return {run: (owner, number) for run, owner, number in rows}

    async def states(self) -> dict[str, RunState]:
        return {run.id: run.state for run in await self.runs.active()}

    async def claims(self, since: datetime) -> dict[str, list[datetime]]:
        """When each run was claimed after a moment."""
        found: dict[str, list[datetime]] = {}
        for run in self.fleet.runs:
            entries = await self.journal.entries(run)
            found[run] = [e.at for e in entries if isinstance(e.event, Claimed) and e.at > since]
        return found

    async def post_everything(self, config: Path) -> int:
        """Let Slack have every message before the bot starts; how many there are."""
        await self.lift_rates(lifted=True)
        client = AsyncWebClient(token="xoxb-local", base_url=f"{self.slack}/api/", timeout=30)
        calls = SlackCalls(client)
        directory, memory = Directory(calls), Messages(self.database)
        roles = SlackRoles(directory, granted(load(config)))

        async def channels() -> Channels:
            return await directory.channels("#deploys", ["#releases"])

        async def setting(_run: Run) -> Setting:
            return Setting(command="/deploy", approvers=await roles.mentions(Role.APPROVER))

        publisher = SlackPublisher(
            calls=calls,
            memory=memory,
            channels=channels,
            setting=setting,
            views=messages,
            draw=lambda picture: _PICTURE + picture.name.encode(),
            tempo=_QUICK,
            pace=Pace(post_every=0.0001, update_every=0.0001),
        )
        for some in _slices(self.fleet.runs):
            for run in some:
                publisher.changed(await self.runs.load(run))
            for run in some:
                await publisher.said(run)
                publisher.dropped(run)
        await publisher.stop()
        await self.lift_rates(lifted=False)
        return sum([len(await memory.all_of(run)) for run in self.fleet.runs])


@asynccontextmanager
async def fleet_world(
    folder: Path, fleet: Fleet, url: str = "sqlite:///slackwater.db"
) -> AsyncIterator[FleetWorld]:
    """The bot is not started yet, and nothing is posted."""
    people = folder / "people.yaml"
    people.write_text(yaml.safe_dump(_PEOPLE))
    async with AsyncExitStack() as stack:
        clusters = [
            stack.enter_async_context(_cluster(folder / context, fleet, context))
            for context in fleet.clusters
        ]
        urls = dict(zip(fleet.clusters, [await one for one in clusters], strict=True))
        slack = await stack.enter_async_context(running("workspace", "--port", "0", "--people", str(people)))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        kubeconfig = _merged(folder, fleet)
        settings = fleet.settings(urls, await sample.create(folder))
        settings["storage"] = {"url": url}
        bot = BotProcess(folder, settings, slack=f"{slack}/api/", kubeconfig=kubeconfig)
        stack.push_async_callback(bot.kill)
        await fleet.write_journals(bot.url, bot.config)
        database = Database(bot.url)
        stack.push_async_callback(database.close)
        for context, names in fleet.clusters.items():
            await _until_ready(session, urls[context], 2 * len(names))
        yield FleetWorld(fleet, bot, database, slack, session)


@asynccontextmanager
async def _cluster(folder: Path, fleet: Fleet, context: str) -> AsyncIterator[str]:
    """One of the clusters, in a process of its own; its URL."""
    objects = folder / "objects"
    objects.mkdir(parents=True)
    fleet.write_objects(objects, context)
    words = ("--port", "0", "--rps", "0", "--apply", str(objects), "--kubeconfig", str(folder / "kubeconfig"))
    async with running("cluster", *words) as url:
        yield url


def _merged(folder: Path, fleet: Fleet) -> Path:
    """One kubeconfig with a context for each cluster, named after it."""
    whole: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [],
        "users": [],
        "contexts": [],
    }
    for context in fleet.clusters:
        one = yaml.safe_load((folder / context / "kubeconfig").read_text())
        whole["clusters"].append({**one["clusters"][0], "name": context})
        whole["users"].append({**one["users"][0], "name": context})
        whole["contexts"].append({"name": context, "context": {"cluster": context, "user": context}})
    file = folder / "kubeconfig"
    file.write_text(yaml.safe_dump(whole))
    file.chmod(0o600)
    return file


async def _until_ready(session: aiohttp.ClientSession, kubernetes: str, deployments: int) -> None:
    """Every pod of both versions."""

    async def ready() -> int:
        async with session.get(f"{kubernetes}/apis/apps/v1/deployments") as answer:
            items = (await answer.json())["items"]
        return sum(item.get("status", {}).get("readyReplicas", 0) >= 1 for item in items)

    await eventually(ready, lambda found: found == deployments, within=300)


def _slices(runs: tuple[str, ...]) -> Iterable[tuple[str, ...]]:
    return (runs[at : at + _AT_ONCE] for at in range(0, len(runs), _AT_ONCE))

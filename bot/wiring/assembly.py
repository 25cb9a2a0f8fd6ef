"""Puts a bot together: storage, outside systems, engine, publisher, Slack's two roads in.

Slack is the last to be connected and the first that may be missing: a bot that cannot reach it drives its
runs all the same, and says in Slack what happened as soon as it can.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable
from functools import partial
from typing import Any

import structlog
from aiohttp import web
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.clients.clock import RealClock, ScaledClock
from bot.config import Secrets, Settings
from bot.domain.errors import OutsideError
from bot.domain.people import Person, Role
from bot.domain.plan import Plan
from bot.domain.run import Run
from bot.engine import Engine, TriggerWatch
from bot.operations import Desk
from bot.ports import StepKind, World
from bot.slack import Channels, Directory, SlackCalls, SlackPublisher, SlackRoles
from bot.steps import catalogue
from bot.views.answers import Answer
from bot.views.items import Setting
from bot.views.messages import messages
from bot.wiring.deployables import deployables, granted, limits_of, named, plan_writers, trigger_limits_of
from bot.wiring.identity import OWN, is_gone
from bot.wiring.pictures import draw_apart
from bot.wiring.socket import Socket
from bot.wiring.worlds import Worlds, connect_clusters
from handlers import http
from handlers.app import register
from handlers.office import Office
from storage import Database, Messages, SQLJournal, SQLRuns

_log = structlog.get_logger(__name__)

# How long the database may take to answer until it counts as gone; people are told after 2 s that it takes
# long.
_PATIENCE = 3.0


class Bot:
    """A bot, ready to start."""

    def __init__(
        self,
        *,
        settings: Settings,
        keys: Secrets,
        clock: RealClock | ScaledClock,
        database: Database,
        worlds: Worlds,
        listen: tuple[str, int] | None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._database = database
        self._worlds = worlds
        self._listen = listen
        self._runs = SQLRuns(database, clock)
        is_local = settings.storage.url.startswith("sqlite")
        journal = SQLJournal(database, clock, is_gone=is_gone if is_local else None)
        client = AsyncWebClient(
            token=keys.required("SLACK_BOT_TOKEN"), base_url=keys.slack_api_url, timeout=10
        )
        self._calls = SlackCalls(client)
        self._directory = Directory(self._calls)
        self._roles = SlackRoles(self._directory, granted(settings))
        self._publisher = SlackPublisher(
            calls=self._calls,
            memory=Messages(database),
            channels=self._channels,
            setting=self._setting_of,
            views=messages,
            draw=draw_apart,
            speaks_for=self._speaks_for,
        )
        self._engine = Engine(
            journal=journal,
            clock=clock,
            publisher=self._publisher,
            world=worlds,
            kinds=self._kinds,
            triggers=partial(self._triggers, journal),
            owner=OWN,
            new_id=partial(secrets.token_hex, 8),
        )
        self._desk = Desk(
            deployables=deployables(settings),
            strategies=plan_writers(settings),
            versions=worlds.versions,
            platform=worlds.platform,
            runs=self._runs,
            journal=journal,
            roles=self._roles,
            clock=clock,
            nudge=self._engine.nudge,
        )
        # Bolt warns that it will not use the environment's token beside our client, which bears the same one.
        logging.getLogger("slack_bolt.AsyncApp").setLevel(logging.ERROR)
        self._app = AsyncApp(
            client=client,
            signing_secret=keys.required("SLACK_SIGNING_SECRET") if settings.slack.mode == "http" else None,
            request_verification_enabled=settings.slack.mode == "http",
        )
        office = Office(
            desk=self._desk,
            slack=_Workspace(self._calls, self._directory, self._publisher.links),
            setting=self._setting,
            command=settings.slack.command,
        )
        register(self._app, office, self._directory.forget_members)
        self._is_alone = is_local
        self._socket: Socket | None = None
        if settings.slack.mode == "socket":
            self._socket = Socket(self._app, keys.required("SLACK_APP_TOKEN"), self._is_able)
        self._web: list[web.AppRunner] = []

    async def start(self) -> None:
        """Drive what is to be driven, then open the doors.

        Raises:
            OSError: an address to listen on is taken.
        """
        await self._open_doors()
        await self._engine.start()
        if self._socket is not None:
            self._socket.start()

    async def stop(self) -> None:
        """Take nothing more, park every run, say what is left to say, and let others have the runs."""
        if self._socket is not None:
            await self._socket.stop()
        for runner in self._web:
            await runner.cleanup()
        await self._engine.park()
        await self._publisher.hush()
        await self._engine.release()
        await self._publisher.close()
        await self._worlds.close()
        await self._database.close()

    async def _open_doors(self) -> None:
        slack = self._settings.slack
        if slack.mode == "http":
            app = http.build(self._ready, (slack.http.path, partial(http.deliver, self._app)))
            self._web.append(await http.listen(app, slack.http.listen.host, slack.http.listen.port))
        if self._listen is not None:
            self._web.append(await http.listen(http.build(self._ready, None), *self._listen))

    async def _ready(self) -> tuple[bool, str]:
        if self._socket is not None and not await self._socket.is_connected():
            return False, "not connected to Slack"
        if not await self._has_database():
            return False, "the database does not answer"
        return True, "ready"

    async def _is_able(self) -> bool:
        """A process without others to take its place goes on answering, if only in words."""
        return self._is_alone or await self._has_database()

    async def _has_database(self) -> bool:
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._runs.active()
        except (OutsideError, TimeoutError):
            return False
        return True

    def _speaks_for(self, run: str) -> bool:
        return self._engine.holds(run)

    def _kinds(self, plan: Plan, world: World) -> Any:
        application = self._settings.application(plan.request.application)
        kinds: dict[str, StepKind] = dict(catalogue(world, limits_of(application)))
        return kinds

    def _triggers(self, journal: SQLJournal, plan: Plan, world: World) -> TriggerWatch:
        limits = trigger_limits_of(self._settings.application(plan.request.application))
        return TriggerWatch(journal, self._clock, world.metrics, world.health, limits)

    async def _channels(self) -> Channels:
        channels = self._settings.slack.channels
        stakeholders = [str(channel) for channel in channels.stakeholders]
        return await self._directory.channels(str(channels.deploys), stakeholders)

    async def _setting(self) -> Setting:
        return Setting(
            command=self._settings.slack.command, approvers=await self._roles.mentions(Role.APPROVER)
        )

    async def _setting_of(self, run: Run) -> Setting:
        others = tuple(named(who) for who in run.plan.approvals.escalate_to)
        return (await self._setting()).with_(escalate_to=await self._roles.mentioned(others))


class _Workspace:
    """What handlers ask of the workspace (`handlers.office.Slack`)."""

    def __init__(
        self, calls: SlackCalls, directory: Directory, threads: Callable[[], dict[str, str]]
    ) -> None:
        self._calls = calls
        self._directory = directory
        self.threads = threads

    async def person(self, user: str) -> Person:
        return await self._directory.person(user)

    async def open_view(self, trigger: str, view: dict[str, Any]) -> None:
        await self._calls.open_view(trigger, view)

    async def publish_home(self, user: str, view: dict[str, Any]) -> None:
        await self._calls.publish_home(user, view)

    async def whisper(self, channel: str, user: str, answer: Answer, thread: str | None) -> None:
        await self._calls.ephemeral(channel, user, text=answer.text, blocks=answer.blocks, thread=thread)


async def assemble(
    settings: Settings,
    keys: Secrets,
    clock: RealClock | ScaledClock,
    listen: tuple[str, int] | None = None,
) -> Bot:
    """A bot whose database is migrated and whose clusters are known.

    Raises:
        ConfigError: a setting or a secret is missing or cannot be used.
        OutsideError: a cluster or the database cannot be reached.
    """
    database = Database(settings.storage.url)
    await database.migrate()
    targets = tuple(target for deployable in deployables(settings) for target in deployable.targets)
    clusters = await connect_clusters(targets, keys.kubeconfig)
    worlds = Worlds(settings, clock, clusters)
    return Bot(settings=settings, keys=keys, clock=clock, database=database, worlds=worlds, listen=listen)

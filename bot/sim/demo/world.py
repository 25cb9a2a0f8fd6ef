"""Starts the demo's world in the right order, and takes it down in the opposite one."""

import asyncio
import errno
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import bot
from bot.clients.clock import VARIABLE, ScaledClock, set_pace
from bot.clients.git import Git
from bot.domain.errors import ConfigError, SlackwaterError
from bot.sim import cluster as simulated_cluster
from bot.sim import sample
from bot.sim import workspace as local_workspace
from bot.sim.cluster import ClusterServer
from bot.sim.demo import settings_file
from bot.sim.demo.bot_process import BotProcess
from bot.sim.demo.breakage import ClusterBreakage, SlackBreakage, Weights
from bot.sim.demo.controls import Hands
from bot.sim.demo.folder import Folder
from bot.sim.demo.pace import Metronome, has_open_question
from bot.sim.demo.panel import Panel
from bot.sim.workspace import App, Command, Tokens, WorkspaceServer, people_from
from bot.sim.workspace.ids import id_of

Say = Callable[[str], None]

IMAGE = "registry.example.com/checkout"
RPS = 50.0

PEOPLE = people_from(
    {
        "people": [
            {"name": "ada", "display_name": "Ada", "title": "Developer", "groups": ["engineers"]},
            {
                "name": "bo",
                "display_name": "Bo",
                "title": "On-call engineer",
                "groups": ["engineers", "oncall"],
            },
            {
                "name": "cy",
                "display_name": "Cy",
                "title": "Site reliability engineer",
                "groups": ["engineers", "oncall", "platform"],
            },
            {"name": "eve", "display_name": "Eve", "title": "Product owner"},
            {"name": "gus", "display_name": "Gus", "title": "Contractor", "guest": True},
        ],
        "channels": [
            {"name": "deploys", "topic": "What goes to production. Start with /deploy v2.5.0 canary"},
            {"name": "releases", "topic": "What changed, in plain words"},
            {"name": "general", "topic": "Everything else"},
        ],
    }
)
APP = App(team_name="Harbour")
COMMANDS = (Command("/deploy", "v2.5.0 canary | status | help", "Take a version to production safely"),)

# A cold machine needs some seconds to load the bot; after this much something is wrong.
_PATIENCE = 60.0
# A bot that dies so often before it has connected once will not connect.
_MOST_DEATHS = 3
_LOOK = 0.02
_REFRESH = 0.1
# What a process may know of this one's surroundings. Tokens and addresses of a real Slack stay here.
_PASSED_ON = frozenset(
    {"PATH", "HOME", "LANG", "LC_ALL", "LOGNAME", "SHELL", "TMPDIR", "TZ", "USER", "VIRTUAL_ENV"}
    | {"PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "SLACKWATER_LOG"}
)
_TAIL = 15
_PRIVILEGED = 1023


class NoBot(SlackwaterError):
    """The bot does not come up."""


@dataclass(frozen=True)
class World:
    """A running demo."""

    workspace: WorkspaceServer
    cluster: ClusterServer
    clock: ScaledClock
    metronome: Metronome
    bot: BotProcess
    folder: Folder
    has_set_aside: bool

    @property
    def url(self) -> str:
        return self.workspace.url


@asynccontextmanager
async def started(
    data: Path,
    *,
    port: int = 0,
    speed: float = 60.0,
    say: Say = lambda _line: None,
    bot_command: Sequence[str] | None = None,
) -> AsyncIterator[World]:
    """A world whose bot is connected; gone when the block ends. `bot_command` stands in for the bot.

    Raises:
        ConfigError: the port is taken, or the folder cannot be used.
        NoBot: the bot does not come up.
        OutsideError: git is missing.
    """
    folder = Folder.at(data)
    async with AsyncExitStack() as stack:
        # The workspace first: a port that is taken must leave the folder of the demo that holds it alone.
        panel = Panel()
        workspace = await _workspace(port, panel)
        stack.push_async_callback(workspace.close)
        has_set_aside = await asyncio.to_thread(folder.prepare)
        repository = await sample.create(folder.path)
        versions = tuple(tag.name for tag in await Git(repository).tags())
        origin = datetime.now(UTC)
        clock = ScaledClock(origin, speed, folder.pace)
        # So that a bot that is started again later agrees, whatever became of the wall clock meanwhile.
        set_pace(folder.pace, clock, speed)
        cluster = await _cluster(clock, folder, versions)
        stack.push_async_callback(cluster.close)
        settings_file.write(folder.settings, cluster.url)
        deploys = id_of("C", "deploys")
        messages = workspace.workspace.messages
        metronome = Metronome(clock, folder.pace, speed, lambda: has_open_question(messages, deploys))
        process = BotProcess(
            bot_command or (sys.executable, "-m", "bot", "serve", "--config", str(folder.settings)),
            _environment(workspace, folder, f"{speed:g}@{origin.isoformat()}@{folder.pace}"),
            # `-m bot` finds the package from here, whether it is installed or only checked out.
            cwd=Path(bot.__file__).parent.parent,
            log=folder.log,
            say=say,
        )
        breakage, slack = ClusterBreakage(cluster, versions), SlackBreakage(workspace)
        panel.open(Hands(cluster, breakage, Weights(cluster), slack, process, metronome))
        _in_background(stack, metronome.run())
        _in_background(stack, _refreshed(breakage, slack))
        stack.push_async_callback(process.close)
        process.start()
        await _connected(workspace, process, folder)
        yield World(workspace, cluster, clock, metronome, process, folder, has_set_aside)


async def _workspace(port: int, panel: Panel) -> WorkspaceServer:
    try:
        return await local_workspace.serve(port, PEOPLE, app=APP, commands=COMMANDS, extra=panel.routes())
    except OSError as error:
        # Ports below 1024 belong to the administrator on some systems.
        taken = error.errno == errno.EADDRINUSE
        why = "another program listens there; is a demo running already?" if taken else f"{_words(error)}:"
        remedy = f"{why} Stop it, or choose" if taken else f"{why} choose"
        remedy += f" another port, such as --port {port + 1 if port > _PRIVILEGED else 8765}"
        raise ConfigError(where="command line", key="--port", value=port, remedy=remedy) from error


def _words(error: OSError) -> str:
    # asyncio's own text repeats the address.
    return os.strerror(error.errno).lower() if error.errno else str(error)


async def _cluster(clock: ScaledClock, folder: Folder, versions: Sequence[str]) -> ClusterServer:
    return await simulated_cluster.serve(
        clock=clock,
        rps=RPS,
        apply=simulated_cluster.STARTER,
        kubeconfig=folder.kubeconfig,
        images=frozenset(f"{IMAGE}:{version}" for version in versions),
    )


def _environment(workspace: WorkspaceServer, folder: Folder, clock: str) -> Mapping[str, str]:
    tokens = Tokens()
    return {
        **{name: value for name, value in os.environ.items() if name in _PASSED_ON},
        "SLACK_BOT_TOKEN": tokens.bot,
        "SLACK_APP_TOKEN": tokens.app,
        "SLACK_SIGNING_SECRET": tokens.signing_secret,
        "SLACK_API_URL": workspace.api_url,
        "KUBECONFIG": str(folder.kubeconfig),
        VARIABLE: clock,
        "PYTHONUNBUFFERED": "1",
    }


def _in_background(stack: AsyncExitStack, work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.create_task(work)

    async def end() -> None:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    stack.push_async_callback(end)


async def _refreshed(breakage: ClusterBreakage, slack: SlackBreakage) -> None:
    while True:
        breakage.refresh()
        slack.refresh()
        await asyncio.sleep(_REFRESH)


async def _connected(workspace: WorkspaceServer, process: BotProcess, folder: Folder) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE):
            # The workspace has no event for it, and this is asked for a second or two at the start.
            while not workspace.connections and process.deaths < _MOST_DEATHS:  # noqa: ASYNC110
                await asyncio.sleep(_LOOK)
    if workspace.connections:
        return
    words = await asyncio.to_thread(_last_words, folder.log)
    raise NoBot(f"The bot did not connect to the workspace. The end of its log, {folder.log}:\n{words}")


def _last_words(log: Path) -> str:
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "(nothing)"
    return "\n".join(lines[-_TAIL:]) or "(nothing)"

"""A workspace per test, a person's hand over HTTP, and Slack's own clients as the app."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.sim.workspace import Command, WorkspaceServer, serve
from bot.sim.workspace.ids import id_of

JSON = dict[str, Any]


@dataclass
class Hand:
    """Somebody at the page: the `/user/` API, people and channels by name."""

    session: aiohttp.ClientSession
    url: str

    async def do(self, deed: str, **args: Any) -> JSON:
        async with self.session.post(f"{self.url}/user/{deed}", json=_ids(args)) as response:
            return await response.json()

    async def see(self, sight: str, **query: str) -> JSON:
        async with self.session.get(f"{self.url}/user/{sight}", params=_ids(query)) as response:
            return await response.json()

    async def messages(self, channel: str = "deploys", **query: str) -> list[JSON]:
        return (await self.see("messages", channel=channel, **query))["messages"]

    async def put_faults(self, faults: Any) -> tuple[int, JSON]:
        async with self.session.put(f"{self.url}/user/faults", json=faults) as response:
            return response.status, await response.json()


def _ids(args: JSON) -> JSON:
    made = dict(args)
    if "user" in made:
        made["user"] = id_of("U", made["user"])
    if made.get("channel") in ("deploys", "releases", "general"):
        made["channel"] = id_of("C", made["channel"])
    return made


@pytest.fixture
async def workspace() -> AsyncIterator[WorkspaceServer]:
    server = await serve(
        commands=[Command("/deploy", "v2.5.0 canary", "Deploy")], event_retries=(0.01, 0.01, 0.01)
    )
    yield server
    await server.close()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def hand(workspace: WorkspaceServer, session: aiohttp.ClientSession) -> Hand:
    return Hand(session, workspace.url)


@pytest.fixture
def client(workspace: WorkspaceServer) -> AsyncWebClient:
    return AsyncWebClient(token="xoxb-local", base_url=workspace.api_url)


@pytest.fixture
def app(client: AsyncWebClient) -> AsyncApp:
    return AsyncApp(client=client, signing_secret="local-secret")


Connect = Callable[[], Awaitable[AsyncSocketModeHandler]]


@pytest.fixture
async def connect(app: AsyncApp, workspace: WorkspaceServer) -> AsyncIterator[Connect]:
    """Connect the app by Socket Mode; every call is one more connection."""
    handlers: list[AsyncSocketModeHandler] = []

    async def connect() -> AsyncSocketModeHandler:
        web_client = AsyncWebClient(base_url=workspace.api_url)
        handler = AsyncSocketModeHandler(app, "xapp-local", web_client=web_client, ping_interval=0.2)
        handlers.append(handler)
        await handler.connect_async()
        await until(lambda: workspace.connections >= len(handlers))
        return handler

    yield connect
    for handler in handlers:
        await handler.close_async()


async def until(is_so: Callable[[], Any], seconds: float = 5.0) -> Any:
    """Wait for something that another task brings about."""
    async with asyncio.timeout(seconds):
        while not (found := is_so()):  # noqa: ASYNC110 -- the other task knows of no event
            await asyncio.sleep(0.005)
    return found


@pytest.fixture(name="until")
def until_fixture() -> Callable[..., Awaitable[Any]]:
    return until


class Events:
    """What the stream has said so far."""

    def __init__(self) -> None:
        self.seen: list[JSON] = []

    def of(self, kind: str) -> list[JSON]:
        return [event for event in self.seen if event["type"] == kind]

    async def until(self, kind: str, **facts: Any) -> JSON:
        """The first event of this kind with these facts."""

        def found() -> JSON | None:
            return next((e for e in self.of(kind) if facts.items() <= e.items()), None)

        return await until(found)


@pytest.fixture
async def events(workspace: WorkspaceServer, session: aiohttp.ClientSession) -> AsyncIterator[Events]:
    async with _listening(session, workspace.url) as events:
        yield events


@asynccontextmanager
async def _listening(session: aiohttp.ClientSession, url: str) -> AsyncIterator[Events]:
    events = Events()
    async with session.get(f"{url}/user/stream") as response:
        task = asyncio.create_task(_read(response, events))
        await until(lambda: events.seen)
        yield events
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _read(response: aiohttp.ClientResponse, events: Events) -> None:
    async for line in response.content:
        if line.startswith(b"data: "):
            events.seen.append(json.loads(line[6:]))

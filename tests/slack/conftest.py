"""A workspace, Slack's own client, and a publisher whose patience is measured in hundredths of a second."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.run import Run
from bot.ports import StoredMessage
from bot.sim.workspace import WorkspaceServer, serve
from bot.sim.workspace.ids import id_of
from bot.slack import Channels, SlackCalls, SlackPublisher, Tempo
from bot.slack.pace import Pace
from bot.views.items import Item, Picture, Place, Setting
from tests.support.builders import ADA, a_plan
from tests.support.clocks import HandClock
from tests.support.memory_journal import MemoryJournal

DEPLOYS, RELEASES = id_of("C", "deploys"), id_of("C", "releases")

QUICK = Tempo(
    calm=0.3,
    first_retry=0.05,
    last_retry=0.2,
    last_urgent_retry=0.1,
    breath=0.01,
    remembered=0.1,
    last_words=2.0,
    last_answers=0.1,
)


class MemoryMessages:
    """The publisher's memory, in memory."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], StoredMessage] = {}

    async def reserve(self, run: str, key: str, channel: str) -> StoredMessage:
        return self.kept.setdefault((run, key), StoredMessage(run=run, key=key, channel=channel))

    async def posted(self, run: str, key: str, ts: str, hash: str) -> bool:  # noqa: A002
        if self.kept[run, key].ts not in {None, "", ts}:
            return False
        self.kept[run, key] = self.kept[run, key].with_(ts=ts, hash=hash)
        return True

    async def deleted(self, run: str, key: str) -> None:
        self.kept[run, key] = self.kept[run, key].with_(ts="")

    async def updated(self, run: str, key: str, hash: str) -> None:  # noqa: A002
        self.kept[run, key] = self.kept[run, key].with_(hash=hash)

    async def all_of(self, run: str) -> tuple[StoredMessage, ...]:
        return tuple(one for (of, _), one in self.kept.items() if of == run)


class Stage:
    """What the messages of each run should say, and the publisher that says it."""

    def __init__(self, server: WorkspaceServer) -> None:
        self.server = server
        self.memory: Any = MemoryMessages()
        self.items: dict[str, tuple[Item, ...]] = {}
        self.publishers: list[SlackPublisher] = []
        self.drawn: list[str] = []
        self.channels = Channels(deploys=DEPLOYS, stakeholders=(RELEASES,))
        self.setting: Callable[[], Setting] = Setting
        self.views: Callable[[Run, Setting], tuple[Item, ...]] = lambda run, _: self.items.get(run.id, ())

    def publisher(
        self,
        *,
        tempo: Tempo = QUICK,
        pace: Pace | None = None,
        timeout: float = 5,
        token: str = "xoxb-local",
        draw: Callable[[Picture], bytes] | None = None,
        speaks_for: Callable[[str], bool] = lambda _: True,
        api_url: str = "",
    ) -> SlackPublisher:
        address = api_url or self.server.api_url
        client = AsyncWebClient(token=token, base_url=address, timeout=timeout)  # type: ignore[arg-type]

        async def channels() -> Channels:
            return self.channels

        async def setting(run: Run) -> Setting:
            return self.setting()

        def drawn(picture: Picture) -> bytes:
            self.drawn.append(picture.name)
            return b"\x89PNG\r\n\x1a\n" + picture.name.encode()

        made = SlackPublisher(
            calls=SlackCalls(client),
            memory=self.memory,
            channels=channels,
            setting=setting,
            views=self.views,
            draw=draw or drawn,
            tempo=tempo,
            pace=pace or Pace(post_every=0.001, update_every=0.001),
            speaks_for=speaks_for,
        )
        self.publishers.append(made)
        return made

    def said(self, channel: str = DEPLOYS) -> list[str]:
        """Every message of the channel, in threads as well, in the order of posting."""
        return [message["text"] for message in self.messages(channel)]

    def messages(self, channel: str = DEPLOYS) -> list[dict[str, Any]]:
        store = self.server.workspace.messages
        app = self.server.workspace.app
        return [
            m.body(app, with_metadata=True)
            for m in store._messages.get(channel, {}).values()
            if not m.is_tombstone
        ]

    def calls(self, method: str) -> list[dict[str, Any]]:
        return self.server.workspace.calls.newest(5_000, method)

    def at(self, method: str, channel: str = DEPLOYS) -> list[float]:
        """When each call that Slack took was made, in seconds."""
        taken = [c for c in self.calls(method) if c["ok"] and c["channel"] == channel]
        return [datetime.fromisoformat(call["at"]).timestamp() for call in taken]

    def lift_rates(self) -> None:
        self.server.workspace.rates.are_lifted = True

    def join(self, channel: str) -> None:
        self.server.workspace.roster.channels[channel].members.add(self.server.workspace.app.user_id)

    def leave(self, channel: str) -> None:
        self.server.workspace.roster.channels[channel].members.discard(self.server.workspace.app.user_id)

    def remove(self, channel: str, ts: str) -> None:
        store = self.server.workspace.messages
        found = store.get(channel, ts)
        assert found is not None
        store.remove(found)


def root(text: str = "checkout v2.5.0", **rest: Any) -> Item:
    return Item(key="root", place=Place.ROOT, text=text, **rest)


def reply(key: str, text: str | None = None, **rest: Any) -> Item:
    return Item(key=key, place=Place.THREAD, text=text or key, **rest)


def notice(key: str, text: str | None = None) -> Item:
    return Item(key=key, place=Place.STAKEHOLDERS, text=text or key)


def picture(name: str = "canary-25.png") -> Picture:
    return Picture(
        name=name, title="Errors", alt="errors 0.04 %", points=(), weight=25, canary="v2.5.0", stable="v2.4.1"
    )


async def a_run(application: str = "checkout") -> Run:
    return await MemoryJournal(HandClock()).create(a_plan(application=application), ADA)


async def until(is_so: Callable[[], Any], seconds: float = 5.0) -> Any:
    """Wait for what another task brings about."""
    async with asyncio.timeout(seconds):
        while not (found := is_so()):  # noqa: ASYNC110 - the workspace has no event for it
            await asyncio.sleep(0.01)
    return found


@pytest.fixture
async def server() -> AsyncIterator[WorkspaceServer]:
    server = await serve()
    yield server
    await server.close()


@pytest.fixture
async def stage(server: WorkspaceServer) -> AsyncIterator[Stage]:
    stage = Stage(server)
    stage.lift_rates()
    yield stage
    server.put_faults({})
    for publisher in stage.publishers:
        publisher._tempo = Tempo(last_words=0.0, last_answers=0.0)
        await publisher.stop()

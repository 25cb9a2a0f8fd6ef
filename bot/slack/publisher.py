"""Brings Slack to what the journals say: one card and thread per run, each message once, edited in place.

Each run has a task of its own that compares how its messages should stand with what was posted, and sends the
most urgent difference, again and again until there is none. What should stand is always computed from the
newest state, after waiting for Slack's pace, so updates merge by themselves.

**After a crash.** A place in the memory is reserved before a message is posted. If a reservation has no
timestamp, nobody knows whether Slack has the message: it is looked for by its metadata (a picture by its
file's name) before it is posted again. The same holds for a post whose answer was lost.
"""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from bot.domain.errors import NotFound, OutsideError, Rejected, Throttled
from bot.domain.record import Record
from bot.domain.run import Run
from bot.ports import Messages, StoredMessage
from bot.slack.calls import SlackCalls
from bot.slack.pace import Pace
from bot.views.items import Item, Picture, Place, Setting
from bot.views.text import escaped

_log = structlog.get_logger(__name__)

# How often an edit that is not urgent may change the same message (real seconds); people read slower.
_CALM = 3.0
_FIRST_RETRY, _LAST_RETRY = 1.0, 30.0
# How long a graceful stop waits for what is left to say.
_LAST_WORDS = 4.0


class Channels(Record):
    """Where runs are shown: channel ids."""

    deploys: str
    stakeholders: tuple[str, ...] = ()


class _Change(Record):
    """One difference between how a message should stand and how it stands."""

    item: Item
    channel: str
    key: str
    hash: str
    stored: StoredMessage | None


Views = Callable[[Run, Setting], tuple[Item, ...]]


class SlackPublisher:
    """`Publisher` for one workspace."""

    def __init__(
        self,
        *,
        calls: SlackCalls,
        memory: Messages,
        channels: Callable[[], Awaitable[Channels]],
        setting: Callable[[Run], Awaitable[Setting]],
        views: Views,
        draw: Callable[[Picture], bytes],
    ) -> None:
        self._calls = calls
        self._memory = memory
        self._channels = channels
        self._setting = setting
        self._views = views
        self._draw = draw
        self._pace = Pace()
        self._runs: dict[str, _Thread] = {}
        self._permalinks: dict[str, str] = {}
        self._troubles: dict[str, str] = {}

    def changed(self, run: Run) -> None:
        thread = self._runs.get(run.id)
        if thread is None:
            thread = self._runs[run.id] = _Thread(self, run)
        thread.show(run)

    def trouble(self, run: str, sentence: str) -> None:
        _log.error("run-in-trouble", run=run, sentence=sentence)
        self._troubles[run] = sentence
        if run in self._runs:
            self._runs[run].nudge()

    async def stop(self) -> None:
        """Say what is left to say, for a few seconds, then stop."""
        busy = [thread.quiet() for thread in self._runs.values()]
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.gather(*busy, return_exceptions=True), _LAST_WORDS)
        for thread in self._runs.values():
            await thread.stop()

    async def changes(self, run: Run, unsure: set[str]) -> list[_Change]:
        """What differs, the most urgent first; a thread waits for its root."""
        channels, setting = await self._channels(), await self._setting(run)
        stored = {message.key: message for message in await self._memory.all_of(run.id)}
        root = stored.get("root")
        setting = await self._with_permalink(setting, root)
        found: list[_Change] = []
        for item in (*self._views(run, setting), *self._trouble_of(run)):
            if item.place is Place.THREAD and (root is None or root.ts is None):
                continue
            for channel in self._places(item, channels):
                key = f"{item.key}@{channel}" if item.place is Place.STAKEHOLDERS else item.key
                change = _Change(
                    item=item, channel=channel, key=key, hash=_hash(item), stored=stored.get(key)
                )
                if _is_needed(change):
                    found.append(change)
        for key, message in stored.items():
            if message.ts is None:
                unsure.add(key)
        # Python's sort keeps the views' order among equals, which is the order of events.
        return sorted(found, key=lambda c: (c.item.place is not Place.ROOT, not c.item.is_urgent))

    async def carry_out(self, run: Run, change: _Change, unsure: set[str]) -> None:
        """Post or edit one message.

        Raises:
            OutsideError: Slack did not take it; whether it has it is unknown after `Unreachable`.
        """
        stored = change.stored
        if stored is not None and stored.ts is not None:
            await self._edit(change, stored)
            return
        stored = await self._memory.reserve(run.id, change.key, change.channel)
        thread = await self._root(run) if change.item.place is Place.THREAD else None
        ts = await self._found(run, change, thread) if change.key in unsure else None
        if ts is None:
            unsure.add(change.key)
            ts = await self._post(run, change, thread)
        await self._memory.posted(run.id, change.key, ts, change.hash)
        unsure.discard(change.key)

    async def wait_for_turn(self, change: _Change) -> None:
        if change.stored is not None and change.stored.ts is not None:
            await self._pace.for_update()
        else:
            await self._pace.for_post(change.channel)

    async def _edit(self, change: _Change, stored: StoredMessage) -> None:
        item = change.item
        ts = stored.ts
        assert ts is not None, "only what was posted is edited"
        try:
            await self._calls.update(stored.channel, ts, text=item.text, blocks=item.blocks)
        except NotFound:
            # Somebody deleted it. A message that is not wanted is not forced back.
            _log.warning("message-deleted", run=stored.run, key=stored.key)
        except Rejected:
            _log.exception("blocks-refused", run=stored.run, key=stored.key)
            await self._calls.update(stored.channel, ts, text=item.text, blocks=())
        await self._memory.updated(stored.run, stored.key, change.hash)

    async def _post(self, run: Run, change: _Change, thread: str | None) -> str:
        item, channel = change.item, change.channel
        if item.picture is not None and thread is not None:
            picture = item.picture
            data = await asyncio.to_thread(self._draw, picture)
            name = _file_name(run, picture)
            file = await self._calls.upload(
                channel, thread, name=name, title=picture.title, alt=picture.alt, data=data
            )
            return f"file:{file}"
        key = f"{run.id}/{change.key}"
        try:
            posted = await self._calls.post(
                channel,
                text=item.text,
                blocks=item.blocks,
                key=key,
                thread=thread,
                broadcast=item.is_broadcast,
            )
        except Rejected:
            # A card that Slack refuses must not hide what happened: say it in plain text.
            _log.exception("blocks-refused", run=run.id, key=change.key)
            posted = await self._calls.post(channel, text=item.text, blocks=(), key=key, thread=thread)
        return posted.ts

    async def _found(self, run: Run, change: _Change, thread: str | None) -> str | None:
        picture = change.item.picture
        file = _file_name(run, picture) if picture is not None else ""
        return await self._calls.find(change.channel, f"{run.id}/{change.key}", thread=thread, file=file)

    async def _root(self, run: Run) -> str | None:
        stored = {message.key: message for message in await self._memory.all_of(run.id)}
        return stored["root"].ts if "root" in stored else None

    async def _with_permalink(self, setting: Setting, root: StoredMessage | None) -> Setting:
        if root is None or root.ts is None:
            return setting
        known = self._permalinks.get(root.ts)
        if known is None:
            try:
                known = await self._calls.permalink(root.channel, root.ts)
            except OutsideError:
                return setting
            self._permalinks[root.ts] = known
        return setting.with_(thread=known)

    def _trouble_of(self, run: Run) -> tuple[Item, ...]:
        sentence = self._troubles.get(run.id)
        if sentence is None or run.is_terminal:
            return ()
        text = f"Something broke on my side, and I keep trying. {escaped(sentence)}"
        return (Item(key="trouble/engine", place=Place.THREAD, text=text, is_urgent=True),)

    def _places(self, item: Item, channels: Channels) -> tuple[str, ...]:
        return channels.stakeholders if item.place is Place.STAKEHOLDERS else (channels.deploys,)


class _Thread:
    """The task that keeps one run's messages true."""

    def __init__(self, publisher: SlackPublisher, run: Run) -> None:
        self._publisher = publisher
        self._run = run
        self._news = asyncio.Event()
        self._quiet = asyncio.Event()
        self._unsure: set[str] = set()
        self._edited: dict[str, float] = {}
        self._task = asyncio.create_task(self._keep_true(), name=f"publish {run.id}")

    def show(self, run: Run) -> None:
        self._run = run
        self.nudge()

    def nudge(self) -> None:
        self._quiet.clear()
        self._news.set()

    async def quiet(self) -> None:
        await self._quiet.wait()

    async def stop(self) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _keep_true(self) -> None:
        retry = _FIRST_RETRY
        while True:
            self._news.clear()
            try:
                wait = await self._next()
                retry = _FIRST_RETRY
            except Throttled as error:
                wait = error.retry_after.total_seconds() if error.retry_after else retry
            except OutsideError as error:
                _log.warning("slack-trouble", run=self._run.id, error=str(error))
                wait, retry = retry, min(retry * 2, _LAST_RETRY)
            if wait is None:
                self._quiet.set()
                await self._news.wait()
            elif wait > 0:
                await asyncio.sleep(wait)

    async def _next(self) -> float | None:
        """Send one difference. How long to wait before the next; None: nothing is left to say."""
        changes = await self._publisher.changes(self._run, self._unsure)
        if not changes:
            return None
        ripe = next((c for c in changes if self._calm_left(c) <= 0), None)
        if ripe is None:
            return min(self._calm_left(change) for change in changes)
        await self._publisher.wait_for_turn(ripe)
        newest = await self._publisher.changes(self._run, self._unsure)
        change = next((c for c in newest if c.key == ripe.key), None)
        if change is not None:
            await self._publisher.carry_out(self._run, change, self._unsure)
            self._edited[change.key] = asyncio.get_running_loop().time()
        return 0.0

    def _calm_left(self, change: _Change) -> float:
        if change.item.is_urgent or change.stored is None or change.stored.ts is None:
            return 0.0
        edited = self._edited.get(change.key)
        return 0.0 if edited is None else edited + _CALM - asyncio.get_running_loop().time()


def _is_needed(change: _Change) -> bool:
    if change.stored is None or change.stored.ts is None:
        return True
    return change.item.picture is None and change.stored.hash != change.hash


def _hash(item: Item) -> str:
    content = json.dumps([item.text, item.blocks], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(content.encode()).hexdigest()


def _file_name(run: Run, picture: Picture) -> str:
    return f"{run.id}-{picture.name}"

"""Posts and edits one message at a time, and finds again what may have been posted already.

**After a crash.** A place in the memory is reserved before a message is posted. If a reservation has no
timestamp, nobody knows whether Slack has the message: it is looked for by its metadata (a picture by its
file's name) before it is posted again. The same holds for a post whose answer was lost. What is found then
may say what was true before, so it counts as posted with unknown content, and is edited next.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from bot.domain.errors import NotFound, OutsideError, Rejected, Unreachable
from bot.domain.run import Run
from bot.ports import Messages, StoredMessage
from bot.slack.calls import SlackCalls
from bot.slack.changes import ROOT, Change, Channels, differences, is_posted
from bot.views.items import Item, Picture, Place, Setting
from bot.views.text import escaped

_log = structlog.get_logger(__name__)

# What is stored as the hash of a message that was found again.
_UNKNOWN = "unknown"
# How long a link that Slack did not give is done without (real seconds).
_LINK_PAUSE = 30.0
# An exception's words may be long; the log has them in full.
_LONGEST_TROUBLE = 500

Views = Callable[[Run, Setting], tuple[Item, ...]]


class Delivery:
    """One workspace, as far as runs are shown in it."""

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
        self._links: dict[str, tuple[str, str]] = {}  # by run: the card's timestamp and its link
        self._no_link_until: dict[str, float] = {}
        self._troubles: dict[str, str] = {}
        self._unsure: dict[str, set[str]] = {}  # by run: what may be in Slack without our knowing

    def trouble(self, run: str, sentence: str) -> None:
        self._troubles[run] = sentence[:_LONGEST_TROUBLE]

    def links(self) -> dict[str, str]:
        return {run: link for run, (_, link) in self._links.items()}

    def forget(self, run: str) -> None:
        """Nothing more will be said about the run, or it will be read from the memory again."""
        for kept in (self._links, self._no_link_until, self._troubles, self._unsure):
            kept.pop(run, None)

    async def changes(self, run: Run) -> tuple[Change, ...]:
        """What is left to say about the run, the most urgent first.

        Raises:
            OutsideError: Slack does not say which channels are meant.
        """
        channels, setting = await self._channels(), await self._setting(run)
        stored = {message.key: message for message in await self._memory.all_of(run.id)}
        if run.id not in self._unsure:
            self._unsure[run.id] = {key for key, message in stored.items() if message.ts is None}
        setting = await self._with_link(setting, run, stored.get(ROOT))
        return differences((*self._views(run, setting), *self._trouble_of(run)), stored, channels)

    async def carry_out(self, run: Run, change: Change) -> None:
        """Post or edit one message.

        Raises:
            OutsideError: Slack did not take it; after `Unreachable` nobody knows whether it has it.
        """
        if change.stored is not None and change.is_edit:
            await self._edit(change, change.stored)
            return
        try:
            await self._bring(run, change)
        except NotFound:
            if change.thread is None:
                raise
            # Without its card a thread takes nothing, and people have to be asked somewhere: the card is
            # posted anew, and the thread goes on under it.
            _log.warning("card-deleted", run=run.id, ts=change.thread)
            await self._memory.posted(run.id, ROOT, "", _UNKNOWN)

    async def _bring(self, run: Run, change: Change) -> None:
        unsure = self._unsure.setdefault(run.id, set())
        await self._memory.reserve(run.id, change.key, change.channel)
        if change.key in unsure:
            ts = await self._found(run, change)
            if ts is not None:
                await self._memory.posted(run.id, change.key, ts, _UNKNOWN)
                unsure.discard(change.key)
                return
        # Until Slack has answered, and if whoever waits for the answer is stopped.
        unsure.add(change.key)
        try:
            ts = await self._post(run, change)
        except Unreachable:
            raise
        except OutsideError:
            # Refused, so it is not there.
            unsure.discard(change.key)
            raise
        await self._memory.posted(run.id, change.key, ts, change.hash)
        unsure.discard(change.key)

    async def _edit(self, change: Change, stored: StoredMessage) -> None:
        item, ts = change.item, stored.ts or ""
        try:
            await self._calls.update(stored.channel, ts, text=item.text, blocks=item.blocks)
        except NotFound:
            # Somebody deleted it. A message that is not wanted is not forced back.
            _log.warning("message-deleted", run=stored.run, key=stored.key)
        except Rejected:
            _log.exception("blocks-refused", run=stored.run, key=stored.key)
            await self._edit_plainly(item, stored.channel, ts)
        await self._memory.updated(stored.run, stored.key, change.hash)

    async def _edit_plainly(self, item: Item, channel: str, ts: str) -> None:
        try:
            await self._calls.update(channel, ts, text=item.text, blocks=())
        except Rejected:
            # Too old to be edited, for example. The next change will try again; nothing else waits for it.
            _log.exception("edit-refused", channel=channel, ts=ts)

    async def _post(self, run: Run, change: Change) -> str:
        picture = change.item.picture
        if picture is not None and change.thread is not None:
            file = await self._upload(run, change, picture, change.thread)
            if file is not None:
                return f"file:{file}"
        try:
            return await self._say(run, change, plainly=False)
        except Rejected:
            # A card that Slack refuses must not hide what happened: say it in plain text.
            _log.exception("blocks-refused", run=run.id, key=change.key)
            return await self._say(run, change, plainly=True)

    async def _say(self, run: Run, change: Change, *, plainly: bool) -> str:
        posted = await self._calls.post(
            change.channel,
            text=change.item.text,
            blocks=() if plainly else change.item.blocks,
            key=_name(run, change),
            thread=change.thread,
            broadcast=change.item.is_broadcast,
        )
        return posted.ts

    async def _upload(self, run: Run, change: Change, picture: Picture, thread: str) -> str | None:
        """The file's id; None if there can be no picture, and its words have to do."""
        try:
            data = await asyncio.to_thread(self._draw, picture)
        except (ValueError, TypeError, ArithmeticError, LookupError, RuntimeError, OSError):
            _log.exception("picture-not-drawn", run=run.id, key=change.key)
            return None
        try:
            return await self._calls.upload(
                change.channel,
                thread,
                name=_file_name(run, picture),
                title=picture.title,
                alt=picture.alt,
                data=data,
            )
        except Rejected:
            _log.exception("picture-refused", run=run.id, key=change.key)
            return None

    async def _found(self, run: Run, change: Change) -> str | None:
        picture = change.item.picture
        file = _file_name(run, picture) if picture is not None else ""
        return await self._calls.find(change.channel, _name(run, change), thread=change.thread, file=file)

    async def _with_link(self, setting: Setting, run: Run, root: StoredMessage | None) -> Setting:
        if root is None or not root.ts or not is_posted(root):
            return setting
        ts, link = self._links.get(run.id, ("", ""))
        now = asyncio.get_running_loop().time()
        if ts != root.ts and now >= self._no_link_until.get(run.id, 0.0):
            try:
                link = await self._calls.permalink(root.channel, root.ts)
            except OutsideError:
                # A message without a link is better than none while Slack is asked for one.
                self._no_link_until[run.id] = now + _LINK_PAUSE
                return setting
            self._links[run.id] = (root.ts, link)
        return setting.with_(thread=link) if link else setting

    def _trouble_of(self, run: Run) -> tuple[Item, ...]:
        sentence = self._troubles.get(run.id)
        if sentence is None or run.is_terminal:
            return ()
        text = f"Something broke on my side, and I keep trying. {escaped(sentence)}"
        return (Item(key="trouble/engine", place=Place.THREAD, text=text, is_urgent=True),)


def _name(run: Run, change: Change) -> str:
    return f"{run.id}/{change.key}"


def _file_name(run: Run, picture: Picture) -> str:
    return f"{run.id}-{picture.name}"

"""Posts and edits one message at a time, and finds again what may have been posted already.

**After a crash, or when another process takes over.** A place in the memory is reserved before a message is
posted, but a process can end before it has written down what Slack answered, and the memory can be older than
Slack (restored from a backup). So before this process posts for the first time where others have posted, it
reads what is there, and takes for its own what bears the run's name. The same holds for a post whose answer
was lost. What is found may say what was true before, so it counts as posted with unknown content, and is
edited next.

**Two processes at once.** Only who drives a run speaks of it. A process that was frozen between looking and
posting may post what another one has posted meanwhile: it finds the place taken then, and removes its own. So
a post that is out is seen through, even if the process is told then that its lease is gone. What it could not
not remove before it ended, because Slack was away too, stands in the memory for whoever comes next.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace

import structlog

from bot.domain.errors import LeaseLost, NotFound, OutsideError, Rejected, Unreachable
from bot.domain.run import Run
from bot.ports import Messages, StoredMessage
from bot.slack.calls import FILE, SlackCalls
from bot.slack.changes import ROOT, Change, Channels, differences, hash_of, is_posted
from bot.views.items import Item, Picture, Place, Setting
from bot.views.text import escaped

_log = structlog.get_logger(__name__)

# What is stored as the hash of a message that was found again.
_UNKNOWN = "unknown"
# How long a link that Slack did not give is done without (real seconds).
_LINK_PAUSE = 30.0
# Pauses before a message that is there twice is taken away again, and before a database that is away is told
# of a message (real seconds).
_TAKE_AWAY_AGAIN = _TELL_AGAIN = (1.0, 5.0, 30.0, 120.0)
# What the memory calls a message that is there twice and has to be taken away, with its timestamp behind it.
_TWICE = "twice/"
# An exception's words may be long; the log has them in full.
_LONGEST_TROUBLE = 500

# What a run's own process writes before anybody else can have spoken of it: the plan and its claim.
_FIRST_ENTRIES = 2

Views = Callable[[Run, Setting], tuple[Item, ...]]
_Where = tuple[str, str | None]  # a channel, and a thread in it


@dataclass(frozen=True)
class _Trouble:
    """What kept a run from going on from its entry `seq`."""

    sentence: str
    seq: int
    is_over: bool = False


@dataclass(frozen=True)
class _Drawn:
    """What the views made of a run's state."""

    run: Run
    setting: Setting
    items: tuple[Item, ...]


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
        speaks_for: Callable[[str], bool] = lambda _: True,
    ) -> None:
        self._calls = calls
        self._memory = memory
        self._channels = channels
        self._setting = setting
        self._views = views
        self._draw = draw
        self._links: dict[str, tuple[str, str]] = {}  # by run: the card's timestamp and its link
        self._no_link_until: dict[str, float] = {}
        self._asking: dict[str, asyncio.Lock] = {}
        self._troubles: dict[str, _Trouble] = {}
        self._speaks_for = speaks_for
        self._is_fresh: dict[str, bool] = {}  # by run: nobody can have spoken of it before us
        self._there: dict[str, dict[_Where, dict[str, str]]] = {}  # by run: what was found where, by name
        self._drawing = asyncio.Lock()
        self._drawn: dict[str, _Drawn] = {}  # by run, until it is journaled again
        self._kept: set[asyncio.Task[None]] = set()  # posts that are out, and removals
        self._leaving: set[str] = set()  # the timestamps that this process takes away, or has

    def trouble(self, run: str, sentence: str, seq: int) -> None:
        """The run does not get on from its entry `seq`."""
        self._troubles[run] = _Trouble(sentence[:_LONGEST_TROUBLE], seq)

    def goes_on(self, run: Run) -> None:
        """It was journaled again, so what was in its way is over."""
        self._drawn.pop(run.id, None)
        trouble = self._troubles.get(run.id)
        if trouble is not None and run.seq > trouble.seq:
            self._troubles[run.id] = replace(trouble, is_over=True)

    def links(self) -> dict[str, str]:
        return {run: link for run, (_, link) in self._links.items() if link}

    def forget(self, run: str) -> None:
        """Nothing more will be said about the run, or it will be read from the memory again."""
        for kept in (
            self._links,
            self._no_link_until,
            self._asking,
            self._troubles,
            self._is_fresh,
            self._there,
            self._drawn,
        ):
            kept.pop(run, None)

    async def changes(self, run: Run) -> tuple[Change, ...]:
        """What is left to say about the run, the most urgent first.

        Raises:
            OutsideError: Slack does not say which channels are meant.
        """
        channels, setting = await self._channels(), await self._setting(run)
        stored = {message.key: message for message in await self._memory.all_of(run.id)}
        self._is_fresh.setdefault(run.id, run.seq <= _FIRST_ENTRIES and not stored)
        self._take_away_what_is_left(stored.values())
        setting = await self._with_link(setting, run, stored.get(ROOT))
        items = await self._drawn_once(run, setting)
        return differences((*items, *self._trouble_of(run)), stored, channels)

    def asks_again(self, run: str) -> float | None:
        """In how many seconds the card's link is asked for again; None: it is known, or there is none."""
        until = self._no_link_until.get(run)
        return None if until is None else max(0.0, until - asyncio.get_running_loop().time())

    async def carry_out(self, run: Run, change: Change) -> None:
        """Post or edit one message.

        Raises:
            OutsideError: Slack did not take it; after `Unreachable` nobody knows whether it has it.
        """
        if change.stored is not None and change.is_edit:
            await self._edit(change, change.stored)
            return
        try:
            await self._bring(run.id, change)
        except NotFound:
            if change.thread is None:
                raise
            # Without its card a thread takes nothing, and people have to be asked somewhere: the card is
            # posted anew, and the thread goes on under it.
            _log.warning("card-deleted", run=run.id, ts=change.thread)
            await self._memory.deleted(run.id, ROOT)
            self._there.pop(run.id, None)

    async def close(self, patience: float) -> None:
        """Give up what Slack has not answered after so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while self._kept:  # an answer may be that something has to be taken away
                    await asyncio.wait(self._kept)
        kept = tuple(self._kept)
        for task in kept:
            task.cancel()
        await asyncio.gather(*kept, return_exceptions=True)

    async def say_aloud(self, run: str, sentence: str) -> None:
        """A word about a run that cannot be read, under its card if it has one. Once per wording.

        Raises:
            OutsideError: Slack did not take it.
        """
        stored = {message.key: message for message in await self._memory.all_of(run)}
        item, root = _trouble_item(f"{run}: {sentence}"), stored.get(ROOT)
        channel = root.channel if root else (await self._channels()).deploys
        known = stored.get(item.key)
        change = Change(
            item=item,
            channel=known.channel if known else channel,
            key=item.key,
            hash=hash_of(item),
            thread=root.ts if root and root.ts else None,
            stored=known,
        )
        if known is not None and is_posted(known):
            if known.hash != change.hash:
                await self._edit(change, known)
            return
        self._is_fresh.setdefault(run, False)
        await self._bring(run, change)

    async def _bring(self, run: str, change: Change) -> None:
        await self._memory.reserve(run, change.key, change.channel)
        ts = await self._found(run, change)
        if ts is not None:
            await self._memory.posted(run, change.key, ts, _UNKNOWN)
            return
        # Until Slack has answered, and if whoever waits for the answer is stopped, it may be there.
        there = self._there.setdefault(run, {})
        kept = there.pop(_where(change), {})
        self._check_speaks(run)
        fresh, self._is_fresh[run] = self._is_fresh.get(run, False), False
        try:
            await self._uncut(self._post_once(run, change))
        except Unreachable:
            raise
        except OutsideError:
            # Refused, so it is not there.
            there[_where(change)], self._is_fresh[run] = kept, fresh
            raise
        there[_where(change)], self._is_fresh[run] = kept, fresh

    async def _post_once(self, run: str, change: Change) -> None:
        ts = await self._post(run, change)
        if not await self._remembered(run, change, ts):
            _log.warning("posted-twice", run=run, key=change.key)
            self._leaving.add(ts)
            await self._leave_word(run, change.channel, ts)
            self._keep(self._take_away_in_time(run, change.channel, ts))

    async def _leave_word(self, run: str, channel: str, ts: str) -> None:
        """This process may end before Slack takes the message away."""
        try:
            await self._memory.reserve(run, f"{_TWICE}{ts}", channel)
            await self._memory.posted(run, f"{_TWICE}{ts}", ts, _UNKNOWN)
        except OutsideError as error:
            _log.warning("no-word-left", run=run, ts=ts, error=str(error))

    def _take_away_what_is_left(self, stored: Iterable[StoredMessage]) -> None:
        for message in stored:
            if message.key.startswith(_TWICE) and message.ts and message.ts not in self._leaving:
                self._leaving.add(message.ts)
                self._keep(self._take_away_in_time(message.run, message.channel, message.ts))

    async def _remembered(self, run: str, change: Change, ts: str) -> bool:
        """Nobody else knows that it was posted, so a database that is away is told again."""
        for pause in _TELL_AGAIN:
            try:
                return await self._memory.posted(run, change.key, ts, change.hash)
            except OutsideError as error:
                _log.warning("post-not-remembered", run=run, key=change.key, error=str(error))
            await asyncio.sleep(pause)
        return await self._memory.posted(run, change.key, ts, change.hash)

    async def _uncut(self, posting: Coroutine[None, None, None]) -> None:
        """Post, even if whoever waits for it is stopped meanwhile, because another process has the run now.

        The request is out by then, and nobody else would know of the message, or remove it.
        """
        await asyncio.shield(self._keep(posting))

    def _keep(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Work that goes on by itself; what becomes of it is heard even if nobody waits for it any more."""

        def forget(task: asyncio.Task[None]) -> None:
            self._kept.discard(task)
            if not task.cancelled():
                task.exception()

        task = asyncio.create_task(work)
        self._kept.add(task)
        task.add_done_callback(forget)
        return task

    async def _take_away_in_time(self, run: str, channel: str, ts: str) -> None:
        """What Slack does not take is tried again, some times here and then by whoever comes next."""
        for pause in (0.0, *_TAKE_AWAY_AGAIN):
            await asyncio.sleep(pause)
            try:
                await self._take_away(channel, ts)
                await self._memory.deleted(run, f"{_TWICE}{ts}")
            except OutsideError as error:
                _log.warning("not-taken-away", channel=channel, ts=ts, error=str(error))
            else:
                return
        _log.error("there-twice", channel=channel, ts=ts)

    async def _take_away(self, channel: str, ts: str) -> None:
        file = ts.removeprefix(FILE)
        # Somebody may have been quicker.
        with suppress(NotFound):
            if file != ts:
                await self._calls.delete_file(file)
            else:
                await self._calls.delete(channel, ts)

    def _check_speaks(self, run: str) -> None:
        """Right before a call: this process may have been frozen since it looked.

        Raises:
            LeaseLost: another process may drive the run.
        """
        if not self._speaks_for(run):
            raise LeaseLost(f"{run}: another process may speak of it now")

    async def _edit(self, change: Change, stored: StoredMessage) -> None:
        item, ts = change.item, stored.ts or ""
        self._check_speaks(stored.run)
        if stored.hash != _UNKNOWN:
            # Until Slack has answered it may show the old content or the new, whatever becomes of this
            # process; and by then it may be the old one that is to be shown.
            await self._memory.updated(stored.run, stored.key, _UNKNOWN)
            self._check_speaks(stored.run)
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

    async def _post(self, run: str, change: Change) -> str:
        picture = change.item.picture
        if picture is not None and change.thread is not None:
            file = await self._upload(run, change, picture, change.thread)
            if file is not None:
                return f"{FILE}{file}"
        try:
            return await self._say(run, change, plainly=False)
        except Rejected:
            # A card that Slack refuses must not hide what happened: say it in plain text.
            _log.exception("blocks-refused", run=run, key=change.key)
            return await self._say(run, change, plainly=True)

    async def _say(self, run: str, change: Change, *, plainly: bool) -> str:
        posted = await self._calls.post(
            change.channel,
            text=change.item.text,
            blocks=() if plainly else change.item.blocks,
            key=_name(run, change),
            thread=change.thread,
            broadcast=change.item.is_broadcast,
        )
        return posted.ts

    async def _upload(self, run: str, change: Change, picture: Picture, thread: str) -> str | None:
        """The file's id; None if there can be no picture, and its words have to do."""
        try:
            data = await asyncio.to_thread(self._draw, picture)
        except (ValueError, TypeError, ArithmeticError, LookupError, RuntimeError, OSError):
            _log.exception("picture-not-drawn", run=run, key=change.key)
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
            _log.exception("picture-refused", run=run, key=change.key)
            return None

    async def _found(self, run: str, change: Change) -> str | None:
        """Where the message stands already, if it does and we did not know."""
        if self._is_fresh.get(run):
            return None
        there = self._there.setdefault(run, {})
        where = _where(change)
        if where not in there:
            there[where] = await self._calls.own(*where)
        picture = change.item.picture
        file = _file_name(run, picture) if picture is not None else ""
        found = there[where].get(_name(run, change)) or there[where].get(file)
        # What is about to be taken away is no place to go on.
        return None if found in self._leaving else found

    async def _drawn_once(self, run: Run, setting: Setting) -> tuple[Item, ...]:
        """Both hands of a thread want the same items, and each looks twice before it sends one."""
        async with self._drawing:
            drawn = self._drawn.get(run.id)
            if drawn is None or drawn.run is not run or drawn.setting != setting:
                # At a start hundreds are drawn. Between two of them, drivers and presses have their turn.
                await asyncio.sleep(0)
                drawn = _Drawn(run, setting, tuple(self._views(run, setting)))
                self._drawn[run.id] = drawn
            return drawn.items

    async def _with_link(self, setting: Setting, run: Run, root: StoredMessage | None) -> Setting:
        if root is None or not root.ts or not is_posted(root):
            self._no_link_until.pop(run.id, None)
            return setting
        # The two hands of a thread ask one after the other, so Slack is asked once.
        async with self._asking.setdefault(run.id, asyncio.Lock()):
            link = await self._link(run.id, root.channel, root.ts)
        return setting.with_(thread=link) if link else setting

    async def _link(self, run: str, channel: str, root: str) -> str:
        """To the card; empty while Slack does not tell."""
        ts, link = self._links.get(run, ("", ""))
        now = asyncio.get_running_loop().time()
        if ts == root or now < self._no_link_until.get(run, 0.0):
            return link
        try:
            link = await self._calls.permalink(channel, root)
        except OutsideError as error:
            # A message without a link is better than none while Slack is asked for one.
            if error.is_transient:
                self._no_link_until[run] = now + _LINK_PAUSE
                return ""
            link = ""
        self._no_link_until.pop(run, None)
        self._links[run] = (root, link)
        return link

    def _trouble_of(self, run: Run) -> tuple[Item, ...]:
        trouble = self._troubles.get(run.id)
        if trouble is None or (run.is_closed and not trouble.is_over):
            return ()
        return (_trouble_item(trouble.sentence, is_over=trouble.is_over),)


def _trouble_item(sentence: str, *, is_over: bool = False) -> Item:
    now = "Something broke on my side, and I keep trying."
    if is_over:
        now = "It goes on again. What had broken on my side:"
    return Item(
        key="trouble/engine",
        place=Place.THREAD,
        text=f"{now} {escaped(sentence)}",
        is_urgent=not is_over,
    )


def _where(change: Change) -> _Where:
    return change.channel, change.thread


def _name(run: str, change: Change) -> str:
    return f"{run}/{change.key}"


def _file_name(run: str, picture: Picture) -> str:
    return f"{run}-{picture.name}"

"""Keeps one run's card and thread true, again and again until nothing is left to say.

A thread has two hands, one that posts and one that edits: Slack limits the two apart, and a question must not
wait behind an edit. A hand looks what differs, waits for its turn, looks again (so updates merge by
themselves) and sends one message. What Slack does not take is set aside for a while, so that one message
cannot hold up the others.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import structlog

from bot.domain.errors import LeaseLost, OutsideError, Throttled, Unauthorized, Unreachable
from bot.domain.run import Run
from bot.slack.changes import Change
from bot.slack.delivery import Delivery
from bot.slack.pace import Lane, Pace
from bot.views.items import Place

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Tempo:
    """The publisher's patience, in real seconds."""

    # How often an edit that is not urgent may change the same message; people read slower.
    calm: float = 3.0
    # Pauses before what failed is tried again; each is twice the one before.
    first_retry: float = 1.0
    last_retry: float = 30.0
    # A question or a missing card does not wait that long.
    last_urgent_retry: float = 5.0
    # A run's journal may grow many times a second; this often the messages are compared with it.
    breath: float = 0.1
    # How long a run that is over is kept in mind once all is said.
    remembered: float = 60.0
    # How long a graceful stop waits for what is left to say.
    last_words: float = 4.0
    # How long it waits then for Slack's answer to what is out; longer than a call may take.
    last_answers: float = 12.0


class RunThread:
    """The task of one run; `ended` is told when there is nothing left to do for it."""

    def __init__(
        self, run: Run, delivery: Delivery, pace: Pace, tempo: Tempo, ended: Callable[[str], None]
    ) -> None:
        self.run = run
        self.is_hurried = False
        self.sent_at: dict[str, float] = {}
        self._tempo = tempo
        self._ended = ended
        self._hands = tuple(_Hand(self, delivery, pace, tempo, edits=edits) for edits in (False, True))
        self._ending = asyncio.create_task(self._until_forgotten(), name=f"publish {run.id}")

    def show(self, run: Run) -> None:
        self.run = run
        self.nudge()

    def nudge(self) -> None:
        for hand in self._hands:
            hand.nudge()

    def hurry(self) -> None:
        """The end is near: nothing waits for calm any more."""
        self.is_hurried = True
        self.nudge()

    async def quiet(self) -> None:
        """Until nothing is left to say."""
        while not self._is_quiet:
            for hand in self._hands:
                await hand.idle.wait()

    async def stop(self) -> None:
        self._ending.cancel()
        await asyncio.gather(self._ending, *(hand.stop() for hand in self._hands), return_exceptions=True)

    def cancel(self) -> None:
        """End at once, in the middle of a call if need be."""
        self._ending.cancel()
        for hand in self._hands:
            hand.cancel()

    @property
    def _is_quiet(self) -> bool:
        return all(hand.idle.is_set() for hand in self._hands)

    async def _until_forgotten(self) -> None:
        """A run that is over and told needs no thread; if it is shown again, it gets a new one."""
        while True:
            await self.quiet()
            await asyncio.sleep(self._tempo.remembered)
            if self._is_quiet and self.run.is_terminal:
                break
        self._ended(self.run.id)
        for hand in self._hands:
            hand.cancel()


@dataclass(frozen=True)
class _Setback:
    """A message that Slack did not take: when it is tried again, and how long the next pause is."""

    until: float
    pause: float


class _Hand:
    """One of the two: it posts, or it edits."""

    def __init__(
        self, thread: RunThread, delivery: Delivery, pace: Pace, tempo: Tempo, *, edits: bool
    ) -> None:
        self.idle = asyncio.Event()
        self._thread = thread
        self._delivery = delivery
        self._pace = pace
        self._tempo = tempo
        self._edits = edits
        self._news = asyncio.Event()
        self._setbacks: dict[str, _Setback] = {}
        self._last_turn = 0.0
        name = f"{'edit' if edits else 'post'} {thread.run.id}"
        self._task = asyncio.create_task(self._work(), name=name)

    def nudge(self) -> None:
        self.idle.clear()
        self._news.set()

    def cancel(self) -> None:
        self._task.cancel()

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _work(self) -> None:
        pause = self._tempo.first_retry
        while True:
            self._news.clear()
            try:
                wait = await self._next()
                pause = self._tempo.first_retry
            except Exception as error:  # noqa: BLE001 - the Slack edge: see below
                # A bug in a view or a database that is away must not leave a run without its messages for
                # good; nothing else would notice.
                _report(error, run=self._thread.run.id)
                await asyncio.sleep(pause)
                wait, pause = 0.0, min(pause * 2, self._tempo.last_retry)
            if wait is None:
                if not self._news.is_set():
                    self.idle.set()
                await self._news.wait()
            elif wait > 0:
                # Not `wait_for`: before Python 3.12 it forgets that it was cancelled if news comes just then.
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await self._news.wait()
            await asyncio.sleep(self._tempo.breath if wait is None or wait > 0 else 0)

    async def _next(self) -> float | None:
        """Send one difference. How long to wait before the next; None: nothing is left to say."""
        changes = await self._mine()
        if not changes:
            # Without its link a card or notice is not all that it should be.
            return self._delivery.asks_again(self._thread.run.id)
        waits = [self._wait_for(change) for change in changes]
        ripe = next((c for c, wait in zip(changes, waits, strict=True) if wait <= 0), None)
        if ripe is None:
            return max(min(waits), self._tempo.breath)
        lane = self._lane(ripe)
        if not await self._got_turn(lane, ripe):
            return 0.0
        change = next((c for c in await self._mine() if c.key == ripe.key), None)
        if change is not None:
            return await self._send(change, lane)
        return 0.0

    async def _mine(self) -> list[Change]:
        changes = await self._delivery.changes(self._thread.run)
        return [change for change in changes if change.is_edit is self._edits]

    async def _send(self, change: Change, lane: Lane) -> float:
        try:
            await self._delivery.carry_out(self._thread.run, change)
        except Throttled as error:
            seconds = error.retry_after.total_seconds() if error.retry_after else self._tempo.first_retry
            _report(error, run=self._thread.run.id, key=change.key)
            # The limit is the workspace's, so every run heeds it.
            lane.close_for(seconds)
            return 0.0
        except Exception as error:  # noqa: BLE001 - the Slack edge: one message must not hold up the others
            _report(error, run=self._thread.run.id, key=change.key)
            self._set_back(change)
            # The others would most likely fail in the same way, but one of them may not.
            return self._tempo.first_retry if isinstance(error, Unreachable) else 0.0
        self._setbacks.pop(change.key, None)
        self._thread.sent_at[change.key] = _now()
        # What was posted may be linked to or edited now.
        self._thread.nudge()
        return 0.0

    async def _got_turn(self, lane: Lane, change: Change) -> bool:
        """Whether the turn came before there was news, which may put something else first."""
        self._news.clear()
        rank = (not _is_pressing(change), self._last_turn)
        turn = asyncio.ensure_future(lane.turn(rank))
        news = asyncio.ensure_future(self._news.wait())
        try:
            await asyncio.wait({turn, news}, return_when=asyncio.FIRST_COMPLETED)
            if not turn.done():
                return False
            self._last_turn = _now()
            return True
        finally:
            turn.cancel()
            news.cancel()

    def _lane(self, change: Change) -> Lane:
        return self._pace.updates() if self._edits else self._pace.posts(change.channel)

    def _wait_for(self, change: Change) -> float:
        setback = self._setbacks.get(change.key)
        until = setback.until if setback is not None else 0.0
        edited = self._thread.sent_at.get(change.key)
        is_calm = self._edits and not change.item.is_urgent and not self._thread.is_hurried
        if is_calm and edited is not None:
            until = max(until, edited + self._tempo.calm)
        return until - _now()

    def _set_back(self, change: Change) -> None:
        before = self._setbacks.get(change.key)
        longest = self._tempo.last_urgent_retry if _is_pressing(change) else self._tempo.last_retry
        pause = self._tempo.first_retry if before is None else min(before.pause * 2, longest)
        self._setbacks[change.key] = _Setback(until=_now() + pause, pause=pause)


def _is_pressing(change: Change) -> bool:
    return change.item.is_urgent or (change.item.place is Place.ROOT and not change.is_edit)


def _report(error: Exception, **where: str) -> None:
    if isinstance(error, Throttled):
        _log.info("slack-limits", error=str(error), **where)
    elif isinstance(error, LeaseLost):
        _log.info("not-ours-to-say", error=str(error), **where)
    elif isinstance(error, Unauthorized):
        # People have to do something: invite the bot, or give it a token that counts.
        _log.error("slack-refuses-the-bot", error=str(error), **where)
    elif isinstance(error, OutsideError):
        _log.warning("slack-trouble", error=str(error), **where)
    else:
        _log.error("publisher-failed", exc_info=error, **where)


def _now() -> float:
    return asyncio.get_running_loop().time()

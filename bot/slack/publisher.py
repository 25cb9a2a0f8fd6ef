"""Brings Slack to what the journals say: one card and thread per run, each message once, edited in place.

Each run has a thread of its own that compares how its messages should stand (`changes`) with what was posted,
and sends the most urgent difference (`delivery`) at Slack's pace (`pace`), until there is none. What should
stand is always computed from the newest state. Nobody who drives a run ever waits for any of this.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from bot.domain.errors import SlackwaterError
from bot.domain.run import Run
from bot.ports import Messages
from bot.slack.calls import SlackCalls
from bot.slack.changes import Channels
from bot.slack.delivery import Delivery, Views
from bot.slack.pace import Pace
from bot.slack.thread import RunThread, Tempo
from bot.views.items import Picture, Setting

_log = structlog.get_logger(__name__)


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
        tempo: Tempo | None = None,
        pace: Pace | None = None,
        speaks_for: Callable[[str], bool] = lambda _: True,
    ) -> None:
        """`speaks_for` says whether this process still drives a run; asked right before each call."""
        self._delivery = Delivery(
            calls=calls,
            memory=memory,
            channels=channels,
            setting=setting,
            views=views,
            draw=draw,
            speaks_for=speaks_for,
        )
        self._tempo = tempo or Tempo()
        self._pace = pace or Pace()
        self._threads: dict[str, RunThread] = {}
        self._crying: dict[str, asyncio.Task[None]] = {}  # about runs that cannot be read
        self._is_stopped = False

    def changed(self, run: Run) -> None:
        if self._is_stopped:
            # The next start reads the journal and says it.
            return
        self._delivery.goes_on(run)
        thread = self._threads.get(run.id)
        if thread is None:
            self._threads[run.id] = RunThread(run, self._delivery, self._pace, self._tempo, self._forget)
        else:
            thread.show(run)

    def trouble(self, run: str, sentence: str) -> None:
        _log.error("run-in-trouble", run=run, sentence=sentence)
        thread = self._threads.get(run)
        self._delivery.trouble(run, sentence, thread.run.seq if thread is not None else 0)
        if thread is not None:
            thread.nudge()
        elif run not in self._crying and not self._is_stopped:
            self._crying[run] = asyncio.create_task(self._cry(run, sentence), name=f"trouble {run}")

    def dropped(self, run: str) -> None:
        """Another process drives the run now, and speaks of it; this one says nothing more."""
        thread = self._threads.pop(run, None)
        if thread is not None:
            thread.cancel()
        self._delivery.forget(run)

    async def said(self, run: str) -> None:
        """Until nothing is left to say about the run."""
        thread = self._threads.get(run)
        if thread is not None:
            await thread.quiet()

    def links(self) -> dict[str, str]:
        """Where the cards stand, by run, as far as this process has asked for it."""
        return self._delivery.links()

    async def hush(self) -> None:
        """Say what is left to say, for a few seconds. What is unsaid then is said after the next start."""
        self._is_stopped = True
        threads = tuple(self._threads.values())
        for thread in threads:
            thread.hurry()
        with suppress(TimeoutError):
            await asyncio.wait_for(
                asyncio.gather(*(thread.quiet() for thread in threads)), self._tempo.last_words
            )
        await asyncio.gather(*(thread.stop() for thread in threads))
        await asyncio.gather(*self._crying.values(), return_exceptions=True)
        self._threads.clear()

    async def close(self) -> None:
        """See through what is out.

        Others may have the runs by now: a message that they have posted too is taken away by who hears last.
        """
        await self._delivery.close(self._tempo.last_answers)

    async def stop(self) -> None:
        """Hush and close."""
        await self.hush()
        await self.close()

    async def _cry(self, run: str, sentence: str) -> None:
        """There is no run to make a thread of; whoever meets the trouble again says so again."""
        try:
            await self._delivery.say_aloud(run, sentence)
        except SlackwaterError as error:
            _log.warning("trouble-not-said", run=run, error=str(error))
        finally:
            self._crying.pop(run, None)

    def _forget(self, run: str) -> None:
        self._threads.pop(run, None)
        self._delivery.forget(run)

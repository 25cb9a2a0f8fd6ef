"""Brings Slack to what the journals say: one card and thread per run, each message once, edited in place.

Each run has a thread of its own that compares how its messages should stand (`changes`) with what was posted,
and sends the most urgent difference (`delivery`) at Slack's pace (`pace`), until there is none. What should
stand is always computed from the newest state. Nobody who drives a run ever waits for any of this.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

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
    ) -> None:
        self._delivery = Delivery(
            calls=calls, memory=memory, channels=channels, setting=setting, views=views, draw=draw
        )
        self._tempo = tempo or Tempo()
        self._pace = pace or Pace()
        self._threads: dict[str, RunThread] = {}
        self._is_stopped = False

    def changed(self, run: Run) -> None:
        if self._is_stopped:
            # The next start reads the journal and says it.
            return
        thread = self._threads.get(run.id)
        if thread is None:
            self._threads[run.id] = RunThread(run, self._delivery, self._pace, self._tempo, self._forget)
        else:
            thread.show(run)

    def trouble(self, run: str, sentence: str) -> None:
        _log.error("run-in-trouble", run=run, sentence=sentence)
        self._delivery.trouble(run, sentence)
        if run in self._threads:
            self._threads[run].nudge()

    def links(self) -> dict[str, str]:
        """Where the cards stand, by run, as far as this process has asked for it."""
        return self._delivery.links()

    async def stop(self) -> None:
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
        self._threads.clear()

    def _forget(self, run: str) -> None:
        self._threads.pop(run, None)
        self._delivery.forget(run)

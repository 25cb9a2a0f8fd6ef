"""Socket Mode: connected while this process can do what it is asked.

Slack gives each command and press to one of the connections. A process that is cut off from a database which
it shares with others could only say no, so it hangs up, and the others are asked.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackClientError

from bot.domain.points import around

_log = structlog.get_logger(__name__)

_LOOK_EVERY = 2.0
# A socket that broke without a word is noticed some seconds after this; until then nobody's press arrives.
_PING = 5.0


class Socket:
    """One process's connection to Slack. `is_able` says whether presses can be committed now."""

    def __init__(self, app: AsyncApp, token: str, is_able: Callable[[], Awaitable[bool]]) -> None:
        self._app = app
        self._token = token
        self._is_able = is_able
        self._handler: AsyncSocketModeHandler | None = None
        self._keeping: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._keeping = asyncio.create_task(self._keep(), name="socket mode")

    async def stop(self) -> None:
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
        await self._hang_up()

    async def is_connected(self) -> bool:
        return self._handler is not None and await self._handler.client.is_connected()

    async def _keep(self) -> None:
        """The client reconnects by itself, but only once it has been connected."""
        while True:
            is_able = await self._is_able()
            if is_able and self._handler is None:
                await self._connect()
            elif not is_able and self._handler is not None:
                _log.error("hung-up", why="the database does not answer")
                await self._hang_up()
            await asyncio.sleep(_LOOK_EVERY)

    async def _connect(self) -> None:
        handler = AsyncSocketModeHandler(self._app, self._token, ping_interval=_PING)
        try:
            with around("slack/connect"):
                await handler.connect_async()
        except (SlackClientError, OSError, TimeoutError) as error:
            _log.warning("slack-unreachable", error=str(error))
            with suppress(SlackClientError, OSError, TimeoutError):
                await handler.close_async()
        else:
            self._handler = handler
            _log.info("connected", mode="socket")

    async def _hang_up(self) -> None:
        handler, self._handler = self._handler, None
        if handler is not None:
            await handler.close_async()

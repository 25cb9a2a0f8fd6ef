"""A TCP road to a server on which things go wrong below HTTP: silence, refusals, cut and lost answers.

It knows nothing of what it carries: Slack, a cluster, Prometheus or PostgreSQL may lie behind it.
"""

import asyncio
from contextlib import suppress
from typing import Self
from urllib.parse import urlsplit

_CHUNK = 64 * 1024


class RoughRoad:
    """A proxy on loopback in front of `host:port`; its attributes are today's weather."""

    def __init__(self, host: str, port: int) -> None:
        self._to = (host, port)
        self._server: asyncio.Server | None = None
        self._travellers: set[asyncio.Task[None]] = set()
        self._connections: set[_Connection] = set()
        self.port = 0
        self.is_silent = False  # what is said is not carried, and nobody answers
        self.answers_end_after: int | None = None  # so many bytes of an answer arrive, then the road breaks
        # Messages with these bytes arrive, and their answers do not: the connection breaks instead.
        self.loses_answers_to: bytes | None = None
        self.lost = 0

    @classmethod
    def to(cls, url: str) -> Self:
        parts = urlsplit(url)
        return cls(parts.hostname or "127.0.0.1", parts.port or 80)

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.shut()
        for traveller in list(self._travellers):
            traveller.cancel()
        await asyncio.gather(*self._travellers, return_exceptions=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def open(self) -> None:
        """Take connections, always at the same port."""
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def shut(self) -> None:
        """Refuse connections, and break those that are open."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.cut()

    def cut(self) -> None:
        """Break every connection without a word."""
        for connection in self._connections:
            connection.cut()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "a connection is served by a task"
        self._travellers.add(task)
        try:
            there, back = await asyncio.open_connection(*self._to)
        except OSError:
            writer.transport.abort()
            self._travellers.discard(task)
            return
        connection = _Connection(self, writer, back)
        self._connections.add(connection)
        try:
            # asyncio's server would report a cancelled task of its own as an error.
            with suppress(asyncio.CancelledError):
                await connection.carry(reader, there)
        finally:
            connection.cut()
            self._connections.discard(connection)
            self._travellers.discard(task)


class _Connection:
    """One client's way to the server and back."""

    def __init__(self, road: RoughRoad, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self._road = road
        self._client = client
        self._server = server
        self._loses_next = False
        self._answered = 0

    def cut(self) -> None:
        self._client.transport.abort()
        self._server.transport.abort()

    async def carry(self, reader: asyncio.StreamReader, there: asyncio.StreamReader) -> None:
        """Until one of the two has hung up, or the weather breaks it."""
        ways = {asyncio.create_task(self._say(reader)), asyncio.create_task(self._answer(there))}
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _say(self, reader: asyncio.StreamReader) -> None:
        road = self._road
        with suppress(OSError):
            while data := await reader.read(_CHUNK):
                if road.is_silent:
                    continue
                if road.loses_answers_to is not None and road.loses_answers_to in data:
                    road.lost += 1
                    self._loses_next = True
                self._server.write(data)
                await self._server.drain()

    async def _answer(self, there: asyncio.StreamReader) -> None:
        with suppress(OSError):
            while data := await there.read(_CHUNK):
                if self._road.is_silent:
                    continue
                if self._loses_next or not await self._deliver(data):
                    return

    async def _deliver(self, data: bytes) -> bool:
        """Whether the road still stands behind it."""
        most = self._road.answers_end_after
        part = data if most is None else data[: max(0, most - self._answered)]
        self._client.write(part)
        await self._client.drain()
        self._answered += len(data)
        return most is None or self._answered < most

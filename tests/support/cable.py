"""A cable between a process and its database, which can be cut: nothing is refused, nothing comes through."""

import asyncio
from types import TracebackType
from typing import Self


class Cable:
    """Forwards connections to one address on this machine, for as long as it is whole."""

    def __init__(self, host: str, port: int) -> None:
        self._to = (host, port)
        self._server: asyncio.Server | None = None
        self._whole = asyncio.Event()
        self._whole.set()
        self._ends: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None, "it was never laid"
        self._server.close()
        self._whole.set()
        for end in tuple(self._ends):
            end.cancel()
        await asyncio.gather(*self._ends, return_exceptions=True)

    @property
    def port(self) -> int:
        assert self._server is not None, "it was never laid"
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    def cut(self) -> None:
        self._whole.clear()

    def mend(self) -> None:
        self._whole.set()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._whole.wait()
        there_reader, there_writer = await asyncio.open_connection(*self._to)
        for source, target in ((reader, there_writer), (there_reader, writer)):
            end = asyncio.create_task(self._carry(source, target))
            self._ends.add(end)
            end.add_done_callback(self._ends.discard)

    async def _carry(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65_536):
                await self._whole.wait()
                target.write(data)
                await target.drain()
        except OSError:
            pass  # one of the two ends is gone, and then the other one is told
        finally:
            target.close()

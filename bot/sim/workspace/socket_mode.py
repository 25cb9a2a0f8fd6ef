"""Socket Mode: the app opens WebSockets, up to ten, and each envelope travels on one of them.

Wire: `hello` first; envelopes with an `envelope_id`, acknowledged by the same id and perhaps a payload;
`disconnect` before the server closes. The server pings every 20 s, since clients give up after 30 s of
silence.
"""

import asyncio
import contextlib
import json
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from bot.sim.workspace.errors import JSON, APIError
from bot.sim.workspace.faults import Faults, SocketFault
from bot.sim.workspace.ids import secret
from bot.sim.workspace.roads import ACK_SECONDS, Acked, Answer, Envelope, NotAcked
from bot.sim.workspace.roster import App
from bot.sim.workspace.stream import Stream

_MOST_CONNECTIONS = 10
# Below the 30 s after which Slack's JavaScript client gives up.
_PING = 20.0
_TICKET_SECONDS = 30.0
# After the announcement, a client has this long to open another connection and finish its acknowledgements.
_GRACE = 10.0


@dataclass(eq=False)
class _Connection:
    socket: web.WebSocketResponse
    request: web.Request
    is_leaving: bool = False
    waiting: dict[str, asyncio.Future[JSON | None]] = field(default_factory=dict)


class SocketMode:
    mode = "socket"

    def __init__(self, app: App, faults: Faults, stream: Stream) -> None:
        self._app = app
        self._faults = faults
        self._stream = stream
        self._tickets: dict[str, float] = {}
        self._open: list[_Connection] = []
        self._closing: set[asyncio.Task[None]] = set()
        self.url = ""

    @property
    def connections(self) -> int:
        return len(self._open)

    def connect(self) -> JSON:
        """The answer to `apps.connections.open`: an address that is good for one connection."""
        if self._faults.refuses_sockets:
            raise APIError("internal_error")
        now = time.monotonic()
        self._tickets = {name: until for name, until in self._tickets.items() if until > now}
        ticket = secret()
        self._tickets[ticket] = now + _TICKET_SECONDS
        return {"url": f"{self.url}/link/?ticket={ticket}&app_id={self._app.id}"}

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One connection, from hello to its end."""
        until = self._tickets.pop(request.query.get("ticket", ""), 0.0)
        if self._faults.refuses_sockets or time.monotonic() > until:
            raise web.HTTPForbidden(text="unknown or expired ticket")
        socket = web.WebSocketResponse(heartbeat=_PING)
        await socket.prepare(request)
        if len(self._open) >= _MOST_CONNECTIONS:
            await socket.send_json({"type": "disconnect", "reason": "too_many_websockets"})
            await socket.close()
            return socket
        connection = _Connection(socket, request)
        self._open.append(connection)
        try:
            await socket.send_json(self._hello())
            self._tell()
            await _listen(connection)
        except ConnectionError:
            pass  # The client went away between two messages; `finally` does what is to be done.
        finally:
            self._open.remove(connection)
            for waiting in connection.waiting.values():
                waiting.cancel()
            self._tell()
        return socket

    async def carry(self, envelope: Envelope) -> Answer:
        connection = self._next()
        if connection is None:
            return NotAcked("dispatch_failed")
        name = str(uuid.uuid4())
        waiting: asyncio.Future[JSON | None] = asyncio.get_running_loop().create_future()
        connection.waiting[name] = waiting
        try:
            async with asyncio.timeout(ACK_SECONDS):
                await connection.socket.send_json(_wire(name, envelope))
                return Acked(await waiting)
        except (TimeoutError, ConnectionError):
            return NotAcked("operation_timeout")
        except asyncio.CancelledError:
            # The connection's end cancels what waits on it; our own task's end must pass.
            if not waiting.cancelled() or (task := asyncio.current_task()) is None or task.cancelling():
                raise
            return NotAcked("operation_timeout")
        finally:
            connection.waiting.pop(name, None)

    def suffer(self, fault: SocketFault) -> None:
        """Cut or end the connections that are open, as `fault` says."""
        for connection in list(self._open):
            if fault.drop and connection.request.transport is not None:
                connection.request.transport.abort()
            elif fault.disconnect:
                self._start(_say_goodbye(connection))

    async def close(self) -> None:
        for task in self._closing:
            task.cancel()
        for connection in list(self._open):
            await connection.socket.close()

    def _start(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _next(self) -> _Connection | None:
        """The connection whose turn it is: each message goes to one, and all take turns."""
        for connection in self._open:
            if not connection.is_leaving and not connection.socket.closed:
                self._open.remove(connection)
                self._open.append(connection)
                return connection
        return None

    def _hello(self) -> JSON:
        return {
            "type": "hello",
            "num_connections": len(self._open),
            "connection_info": {"app_id": self._app.id},
            "debug_info": {"host": "local", "approximate_connection_time": 3600},
        }

    def _tell(self) -> None:
        count = len(self._open)
        self._stream.publish({"type": "presence", "connected": count > 0, "connections": count})


def _wire(name: str, envelope: Envelope) -> JSON:
    made: JSON = {
        "envelope_id": name,
        "type": envelope.kind,
        "payload": envelope.payload,
        "accepts_response_payload": envelope.kind != "events_api",
    }
    if envelope.kind == "events_api":
        made |= {"retry_attempt": envelope.attempt, "retry_reason": envelope.reason}
    return made


async def _listen(connection: _Connection) -> None:
    async for message in connection.socket:
        if message.type is not WSMsgType.TEXT:
            continue
        with contextlib.suppress(ValueError):
            _take_ack(connection, json.loads(message.data))


def _take_ack(connection: _Connection, ack: Any) -> None:
    waiting = connection.waiting.get(str(ack.get("envelope_id"))) if isinstance(ack, dict) else None
    if waiting is not None and not waiting.done():
        body = ack.get("payload")
        # Bolt wraps a bare text into {"text": …}; other clients may not.
        waiting.set_result({"text": body} if isinstance(body, str) and body else body or None)


async def _say_goodbye(connection: _Connection) -> None:
    connection.is_leaving = True
    with contextlib.suppress(ConnectionError):
        await connection.socket.send_json(
            {"type": "disconnect", "reason": "refresh_requested", "debug_info": {"host": "local"}}
        )
        await asyncio.sleep(_GRACE)
        await connection.socket.close()

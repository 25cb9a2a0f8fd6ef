"""`GET /user/stream`: what changes in the workspace, as Server-Sent Events, so that the page is never stale.

Each event is one unnamed SSE message (`data: <JSON object>`). An event says *that* something changed and
where; the page fetches what it shows (`/user/messages`, `/user/views`, …). `type` tells them apart:

    {"type": "hello", "connected": true, "connections": 1}
        first on every connection. After a reconnect, events may have been missed: fetch everything shown
        anew.
    {"type": "message", "change": "new" | "changed" | "deleted", "channel": "C…", "ts": "…", "thread_ts":
    "…"?,
     "user": "U…"}
        `thread_ts` only for a reply (it differs from `ts`). A root whose reply count changes gets a "changed"
        of its own. Reactions are a "changed" too. `user` is the author.
    {"type": "ephemeral", "change": "new" | "changed" | "deleted", "user": "U…", "channel": "C…", "ts": "…",
     "thread_ts": "…"?}
        only `user` may see it; filter by the person acted as.
    {"type": "view", "change": "opened" | "pushed" | "updated" | "closed", "user": "U…", "view_id": "V…"}
        the person's modals changed: fetch `/user/views?user=`; an empty list means that no form is open.
    {"type": "home", "user": "U…", "view_id": "V…"}
        the person's App Home was published.
    {"type": "presence", "connected": true, "connections": 2}
        the app connected or left (Socket Mode), or its request URL was verified.
    {"type": "channel", "change": "new" | "changed", "channel": "D…", "user": "U…"?}
        a direct conversation was opened (then with `user`), or a membership changed: fetch `/user/channels`.
    {"type": "faults"}
        the faults were changed.

A comment line goes out every 15 s, so that proxies and browsers keep the connection. A reader that falls
1,000 events behind is disconnected; the browser reconnects by itself and starts with `hello`.
"""

import asyncio
import contextlib
import json
from typing import Any

from aiohttp import web

# Below the half minute after which some proxies and browsers give up on a silent connection.
_KEEP_ALIVE = 15.0
# A page reads within milliseconds; one that is this far behind is better off starting anew.
_BACKLOG = 1_000


class Stream:
    """Hands every published event to every open page."""

    def __init__(self) -> None:
        self._readers: set[asyncio.Queue[dict[str, Any] | None]] = set()
        self._is_closed = False

    def publish(self, event: dict[str, Any]) -> None:
        for reader in list(self._readers):
            try:
                reader.put_nowait(event)
            except asyncio.QueueFull:
                self._dismiss(reader)

    def close(self) -> None:
        """End every connection; open pages would otherwise hold up the server's end."""
        self._is_closed = True
        for reader in list(self._readers):
            self._dismiss(reader)

    def _dismiss(self, reader: asyncio.Queue[dict[str, Any] | None]) -> None:
        self._readers.discard(reader)
        while not reader.empty():
            reader.get_nowait()
        reader.put_nowait(None)

    async def serve(self, request: web.Request, hello: dict[str, Any]) -> web.StreamResponse:
        """Answer `request` with events until its reader leaves or the workspace ends."""
        response = web.StreamResponse(
            headers={
                "Content-Type": "text/event-stream",
                "Cache-Control": "no-store",
                "X-Accel-Buffering": "no",
            }
        )
        reader: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue(_BACKLOG)
        if not self._is_closed:
            self._readers.add(reader)
        else:
            reader.put_nowait(None)
        await response.prepare(request)
        try:
            # A page that was closed shows only as a failing write.
            with contextlib.suppress(ConnectionResetError):
                await _write(response, hello)
                await _forward(reader, response)
        finally:
            self._readers.discard(reader)
        return response


async def _forward(reader: asyncio.Queue[dict[str, Any] | None], response: web.StreamResponse) -> None:
    while True:
        try:
            event = await asyncio.wait_for(reader.get(), _KEEP_ALIVE)
        except TimeoutError:
            await response.write(b": still here\n\n")
            continue
        if event is None:
            return
        await _write(response, event)


async def _write(response: web.StreamResponse, event: dict[str, Any]) -> None:
    await response.write(f"data: {json.dumps(event)}\n\n".encode())

"""Watches: what changes from a resourceVersion on, one JSON object per line, until the client has enough.

An object that begins to match the selector is ADDED, one that ceases to is DELETED. Time limits are real
time: they belong to the connection, not to what is simulated.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from bot.sim.cluster.kinds import Kind
from bot.sim.cluster.objects import Object, namespace_of
from bot.sim.cluster.refusals import Refusal
from bot.sim.cluster.selectors import Matches
from bot.sim.cluster.store import Change, ObjectStore

# Kubernetes sends a bookmark about once a minute; a shorter time costs nothing here.
_BOOKMARK_EVERY = 15.0
_DEFAULT_TIMEOUT = 1800.0


@dataclass(frozen=True)
class Watched:
    """What a client watches and how it wants to see it."""

    kind: Kind
    namespace: str
    matches: Matches
    revision: int | None  # None: begin with all that is there
    timeout: float | None
    bookmarks: bool
    initial_events: bool
    dress: Callable[[Object], Object]  # the API version that was asked for

    def event(self, change: Change) -> Object | None:
        """The event that a change is to this client."""
        if change.kind is not self.kind or (
            self.namespace and namespace_of(change.subject) != self.namespace
        ):
            return None
        was = change.before is not None and self.matches(change.before)
        is_now = change.after is not None and self.matches(change.after)
        if is_now:
            return {"type": "MODIFIED" if was else "ADDED", "object": self.dress(change.after or {})}
        if not was:
            return None
        gone = change.before or {}
        gone = {**gone, "metadata": {**gone["metadata"], "resourceVersion": str(change.revision)}}
        return {"type": "DELETED", "object": self.dress(gone)}

    def bookmark(self, revision: int, *, initial: bool = False) -> Object:
        meta: Object = {"resourceVersion": str(revision), "creationTimestamp": None}
        if initial:
            meta["annotations"] = {"k8s.io/initial-events-end": "true"}
        obj = self.dress({"kind": self.kind.kind, "apiVersion": self.kind.api_version(), "metadata": meta})
        return {"type": "BOOKMARK", "object": obj}


async def serve_watch(request: web.Request, store: ObjectStore, watched: Watched) -> web.StreamResponse:
    """Stream the events of one watch."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    queue: asyncio.Queue[Change] = asyncio.Queue()
    unsubscribe = store.subscribe(queue.put_nowait)
    try:
        # Subscribed first: nothing that happens while the answer begins is lost, and nothing comes twice.
        try:
            events, seen = _beginning(store, watched), store.revision
        except Refusal as refusal:
            events, seen = [{"type": "ERROR", "object": refusal.body()}], -1
        await response.prepare(request)
        for event in events:
            await _send(response, event)
        if seen >= 0:
            await _follow(response, queue, watched, seen)
    except ConnectionError:
        pass  # the client has gone: that is how most watches end
    finally:
        unsubscribe()
    return response


def _beginning(store: ObjectStore, watched: Watched) -> list[Object]:
    if watched.revision is not None and not watched.initial_events:
        changes = store.since(watched.revision)
        return [event for change in changes if (event := watched.event(change))]
    present = [obj for obj in store.all_of(watched.kind, watched.namespace) if watched.matches(obj)]
    events: list[Object] = [{"type": "ADDED", "object": watched.dress(obj)} for obj in present]
    if watched.initial_events:
        events.append(watched.bookmark(store.revision, initial=True))
    return events


async def _follow(
    response: web.StreamResponse, queue: "asyncio.Queue[Change]", watched: Watched, seen: int
) -> None:
    loop = asyncio.get_running_loop()
    end = loop.time() + (watched.timeout or _DEFAULT_TIMEOUT)
    while (left := end - loop.time()) > 0:
        try:
            change = await asyncio.wait_for(queue.get(), min(left, _BOOKMARK_EVERY))
        except TimeoutError:
            if watched.bookmarks:
                await _send(response, watched.bookmark(seen))
            continue
        if change.revision <= seen:
            continue
        seen = change.revision
        if event := watched.event(change):
            await _send(response, event)


async def _send(response: web.StreamResponse, event: Object) -> None:
    await response.write(json.dumps(event, separators=(",", ":")).encode() + b"\n")

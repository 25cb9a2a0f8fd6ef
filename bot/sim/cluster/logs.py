"""`kubectl logs`: the output of a pod's process, whole, its end, or as it grows."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from aiohttp import web

from bot.sim.cluster.kinds import POD
from bot.sim.cluster.kubelet import Kubelet
from bot.sim.cluster.objects import uid_of
from bot.sim.cluster.processes import Process, State
from bot.sim.cluster.refusals import bad_request
from bot.sim.cluster.store import ObjectStore

Line = tuple[datetime, str]

# Real seconds between two looks at a log that is followed.
_FOLLOW_EVERY = 0.1


@dataclass(frozen=True)
class _Options:
    follow: bool
    previous: bool
    timestamps: bool
    tail: int | None
    since: datetime | None
    limit: int | None


class Logs:
    """Answers the `log` subresource of pods."""

    def __init__(self, store: ObjectStore, kubelet: Kubelet) -> None:
        self._store, self._kubelet = store, kubelet

    async def read(self, request: web.Request, namespace: str, name: str) -> web.StreamResponse:
        pod = self._store.get(POD, namespace, name)
        process = self._kubelet.process(uid_of(pod))
        container = request.query.get("container") or pod["spec"]["containers"][0]["name"]
        if container not in {one["name"] for one in pod["spec"]["containers"]}:
            raise bad_request(f"container {container} is not valid for pod {name}")
        if process is None or process.started is None:
            raise bad_request(
                f'container "{container}" in pod "{name}" is waiting to start: ContainerCreating'
            )
        options = _options(request, self._store.now())
        if options.previous:
            return _whole(_chosen(process.previous_lines, options), options)
        if not options.follow:
            return _whole(_chosen(process.lines, options), options)
        return await self._follow(request, process, options)

    async def _follow(self, request: web.Request, process: Process, options: _Options) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await response.prepare(request)
        lines = _chosen(process.lines, options)
        started, last = process.started, process.lines[-1] if process.lines else None
        try:
            while True:
                for line in lines:
                    await response.write(_written(line, options).encode())
                if process.started != started or process.state is State.ENDED:
                    break
                if self._kubelet.process(process.uid) is None:
                    break
                await asyncio.sleep(_FOLLOW_EVERY)
                lines = _after(process.lines, last)
                last = lines[-1] if lines else last
        except ConnectionError:
            pass  # the reader has gone
        return response


def _after(lines: Iterable[Line], last: Line | None) -> list[Line]:
    """The lines after the very line `last`; all of them when it has scrolled away."""
    kept = list(lines)
    for index in range(len(kept) - 1, -1, -1):
        if kept[index] is last:
            return kept[index + 1 :]
    return kept


_FLAGS = ("follow", "previous", "timestamps")


def _options(request: web.Request, now: datetime) -> _Options:
    query = request.query
    since = None
    try:
        tail = int(query["tailLines"]) if "tailLines" in query else None
        limit = int(query["limitBytes"]) if "limitBytes" in query else None
        if "sinceSeconds" in query:
            since = now - timedelta(seconds=int(query["sinceSeconds"]))
        if "sinceTime" in query:
            since = datetime.fromisoformat(query["sinceTime"])
    except ValueError as error:
        raise bad_request(f"the log's options cannot be read: {error}") from error
    follow, previous, timestamps = (query.get(name) in {"true", "1"} for name in _FLAGS)
    return _Options(follow, previous, timestamps, tail, since, limit)


def _chosen(lines: Iterable[Line], options: _Options) -> list[Line]:
    chosen = [line for line in lines if options.since is None or line[0] >= options.since]
    if options.tail is not None:
        chosen = chosen[max(0, len(chosen) - options.tail) :]
    return chosen


def _written(line: Line, options: _Options) -> str:
    at, text = line
    stamped = at.strftime("%Y-%m-%dT%H:%M:%S.%f") + "Z"
    # The application writes the time itself; Kubernetes puts its own before it on request.
    own = f"{stamped[:-4]}Z {text}" if text.partition(" ")[0] in _LEVELS else text
    return f"{stamped} {own}\n" if options.timestamps else f"{own}\n"


_LEVELS = frozenset({"INFO", "WARNING", "ERROR", "FATAL"})


def _whole(lines: list[Line], options: _Options) -> web.Response:
    text = "".join(_written(line, options) for line in lines)
    return web.Response(
        text=text if options.limit is None else text[: options.limit], content_type="text/plain"
    )

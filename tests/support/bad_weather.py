"""A road to an API server on which things go wrong when a test says so: refusals, lost answers, silence."""

import asyncio
import ssl
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import aiohttp
import yaml
from aiohttp import web

_HOP = frozenset(
    {"connection", "keep-alive", "transfer-encoding", "content-length", "host", "accept-encoding"}
)


@dataclass(frozen=True)
class Trouble:
    """What becomes of one request."""

    method: str
    status: int = 0  # answered with this instead of being forwarded
    headers: dict[str, str] = field(default_factory=dict)
    lost: bool = False  # carried out, and the connection broken before the answer
    silent: float = 0.0  # carried out, and not answered for this long (real seconds)
    unheard: float = 0.0  # not carried out, and not answered for this long (real seconds)
    late: bool = False  # not answered, and carried out when the late ones are let through
    says: bytes | None = None  # answered with these bytes as JSON instead of being forwarded
    cut_after: int | None = None  # carried out, and the answer breaks off after so many bytes


class Road:
    """A proxy on loopback; `troubles` befall the next requests of their method, in order.

    `lasting` befalls every request of its method (`*`: of any) until it is taken away.
    """

    def __init__(self, api: str, authority: Path | None) -> None:
        self._api = api
        self._ssl: Any = ssl.create_default_context(cafile=str(authority)) if authority else False
        self.troubles: deque[Trouble] = deque()
        self.lasting: Trouble | None = None
        self.met = 0  # requests that met trouble
        self.asked: list[tuple[str, str]] = []  # every request: its method, its path with the query
        self._late: list[tuple[web.BaseRequest, bytes]] = []
        self._session: aiohttp.ClientSession | None = None
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(auto_decompress=False)
        app = web.Application(client_max_size=8 * 2**20)
        app.router.add_route("*", "/{path:.*}", self._forward)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        assert self._session is not None
        await self._runner.cleanup()
        await self._session.close()

    def kubeconfig(self, like: Path, file: Path) -> Path:
        """The kubeconfig `like`, leading over this road."""
        told = yaml.safe_load(like.read_text())
        told["clusters"][0]["cluster"] = {"server": self.url}
        file.write_text(yaml.safe_dump(told))
        file.chmod(0o600)
        return file

    async def lets_the_late_ones_through(self) -> list[int]:
        """Carry out what was held up, whoever waits for it or not; how the server answered."""
        late, self._late = self._late, []
        return [(await self._carry(request, data))[0] for request, data in late]

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.method, request.path_qs))
        trouble = self._trouble(request.method)
        if trouble and trouble.unheard:
            await asyncio.sleep(trouble.unheard)
            assert request.transport is not None
            request.transport.abort()
        if trouble and trouble.says is not None:
            return web.Response(
                status=trouble.status or 200, body=trouble.says, content_type="application/json"
            )
        if trouble and trouble.status:
            told = {"kind": "Status", "status": "Failure", "message": "bad weather", "code": trouble.status}
            return web.json_response(told, status=trouble.status, headers=trouble.headers)
        data = await request.read()
        if trouble and trouble.late:
            self._late.append((request, data))
            await asyncio.Event().wait()
        status, body, kept = await self._carry(request, data)
        if trouble and trouble.lost:
            assert request.transport is not None
            request.transport.abort()
        if trouble and trouble.silent:
            await asyncio.sleep(trouble.silent)
        if trouble and trouble.cut_after is not None:
            return await _cut(request, status, body, trouble.cut_after)
        return web.Response(status=status, body=body, headers=kept)

    async def _carry(self, request: web.BaseRequest, data: bytes) -> tuple[int, bytes, dict[str, str]]:
        assert self._session is not None
        headers = {k: v for k, v in request.headers.items() if k.lower() not in _HOP}
        async with self._session.request(
            request.method, self._api + request.path_qs, headers=headers, data=data, ssl=self._ssl
        ) as answer:
            kept = {k: v for k, v in answer.headers.items() if k.lower() not in _HOP}
            return answer.status, await answer.read(), kept

    def _trouble(self, method: str) -> Trouble | None:
        if self.troubles and self.troubles[0].method == method:
            self.met += 1
            return self.troubles.popleft()
        if self.lasting is not None and self.lasting.method in {method, "*"}:
            self.met += 1
            return self.lasting
        return None


async def _cut(request: web.Request, status: int, body: bytes, after: int) -> web.StreamResponse:
    """The beginning of an answer that promised to be longer."""
    answer = web.StreamResponse(status=status, headers={"Content-Type": "application/json"})
    answer.content_length = len(body)
    await answer.prepare(request)
    await answer.write(body[:after])
    assert request.transport is not None
    request.transport.close()
    return answer

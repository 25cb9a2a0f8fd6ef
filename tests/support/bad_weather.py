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


class Road:
    """A proxy on loopback; `troubles` befall the next requests of their method, in order."""

    def __init__(self, api: str, authority: Path | None) -> None:
        self._api = api
        self._ssl: Any = ssl.create_default_context(cafile=str(authority)) if authority else False
        self.troubles: deque[Trouble] = deque()
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

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        trouble = self._trouble(request.method)
        if trouble and trouble.status:
            told = {"kind": "Status", "status": "Failure", "message": "bad weather", "code": trouble.status}
            return web.json_response(told, status=trouble.status, headers=trouble.headers)
        assert self._session is not None
        headers = {k: v for k, v in request.headers.items() if k.lower() not in _HOP}
        data = await request.read()
        async with self._session.request(
            request.method, self._api + request.path_qs, headers=headers, data=data, ssl=self._ssl
        ) as answer:
            body = await answer.read()
            kept = {k: v for k, v in answer.headers.items() if k.lower() not in _HOP}
        if trouble and trouble.lost:
            assert request.transport is not None
            request.transport.abort()
        if trouble and trouble.silent:
            await asyncio.sleep(trouble.silent)
        return web.Response(status=answer.status, body=body, headers=kept)

    def _trouble(self, method: str) -> Trouble | None:
        if self.troubles and self.troubles[0].method == method:
            return self.troubles.popleft()
        return None

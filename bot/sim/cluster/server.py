"""The simulated cluster's HTTP door: one loopback port for API, metrics, router, faults and audit.

What answers is decided in this order: the `Host` header (a host of the cluster: the router), the path
(`/faults`, `/audit`, `/prometheus/…`), and the Kubernetes API has the rest. No token is asked for, since
only this machine can call and pages of others are refused; a wrong one is refused too, so that a mixed-up
kubeconfig is noticed.
"""

import asyncio
import contextlib
import json
import random
from pathlib import Path
from typing import Self

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from bot.sim.cluster.api import API
from bot.sim.cluster.audit import AuditLog
from bot.sim.cluster.kubeconfig import kubeconfig_text
from bot.sim.cluster.logs import Logs
from bot.sim.cluster.refusals import Refusal, bad_request
from bot.sim.cluster.router import Router
from bot.sim.cluster.simulation import Settings, Simulation
from bot.sim.cluster.strangers import is_stranger
from bot.sim.metrics import routes

_LOG = structlog.get_logger(__name__)
_HOST = "127.0.0.1"
TOKEN = "simulated"  # noqa: S105 - guards nothing: it tells clusters apart
# Real seconds between two looks at the clock: often enough for a rollout on a fast clock to look smooth.
_SHORTEST, _LONGEST = 0.02, 0.25


class ClusterServer:
    """A running simulated cluster."""

    def __init__(self, simulation: Simulation, settings: Settings) -> None:
        self.simulation = simulation
        self.audit = AuditLog()
        self.port = 0
        chance = random.Random(settings.seed + 1)  # noqa: S311 - chance in a simulation, no secret
        logs = Logs(simulation.store, simulation.kubelet)
        self._api = API(simulation.store, simulation.faults, self.audit, logs.read, settings.seed)
        self._router = Router(
            simulation.routing, simulation.kubelet, simulation.traffic, simulation.clock, chance
        )
        self._woken = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self._heart: asyncio.Task[None] | None = None
        simulation.store.subscribe(lambda _change: self._woken.set())

    @property
    def url(self) -> str:
        return f"http://{_HOST}:{self.port}"

    @property
    def prometheus_url(self) -> str:
        return f"{self.url}/prometheus"

    def kubeconfig(self) -> str:
        """The text of a kubeconfig that leads here."""
        return kubeconfig_text(self.url, TOKEN)

    async def start(self, port: int, *, ticking: bool = True) -> None:
        """Listen on `port` (0: a free one); without `ticking`, time passes by `simulation.advance` only."""
        self._runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, _HOST, port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        if ticking:
            self._heart = asyncio.create_task(self._beat())
            self._heart.add_done_callback(_cry_out)

    async def close(self) -> None:
        """Stop; watches end, nothing is kept."""
        if self._heart is not None:
            self._heart.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._heart
        if self._runner is not None:
            await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _beat(self) -> None:
        """Follow the clock; a change by a client is acted on at once."""
        clock = self.simulation.clock
        while True:
            self._woken.clear()
            self.simulation.advance(clock.now())
            self._woken.clear()  # by what the controllers themselves have written
            pause = min(_LONGEST, max(_SHORTEST, 1 / clock.speed))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._woken.wait()
            # Several writes in a row are looked at together.
            await asyncio.sleep(0)

    def _application(self) -> web.Application:
        app = web.Application(middlewares=[self._by_host], client_max_size=8 * 2**20)
        app.router.add_get("/faults", self._told_faults)
        app.router.add_put("/faults", self._set_faults)
        app.router.add_get("/audit", self._read_audit)
        clock, faults = self.simulation.clock, self.simulation.faults
        app.add_routes(routes(self.simulation.series, clock, is_down=lambda: faults.cluster.metrics_down))
        app.router.add_route("*", "/{path:.*}", self._api.handle)
        return app

    @web.middleware
    async def _by_host(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if self._router.knows(request.host):
            return await self._router.handle(request)
        if is_stranger(request):
            refusal = Refusal(403, "Forbidden", "only programs on this machine may call, and no web page")
            return web.json_response(refusal.body(), status=403)
        given = request.headers.get("Authorization", "")
        if (
            given.startswith("Bearer ")
            and given != f"Bearer {TOKEN}"
            and not request.path.startswith("/prometheus")
        ):
            return web.json_response(Refusal(401, "Unauthorized", "Unauthorized").body(), status=401)
        return await handler(request)

    async def _told_faults(self, _request: web.Request) -> web.Response:
        return web.json_response(self.simulation.faults.told)

    async def _set_faults(self, request: web.Request) -> web.Response:
        try:
            told = await _json_of(request)
            self.simulation.faults.replace(told, self.simulation.clock.now())
        except Refusal as refusal:
            return web.json_response(refusal.body(), status=refusal.code)
        self._woken.set()
        return web.json_response(told)

    async def _read_audit(self, _request: web.Request) -> web.Response:
        return web.json_response({"items": self.audit.as_json()})


def _cry_out(heart: "asyncio.Task[None]") -> None:
    """Time that stands still must be noticed at once, not when the server is closed."""
    if not heart.cancelled() and (error := heart.exception()) is not None:
        _LOG.error("simulated time stands still", exc_info=error)


async def _json_of(request: web.Request) -> object:
    try:
        return json.loads(await request.text())
    except ValueError as error:
        raise bad_request(f"this is no JSON: {error}") from error


def write_kubeconfig(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(0o600)  # kubectl warns of a kubeconfig that others can read

"""Puts the workspace's doors on one loopback port: the app's, the people's, and the page."""

import asyncio
from collections.abc import Iterable, Sequence

from aiohttp import web

from bot.sim.workspace import payloads, site
from bot.sim.workspace.answers import take_response
from bot.sim.workspace.deliveries import EVENT_RETRIES, Deliveries
from bot.sim.workspace.errors import JSON, APIError
from bot.sim.workspace.file_store import LARGEST
from bot.sim.workspace.ids import id_of
from bot.sim.workspace.people import DEFAULT_PEOPLE, People
from bot.sim.workspace.request_url import RequestURL
from bot.sim.workspace.roads import Road
from bot.sim.workspace.roster import App
from bot.sim.workspace.socket_mode import SocketMode
from bot.sim.workspace.state import Command, Tokens, Workspace
from bot.sim.workspace.user_api import UserAPI, put_faults
from bot.sim.workspace.web_api.door import WebAPI

_HOST = "127.0.0.1"

EVENTS = frozenset(
    {
        "app_home_opened",
        "app_mention",
        "message.channels",
        "message.groups",
        "message.im",
        "subteam_members_changed",
    }
)
"""Every event that the workspace knows."""


class WorkspaceServer:
    """A running workspace; `serve` makes it."""

    def __init__(self, workspace: Workspace, deliveries: Deliveries, runner: web.AppRunner, url: str) -> None:
        self.workspace = workspace
        self.url = url
        self._deliveries = deliveries
        self._runner = runner

    @property
    def api_url(self) -> str:
        """What `SLACK_API_URL` and a client's `base_url` are set to."""
        return f"{self.url}/api/"

    @property
    def connections(self) -> int:
        """How many ends of the app are connected."""
        return self._deliveries.road.connections

    def put_faults(self, faults: JSON) -> None:
        """As `PUT /user/faults`.

        Raises:
            APIError: `invalid_faults`.
        """
        put_faults(self.workspace, self._deliveries, faults)

    def set_group(self, handle: str, names: list[str]) -> None:
        """Put other people into a user group, and tell the app so."""
        group = id_of("S", handle)
        held = self.workspace.roster.groups.get(group)
        before = set(held.users) if held else set()
        self.workspace.roster.set_group_members(handle, names)
        after = set(self.workspace.roster.groups[group].users)
        event = payloads.members_changed(
            self.workspace, group, sorted(after - before), sorted(before - after)
        )
        self._deliveries.announce(event, "subteam_members_changed")

    async def close(self) -> None:
        """End every connection and free the port."""
        self.workspace.stream.close()
        await self._deliveries.close()
        await self._runner.cleanup()


async def serve(
    port: int = 0,
    people: People | None = None,
    request_url: str | None = None,
    *,
    tokens: Tokens | None = None,
    app: App | None = None,
    commands: Sequence[Command] = (),
    events: Iterable[str] = EVENTS,
    event_retries: Sequence[float] = EVENT_RETRIES,
    extra: Sequence[web.AbstractRouteDef] = (),
) -> WorkspaceServer:
    """Start a workspace on 127.0.0.1; port 0 takes any that is free.

    With `request_url` the app is reached by signed HTTP requests, without it by Socket Mode. `extra` routes
    are served beside the workspace's own and under the same protection.

    Raises:
        OSError: the port is taken.
        ValueError: an event is none that the workspace knows.
    """
    if unknown := set(events) - EVENTS:
        raise ValueError(f"unknown event {min(unknown)}: known are {', '.join(sorted(EVENTS))}")
    workspace = Workspace(people or DEFAULT_PEOPLE, app or App(), tokens or Tokens(), commands)
    socket_mode = SocketMode(workspace.app, workspace.faults, workspace.stream)
    road: Road = socket_mode
    if request_url is not None:
        road = RequestURL(request_url, workspace.tokens.signing_secret, workspace.stream)
    deliveries = Deliveries(
        road, workspace.app, workspace.faults, events=frozenset(events), retries=event_retries
    )
    site_app = _application(workspace, socket_mode, deliveries, extra, is_socket=request_url is None)
    # Requests that wait for the app's 3 s must not hold up the end longer than that.
    runner = web.AppRunner(site_app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, _HOST, port).start()
    except OSError:
        await deliveries.close()
        await runner.cleanup()
        raise
    bound = runner.addresses[0][1]
    workspace.url = f"http://{_HOST}:{bound}"
    socket_mode.url = f"ws://{_HOST}:{bound}"
    return WorkspaceServer(workspace, deliveries, runner, workspace.url)


def _application(
    workspace: Workspace,
    socket_mode: SocketMode,
    deliveries: Deliveries,
    extra: Sequence[web.AbstractRouteDef],
    *,
    is_socket: bool,
) -> web.Application:
    def connect() -> JSON:
        if not is_socket:
            raise APIError("socket_mode_not_enabled")
        return socket_mode.connect()

    web_api = WebAPI(workspace, connect)

    async def respond(request: web.Request) -> web.Response:
        return await take_response(workspace, request)

    async def upload(request: web.Request) -> web.Response:
        return await _upload(workspace, request)

    application = web.Application(middlewares=[site.guard], client_max_size=LARGEST + 1_000_000)
    application.on_response_prepare.append(site.harden)
    application.add_routes(
        [
            web.route("*", "/api/{method}", web_api.answer),
            web.get("/link/", socket_mode.serve),
            web.post("/response/{secret}", respond),
            web.post("/upload/{ticket}", upload),
            *UserAPI(workspace, deliveries).routes(),
            *extra,
            *site.page_routes(site.PAGE),
        ]
    )
    return application


async def _upload(workspace: Workspace, request: web.Request) -> web.Response:
    """Take a file's bytes, raw or as the one file of a form."""
    content = await _content(request)
    try:
        stored = workspace.files.receive(request.match_info["ticket"], content)
    except APIError as error:
        status = 404 if error.error == "file_not_found" else 400
        workspace.calls.add("upload", status, {"length": len(content)}, error.body())
        return web.Response(status=status, text=error.error)
    workspace.calls.add("upload", 200, {"filename": stored.name, "length": len(content)}, {"ok": True})
    return web.Response(text=f"OK - {len(content)}")


async def _content(request: web.Request) -> bytes:
    if request.content_type != "multipart/form-data":
        return await request.read()
    form = await request.post()
    for part in form.values():
        if isinstance(part, web.FileField):
            return await asyncio.to_thread(part.file.read)
    return b""

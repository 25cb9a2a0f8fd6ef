"""The bot's own web servers: health and metrics, and in HTTP mode another one for Slack's deliveries.

Liveness says that the process works, readiness that it is connected to Slack and to its database.
"""

from collections.abc import Awaitable, Callable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp

from handlers.formed import is_formed

Ready = Callable[[], Awaitable[tuple[bool, str]]]

# Seconds since 1970, with room for some thousand years.
_LONGEST_TIME = 12
# Seconds in which deliveries under way may still be answered when the bot is told to end.
_LAST_ANSWERS = 1.0
# Slack sends no body that large; what is larger is not from Slack.
_LARGEST_BODY = 512 * 1024


def build(
    ready: Ready, slack: tuple[str, Callable[[web.Request], Awaitable[web.StreamResponse]]] | None
) -> web.Application:
    """The routes of one of them; `slack` is the path of its deliveries and Bolt's handler for them."""

    async def healthz(request: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def readyz(request: web.Request) -> web.Response:
        is_ready, why = await ready()
        return web.Response(text=why, status=200 if is_ready else 503)

    async def metrics(request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application(client_max_size=_LARGEST_BODY)
    app.router.add_get("/healthz", healthz)
    if slack is None:
        app.add_routes([web.get("/readyz", readyz), web.get("/metrics", metrics)])
    else:
        # Where Slack gets in, the world does; it is told no more than that somebody is there.
        app.router.add_post(slack[0], slack[1])
    return app


async def deliver(app: AsyncApp, request: web.Request) -> web.StreamResponse:
    """One of Slack's deliveries: verified by Bolt (signature, age), handled, answered."""
    # The SDK's verifier raises on a timestamp that is no number, and anybody may send one.
    at = request.headers.get("X-Slack-Request-Timestamp", "")
    if not (at.isascii() and at.isdigit() and len(at) <= _LONGEST_TIME):
        return web.json_response({"error": "invalid request"}, status=401)
    try:
        asked = await to_bolt_request(request)
    except (ValueError, LookupError, TypeError, AttributeError):
        return web.json_response({"error": "malformed request"}, status=400)
    if not is_formed(asked.body):
        return web.json_response({"error": "malformed request"}, status=400)
    return await to_aiohttp_response(await app.async_dispatch(asked))


async def listen(app: web.Application, host: str, port: int) -> web.AppRunner:
    """Serve until the runner is cleaned up.

    Raises:
        OSError: the address is taken or not ours.
    """
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_LAST_ANSWERS)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    return runner

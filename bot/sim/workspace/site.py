"""The page's files, and what keeps strangers out: no web page elsewhere may press buttons here."""

import mimetypes
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web

PAGE = Path(__file__).with_name("page")

_OWN_HOSTS = ("127.0.0.1", "localhost", "[::1]")
# Everything the page needs comes from here; no style or script stands in the markup.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def guard(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Refuse what names another host, or comes from a page of another origin."""
    if _host(f"//{request.host}") not in _OWN_HOSTS:
        # A foreign name that resolves to this machine (DNS rebinding).
        raise web.HTTPForbidden(text="this workspace answers on 127.0.0.1 and localhost only")
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.host:
        raise web.HTTPForbidden(text="requests from other origins are refused")
    if request.headers.get("Sec-Fetch-Site") == "cross-site" and request.method not in ("GET", "HEAD"):
        raise web.HTTPForbidden(text="requests from other sites are refused")
    return await handler(request)


def _host(address: str) -> str:
    """The host of an address without its port."""
    netloc = urlsplit(address).netloc
    name, _, port = netloc.rpartition(":")
    return name if port.isdigit() and name else netloc


async def harden(_request: web.Request, response: web.StreamResponse) -> None:
    """Headers of every answer."""
    response.headers.setdefault("Content-Security-Policy", _POLICY)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"


def page_routes(folder: Path) -> list[web.RouteDef]:
    """`/` and the archives' permalinks → the page; `/page/<file>` → what it is made of."""

    async def index(_request: web.Request) -> web.StreamResponse:
        return _file(folder, "index.html")

    async def part(request: web.Request) -> web.StreamResponse:
        return _file(folder, request.match_info["file"])

    return [
        web.get("/", index),
        web.get("/archives/{channel}", index),
        web.get("/archives/{channel}/{message}", index),
        web.get("/page/{file:.+}", part),
    ]


def _file(folder: Path, name: str) -> web.StreamResponse:
    found = (folder / name).resolve()
    if not found.is_relative_to(folder.resolve()) or not found.is_file():
        raise web.HTTPNotFound
    kind = mimetypes.guess_type(found.name)[0] or "application/octet-stream"
    # Read anew each time: the page is small, and an edit shows on reload.
    return web.Response(
        body=found.read_bytes(),
        content_type=kind,
        charset="utf-8" if kind.startswith("text/") else None,
        headers={"Cache-Control": "no-cache"},
    )

"""Critical paths walked against a real server on loopback."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from bot.domain.journeys import Expected, Journey, Request
from bot.ports import Walk
from bot.sources.journeys import walk


class Shop:
    """Logs people in by a token and a cookie, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Any]] = []
        self.url = ""
        self.login: Any = {"token": "s3cret/token", "user": {"id": 7}, "roles": ["buyer"]}

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.json() if request.can_read_body else None
        self.asked.append((request.method, request.raw_path, body))
        match request.path:
            case "/login":
                answer = web.json_response(self.login)
                answer.set_cookie("session", "abc", domain="staging.example.com", secure=True)
                return answer
            case "/cart":
                is_known = request.headers.get("authorization") == "Bearer s3cret/token"
                has_cookie = request.cookies.get("session") == "abc"
                return web.json_response({"state": "ok"}, status=200 if is_known and has_cookie else 401)
            case "/slow":
                await asyncio.sleep(0.3)
                return web.Response(text="late")
            case "/never":
                await asyncio.sleep(30)
                return web.Response(text="never")
            case "/moved":
                raise web.HTTPFound("/cart")
            case "/huge":
                return web.Response(body=b"x" * 3_000_000 + b"needle")
            case "/slowly":
                answer = web.StreamResponse()
                await answer.prepare(request)
                for part in (b'{"tok', b'en": ', b'"t1"}'):
                    await answer.write(part)
                    await asyncio.sleep(0.05)
                return answer
            case "/page":
                return web.Response(text="<html>")
        return web.Response(text="there you are")


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    one = Shop()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", one.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    one.url = f"http://{host}:{port}"
    yield one
    await runner.cleanup()


async def walked(shop: Shop, *requests: Request) -> Walk:
    return await walk(Journey(name="buy", requests=requests), shop.url, {})


def asks(path: str, method: str = "GET", **more: Any) -> Request:
    return Request(method=method, path=path, **more)


LOGIN = asks(
    "/login",
    "POST",
    body={"user": "test"},
    save={"token": "$.token", "id": "$.user.id", "role": "$.roles[0]"},
)


async def test_what_one_answer_gives_is_carried_on(shop: Shop) -> None:
    walk = await walked(
        shop,
        LOGIN,
        asks("/cart", headers={"authorization": "Bearer {token}"}, expect=Expected(contains="ok")),
        asks("/users/{id}/{token}", "PUT", body={"roles": ["{role}", 1, None], "note": "{not} {role}s {}"}),
    )

    assert walk.detail == "PUT /users/{id}/{token}: nothing was saved as not"
    walk = await walked(
        shop, LOGIN, asks("/users/{id}/{token}", "PUT", body={"roles": ["{role}", 1, None], "note": "{}"})
    )
    assert walk == Walk(journey="buy", answered=2)
    assert shop.asked[-1] == (
        "PUT",
        "/users/7/s3cret%2Ftoken",
        {"roles": ["buyer", 1, None], "note": "{}"},
    )


@pytest.mark.parametrize(
    ("request_", "detail"),
    [
        (asks("/cart"), "GET /cart: HTTP 401 instead of 200"),
        (asks("/moved"), "GET /moved: HTTP 302 instead of 200"),
        (asks("/", expect=Expected(contains="gone")), "GET /: the answer does not contain what it has to"),
        (asks("/huge", expect=Expected(contains="needle")), "GET /huge: the answer does not"),
        (asks("/page", save={"a": "$.a"}), "GET /page: the answer is not JSON, so nothing can be saved"),
        (
            asks("/login", save={"a": "$.nothing"}),
            "GET /login: the answer has no text or number at $.nothing",
        ),
        (asks("/login", save={"a": "$.roles"}), "GET /login: the answer has no text or number at $.roles"),
    ],
)
async def test_what_goes_wrong_is_said_and_ends_it(shop: Shop, request_: Request, detail: str) -> None:
    walk = await walked(shop, asks("/"), request_, asks("/after"))

    assert walk.answered == 1
    assert walk.detail.startswith(detail)
    assert ("GET", "/after", None) not in shop.asked


async def test_an_answer_that_comes_in_pieces_is_read_to_its_end(shop: Shop) -> None:
    slowly = asks("/slowly", save={"token": "$.token"}, expect=Expected(contains='"t1"'))

    assert (await walked(shop, slowly, asks("/{token}"))).detail == ""
    assert shop.asked[-1][1] == "/t1"


async def test_a_cookie_for_the_applications_own_name_is_sent_back(shop: Shop) -> None:
    """It is reached by an address, and sets its cookie for its domain, over https only."""
    found = await walk(
        Journey(name="buy", requests=(LOGIN, asks("/cart", headers={"authorization": "Bearer {token}"}))),
        shop.url,
        {"Host": "staging.example.com"},
    )

    assert found == Walk(journey="buy", answered=2)


async def test_too_slow_is_told_from_no_answer(shop: Shop) -> None:
    slow = asks("/slow", expect=Expected(within=timedelta(milliseconds=100)))
    never = asks("/never", expect=Expected(within=timedelta(milliseconds=100)))

    assert "s instead of 0.1 s at most" in (await walked(shop, slow)).detail
    assert (await walked(shop, never)).detail == "GET /never: no answer within 1.1 s"


@pytest.mark.parametrize("token", ["a\r\nx-forged: 1", "x" * 9_000, "\ud800", "..", ".", "", True])
async def test_what_an_answer_saves_forges_nothing_and_has_bounds(shop: Shop, token: str) -> None:
    shop.login = {"token": token}
    login = asks("/login", save={"token": "$.token"})
    forged = asks("/cart/{token}", "DELETE", headers={"authorization": "Bearer {token}"})

    walk = await walked(shop, login, forged)

    assert walk.detail
    assert "forged" not in walk.detail
    assert len(walk.detail) <= 200
    assert [path for _, path, _ in shop.asked] == ["/login"]


async def test_an_answer_that_is_no_http_is_not_quoted() -> None:
    """What an HTTP library says of it holds the address, with what was saved, and the bytes that came."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        body = b'{"token": "tok-123"}'
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\nConnection: close\r\n\r\n"
        writer.write(head + body if b"/login" in asked else b"s3cr3t instead of a status line\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    steps = (asks("/login", save={"token": "$.token"}), asks("/o/{token}"))
    found = await walk(Journey(name="buy", requests=steps), f"http://127.0.0.1:{port}", {})
    server.close()

    assert found.answered == 1
    assert found.detail.startswith("GET /o/{token}: the request failed")
    assert "tok-123" not in found.detail
    assert "s3cr3t" not in found.detail


async def test_the_answer_to_a_login_is_never_shown(shop: Shop) -> None:
    walk = await walked(shop, LOGIN, asks("/cart", headers={"authorization": "Basic {token}"}))

    assert walk.detail == "GET /cart: HTTP 401 instead of 200"


async def test_nobody_there_is_an_answer_too() -> None:
    walk_ = await walk(Journey(name="buy", requests=(asks("/"),)), "http://127.0.0.1:1", {})

    assert walk_.answered == 0
    assert "GET /" in walk_.detail

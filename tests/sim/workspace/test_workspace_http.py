"""Bolt behind a request URL: signed deliveries, the challenge, response URLs, and requests from elsewhere."""

import asyncio
import hashlib
import hmac
import time
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.sim.workspace import serve
from bot.sim.workspace.ids import id_of

ADA, DEPLOYS = id_of("U", "ada"), id_of("C", "deploys")


@asynccontextmanager
async def listening(handler):
    """Something on a free port that takes what is posted to /slack/events."""
    application = web.Application()
    application.add_routes([web.post("/slack/events", handler)])
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    await runner.cleanup()


@asynccontextmanager
async def bolt(app_secret="local-secret"):
    """A workspace and a bolt app that reach each other by HTTP."""
    app = AsyncApp(client=AsyncWebClient(token="xoxb-local"), signing_secret=app_secret)
    async with listening(app.server(path="/slack/events").handle_post_requests) as url:
        server = await serve(request_url=url, event_retries=(0.01,))
        app.client.base_url = server.api_url
        yield app, server
        await server.close()


async def _do(session, server, deed, **args):
    async with session.post(f"{server.url}/user/{deed}", json=args) as response:
        return await response.json()


async def test_a_signed_command_press_and_event_reach_bolt_over_http(session, until):
    seen = []
    async with bolt() as (app, server):

        @app.command("/deploy")
        async def deploy(ack):
            await ack("started")

        @app.action("go")
        async def go(ack, body):
            seen.append(body["actions"][0]["value"])
            await ack()

        @app.event("app_mention")
        async def mentioned(event):
            seen.append(event["text"])

        await until(lambda: server.connections == 1)
        client = AsyncWebClient(token="xoxb-local", base_url=server.api_url)
        button = {
            "type": "button",
            "action_id": "go",
            "text": {"type": "plain_text", "text": "Go"},
            "value": "1",
        }
        blocks = [{"type": "actions", "elements": [button]}]
        ts = (await client.chat_postMessage(channel=DEPLOYS, text="x", blocks=blocks))["ts"]

        answer = await _do(
            session, server, "command", user=ADA, channel=DEPLOYS, command="/deploy", text="a&b=c"
        )
        await _do(session, server, "press", user=ADA, channel=DEPLOYS, ts=ts, action_id="go")
        await _do(session, server, "message", user=ADA, channel=DEPLOYS, text="@slackwater hi")

        assert answer == {"ok": True, "ephemeral": "started"}
        await until(lambda: len(seen) == 2)
        assert seen[0] == "1"
        assert seen[1].endswith("> hi")


async def test_an_app_with_another_secret_is_never_verified_and_gets_nothing(session):
    async with bolt(app_secret="another") as (_, server):
        answer = await _do(session, server, "command", user=ADA, channel=DEPLOYS, command="/deploy", text="")

        assert answer["error"] == "dispatch_failed"
        assert server.connections == 0


async def test_what_is_sent_is_signed_over_the_raw_body(session):
    requests = []

    async def take(request):
        raw = await request.read()
        requests.append((dict(request.headers), raw))
        if request.content_type == "application/json":
            return web.Response(text=(await request.json())["challenge"])
        return web.Response()

    async with listening(take) as url:
        server = await serve(request_url=url)
        await _do(session, server, "command", user=ADA, channel=DEPLOYS, command="/deploy", text="v2.5.0")
        await server.close()

    for headers, raw in requests:
        at = headers["X-Slack-Request-Timestamp"]
        digest = hmac.new(b"local-secret", f"v0:{at}:".encode() + raw, hashlib.sha256).hexdigest()
        assert headers["X-Slack-Signature"] == f"v0={digest}"
        assert abs(time.time() - int(at)) < 5
    assert b"text=v2.5.0" in requests[-1][1]


@pytest.mark.parametrize(
    ("status", "pause", "error"), [(500, 0, "dispatch_failed"), (200, 5, "operation_timeout")]
)
async def test_an_app_that_fails_or_is_slow_is_named_so(session, status, pause, error):
    async def take(request):
        if request.content_type == "application/json":
            return web.Response(text=(await request.json())["challenge"])
        await asyncio.sleep(pause)
        return web.Response(status=status)

    async with listening(take) as url:
        server = await serve(request_url=url)
        answer = await _do(session, server, "command", user=ADA, channel=DEPLOYS, command="/deploy", text="")
        await server.close()

    assert answer["error"] == error


async def test_events_that_fail_come_again_with_a_number(session, until):
    attempts = []

    async def take(request):
        body = await request.json()
        if "challenge" in body:
            return web.Response(text=body["challenge"])
        attempts.append((body["event_id"], request.headers.get("X-Slack-Retry-Num")))
        return web.Response(status=500 if len(attempts) == 1 else 200)

    async with listening(take) as url:
        server = await serve(request_url=url, event_retries=(0.01,))
        await until(lambda: server.connections)
        await _do(session, server, "home", user=ADA)
        await until(lambda: len(attempts) == 2)
        await server.close()

    assert attempts[0][0] == attempts[1][0]
    assert [number for _, number in attempts] == [None, "1"]


async def _respond(session, workspace, url, **body):
    async with session.post(url, json=body) as response:
        return response.status, await response.json()


async def test_a_response_url_takes_five_answers(session, workspace, hand):
    url = f"{workspace.url}/response/{workspace.workspace.permits.response(ADA, DEPLOYS)}"

    first = await _respond(session, workspace, url, text="one")
    second = await _respond(session, workspace, url, text="two", replace_original=True)
    third = await _respond(session, workspace, url, text="all", response_type="in_channel")
    nothing = await _respond(session, workspace, url, text="")
    gone = await _respond(session, workspace, url, delete_original=True)
    sixth = await _respond(session, workspace, url, text="six")

    assert [status for status, _ in (first, second, third, nothing, gone)] == [200, 200, 200, 400, 200]
    assert sixth == (404, {"ok": False, "error": "used_url"})
    assert [m["text"] for m in await hand.messages(user="ada")] == ["all"]


async def test_a_response_url_lasts_thirty_minutes(session, workspace):
    permits = workspace.workspace.permits
    url = f"{workspace.url}/response/{permits.response(ADA, DEPLOYS)}"
    permits._now = lambda: time.monotonic() + 30 * 60 + 1

    assert (await _respond(session, workspace, url, text="late"))[1]["error"] == "expired_url"
    assert (await _respond(session, workspace, f"{workspace.url}/response/x", text="x"))[0] == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "null"},
        {"Host": "evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
async def test_a_page_from_elsewhere_cannot_press_anything(session, workspace, hand, headers):
    args = {"user": ADA, "channel": DEPLOYS, "text": "gotcha"}

    async with session.post(f"{workspace.url}/user/message", json=args, headers=headers) as response:
        assert response.status == 403

    assert await hand.messages() == []


async def test_the_own_page_may(session, workspace):
    args = {"user": ADA, "channel": DEPLOYS, "text": "hello"}

    async with session.post(
        f"{workspace.url}/user/message", json=args, headers={"Origin": workspace.url}
    ) as response:
        assert (await response.json())["ok"] is True


async def test_the_page_is_served_with_a_strict_policy_and_nothing_beside_it(session, tmp_path, monkeypatch):
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "index.html").write_text("<!doctype html><title>Local</title>")
    (tmp_path / "page" / "page.js").write_text("1")
    (tmp_path / "secret").write_text("x")
    monkeypatch.setattr("bot.sim.workspace.site.PAGE", tmp_path / "page")

    async def panel(_request):
        return web.json_response({"panel": True})

    server = await serve(extra=[web.get("/demo/panel", panel)])
    try:
        statuses = {}
        for path in (
            "/",
            "/page/page.js",
            "/page/..%2fsecret",
            "/page/none.js",
            "/demo/panel",
            f"/archives/{DEPLOYS}",
        ):
            async with session.get(server.url + path) as response:
                statuses[path] = response.status
                policy = response.headers.get("Content-Security-Policy", "")
                assert "default-src 'none'; script-src 'self'" in policy or response.status == 404
    finally:
        await server.close()

    assert list(statuses.values()) == [200, 200, 404, 404, 200, 200]

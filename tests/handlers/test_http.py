"""Deliveries over HTTP: what Slack did not sign just now reaches nobody, and what it signed counts once."""

import asyncio
import hashlib
import hmac
import json
import time
from urllib.parse import urlencode

import pytest
from aiohttp.web import Request, StreamResponse

from bot.sim.workspace.ids import id_of
from handlers import http
from handlers.once import Once
from tests.handlers.conftest import until

FORM = "application/x-www-form-urlencoded"


def signed(body: bytes, *, at: float | None = None, secret: str = "local-secret", kind: str = FORM) -> dict:
    stamp = str(int(time.time() if at is None else at))
    digest = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    return {
        "Content-Type": kind,
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": f"v0={digest}",
    }


def command(text: str = "v2.5.0 canary", user: str = "ada") -> bytes:
    return urlencode(
        {
            "command": "/deploy",
            "text": text,
            "user_id": id_of("U", user),
            "channel_id": id_of("C", "deploys"),
            "team_id": id_of("T", "local"),
            "trigger_id": "1.2.3",
            "response_url": "http://127.0.0.1:9/",
        }
    ).encode()


def press(action: str, value: str, user: str = "bo") -> bytes:
    payload = {
        "type": "block_actions",
        "user": {"id": id_of("U", user)},
        "team": {"id": id_of("T", "local")},
        "channel": {"id": id_of("C", "deploys")},
        "message": {"ts": "1.2"},
        "container": {"type": "message", "channel_id": id_of("C", "deploys")},
        "actions": [{"type": "button", "action_id": action, "block_id": "b", "value": value}],
        "trigger_id": "1.2.3",
    }
    return urlencode({"payload": json.dumps(payload)}).encode()


async def deliver(town, body: bytes, headers: dict) -> tuple[int, str]:
    async with town.session.post(town.url, data=body, headers=headers) as response:
        return response.status, await response.text()


@pytest.fixture
def web(web_town, unused_port):
    web_town.url = f"http://127.0.0.1:{unused_port}/slack/events"
    return web_town


async def test_a_command_by_http_is_answered_as_by_socket(web):
    answer = await web.types("ada", "v2.5.0 canary")

    assert "Deploying checkout v2.5.0" in answer["ephemeral"]
    assert len(web.runs()) == 1


async def test_a_press_by_http_is_committed(web):
    run = await web.asks(await web.started("ada"))
    ts = await web.shows("approve", "q:q1")

    assert (await web.presses("bo", "approve", ts))["ok"]

    await until(lambda: web.audit[-1][3] == "decided")
    assert await web.interrupts(run) == ["approve"]


@pytest.mark.parametrize(
    "headers",
    [
        signed(command(), secret="another"),
        signed(command("v2.5.1 canary")),
        signed(command(), at=time.time() - 301),
        signed(command(), at=time.time() + 10_000),
        signed(command()) | {"X-Slack-Request-Timestamp": "soon"},
        signed(command()) | {"X-Slack-Request-Timestamp": ""},
        signed(command()) | {"X-Slack-Request-Timestamp": "²"},
        signed(command()) | {"X-Slack-Request-Timestamp": "9" * 5_000},
        signed(command()) | {"X-Slack-Request-Timestamp": "-1"},
        signed(command()) | {"X-Slack-Signature": "v0=00"},
        signed(command()) | {"X-Slack-Signature": ""},
        {"Content-Type": FORM},
    ],
    ids=[
        *("wrong secret", "another body", "old", "from the future", "no number", "empty time"),
        *("superscript", "huge", "negative", "short signature", "no signature", "nothing"),
    ],
)
async def test_what_slack_did_not_sign_just_now_reaches_nobody(web, headers):
    status, _ = await deliver(web, command(), headers)

    assert status == 401
    assert web.runs() == []
    assert web.audit == []


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"payload=", FORM),
        (b"payload=%7Bnot-json", FORM),
        (b"payload=%5B%5D", FORM),
        (b"payload=null", FORM),
        (b"payload=%22text%22", FORM),
        (b"payload=%7B%22type%22%3A%22block_actions%22%7D", FORM),
        (b'payload={"type":"block_actions","actions":[],"user":{"id":"U1"}}', FORM),
        (b'payload={"type":"block_actions","actions":[{"action_id":"hold"}],"user":null}', FORM),
        (b'payload={"type":"view_submission","view":{"callback_id":"deploy_form"},"user":{"id":"U1"}}', FORM),
        (b"command=/deploy", FORM),
        (b"command=/deploy&text=v2.5.0", FORM),
        (b"", FORM),
        (b"\xff\xfe\x00", FORM),
        (b"[]", "application/json"),
        (b"null", "application/json"),
        (b"{", "application/json"),
        (b'{"type":"event_callback"}', "application/json"),
        (b'{"type":"event_callback","event":{"type":"app_mention"}}', "application/json"),
        (b'{"type":"event_callback","event":[]}', "application/json"),
        (b"x" * 600_000, FORM),
    ],
)
async def test_a_malformed_payload_is_refused_and_moves_nothing(web, body, kind):
    run = await web.asks(await web.started("ada"))

    status, text = await deliver(web, body, signed(body, kind=kind))
    alive, _ = await deliver(web, command("help"), signed(command("help")))

    assert status in {200, 400, 401, 404, 413}, text
    assert "Traceback" not in text
    assert alive == 200
    assert await web.interrupts(run) == []
    assert len(web.runs()) == 1


async def test_the_same_signed_press_counts_once(web):
    run = await web.started("ada")
    body = press("hold", f"r:{run.id}")
    headers = signed(body)
    assert (await deliver(web, body, headers))[0] == 200
    await until(lambda: web.audit[-1][3] == "committed")
    await web.settles(run)
    await web.types("bo", "resume")
    await web.settles(run)
    before = list(web.audit)

    status, _ = await deliver(web, body, headers)

    assert status == 200
    await asyncio.sleep(0.1)
    assert await web.interrupts(run) == []
    assert web.audit == before


async def test_the_same_signed_command_counts_once_and_a_new_one_counts(web):
    headers = signed(command())

    await asyncio.gather(*(deliver(web, command(), headers) for _ in range(5)))
    await deliver(web, command("status"), signed(command("status")))

    assert len(web.runs()) == 1
    assert [row[3] for row in web.audit] == ["started"]


async def test_what_is_not_signed_takes_no_place_in_the_memory_of_what_was(web):
    run = await web.started("ada")
    body = press("hold", f"r:{run.id}")
    good = signed(body)
    forged = good | {"X-Slack-Request-Timestamp": str(int(time.time()) - 1)}

    refused, _ = await deliver(web, body, forged)
    taken, _ = await deliver(web, body, good)

    assert (refused, taken) == (401, 200)
    await until(lambda: web.audit[-1][3] == "committed")


async def test_signatures_are_forgotten_when_they_hold_no_longer():
    now = [0.0]
    once = Once(now=lambda: now[0])

    for number in range(100):
        assert once._is_new(f"v0={number}")
        now[0] += 10

    assert len(once._seen) <= 61
    assert not once._is_new("v0=99")


async def test_what_slack_can_reach_tells_the_world_nothing_else(web):
    root = web.url.removesuffix("/slack/events")

    for path, status in (("/healthz", 200), ("/metrics", 404), ("/readyz", 404)):
        async with web.session.get(f"{root}{path}") as answer:
            assert answer.status == status, path


async def test_the_bots_own_port_tells_how_it_is(session, unused_port):
    async def ready() -> tuple[bool, str]:
        return False, "the database does not answer"

    runner = await http.listen(http.build(ready, None), "127.0.0.1", unused_port)
    try:
        for path, status in (("/healthz", 200), ("/metrics", 200), ("/readyz", 503)):
            async with session.get(f"http://127.0.0.1:{unused_port}{path}") as answer:
                assert answer.status == status, path
    finally:
        await runner.cleanup()


async def test_a_delivery_that_hangs_does_not_keep_the_bot_from_ending(session, unused_port):
    begun = asyncio.Event()

    async def hang(_request: Request) -> StreamResponse:
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    async def ready() -> tuple[bool, str]:
        return True, "ready"

    runner = await http.listen(http.build(ready, ("/slack/events", hang)), "127.0.0.1", unused_port)
    asking = asyncio.create_task(session.post(f"http://127.0.0.1:{unused_port}/slack/events"))
    await begun.wait()

    async with asyncio.timeout(3):
        await runner.cleanup()
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)

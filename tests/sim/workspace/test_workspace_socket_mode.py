"""Bolt over Socket Mode, unchanged: commands, presses, forms, events; and when nobody answers."""

import asyncio
import time

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sim.workspace.ids import id_of

ADA, BO, DEPLOYS = id_of("U", "ada"), id_of("U", "bo"), id_of("C", "deploys")

BUTTONS = [
    {"type": "section", "text": {"type": "mrkdwn", "text": "May 5 % go to v2.5.0?"}},
    {
        "type": "actions",
        "block_id": "decide",
        "elements": [
            {
                "type": "button",
                "action_id": "approve",
                "text": {"type": "plain_text", "text": "Approve"},
                "value": "r1",
            },
            {
                "type": "button",
                "action_id": "hold",
                "text": {"type": "plain_text", "text": "Hold"},
                "value": "r1",
            },
        ],
    },
]
FORM = {
    "type": "modal",
    "callback_id": "reason",
    "notify_on_close": True,
    "title": {"type": "plain_text", "text": "Roll back"},
    "submit": {"type": "plain_text", "text": "Roll back"},
    "blocks": [
        {
            "type": "input",
            "block_id": "why",
            "label": {"type": "plain_text", "text": "Reason"},
            "element": {"type": "plain_text_input", "action_id": "text"},
        }
    ],
}


async def test_a_command_reaches_bolt_and_its_answer_only_the_one_who_typed(app, connect, hand):
    typed = []

    @app.command("/deploy")
    async def deploy(ack, command):
        typed.append(command)
        await ack(f"Deploying {command['text']}")

    await connect()

    answer = await hand.do("command", user="ada", channel="deploys", command="/deploy", text="v2.5.0 canary")

    assert answer == {"ok": True, "ephemeral": "Deploying v2.5.0 canary"}
    assert typed[0]["user_id"] == ADA
    assert typed[0]["channel_name"] == "deploys"
    assert [m["text"] for m in await hand.messages(user="ada")] == ["Deploying v2.5.0 canary"]
    assert await hand.messages(user="bo") == []


async def test_an_answer_in_the_channel_is_seen_by_all(app, connect, hand):
    @app.command("/deploy")
    async def deploy(ack):
        await ack(text="Here we go", response_type="in_channel")

    await connect()

    assert await hand.do("command", user="ada", channel="deploys", command="deploy", text="") == {"ok": True}

    assert [m["text"] for m in await hand.messages(user="bo")] == ["Here we go"]


async def test_without_an_app_the_command_fails_at_once_and_says_so(hand):
    answer = await hand.do("command", user="ada", channel="deploys", command="/deploy", text="x")

    assert (answer["ok"], answer["error"]) == (False, "dispatch_failed")
    shown = await hand.messages(user="ada")
    assert shown[0]["ephemeral"] is True
    assert "dispatch_failed" in shown[0]["text"]


async def test_a_command_that_is_not_acknowledged_in_three_seconds_times_out(app, connect, hand):
    @app.command("/deploy")
    async def deploy(ack):
        await asyncio.sleep(3.5)
        await ack("too late")

    await connect()
    started = time.monotonic()

    answer = await hand.do("command", user="ada", channel="deploys", command="/deploy", text="x")

    assert answer["error"] == "operation_timeout"
    assert 2.9 < time.monotonic() - started < 3.4
    assert "operation_timeout" in (await hand.messages(user="ada"))[0]["text"]


async def test_a_press_carries_the_message_the_value_and_a_way_to_answer(
    app, connect, hand, client, until, events
):
    presses = []

    @app.action("approve")
    async def approve(ack, body, respond):
        await ack()
        presses.append(body)
        await respond(text="Approved", replace_original=True)

    await connect()
    posted = await client.chat_postMessage(channel=DEPLOYS, text="May it?", blocks=BUTTONS)

    answer = await hand.do("press", user="bo", channel="deploys", ts=posted["ts"], action_id="approve")

    assert answer == {"ok": True}
    await until(lambda: presses)
    body = presses[0]
    assert body["user"]["id"] == BO
    assert body["actions"][0]["value"] == "r1"
    assert body["message"]["ts"] == posted["ts"]
    await events.until("message", change="changed")
    assert "blocks" not in (await hand.messages())[0]


async def test_a_press_on_a_button_that_is_gone_reaches_nobody(app, connect, hand, client):
    await connect()
    posted = await client.chat_postMessage(channel=DEPLOYS, text="May it?", blocks=BUTTONS)
    ts = posted["ts"]

    other = await hand.do("press", user="bo", channel="deploys", ts=ts, action_id="approve", value="r0")
    missing = await hand.do("press", user="bo", channel="deploys", ts=ts, action_id="waive")
    elsewhere = await hand.do("press", user="bo", channel="deploys", ts="1.000001", action_id="approve")

    errors = [other["error"], missing["error"], elsewhere["error"]]
    assert errors == ["action_not_found", "action_not_found", "message_not_found"]


async def test_a_form_is_opened_corrected_and_submitted(app, connect, hand, client, until):
    submitted = []

    @app.command("/deploy")
    async def deploy(ack, command, client):
        await client.views_open(trigger_id=command["trigger_id"], view=FORM)
        await ack()

    @app.view("reason")
    async def reason(ack, view):
        text = view["state"]["values"]["why"]["text"]["value"]
        if len(text) < 4:
            await ack(response_action="errors", errors={"why": "Say a little more."})
            return
        submitted.append(text)
        await ack()

    await connect()
    opened = await hand.do("command", user="ada", channel="deploys", command="/deploy", text="")
    view_id = opened["view_id"]

    empty = await hand.do("submit", user="ada", view_id=view_id, values={})
    short = await hand.do("submit", user="ada", view_id=view_id, values={"why": {"text": {"value": "bad"}}})
    good = await hand.do("submit", user="ada", view_id=view_id, values={"why": {"text": {"value": "errors"}}})

    assert empty["errors"] == {"why": "Please complete this required field."}
    assert short["errors"] == {"why": "Say a little more."}
    assert good == {"ok": True}
    assert submitted == ["errors"]
    assert (await hand.see("views", user="ada"))["views"] == []


async def test_a_submission_may_change_the_form_push_another_and_clear_all(app, connect, hand):
    asked = []

    @app.command("/deploy")
    async def deploy(ack, command, client):
        await client.views_open(trigger_id=command["trigger_id"], view=FORM)
        await ack()

    @app.view("reason")
    async def reason(ack, view):
        asked.append(view["id"])
        match len(asked):
            case 1:
                await ack(response_action="update", view=FORM | {"private_metadata": "again"})
            case 2:
                await ack(response_action="push", view=FORM)
            case _:
                await ack(response_action="clear")

    await connect()
    view_id = (await hand.do("command", user="ada", channel="deploys", command="/deploy", text=""))["view_id"]
    values = {"why": {"text": {"value": "errors"}}}

    updated = await hand.do("submit", user="ada", view_id=view_id, values=values)
    pushed = await hand.do("submit", user="ada", view_id=view_id, values={})
    assert updated["view_id"] == view_id
    assert pushed["view_id"] != view_id
    assert len((await hand.see("views", user="ada"))["views"]) == 2
    cleared = await hand.do("submit", user="ada", view_id=pushed["view_id"], values=values)

    assert cleared == {"ok": True}
    assert (await hand.see("views", user="ada"))["views"] == []


async def test_closing_a_form_tells_the_app_that_asked_to_know(app, connect, hand, until):
    closed = []

    @app.command("/deploy")
    async def deploy(ack, command, client):
        await client.views_open(trigger_id=command["trigger_id"], view=FORM)
        await ack()

    @app.view_closed("reason")
    async def gone(ack, body):
        closed.append(body)
        await ack()

    await connect()
    view_id = (await hand.do("command", user="ada", channel="deploys", command="/deploy", text=""))["view_id"]

    assert await hand.do("close", user="ada", view_id=view_id) == {"ok": True}

    assert closed[0]["is_cleared"] is False


async def test_a_trigger_opens_one_form_and_lasts_three_seconds(app, connect, hand, client, workspace):
    triggers = []

    @app.command("/deploy")
    async def deploy(ack, command):
        triggers.append(command["trigger_id"])
        await ack()

    await connect()
    await hand.do("command", user="ada", channel="deploys", command="/deploy", text="")
    await hand.do("command", user="ada", channel="deploys", command="/deploy", text="")

    await client.views_open(trigger_id=triggers[0], view=FORM)
    with pytest.raises(SlackApiError, match="exchanged_trigger_id"):
        await client.views_open(trigger_id=triggers[0], view=FORM)
    workspace.workspace.permits._now = lambda: time.monotonic() + 3.1
    with pytest.raises(SlackApiError, match="expired_trigger_id"):
        await client.views_open(trigger_id=triggers[1], view=FORM)
    with pytest.raises(SlackApiError, match="invalid_trigger_id"):
        await client.views_open(trigger_id="made.up", view=FORM)


async def test_a_mention_becomes_an_event_and_home_opens_and_is_published(app, connect, hand, until, events):
    mentions, said = [], []

    @app.event("app_mention")
    async def mentioned(event):
        mentions.append(event)

    @app.event("message")
    async def message(event):
        said.append(event)

    @app.event("app_home_opened")
    async def home(event, client):
        blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "Nothing runs."}}]
        await client.views_publish(user_id=event["user"], view={"type": "home", "blocks": blocks})

    await connect()

    sent = await hand.do("message", user="ada", channel="deploys", text="@slackwater status <now> & @oncall")
    await hand.do("home", user="ada")

    await until(lambda: mentions and said)
    bot = (await hand.see("workspace"))["bot_user_id"]
    group = id_of("S", "oncall")
    assert mentions[0]["text"] == f"<@{bot}> status &lt;now&gt; &amp; <!subteam^{group}>"
    assert (mentions[0]["ts"], said[0]["channel_type"]) == (sent["ts"], "channel")
    await events.until("home", user=ADA)
    shown = (await hand.see("views", user="ada"))["home"]
    assert shown["blocks"][0]["text"]["text"] == "Nothing runs."


async def test_an_event_that_is_not_acknowledged_comes_again_with_the_same_id(
    workspace, session, hand, monkeypatch
):
    monkeypatch.setattr("bot.sim.workspace.socket_mode.ACK_SECONDS", 0.05)
    async with await _raw_socket(workspace, session) as socket:
        assert (await socket.receive_json())["type"] == "hello"

        await hand.do("home", user="ada")

        first = await socket.receive_json(timeout=2)
        second = await socket.receive_json(timeout=2)
        await socket.send_json({"envelope_id": second["envelope_id"]})
        with pytest.raises(TimeoutError):
            await socket.receive_json(timeout=0.2)
    assert first["payload"]["event_id"] == second["payload"]["event_id"]
    assert (first["retry_attempt"], second["retry_attempt"]) == (0, 1)
    assert second["retry_reason"] == "timeout"


async def test_each_delivery_goes_to_one_connection_and_they_take_turns(workspace, session, hand):
    sockets = [await _raw_socket(workspace, session) for _ in range(2)]
    for socket in sockets:
        await socket.receive_json()

    deeds = [
        hand.do("command", user="ada", channel="deploys", command="/deploy", text=str(n)) for n in range(4)
    ]
    done = asyncio.gather(*deeds)
    for _ in range(2):
        for socket in sockets:
            envelope = await socket.receive_json(timeout=2)
            await socket.send_json({"envelope_id": envelope["envelope_id"]})

    assert [answer["ok"] for answer in await done] == [True] * 4
    for socket in sockets:
        await socket.close()


async def test_an_eleventh_connection_is_sent_away(workspace, session):
    workspace.put_faults({"rates": "lifted"})
    sockets = [await _raw_socket(workspace, session) for _ in range(10)]
    for socket in sockets:
        await socket.receive_json()

    eleventh = await _raw_socket(workspace, session)

    assert (await eleventh.receive_json())["reason"] == "too_many_websockets"
    for socket in [*sockets, eleventh]:
        await socket.close()


async def test_a_ticket_is_good_for_one_connection(workspace, session):
    url = await _ticket(workspace)
    async with session.ws_connect(url) as socket:
        await socket.receive_json()

        with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
            await session.ws_connect(url)


async def test_the_workspace_pings_and_answers_pings(workspace, session, monkeypatch):
    monkeypatch.setattr("bot.sim.workspace.socket_mode._PING", 0.1)
    async with session.ws_connect(await _ticket(workspace), autoping=False) as socket:
        await socket.receive_json()
        await socket.ping(b"sdk-ping-pong:1")

        kinds = {(await socket.receive(timeout=2)).type for _ in range(2)}

    assert kinds == {aiohttp.WSMsgType.PING, aiohttp.WSMsgType.PONG}


async def test_after_a_dropped_connection_bolt_comes_back_by_itself(app, connect, hand, workspace, until):
    @app.command("/deploy")
    async def deploy(ack):
        await ack("here")

    await connect()

    await hand.put_faults({"socket": {"drop": True, "refuse_for": 0.3}})
    await until(lambda: workspace.connections == 0)
    gone = await hand.do("command", user="ada", channel="deploys", command="/deploy", text="")
    await until(lambda: workspace.connections == 1, 10)

    assert gone["error"] == "dispatch_failed"
    back = await hand.do("command", user="ada", channel="deploys", command="/deploy", text="")
    assert back["ephemeral"] == "here"


async def test_an_announced_disconnect_loses_no_command(app, connect, hand, workspace):
    @app.command("/deploy")
    async def deploy(ack):
        await ack("here")

    await connect()
    await hand.put_faults({"socket": {"disconnect": True}})

    async with asyncio.timeout(10):
        while True:
            answer = await hand.do("command", user="ada", channel="deploys", command="/deploy", text="")
            if answer["ok"]:
                break
            assert answer["error"] == "dispatch_failed"
            await asyncio.sleep(0.02)

    assert answer["ephemeral"] == "here"


async def test_a_doubled_delivery_arrives_twice_and_a_slow_one_late(app, connect, hand, until):
    typed = []

    @app.command("/deploy")
    async def deploy(ack, command):
        typed.append(time.monotonic())
        await ack()

    await connect()
    await hand.put_faults({"deliver": {"twice": True, "delay": 0.2}})
    started = time.monotonic()

    await hand.do("command", user="ada", channel="deploys", command="/deploy", text="")

    await until(lambda: len(typed) == 2)
    assert typed[0] - started >= 0.2


async def _ticket(workspace):
    opened = await AsyncWebClient(base_url=workspace.api_url).apps_connections_open(app_token="xapp-local")
    return opened["url"]


async def _raw_socket(workspace, session):
    return await session.ws_connect(await _ticket(workspace))

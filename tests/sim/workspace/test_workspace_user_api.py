"""The door for people: what they see, what the stream says, the log, and faults on purpose."""

import time

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError

from bot.domain.errors import ConfigError
from bot.sim.workspace import people_from, read_people
from bot.sim.workspace.ids import id_of

ADA, BO, DEPLOYS = id_of("U", "ada"), id_of("U", "bo"), id_of("C", "deploys")


async def test_people_channels_groups_and_commands_are_listed(hand):
    people = {person["name"]: person for person in (await hand.see("people"))["people"]}
    channels = (await hand.see("channels"))["channels"]
    groups = (await hand.see("groups"))["groups"]

    assert people["bo"]["groups"] == ["engineers", "oncall"]
    assert (people["gus"]["is_restricted"], people["slackwater"]["is_bot"]) == (True, True)
    assert [channel["name"] for channel in channels] == ["deploys", "releases", "general"]
    assert {group["handle"] for group in groups} == {"engineers", "oncall"}
    assert (await hand.see("commands"))["commands"][0]["command"] == "/deploy"


async def test_the_stream_tells_what_changed_and_where(client, hand, events):
    root = (await client.chat_postMessage(channel=DEPLOYS, text="root"))["ts"]
    reply = (await client.chat_postMessage(channel=DEPLOYS, text="reply", thread_ts=root))["ts"]
    await client.chat_update(channel=DEPLOYS, ts=reply, text="changed")
    await client.chat_delete(channel=DEPLOYS, ts=reply)
    await client.chat_postEphemeral(channel=DEPLOYS, user=ADA, text="psst")
    await events.until("ephemeral", user=ADA)

    assert events.seen[0] == {"type": "hello", "connected": False, "connections": 0}
    told = [(event["change"], event["ts"], event.get("thread_ts")) for event in events.of("message")]
    assert told == [
        ("new", root, None),
        ("new", reply, root),
        ("changed", root, None),
        ("changed", reply, root),
        ("changed", root, None),
        ("deleted", reply, root),
    ]


async def test_the_stream_tells_when_the_app_comes_and_goes(connect, events):
    handler = await connect()
    await events.until("presence", connected=True, connections=1)

    await handler.close_async()

    await events.until("presence", connected=False)


@pytest.mark.parametrize(
    ("deed", "args", "error"),
    [
        ("message", {"user": "U0", "channel": DEPLOYS, "text": "x"}, "user_not_found"),
        ("message", {"user": ADA, "channel": "C0", "text": "x"}, "channel_not_found"),
        ("message", {"user": ADA, "channel": DEPLOYS, "text": " "}, "no_text"),
        (
            "message",
            {"user": ADA, "channel": DEPLOYS, "text": "x", "thread_ts": "1.000001"},
            "thread_not_found",
        ),
        ("submit", {"user": ADA, "view_id": "V0", "values": {}}, "view_not_found"),
        ("press", {"user": ADA, "channel": DEPLOYS, "ts": "1.000001", "action_id": "a"}, "message_not_found"),
        ("message", {"user": ADA, "channel": DEPLOYS, "text": 5}, "invalid_arguments"),
        ("command", {"user": ADA, "channel": DEPLOYS}, "invalid_arguments"),
    ],
)
async def test_a_deed_that_makes_no_sense_is_refused(session, workspace, deed, args, error):
    async with session.post(f"{workspace.url}/user/{deed}", json=args) as response:
        body = await response.json()

    assert (body["ok"], body["error"]) == (False, error)


async def test_nobody_sees_or_presses_in_a_channel_they_are_not_in(client, hand):
    direct = await client.chat_postMessage(channel=ADA, text="only you")

    theirs = await hand.messages(direct["channel"], user="ada")
    others = await hand.see("messages", channel=direct["channel"], user="bo")

    assert [m["text"] for m in theirs] == ["only you"]
    assert others == {"ok": False, "error": "channel_not_found"}


async def test_every_call_is_logged_without_its_token(client, hand):
    await client.chat_postMessage(channel=DEPLOYS, text="x" * 1_000)
    with pytest.raises(SlackApiError):
        await client.chat_update(channel=DEPLOYS, ts="1.000001", text="x")

    posted, refused = (await hand.see("log"))["calls"]

    assert (posted["method"], posted["status"], posted["ok"], posted["channel"]) == (
        "chat.postMessage",
        200,
        True,
        DEPLOYS,
    )
    assert posted["body"]["text"].endswith("(1,000 characters)")
    assert refused["error"] == "message_not_found"
    assert "xoxb" not in str(posted)


async def test_a_counted_fault_is_used_up(client, hand, workspace):
    status, _ = await hand.put_faults({"chat.update": {"status": 429, "retry_after": 5, "times": 2}})
    ts = (await client.chat_postMessage(channel=DEPLOYS, text="a"))["ts"]

    for _ in range(2):
        with pytest.raises(SlackApiError) as limited:
            await client.chat_update(channel=DEPLOYS, ts=ts, text="b")
        assert limited.value.response.headers["Retry-After"] == "5"
    await client.chat_update(channel=DEPLOYS, ts=ts, text="c")

    assert status == 200
    assert (await hand.see("faults"))["faults"]["chat.update"]["left"] == 0
    assert (await hand.messages())[0]["text"] == "c"


async def test_faults_delay_refuse_in_words_and_break_every_method(client, hand):
    await hand.put_faults({"chat.postMessage": {"delay": 0.2, "error": "fatal_error"}, "*": {"status": 503}})
    started = time.monotonic()

    with pytest.raises(SlackApiError, match="fatal_error"):
        await client.chat_postMessage(channel=DEPLOYS, text="a")
    with pytest.raises(SlackApiError) as broken:
        await client.auth_test()

    assert time.monotonic() - started >= 0.2
    assert broken.value.response.status_code == 503
    await hand.put_faults({})
    assert (await client.auth_test())["ok"] is True


async def test_a_lost_answer_leaves_the_message_posted(client, hand):
    client.retry_handlers.clear()
    await hand.put_faults({"chat.postMessage": {"lost": True, "times": 1}})

    with pytest.raises(aiohttp.ClientError):
        await client.chat_postMessage(channel=DEPLOYS, text="once")

    assert [m["text"] for m in await hand.messages()] == ["once"]


@pytest.mark.parametrize(
    ("faults", "place"),
    [
        ({"chat.update": {"status": 429, "retry_afer": 5}}, "chat.update.retry_afer"),
        ({"chat.update": {}}, "names no fault"),
        ({"chat.update": {"times": 0, "status": 500}}, "chat.update.times"),
        ({"chatupdate": {"status": 500}}, "chatupdate"),
        ({"rates": "off"}, "rates"),
        ({"deliver": {"delay": -1}}, "deliver.delay"),
        ([], "malformed"),
    ],
)
async def test_a_fault_that_is_written_wrong_is_named_and_changes_nothing(hand, faults, place):
    await hand.put_faults({"rates": "lifted"})

    status, body = await hand.put_faults(faults)

    assert (status, body["ok"]) == (400, False)
    assert place in body["message"] or body["error"] == "json_not_object"
    assert (await hand.see("faults"))["faults"] == {"rates": "lifted"}


async def test_a_group_that_changes_hands_is_told_to_the_app(app, connect, client, workspace, until):
    changes = []

    @app.event("subteam_members_changed")
    async def changed(event):
        changes.append(event)

    await connect()

    workspace.set_group("oncall", ["ada", "cy"])

    await until(lambda: changes)
    assert (changes[0]["added_users"], changes[0]["removed_users"]) == ([ADA], [BO])
    users = (await client.usergroups_users_list(usergroup=id_of("S", "oncall")))["users"]
    assert users == [ADA, id_of("U", "cy")]


def test_a_people_file_is_yaml_or_json(tmp_path):
    file = tmp_path / "people.yaml"
    file.write_text("people: [{name: ada, groups: ['@engineers'], title: Dev}, bo]\nchannels: ['#deploys']\n")

    people = read_people(file)

    assert [person.name for person in people.people] == ["ada", "bo"]
    assert people.groups == ("engineers",)
    assert people.channels[0].name == "deploys"


@pytest.mark.parametrize(
    "data",
    [
        None,
        {"people": [], "channels": ["a"]},
        {"people": ["ada", "ada"], "channels": ["a"]},
        {"people": [{"name": "ada", "group": []}], "channels": ["a"]},
        {"people": ["Ada L"], "channels": ["a"]},
    ],
)
def test_a_people_file_that_is_wrong_says_where(data):
    with pytest.raises(ConfigError):
        people_from(data, where="people.yaml")

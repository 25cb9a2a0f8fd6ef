"""Posting, changing, threads, ephemerals, metadata, files: through Slack's own client."""

import json
import struct

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sim.workspace.ids import id_of, order_of

ADA, GUS = id_of("U", "ada"), id_of("U", "gus")
DEPLOYS = id_of("C", "deploys")
META = {"event_type": "run", "event_payload": {"key": "r1/root"}}


def _section(text):
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


async def test_messages_have_unique_growing_timestamps(client, workspace):
    workspace.put_faults({"rates": "lifted"})

    posted = [await client.chat_postMessage(channel=DEPLOYS, text=str(n)) for n in range(20)]

    stamps = [answer["ts"] for answer in posted]
    assert sorted(set(stamps), key=order_of) == stamps
    assert all(len(ts.partition(".")[2]) == 6 for ts in stamps)


async def test_a_channel_may_be_named_and_a_person_gets_a_direct_message(client, hand):
    by_name = await client.chat_postMessage(channel="#deploys", text="hello")
    direct = await client.chat_postMessage(channel=ADA, text="only you")

    assert by_name["channel"] == DEPLOYS
    assert direct["channel"] == id_of("D", "ada")
    opened = await client.conversations_open(users=ADA)
    assert opened["channel"]["id"] == direct["channel"]
    assert direct["channel"] in [c["id"] for c in (await hand.see("channels", user="ada"))["channels"]]
    assert direct["channel"] not in [c["id"] for c in (await hand.see("channels", user="bo"))["channels"]]


async def test_a_thread_is_counted_in_its_root_and_read_in_order(client, hand):
    root = (await client.chat_postMessage(channel=DEPLOYS, text="root"))["ts"]
    await client.chat_postMessage(channel=DEPLOYS, text="one", thread_ts=root)
    await hand.do("message", user="ada", channel="deploys", text="two", thread_ts=root)

    thread = await client.conversations_replies(channel=DEPLOYS, ts=root)
    channel = await client.conversations_history(channel=DEPLOYS)

    assert [m["text"] for m in thread["messages"]] == ["root", "one", "two"]
    assert [(m["text"], m["reply_count"]) for m in channel["messages"]] == [("root", 2)]
    assert channel["messages"][0]["reply_users_count"] == 2


async def test_a_reply_to_a_reply_is_refused(client):
    root = (await client.chat_postMessage(channel=DEPLOYS, text="root"))["ts"]
    reply = (await client.chat_postMessage(channel=DEPLOYS, text="one", thread_ts=root))["ts"]

    with pytest.raises(SlackApiError, match="thread_not_found"):
        await client.chat_postMessage(channel=DEPLOYS, text="lost", thread_ts=reply)


async def test_a_broadcast_reply_stands_in_the_channel_without_its_buttons(client, hand):
    button = {"type": "button", "action_id": "hold", "text": {"type": "plain_text", "text": "Hold"}}
    root = (await client.chat_postMessage(channel=DEPLOYS, text="root"))["ts"]
    blocks = [_section("done"), {"type": "actions", "elements": [button]}]
    await client.chat_postMessage(
        channel=DEPLOYS, text="done", blocks=blocks, thread_ts=root, reply_broadcast=True
    )

    channel = await hand.messages()
    thread = await hand.messages(thread_ts=root)

    assert [m.get("subtype") for m in channel] == [None, "thread_broadcast"]
    assert [b["type"] for b in channel[1]["blocks"]] == ["section"]
    assert channel[1]["root"]["ts"] == root
    assert [b["type"] for b in thread[1]["blocks"]] == ["section", "actions"]


async def test_an_update_keeps_what_it_does_not_name_and_empty_metadata_removes_it(client):
    posted = await client.chat_postMessage(channel=DEPLOYS, text="a", blocks=[_section("a")], metadata=META)
    ts = posted["ts"]

    kept = await client.chat_update(channel=DEPLOYS, ts=ts, text="b")
    bare = await client.chat_update(channel=DEPLOYS, ts=ts, text="c", blocks=[], metadata={})

    assert kept["message"]["metadata"] == META
    assert kept["message"]["blocks"][0]["text"]["text"] == "a"
    assert kept["message"]["edited"]["user"] == posted["message"]["user"]
    assert "metadata" not in bare["message"]
    assert "blocks" not in bare["message"]


async def test_metadata_is_told_only_to_those_who_ask(client):
    await client.chat_postMessage(channel=DEPLOYS, text="a", metadata=META)

    plain = await client.conversations_history(channel=DEPLOYS)
    asked = await client.conversations_history(channel=DEPLOYS, include_all_metadata=True)

    assert "metadata" not in plain["messages"][0]
    assert asked["messages"][0]["metadata"] == META


@pytest.mark.parametrize(
    "metadata", [{"event_type": "run"}, {"event_payload": {}}, {"event_type": 1, "event_payload": {}}]
)
async def test_metadata_without_type_or_payload_is_refused(client, metadata):
    with pytest.raises(SlackApiError, match="invalid_metadata_format"):
        await client.api_call(
            "chat.postMessage", json={"channel": DEPLOYS, "text": "a", "metadata": metadata}
        )


async def test_the_app_changes_and_deletes_only_its_own_messages(client, hand):
    theirs = (await hand.do("message", user="ada", channel="deploys", text="mine"))["ts"]

    for method, error in (("chat.update", "cant_update_message"), ("chat.delete", "cant_delete_message")):
        with pytest.raises(SlackApiError, match=error):
            await client.api_call(method, json={"channel": DEPLOYS, "ts": theirs, "text": "x"})
        with pytest.raises(SlackApiError, match="message_not_found"):
            await client.api_call(method, json={"channel": DEPLOYS, "ts": "1.000001", "text": "x"})


async def test_a_deleted_root_leaves_a_tombstone_and_a_lone_message_nothing(client, hand):
    root = (await client.chat_postMessage(channel=DEPLOYS, text="root"))["ts"]
    alone = (await client.chat_postMessage(channel=DEPLOYS, text="alone"))["ts"]
    await client.chat_postMessage(channel=DEPLOYS, text="reply", thread_ts=root)

    await client.chat_delete(channel=DEPLOYS, ts=root)
    await client.chat_delete(channel=DEPLOYS, ts=alone)

    assert [(m["ts"], m.get("subtype")) for m in await hand.messages()] == [(root, "tombstone")]


async def test_an_ephemeral_message_is_seen_by_one_person_and_cannot_be_changed(client, hand):
    sent = await client.chat_postEphemeral(channel=DEPLOYS, user=ADA, text="psst")

    assert [m["text"] for m in await hand.messages(user="ada")] == ["psst"]
    assert await hand.messages(user="bo") == []
    assert (await client.conversations_history(channel=DEPLOYS))["messages"] == []
    with pytest.raises(SlackApiError, match="message_not_found"):
        await client.chat_update(channel=DEPLOYS, ts=sent["message_ts"], text="x")
    await hand.do("dismiss", user="ada", channel="deploys", ts=sent["message_ts"])
    assert await hand.messages(user="ada") == []


async def test_an_ephemeral_message_in_a_thread_is_shown_there_only(client, hand):
    root = (await client.chat_postMessage(channel=DEPLOYS, text="root"))["ts"]
    await client.chat_postEphemeral(channel=DEPLOYS, user=ADA, text="psst", thread_ts=root)

    assert [m["text"] for m in await hand.messages(user="ada")] == ["root"]
    assert [m["text"] for m in await hand.messages(user="ada", thread_ts=root)] == ["root", "psst"]


async def test_a_permalink_leads_to_the_thread(client, session):
    root = (await client.chat_postMessage(channel=DEPLOYS, text="root"))["ts"]
    reply = (await client.chat_postMessage(channel=DEPLOYS, text="reply", thread_ts=root))["ts"]

    link = (await client.chat_getPermalink(channel=DEPLOYS, message_ts=reply))["permalink"]

    assert f"/archives/{DEPLOYS}/p{reply.replace('.', '')}" in link
    assert f"thread_ts={root}" in link


async def test_history_comes_in_pages_newest_first(client, workspace):
    workspace.put_faults({"rates": "lifted"})
    stamps = [(await client.chat_postMessage(channel=DEPLOYS, text=str(n)))["ts"] for n in range(5)]

    pages = await client.conversations_history(channel=DEPLOYS, limit=2)
    texts = [[m["text"] for m in page["messages"]] async for page in pages]
    since = await client.conversations_history(channel=DEPLOYS, oldest=stamps[2])
    including = await client.conversations_history(channel=DEPLOYS, oldest=stamps[2], inclusive=True)

    assert texts == [["4", "3"], ["2", "1"], ["0"]]
    assert [len(since["messages"]), len(including["messages"])] == [2, 3]


async def test_a_reaction_is_added_once_and_removed(client, hand):
    ts = (await client.chat_postMessage(channel=DEPLOYS, text="a"))["ts"]
    await client.reactions_add(channel=DEPLOYS, name="eyes", timestamp=ts)

    assert (await hand.messages())[0]["reactions"][0]["name"] == "eyes"
    with pytest.raises(SlackApiError, match="already_reacted"):
        await client.reactions_add(channel=DEPLOYS, name="eyes", timestamp=ts)
    await client.reactions_remove(channel=DEPLOYS, name="eyes", timestamp=ts)
    assert "reactions" not in (await hand.messages())[0]


async def test_a_picture_is_uploaded_into_a_thread_and_seen(client, hand, session):
    png = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 1200, 500) + b"rest"
    root = (await client.chat_postMessage(channel=DEPLOYS, text="root"))["ts"]

    await client.files_upload_v2(
        content=png,
        filename="errors.png",
        title="Errors",
        alt_txt="errors 0.04 %",
        channel=DEPLOYS,
        thread_ts=root,
        initial_comment="At 5 %",
    )

    shown = (await hand.messages(thread_ts=root))[1]
    file = shown["files"][0]
    assert shown["text"] == "At 5 %"
    assert (file["title"], file["alt_txt"], file["original_w"], file["original_h"]) == (
        "Errors",
        "errors 0.04 %",
        1200,
        500,
    )
    async with session.get(file["url_private"]) as response:
        assert (await response.read(), response.content_type) == (png, "image/png")
    assert (await client.files_info(file=file["id"]))["file"]["size"] == len(png)


async def test_a_file_that_could_run_as_a_page_is_only_a_download(client, session):
    uploaded = await client.files_upload_v2(content="<script>1</script>", filename="x.html")

    async with session.get(uploaded["files"][0]["url_private"]) as response:
        assert response.content_type == "application/octet-stream"
        assert response.headers["Content-Disposition"].startswith("attachment")
        assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_an_upload_of_another_length_is_refused_and_cannot_be_completed(client, session):
    promised = await client.files_getUploadURLExternal(filename="a.txt", length=10)
    async with session.post(promised["upload_url"], data=b"short") as response:
        assert response.status == 400

    with pytest.raises(SlackApiError, match="file_not_found"):
        await client.files_completeUploadExternal(files=[{"id": promised["file_id"]}], channel_id=DEPLOYS)


async def test_go_style_forms_carry_the_token_and_blocks_as_text(workspace, session):
    form = {"token": "xoxb-local", "channel": DEPLOYS, "text": "hi", "blocks": json.dumps([_section("hi")])}

    async with session.post(f"{workspace.api_url}chat.postMessage", data=form) as response:
        body = await response.json()

    assert body["ok"] is True
    assert body["message"]["blocks"][0]["text"]["text"] == "hi"


@pytest.mark.parametrize(
    ("token", "method", "error"),
    [
        ("", "auth.test", "not_authed"),
        ("xoxb-wrong", "auth.test", "invalid_auth"),
        ("xapp-local", "chat.postMessage", "not_allowed_token_type"),
        ("xoxb-local", "apps.connections.open", "not_allowed_token_type"),
        ("xoxb-local", "chat.doNothing", "unknown_method"),
    ],
)
async def test_a_token_has_to_be_the_right_one(workspace, token, method, error):
    client = AsyncWebClient(token=token, base_url=workspace.api_url)

    with pytest.raises(SlackApiError, match=error):
        await client.api_call(method, json={})


@pytest.mark.parametrize(
    ("body", "error"),
    [(b"{", "invalid_json"), (b"[1]", "json_not_object"), (b'{"blocks": "{"}', "invalid_blocks")],
)
async def test_a_malformed_body_is_named(workspace, session, body, error):
    headers = {"Authorization": "Bearer xoxb-local", "Content-Type": "application/json"}

    async with session.post(f"{workspace.api_url}chat.postMessage", data=body, headers=headers) as response:
        assert (await response.json())["error"] == error


async def test_people_groups_and_the_app_are_told_to_the_app(client):
    me = await client.auth_test()
    users = (await client.users_list())["members"]
    groups = (await client.usergroups_list(include_users=True))["usergroups"]
    oncall = next(group for group in groups if group["handle"] == "oncall")
    on_call = (await client.usergroups_users_list(usergroup=oncall["id"]))["users"]

    assert me["user_id"] in [user["id"] for user in users if user["is_bot"]]
    assert on_call == oncall["users"] == [id_of("U", "bo"), id_of("U", "cy")]
    assert (await client.users_info(user=GUS))["user"]["is_restricted"] is True
    assert (await client.users_lookupByEmail(email="ada@example.com"))["user"]["id"] == ADA
    with pytest.raises(SlackApiError, match="no_such_subteam"):
        await client.usergroups_users_list(usergroup="S0")
    with pytest.raises(SlackApiError, match="user_not_found"):
        await client.users_info(user="U0")

"""What Slack refuses, the workspace refuses: sizes, kinds, membership, rates."""

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sim.workspace import people_from, serve
from bot.sim.workspace.blocks import check_blocks
from bot.sim.workspace.errors import RateLimited
from bot.sim.workspace.ids import id_of
from bot.sim.workspace.rates import Rates

DEPLOYS = id_of("C", "deploys")


def _plain(text):
    return {"type": "plain_text", "text": text}


def _section(text="x", **more):
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}, **more}


def _button(**more):
    return {"type": "button", "text": _plain("Go"), **more}


def _actions(*elements):
    return {"type": "actions", "elements": list(elements)}


def _options(count, text="x"):
    return [{"text": _plain(text), "value": str(n)} for n in range(count)]


TOO_MUCH = {
    "/blocks": [{"type": "divider"}] * 51,
    "/blocks/0/text/text": [_section("x" * 3_001)],
    "/blocks/0/fields/0/text": [{"type": "section", "fields": [_plain("x" * 2_001)]}],
    "/blocks/0/fields": [{"type": "section", "fields": [_plain("x")] * 11}],
    "/blocks/0/text/text ": [{"type": "header", "text": _plain("x" * 151)}],
    "/blocks/0/text/type": [{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}],
    "/blocks/0/elements": [{"type": "context", "elements": [_plain("x")] * 11}],
    "/blocks/0/elements ": [_actions(*[_button()] * 26)],
    "/blocks/0/elements/0/text/text": [_actions(_button(text=_plain("x" * 76)))],
    "/blocks/0/elements/0/value": [_actions(_button(value="x" * 2_001))],
    "/blocks/0/elements/0/style": [_actions(_button(style="green"))],
    "/blocks/0/elements/1/action_id": [_actions(_button(action_id="a"), _button(action_id="a"))],
    "/blocks/0/elements/0/action_id": [_actions(_button(action_id="x" * 256))],
    "/blocks/0/block_id": [_section(block_id="x" * 256)],
    "/blocks/1/block_id": [_section(block_id="a"), _section(block_id="a")],
    "/blocks/0/type": [{"type": "sektion"}],
    "/blocks/0/type ": [{"type": "alert", "text": _plain("x")}],
    "/blocks/0": [{"type": "section"}],
    "/blocks/0/accessory/options": [_section(accessory={"type": "overflow", "options": _options(6)})],
    "/blocks/0/accessory/options ": [_section(accessory={"type": "static_select", "options": _options(101)})],
    "/blocks/0/accessory/options/0/text/text": [
        _section(accessory={"type": "checkboxes", "options": _options(1, "x" * 76)})
    ],
    "/blocks/0/elements/0/confirm/text/text": [
        _actions(_button(confirm={"title": _plain("Sure?"), "text": _plain("x" * 301)}))
    ],
    "/blocks/0/alt_text": [{"type": "image", "image_url": "https://a/b.png", "alt_text": "x" * 2_001}],
    "/blocks/0/status": [{"type": "task_card", "task_id": "1", "title": "x", "status": "completed"}],
    "/blocks/0/rows": [{"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]] * 101}],
    "/blocks ": [{"type": "markdown", "text": "x" * 7_000}] * 2,
}


@pytest.mark.parametrize("pointer", TOO_MUCH)
def test_a_block_beyond_a_limit_is_found_with_its_place(pointer):
    findings = check_blocks(TOO_MUCH[pointer], surface="message")

    assert [finding.pointer for finding in findings] == [pointer.strip()]


def test_blocks_at_their_limits_pass():
    blocks = [
        _section("x" * 3_000),
        {"type": "header", "text": _plain("x" * 150)},
        {"type": "context", "elements": [_plain("x")] * 10},
        _actions(*[_button(action_id=str(n), value="x" * 2_000) for n in range(25)]),
        _section(accessory={"type": "static_select", "options": _options(100)}),
        {"type": "plan", "title": "Run", "tasks": [{"task_id": "1", "title": "x", "status": "complete"}]},
        {"type": "image", "image_url": "https://a/b.png", "alt_text": "a"},
        {"type": "input", "label": _plain("Name"), "element": {"type": "plain_text_input"}},
    ]

    assert check_blocks(blocks, surface="message") == []


@pytest.mark.parametrize(
    "garbage", [None, "x", {}, [1], [None], [{}], [{"type": 3}], [{"type": "actions"}], [_actions(5)]]
)
def test_garbage_is_a_finding_and_not_a_crash(garbage):
    assert check_blocks(garbage, surface="message")


async def test_bad_blocks_are_refused_with_a_pointer_in_words(client):
    with pytest.raises(SlackApiError) as refused:
        await client.chat_postMessage(channel=DEPLOYS, text="x", blocks=[_section("x" * 3_001)])

    answer = refused.value.response
    sentence = "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"
    assert (answer["error"], answer["errors"]) == ("invalid_blocks", [sentence])
    assert answer["response_metadata"]["messages"] == [f"[ERROR] {sentence}"]


async def test_blocks_validate_lists_what_is_wrong_and_posts_nothing(client, hand):
    good = await client.api_call("blocks.validate", json={"blocks": [_section()]})
    with pytest.raises(SlackApiError) as refused:
        await client.api_call("blocks.validate", json={"blocks": [{"type": "header"}]})

    assert good["ok"] is True
    assert refused.value.response["errors"] == [
        {"pointer": "/blocks/0", "code": "missing_field", "message": "missing required field: text"}
    ]
    assert await hand.messages() == []


async def test_texts_that_are_missing_too_long_or_too_many(client):
    with pytest.raises(SlackApiError, match="no_text"):
        await client.api_call("chat.postMessage", json={"channel": DEPLOYS})
    with pytest.raises(SlackApiError, match="msg_blocks_too_long"):
        await client.chat_postMessage(channel=DEPLOYS, text="x", blocks=[_section("x" * 2_900)] * 5)
    with pytest.raises(SlackApiError, match="too_many_attachments"):
        await client.chat_postMessage(channel=DEPLOYS, text="x", attachments=[{"text": "x"}] * 101)

    cut = await client.api_call("chat.postMessage", json={"channel": DEPLOYS, "text": "x" * 40_001})

    assert len(cut["message"]["text"]) == 40_000
    assert cut["response_metadata"]["warnings"] == ["message_truncated"]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"title": _plain("x" * 25)}, "/view/title/text"),
        ({"submit": _plain("x" * 25)}, "/view/submit/text"),
        ({"private_metadata": "x" * 3_001}, "/view/private_metadata"),
        ({"callback_id": "x" * 256}, "/view/callback_id"),
        ({"blocks": [{"type": "divider"}] * 101}, "/view/blocks"),
        ({"submit": None}, "/view"),
        ({"type": "home"}, "/view/type"),
    ],
)
async def test_a_form_beyond_a_limit_is_refused(client, workspace, change, pointer):
    field = {"type": "input", "label": _plain("Name"), "element": {"type": "plain_text_input"}}
    view = {"type": "modal", "title": _plain("T"), "submit": _plain("Go"), "blocks": [field]} | change
    trigger = workspace.workspace.permits.trigger(id_of("U", "ada"))

    with pytest.raises(SlackApiError) as refused:
        await client.views_open(trigger_id=trigger, view=view)

    assert refused.value.response["error"] == "invalid_arguments"
    assert f"[json-pointer:{pointer}]" in refused.value.response["response_metadata"]["messages"][0]


async def test_a_fourth_form_does_not_fit_on_the_stack(client, workspace):
    view = {"type": "modal", "title": _plain("T"), "blocks": [_section()]}
    permits, ada = workspace.workspace.permits, id_of("U", "ada")
    await client.views_open(trigger_id=permits.trigger(ada), view=view)
    await client.views_push(trigger_id=permits.trigger(ada), view=view)
    await client.views_push(trigger_id=permits.trigger(ada), view=view)

    with pytest.raises(SlackApiError, match="push_limit_reached"):
        await client.views_push(trigger_id=permits.trigger(ada), view=view)


async def test_an_update_of_a_form_that_changed_meanwhile_is_refused(client, workspace):
    view = {"type": "modal", "title": _plain("T"), "blocks": [_section()]}
    trigger = workspace.workspace.permits.trigger(id_of("U", "ada"))
    opened = (await client.views_open(trigger_id=trigger, view=view))["view"]
    await client.views_update(view_id=opened["id"], hash=opened["hash"], view=view)

    with pytest.raises(SlackApiError, match="hash_conflict"):
        await client.views_update(view_id=opened["id"], hash=opened["hash"], view=view)
    with pytest.raises(SlackApiError, match="not_found"):
        await client.views_update(view_id="V0", view=view)


async def test_membership_decides_who_may_post_where(session):
    people = people_from(
        {
            "people": ["ada", {"name": "gus", "guest": True, "channels": ["deploys"]}],
            "channels": [
                "deploys",
                {"name": "quiet", "bot": False},
                {"name": "secret", "private": True, "bot": False, "members": ["ada"]},
                {"name": "old", "archived": True},
            ],
        }
    )
    server = await serve(people=people)
    try:
        client = AsyncWebClient(token="xoxb-local", base_url=server.api_url)
        refusals = {
            "quiet": "not_in_channel",
            "secret": "channel_not_found",
            "old": "is_archived",
            "nowhere": "channel_not_found",
        }
        for name, error in refusals.items():
            with pytest.raises(SlackApiError, match=error):
                await client.chat_postMessage(channel=id_of("C", name), text="x")
        with pytest.raises(SlackApiError, match="user_not_in_channel"):
            await client.chat_postEphemeral(channel=DEPLOYS, user="U0", text="x")
        with pytest.raises(SlackApiError, match="not_in_channel"):
            await client.conversations_history(channel=id_of("C", "quiet"))

        await client.conversations_join(channel=id_of("C", "quiet"))
        await client.chat_postMessage(channel=id_of("C", "quiet"), text="x")
        listed = [channel["name"] for channel in (await client.conversations_list())["channels"]]
        assert listed == ["deploys", "quiet", "old"]
        members = (await client.conversations_members(channel=id_of("C", "quiet")))["members"]
        assert id_of("U", "gus") not in members
    finally:
        await server.close()


async def test_a_fourth_message_within_a_second_is_limited_in_this_channel_only(client):
    for _ in range(3):
        await client.chat_postMessage(channel=DEPLOYS, text="x")

    with pytest.raises(SlackApiError) as refused:
        await client.chat_postMessage(channel=DEPLOYS, text="x")

    assert refused.value.response.status_code == 429
    assert refused.value.response.headers["Retry-After"] == "1"
    assert refused.value.response["error"] == "ratelimited"
    await client.chat_postMessage(channel=id_of("C", "general"), text="x")


def test_a_channel_takes_one_message_a_second_after_a_burst_of_three():
    now = 0.0
    rates = Rates(lambda: now)
    admitted = []

    for _ in range(200):
        try:
            rates.admit_post("C")
        except RateLimited:
            pass
        else:
            admitted.append(now)
        now += 0.1

    assert len(admitted) == 3 + 19


@pytest.mark.parametrize(
    ("method", "most"), [("chat.update", 50), ("usergroups.list", 20), ("views.open", 100)]
)
def test_a_tier_is_used_up_and_comes_back_within_the_minute(method, most):
    now = 0.0
    rates = Rates(lambda: now)
    for _ in range(most):
        rates.admit(method)

    with pytest.raises(RateLimited) as limited:
        rates.admit(method)
    now = float(limited.value.retry_after)

    rates.admit(method)


async def test_lifted_rates_limit_nothing(client, hand):
    await hand.put_faults({"rates": "lifted"})

    for _ in range(60):
        await client.chat_postMessage(channel=DEPLOYS, text="x")

    await hand.put_faults({})
    for _ in range(3):
        await client.chat_postMessage(channel=DEPLOYS, text="x")
    with pytest.raises(SlackApiError, match="ratelimited"):
        await client.chat_postMessage(channel=DEPLOYS, text="x")

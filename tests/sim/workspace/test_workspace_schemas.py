"""Answers and payloads against what Slack published: schemas, sample shapes, rate tiers."""

import json
import os
from pathlib import Path

import jsonschema
import pytest

from bot.sim.workspace import rates
from bot.sim.workspace.ids import id_of
from bot.sim.workspace.web_api.door import _METHODS

DATA = Path(os.environ.get("SLACKWATER_SHARED", Path(__file__).parents[3] / ".." / "shared")) / "slack-data"
pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason="Slack's published data is not there (SLACKWATER_SHARED)"
)

DEPLOYS, ADA = id_of("C", "deploys"), id_of("U", "ada")
TIERS = {"Tier1": 1, "Tier2": 20, "Tier3": 50, "Tier4": 100}


@pytest.fixture(scope="module")
def published():
    return json.loads((DATA / "openapi-responses.json").read_text())


async def test_answers_have_the_fields_that_slack_promises(client, workspace, published):
    ts = (await client.chat_postMessage(channel=DEPLOYS, text="root"))["ts"]
    group = id_of("S", "oncall")
    calls = {
        "auth.test": {},
        "chat.postMessage": {"channel": DEPLOYS, "text": "hi", "thread_ts": ts},
        "chat.postEphemeral": {"channel": DEPLOYS, "text": "hi", "user": ADA},
        "chat.update": {"channel": DEPLOYS, "ts": ts, "text": "ho"},
        "chat.getPermalink": {"channel": DEPLOYS, "message_ts": ts},
        "conversations.history": {"channel": DEPLOYS},
        "conversations.replies": {"channel": DEPLOYS, "ts": ts},
        "conversations.info": {"channel": DEPLOYS},
        "conversations.list": {},
        "conversations.members": {"channel": DEPLOYS},
        "conversations.open": {"users": ADA},
        "reactions.add": {"channel": DEPLOYS, "timestamp": ts, "name": "eyes"},
        "users.info": {"user": ADA},
        "users.list": {},
        "usergroups.list": {"include_users": True},
        "usergroups.users.list": {"usergroup": group},
        "chat.delete": {"channel": DEPLOYS, "ts": ts},
    }

    faults = {}
    for method, args in calls.items():
        answer = (await client.api_call(method, params=args)).data
        faults[method] = _missing(answer, published["paths"][method]["200"], published)

    assert {method: missing for method, missing in faults.items() if missing} == {}


def _missing(answer, schema, published):
    """Required fields that are not there, and values of the wrong type."""
    full = _without_closed_doors({**schema, "definitions": published["definitions"]})
    found = jsonschema.Draft4Validator(full).iter_errors(answer)
    return [f"{'/'.join(map(str, error.path))}: {error.message[:120]}" for error in found]


# Not about an answer's shape: fields that Slack added since 2021, ids of other lengths, empty channels.
_LOOSE = ("additionalProperties", "pattern", "minItems", "enum", "maxLength")


def _without_closed_doors(schema):
    if isinstance(schema, list):
        return [_without_closed_doors(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: value for key, value in schema.items() if key not in _LOOSE}
    named = ("properties", "definitions", "patternProperties")
    return {
        key: {name: _without_closed_doors(part) for name, part in value.items()}
        if key in named and isinstance(value, dict)
        else _without_closed_doors(value)
        for key, value in kept.items()
    }


async def test_payloads_have_the_keys_of_slacks_samples(app, connect, hand, client, until):
    samples = json.loads((DATA / "java-sample-keys.json").read_text())["payloads"]
    seen = {}
    view = {
        "type": "modal",
        "callback_id": "form",
        "title": {"type": "plain_text", "text": "T"},
        "submit": {"type": "plain_text", "text": "Go"},
        "blocks": [{"type": "divider"}],
    }

    @app.command("/deploy")
    async def deploy(ack, body, client):
        seen["SlashCommandPayload"] = body
        await client.views_open(trigger_id=body["trigger_id"], view=view)
        await ack()

    @app.action("go")
    async def go(ack, body):
        seen["BlockActionPayload"] = body
        await ack()

    @app.view("form")
    async def form(ack, body):
        seen["ViewSubmissionPayload"] = body
        await ack()

    @app.event("app_mention")
    async def mentioned(body):
        seen["AppMentionPayload"] = body

    await connect()
    button = {"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Go"}, "value": "1"}
    blocks = [{"type": "actions", "elements": [button]}]
    ts = (await client.chat_postMessage(channel=DEPLOYS, text="x", blocks=blocks))["ts"]
    opened = await hand.do("command", user="ada", channel="deploys", command="/deploy", text="x")
    await hand.do("submit", user="ada", view_id=opened["view_id"], values={})
    await hand.do("press", user="ada", channel="deploys", ts=ts, action_id="go")
    await hand.do("message", user="ada", channel="deploys", text="@slackwater hello")
    await until(lambda: len(seen) == 4)

    missing = {name: sorted(set(samples[name]) - set(body) - _OPTIONAL) for name, body in seen.items()}
    assert {name: keys for name, keys in missing.items() if keys} == {}


# Keys of features that an app on one workspace never meets: Enterprise Grid, Slack Connect, workflows.
_OPTIONAL = {
    "enterprise_id",
    "enterprise_name",
    "app_unfurl",
    "bot_access_token",
    "function_data",
    "interactivity",
    "authed_users",
    "authed_teams",
    "event_context",
    "view",
    "is_cleared",  # of view_closed only; the sample is made from one class for both
}


def test_rates_are_those_of_slacks_tiers():
    published = json.loads((DATA / "rate_limit_tiers.json").read_text())
    known = {method: TIERS[published[method]] for method in _METHODS if published.get(method) in TIERS}

    assert {method: rates.per_minute(method) for method in known} == known
    assert len(known) > 20

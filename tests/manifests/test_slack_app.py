"""The Slack app's manifest: valid for Slack, and with exactly the scopes and events that the bot needs."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
import yaml

from tests.support.shared import shared_or_skip

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "manifests" / "slack-app.yaml").read_text()
MANIFEST = yaml.safe_load(TEXT)

# Scopes of bot tokens, by Slack's method reference. The published OpenAPI file (2021) has older names for
# some and lacks two methods; `test_the_table_agrees_with_slacks_own` holds the rest against it.
NEEDS = {
    "chat.postMessage": "chat:write",
    "chat.update": "chat:write",
    "chat.postEphemeral": "chat:write",
    "chat.delete": "chat:write",
    "chat.getPermalink": None,
    "files.getUploadURLExternal": "files:write",
    "files.completeUploadExternal": "files:write",
    "files.delete": "files:write",
    "views.open": None,
    "views.publish": None,
    "auth.test": None,
    "users.info": "users:read",
    "usergroups.list": "usergroups:read",
    "usergroups.users.list": "usergroups:read",
    # The bot asks for public channels only, so of the four scopes that would do it needs one.
    "conversations.list": "channels:read",
    "conversations.history": "channels:history",
    "conversations.replies": "channels:history",
}
# Needed by an event or a feature instead of a method.
EVENTS = {
    "app_home_opened": None,
    "app_mention": "app_mentions:read",
    "subteam_members_changed": "usergroups:read",
}
COMMANDS = "commands"
_METHOD = re.compile(
    r"(auth|chat|conversations|files|pins|reactions|team|usergroups|users|views)(\.[a-zA-Z]+)+"
)


def texts(*folders: str) -> Iterator[str]:
    """Every text in the code of these rooms."""
    for folder in folders:
        for file in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield node.value


def called() -> set[str]:
    return {text for text in texts("bot/slack", "bot/wiring", "handlers") if _METHOD.fullmatch(text)}


@pytest.mark.live
@pytest.mark.parametrize("version", ["1.0.0", "2.0.0"])
def test_the_manifest_is_valid_by_slacks_schema(version: str) -> None:
    schema = json.loads(shared_or_skip("slack-data", f"manifest.schema.{version}.json").read_text())

    jsonschema.Draft7Validator(schema).validate(MANIFEST)


def test_the_scopes_are_those_of_the_methods_and_events_and_no_more() -> None:
    methods = called()

    unknown = methods - NEEDS.keys()
    needed = {NEEDS[m] for m in methods & NEEDS.keys()}
    needed |= {EVENTS[event] for event in MANIFEST["settings"]["event_subscriptions"]["bot_events"]}

    assert unknown == set(), "add them to the table with their scopes"
    assert set(MANIFEST["oauth_config"]["scopes"]["bot"]) == needed - {None} | {COMMANDS}


def test_the_events_are_those_that_are_handled() -> None:
    handled = {text for text in texts("handlers") if text in EVENTS or text.startswith("message.")}

    assert set(MANIFEST["settings"]["event_subscriptions"]["bot_events"]) == handled


def test_every_scope_says_why() -> None:
    for scope in MANIFEST["oauth_config"]["scopes"]["bot"]:
        assert re.search(rf"^ *- {re.escape(scope)} +# \S+ \S*", TEXT, re.MULTILINE) or scope == COMMANDS


@pytest.mark.live
def test_the_table_agrees_with_slacks_own() -> None:
    published = json.loads(shared_or_skip("slack-data", "openapi-responses.json").read_text())["scopes"]

    for method, scope in NEEDS.items():
        if method in published:
            # The old names of one scope: as the bot, as a person.
            wanted = {name.removesuffix(":bot").removesuffix(":user") for name in published[method]}
            assert scope in wanted or (scope is None and not wanted), method

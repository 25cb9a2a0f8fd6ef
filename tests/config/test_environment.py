"""Secrets and addresses from the process's environment."""

import pytest

from bot.config import Secrets
from bot.domain.errors import ConfigError


def refusal(**environ: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        Secrets.from_environ(environ)
    return caught.value


def test_an_empty_environment_means_slack_and_github_themselves():
    secrets = Secrets.from_environ({})

    assert secrets.slack_api_url == "https://slack.com/api/"
    assert secrets.github_api_url == "https://api.github.com"
    assert secrets.slack_bot_token is None
    assert secrets.kubeconfig is None


def test_a_secret_is_read_and_never_printed():
    secrets = Secrets.from_environ(
        {"SLACK_BOT_TOKEN": "xoxb-local", "SLACK_SIGNING_SECRET": "local-secret\n"}
    )

    assert secrets.required("SLACK_BOT_TOKEN") == "xoxb-local"
    assert secrets.required("SLACK_SIGNING_SECRET") == "local-secret"
    assert "xoxb-local" not in repr(secrets) + str(secrets) + secrets.model_dump_json()
    assert "local-secret" not in repr(secrets) + str(secrets) + secrets.model_dump_json()


def test_a_secret_may_stand_in_a_file(tmp_path):
    file = tmp_path / "token"
    file.write_text("xapp-local\n")

    secrets = Secrets.from_environ({"SLACK_APP_TOKEN_FILE": str(file)})

    assert secrets.required("SLACK_APP_TOKEN") == "xapp-local"


def test_a_missing_secret_is_named_with_both_ways_to_give_it():
    with pytest.raises(ConfigError, match=r"GITHUB_TOKEN: is needed: set it, or .* GITHUB_TOKEN_FILE"):
        Secrets.from_environ({}).required("GITHUB_TOKEN")


def test_unusable_secrets_are_refused_without_being_shown(tmp_path):
    empty = tmp_path / "empty"
    empty.touch()

    assert refusal(SLACK_BOT_TOKEN="xoxb-a", SLACK_BOT_TOKEN_FILE="/x").remedy.startswith("is given twice")
    assert refusal(SLACK_BOT_TOKEN_FILE="/nowhere/at/all").key == "SLACK_BOT_TOKEN_FILE"
    assert "empty file" in refusal(SLACK_BOT_TOKEN_FILE=str(empty)).remedy
    for text in ("xoxp-person-token", "xoxb two words", "xoxb-ü"):
        refused = refusal(SLACK_BOT_TOKEN=text)
        assert refused.key == "SLACK_BOT_TOKEN"
        assert text not in str(refused)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8765/api/",
        "http://localhost:8765/api",
        "http://[::1]:80/api/",
        "https://acme.slack.com/api/",
        "https://slack-gov.com/api/",
    ],
)
def test_slack_itself_and_this_machine_may_receive_the_token(url):
    assert Secrets.from_environ({"SLACK_API_URL": url}).slack_api_url == url.rstrip("/") + "/"


@pytest.mark.parametrize(
    ("url", "remedy"),
    [
        ("https://slack.com/", "must end in /api/"),
        ("https://example.com/api/", "would receive the bot's token"),
        ("https://slack.com.example.com/api/", "would receive the bot's token"),
        ("https://notslack.com/api/", "would receive the bot's token"),
        ("http://slack.com/api/", "would receive the bot's token"),
        ("https://slack.com@example.com/api/", "secret"),
        ("http://localhost.example.com/api/", "would receive the bot's token"),
        ("slack.com/api/", "write an address"),
    ],
)
def test_no_other_place_receives_the_token(url, remedy):
    refused = refusal(SLACK_API_URL=url)

    assert refused.key == "SLACK_API_URL"
    assert remedy in refused.remedy


def test_another_place_must_be_meant():
    environ = {"SLACK_API_URL": "http://workspace:8765/api/", "SLACKWATER_ALLOW_ANY_SLACK_URL": "1"}

    assert Secrets.from_environ(environ).slack_api_url == "http://workspace:8765/api/"

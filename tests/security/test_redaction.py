"""Secrets taken out of text: by their value, by their form, by their name, in whatever wrapping."""

import json
import sys
from base64 import b64encode
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest

from bot.clients.kube import _translated, connect
from bot.clients.process import run
from bot.clients.redaction import HIDDEN, conceal, names_secret, redact
from bot.config import Secrets, loads
from bot.config.problems import ConfigErrors
from bot.domain.errors import Unauthorized
from tests.security.canaries import Canaries

SECRET = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"


@pytest.fixture
def canaries() -> Canaries:
    return Canaries()


def payload(**values: str) -> dict:
    return {"type": "block_actions", "actions": [{"value": "q:1"}], **values}


@pytest.mark.parametrize(
    "said",
    [
        SECRET,
        f"the answer was {SECRET}.",
        f"https://example.com/?q={quote(SECRET + '+/')}",
        b64encode(SECRET.encode()).decode(),
        f"Basic {b64encode(SECRET.encode()).decode()} and more",
    ],
)
def test_a_secret_that_the_process_was_given_is_known_by_its_value(said: str):
    conceal(SECRET, f"{SECRET}+/")

    assert SECRET not in redact(said)
    assert HIDDEN in redact(said)


def test_a_secret_is_known_however_it_is_quoted(canaries: Canaries):
    password = canaries.password("given")
    conceal(password)

    for said in (password, quote(password, safe=""), b64encode(password.encode()).decode()):
        assert canaries.found_in(said.encode())
        assert not canaries.found_in(redact(f"before {said} after").encode())


def test_what_is_too_short_to_be_a_secret_hides_no_words():
    conceal("v2", "")

    assert redact("v2.5.0 is up") == "v2.5.0 is up"


@pytest.mark.parametrize(
    "name", ["trigger_id", "response_url", "token", "ticket", "upload_url", "signing_secret"]
)
@pytest.mark.parametrize(
    "wrapped",
    [
        json.dumps,
        lambda told: json.dumps(told, separators=(",", ":")),
        repr,
        lambda told: json.dumps({"payload": json.dumps(told)}),
        lambda told: repr({"payload": json.dumps(told)}),
        lambda told: urlencode({"payload": json.dumps(told)}),
        urlencode,
    ],
    ids=["JSON", "compact JSON", "repr", "JSON in JSON", "JSON in repr", "JSON in a form", "a form"],
)
def test_what_slack_hands_out_is_not_shown(wrapped, name: str):
    said = wrapped(payload(**{name: f"https://example.com/{SECRET[::-1]}?a=b"}))

    shown = redact(said)

    assert SECRET[::-1] not in shown
    assert "block_actions" in shown
    assert "q%3A1" in shown or "q:1" in shown or "actions" in shown


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("postgres://bo:p@ss@db/shop failed", "postgres://[redacted]@db/shop failed"),
        ("https://0123456789abcdef0123@github.com/x", "https://[redacted]@github.com/x"),
        ("ssh://git@github.com/acme/checkout", "ssh://git@github.com/acme/checkout"),
        ("https://hooks.slack.com/commands/T1/2/abc now", "https://[redacted] now"),
        ("pay --api-key abc123 --verbose", "pay --api-key [redacted] --verbose"),
        ("xoxe.xoxb-1-abcdef rotated", "[redacted] rotated"),
        ("a ticket was opened, the secret is out", "a ticket was opened, the secret is out"),
        ('/deploy v2.5.0 reason="rotate tokens"', '/deploy v2.5.0 reason="rotate tokens"'),
    ],
)
def test_forms_and_names(said: str, shown: str):
    assert redact(said) == shown


@pytest.mark.parametrize("name", ["SLACK_BOT_TOKEN", "PGPASSWORD", "AWS_SECRET_ACCESS_KEY", "DD_API_KEY"])
def test_variables_that_hold_secrets_are_known_by_their_names(name: str):
    assert names_secret(name)


@pytest.mark.parametrize("name", ["HOME", "SLACK_BOT_TOKEN_FILE", "KUBECONFIG", "SLACK_API_URL", "PATH"])
def test_other_variables_are_not(name: str):
    assert not names_secret(name)


def test_every_secret_of_the_environment_can_be_concealed(tmp_path: Path, canaries: Canaries):
    (tmp_path / "signing").write_text(canaries.hexadecimal("a file"))
    bot = canaries.slack_token("a variable")

    keys = Secrets.from_environ(
        {"SLACK_BOT_TOKEN": bot, "SLACK_SIGNING_SECRET_FILE": str(tmp_path / "signing")}
    )
    conceal(*keys.plain())

    assert not canaries.found_in(redact(f"{bot} {(tmp_path / 'signing').read_text()}").encode())


async def test_the_start_of_a_cut_output_holds_no_half_of_a_token(tmp_path: Path):
    token = "xoxb-" + "7" * 400
    code = f"print('{token}'); print('x' * 90); print('the reason')"

    finished = await run((sys.executable, "-c", code), cwd=tmp_path, limit=timedelta(seconds=30), keep=300)
    alone = await run(
        (sys.executable, "-c", f"print('{token}' + '!' * 150, end='')"),
        cwd=tmp_path,
        limit=timedelta(seconds=30),
        keep=300,
    )

    assert "777" not in finished.stdout
    assert finished.stdout.endswith("the reason\n")
    assert "777" not in alone.stdout
    assert alone.stdout.endswith("!!!")


async def test_a_kubeconfigs_token_is_known_from_then_on(tmp_path: Path, canaries: Canaries):
    token = canaries.hexadecimal("kubeconfig")
    file = tmp_path / "kubeconfig"
    file.write_text(json.dumps(kubeconfig({"token": token})))

    await (await connect(file)).close()

    assert redact(f"the token {token} was refused") == f"the token {HIDDEN} was refused"


async def test_a_kubeconfig_that_is_no_yaml_is_refused_without_its_lines(tmp_path: Path, canaries: Canaries):
    file = tmp_path / "kubeconfig"
    file.write_text(f"users:\n- user: {{token: {canaries.hexadecimal('kubeconfig')}]\n")

    with pytest.raises(Unauthorized, match="is not YAML") as refused:
        await connect(file)

    assert not canaries.found_in(str(refused.value).encode())
    assert refused.value.__suppress_context__


def test_what_the_api_server_says_is_redacted(canaries: Canaries):
    said = f"admission webhook denied: token={canaries.hexadecimal('API server')}"

    error = _translated(422, json.dumps({"message": said}), {})

    assert "admission webhook denied" in str(error)
    assert not canaries.found_in(str(error).encode())


def kubeconfig(user: dict) -> dict:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:9"}}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }


@pytest.mark.parametrize(
    "lines",
    [
        'storage: {{url: "postgresql://bo:{secret}@db/slackwater"}}',
        'storage: {{url: "postgresql://bo@db/slackwater?password={secret}"}}',
        'storage: {{url: "mysql://bo:{secret}@db/slackwater"}}',
        'status_page: {{kind: statuspage, url: "https://{secret}@status.example.com"}}',
        "slack: {{signing_secret: {secret}}}",
        "slack: {{http: {{api_key: {secret}}}}}",
        "storage: {{password: {secret}}}",
        "on_call: {{kind: {{pagerduty_token: {secret}}}}}",
    ],
)
def test_what_is_wrong_with_a_file_is_said_without_its_secrets(
    tmp_path: Path, lines: str, canaries: Canaries
):
    secret = canaries.hexadecimal("file")

    with pytest.raises(ConfigErrors) as refused:
        loads(lines.format(secret=secret), folder=tmp_path)

    assert not canaries.found_in(str(refused.value).encode())
    assert not canaries.found_in(repr(refused.value.problems).encode())

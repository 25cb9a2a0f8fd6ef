"""What comes from the process's environment: secrets, and where the outside systems are.

A secret never stands in the team's file. Each may be given in a file instead (`SLACK_BOT_TOKEN_FILE`), as
Kubernetes and Docker mount them. Secrets print themselves masked.
"""

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import SecretStr

from bot.config.words import parse_url
from bot.domain.errors import ConfigError
from bot.domain.record import Record

SLACK_API = "https://slack.com/api/"
GITHUB_API = "https://api.github.com"
ANY_SLACK_URL = "SLACKWATER_ALLOW_ANY_SLACK_URL"

# Slack's own hosts: the public cloud's and the one for governments.
_SLACK_DOMAINS = ("slack.com", "slack-gov.com")
_LARGEST_SECRET = 64 * 1024


class Secrets(Record):
    """Tokens (None where the environment gives none) and addresses."""

    slack_bot_token: SecretStr | None = None
    slack_app_token: SecretStr | None = None
    slack_signing_secret: SecretStr | None = None
    github_token: SecretStr | None = None
    slack_api_url: str = SLACK_API
    github_api_url: str = GITHUB_API
    kubeconfig: str | None = None

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """What the environment gives.

        Raises:
            ConfigError: a variable holds something that cannot be used. A secret is not shown.
        """
        return cls(
            slack_bot_token=_secret(environ, "SLACK_BOT_TOKEN", prefix="xoxb-"),
            slack_app_token=_secret(environ, "SLACK_APP_TOKEN", prefix="xapp-"),
            slack_signing_secret=_secret(environ, "SLACK_SIGNING_SECRET"),
            github_token=_secret(environ, "GITHUB_TOKEN"),
            slack_api_url=_slack_api_url(environ),
            github_api_url=_address(environ, "GITHUB_API_URL", GITHUB_API),
            kubeconfig=environ.get("KUBECONFIG") or None,
        )

    def plain(self) -> tuple[str, ...]:
        """Every secret that was given, for whoever has to know them to hide them."""
        fields = (getattr(self, name) for name in type(self).model_fields)
        return tuple(field.get_secret_value() for field in fields if isinstance(field, SecretStr))

    def required(self, variable: str) -> str:
        """The plain secret that `variable` (such as SLACK_BOT_TOKEN) gives.

        Raises:
            ConfigError: the environment does not give it.
        """
        secret = getattr(self, variable.lower())
        if not isinstance(secret, SecretStr):
            raise _problem(variable, f"is needed: set it, or name a file that holds it in {variable}_FILE")
        return secret.get_secret_value()


def _problem(variable: str, remedy: str, value: object = None) -> ConfigError:
    return ConfigError(where="environment", key=variable, value=value, remedy=remedy)


def _secret(environ: Mapping[str, str], variable: str, prefix: str = "") -> SecretStr | None:
    text, source = environ.get(variable), variable
    file = environ.get(f"{variable}_FILE")
    if text and file:
        raise _problem(variable, f"is given twice: unset it or {variable}_FILE")
    if file:
        text, source = _content(Path(file), f"{variable}_FILE"), f"{variable}_FILE"
    if not text:
        return None
    text = text.strip()
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise _problem(source, "must hold the secret alone: no spaces, line breaks or quotes in it")
    if not text.startswith(prefix):
        raise _problem(source, f"must begin with {prefix} (another token of the Slack app was given)")
    return SecretStr(text)


def _content(path: Path, variable: str) -> str:
    try:
        with path.open(encoding="utf-8") as stream:
            text = stream.read(_LARGEST_SECRET)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise _problem(variable, f"cannot be read ({reason}): name a readable file", str(path)) from error
    if not text.strip():
        raise _problem(variable, "names an empty file: put the secret into it", str(path))
    return text


def _address(environ: Mapping[str, str], variable: str, default: str) -> str:
    text = environ.get(variable)
    if not text:
        return default
    try:
        return parse_url(text)
    except ValueError as error:
        # Shown without its value: an address that is refused may hold a password.
        raise _problem(variable, str(error)) from error


def _slack_api_url(environ: Mapping[str, str]) -> str:
    variable = "SLACK_API_URL"
    url = _address(environ, variable, SLACK_API.rstrip("/")) + "/"
    if not url.endswith("/api/"):
        raise _problem(variable, f"must end in /api/, as {SLACK_API} does", url)
    parts = urlsplit(url)
    host = parts.hostname or ""
    if _is_loopback(host) or environ.get(ANY_SLACK_URL) == "1":
        return url
    is_slack = any(host == domain or host.endswith(f".{domain}") for domain in _SLACK_DOMAINS)
    if not is_slack or parts.scheme != "https":
        remedy = (
            "is neither Slack's own (https) nor on this machine, and would receive the bot's token: unset it,"
        )
        raise _problem(variable, f"{remedy} or set {ANY_SLACK_URL}=1 if it is meant", url)
    return url


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

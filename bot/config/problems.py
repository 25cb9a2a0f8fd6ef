"""What is wrong with a configuration, and how to mend it: file and line, dotted path, value, remedy.

All problems of a file are found in one go and raised together. No message prints a secret: a value that looks
like a token is shown by its first characters only.
"""

import difflib
import re
from collections.abc import Iterable

from bot.domain.errors import ConfigError

Keys = tuple[str | int, ...]

_PLAIN_KEY = re.compile(r"[\w-]+")
_SHOWN = 80  # a longer value tells no more, and may be a whole query
_MOST = 50  # beyond this many problems it is the wrong file

# Tokens by their issuers' own prefixes. What follows may be short: "xoxb-local" is a token as well.
_SECRET = re.compile(
    r"xox[a-z](?:\.xox[a-z])?-[\w-]{4,}"  # Slack's tokens
    r"|xapp-[\w-]{4,}"  # Slack's app-level tokens
    r"|gh[pousr]_\w{8,}|github_pat_\w{8,}|glpat-[\w-]{8,}"  # GitHub, GitLab
    r"|(?:AKIA|ASIA)[A-Z0-9]{12,}"  # AWS access keys
    r"|hooks\.slack\.com/(?:services|workflows)/\S+"  # Slack's incoming webhooks are secrets themselves
    r"|sk_live_\w{8,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY"
)
# Where a password stands in an address, or behind its name. A file is not refused for such a line.
_PASSWORD = re.compile(r"(?i)(://)[^\s/?#]*(?=@)|((?:password|passwd|secret|token)[=:]\s*)[^\s&\"']+")
_NAMES_SECRET = re.compile(r"(?i)(?:password|passwd|secret|token|api_?key|private_?key)$")
_KEPT = 5  # enough to recognise which kind of token stands there


class ConfigErrors(ConfigError):
    """Everything that is wrong with one file; as a `ConfigError` it is the first of `problems`."""

    def __init__(self, problems: Iterable[ConfigError]) -> None:
        found = tuple(problems)
        first = found[0]
        super().__init__(where=first.where, key=first.key, value=first.value, remedy=first.remedy)
        self.problems = found
        lines = [str(problem) for problem in found[:_MOST]]
        if len(found) > _MOST:
            lines.append(f"… and {len(found) - _MOST} more")
        self.args = ("\n".join(lines),)


def dotted(keys: Keys) -> str:
    """The path as people write it: `applications.checkout.canary.stages[1].bake`."""
    text = ""
    for key in keys:
        if isinstance(key, int):
            text += f"[{key}]"
        elif _PLAIN_KEY.fullmatch(key) and not holds_secret(key):
            text += f".{key}" if text else key
        else:
            text += f'["{redacted(key)}"]'
    return text or "(the whole file)"


def holds_secret(text: str) -> bool:
    return _SECRET.search(text) is not None


def redacted(text: str) -> str:
    """The text with every token cut down to its first characters, and without any password."""
    without_tokens = _SECRET.sub(lambda token: f"{token[0][:_KEPT]}…", text)
    return _PASSWORD.sub(lambda found: f"{found[1] or found[2]}…", without_tokens)


def shown(value: object, keys: Keys = ()) -> object:
    """The value as an error may print it: short, without secrets; None where it is a whole section.

    What stands under a key such as `signing_secret` is not printed at all.
    """
    if any(isinstance(key, str) and _NAMES_SECRET.search(key) for key in keys):
        return None
    if isinstance(value, str):
        text = redacted(value)
        return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
    return value if isinstance(value, bool | int | float) else None


def listed(words: Iterable[str]) -> str:
    return ", ".join(words)


def nearest(word: str, allowed: Iterable[str]) -> str:
    """How a sentence ends: `; did you mean "bake"?` when an allowed word is close, else a full stop."""
    # "prod" for "production" is 0.57 alike, and nothing that people confuse is less.
    close = difflib.get_close_matches(word, list(allowed), n=1, cutoff=0.55)
    return f'; did you mean "{close[0]}"?' if close else "."

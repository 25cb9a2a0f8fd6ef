"""Takes secrets out of text that people will read: tool output, error messages, commands, logs.

What the process itself was given is known by its value (`conceal`) and goes whatever it looks like. What is
recognised by its form (Slack, GitHub and AWS tokens, JWTs, private keys) goes whole; what is recognised by
its name (`password=…`, `Authorization: …`, `https://user:password@host`) keeps the name, so that a reader
still sees what was said. It is a net under the allow-listed environment, not instead of it.
"""

import re
from base64 import b64encode
from urllib.parse import quote, quote_plus

HIDDEN = "[redacted]"

# A shorter value would be found in harmless words, and is no secret worth the name.
_SHORTEST = 8

_BY_FORM = re.compile(
    r"""
      xox[abeoprs](?:\.xox[bp])?-[\w-]{6,} | xapp-[\w-]{6,}   # Slack
    | hooks\.slack(?:-gov)?\.com(?:/|%2F)[\w./%-]+            # where a command or press is answered
    | gh[opsur]_\w{16,} | github_pat_\w{16,} | glpat-[\w-]{16,}
    | \b(?:AKIA|ASIA)[A-Z0-9]{16}\b                           # AWS
    | \b[rs]k_(?:live|test)_\w{8,}                            # Stripe
    | \bAIza[\w-]{35} | \bnpm_\w{36} | \bhvs\.[\w-]{20,}      # Google, npm, Vault
    | \beyJ[\w-]{8,}\.[\w-]{4,}\.[\w-]*                       # JWT
    | -----BEGIN[ A-Z]*PRIVATE\ KEY-----.*?(?:-----END[ A-Z]*PRIVATE\ KEY-----|\Z)
    """,
    re.VERBOSE | re.DOTALL,
)
_AUTHORIZATION = re.compile(
    r"(?i)(authorization\s*[\"']?\s*[:=]\s*[\"']?)(?:(bearer|basic|token)\s+)?[^\s\"',;]+"
)
# A password, or what is too long for a user's name and stands where a token may.
_USERINFO = re.compile(r"(?i)\b([a-z][a-z0-9+.-]{1,15}://)(?:[^\s/@:]*:[^\s/]+|[^\s/@:]{16,})@")
_NAMES = (
    r"[\w-]{0,40}(?:password|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key"
    # What Slack hands out for a short time opens forms and answers in the bot's name.
    r"|trigger_id|response_urls?|upload_url|ticket)"
)
# In plain text, in JSON, and in JSON within JSON, whose quotes are escaped.
_BY_NAME = re.compile(
    rf"(?i)({_NAMES}\\*[\"']?\s{{0,3}}[:=]\s{{0,3}})"
    r"(\\+\"(?:(?!\\+\").)*\\+\"|\"[^\"\n]*\"|'[^'\n]*'|[^\s\"',;&]+)"
)
# As a form's field is sent.
_BY_NAME_ENCODED = re.compile(
    rf"(?i)({_NAMES}(?:%22)?(?:%20|\+){{0,3}}(?:%3A|%3D)(?:%20|\+){{0,3}}(?:%22)?)(?:[^\s%&+]|%(?!22|2C|7D))+"
)
_BY_FLAG = re.compile(rf"(?i)(--{_NAMES}\s+)(\"[^\"\n]*\"|'[^'\n]*'|[^\s\"']+)")
_IS_NAME = re.compile(rf"(?i){_NAMES}")


class _Known:
    """The values that this process was given, in the forms in which they travel."""

    def __init__(self) -> None:
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def add(self, secret: str) -> None:
        if len(secret) < _SHORTEST:
            return
        wrapped = b64encode(secret.encode()).decode().rstrip("=")
        self._forms |= {secret, quote(secret, safe=""), quote_plus(secret), wrapped}
        longest_first = sorted(self._forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first)))

    def out_of(self, text: str) -> str:
        return text if self._pattern is None else self._pattern.sub(HIDDEN, text)


_known = _Known()


def conceal(*secrets: str) -> None:
    """Let `redact` know secrets by their value from now on: what this process was given."""
    for secret in secrets:
        _known.add(secret)


def redact(text: str) -> str:
    """`text` without what is known to be a secret, or looks like one."""
    text = _known.out_of(text)
    text = _BY_FORM.sub(HIDDEN, text)
    text = _USERINFO.sub(rf"\1{HIDDEN}@", text)
    text = _AUTHORIZATION.sub(rf"\1{HIDDEN}", text)
    text = _BY_NAME_ENCODED.sub(rf"\1{HIDDEN}", text)
    text = _BY_FLAG.sub(rf"\1{HIDDEN}", text)
    return _BY_NAME.sub(rf"\1{HIDDEN}", text)


def names_secret(name: str) -> bool:
    """Whether a field, variable or key of this name holds a secret."""
    return _IS_NAME.fullmatch(name) is not None

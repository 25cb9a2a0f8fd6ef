"""Takes secrets out of text that people will read: tool output, error messages, commands.

What is recognised by its form (Slack, GitHub and AWS tokens, JWTs, private keys) goes whole; what is
recognised by its name (`password=…`, `Authorization: …`, `https://user:password@host`) keeps the name, so
that a reader still sees what was said. It is a net under the allow-listed environment, not instead of it.
"""

import re

HIDDEN = "[redacted]"

_BY_FORM = re.compile(
    r"""
      xox[abeoprs]-[\w-]{6,} | xapp-[\w-]{6,}               # Slack
    | gh[opsur]_\w{16,} | github_pat_\w{16,} | glpat-[\w-]{16,}
    | \b(?:AKIA|ASIA)[A-Z0-9]{16}\b                         # AWS
    | \b[rs]k_(?:live|test)_\w{8,}                          # Stripe
    | \beyJ[\w-]{8,}\.[\w-]{4,}\.[\w-]*                     # JWT
    | -----BEGIN[ A-Z]*PRIVATE\ KEY-----.*?(?:-----END[ A-Z]*PRIVATE\ KEY-----|\Z)
    """,
    re.VERBOSE | re.DOTALL,
)
_AUTHORIZATION = re.compile(
    r"(?i)(authorization\s*[\"']?\s*[:=]\s*[\"']?)(?:(bearer|basic|token)\s+)?[^\s\"',;]+"
)
_USERINFO = re.compile(r"(?i)\b([a-z][a-z0-9+.-]{1,15}://)[^\s/@:]*:[^\s/@]+@")
_BY_NAME = re.compile(
    r"(?i)([\w-]{0,40}(?:password|passwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key)[\"']?"
    r"\s{0,3}[:=]\s{0,3})(\"[^\"\n]*\"|'[^'\n]*'|[^\s\"',;&]+)"
)


def redact(text: str) -> str:
    """`text` without what looks like a secret."""
    text = _BY_FORM.sub(HIDDEN, text)
    text = _USERINFO.sub(rf"\1{HIDDEN}@", text)
    text = _AUTHORIZATION.sub(rf"\1{HIDDEN}", text)
    return _BY_NAME.sub(rf"\1{HIDDEN}", text)

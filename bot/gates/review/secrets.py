"""What looks like a credential or an address that belongs into configuration.

By form a token is one wherever it stands. By name (`api_token = "…"`) it is one unless the value is plainly a
placeholder, a reference, or a word.
"""

import ipaddress
import re
from urllib.parse import urlsplit

_TOKEN = re.compile(
    r"xox[abeoprs]-[\w-]{10,}|xapp-[\w-]{10,}|gh[opsur]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}"
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\b[rs]k_live_\w{8,}|-----BEGIN[ A-Z]*PRIVATE KEY-----"
    r"|\beyJ[\w-]{16,}\.eyJ[\w-]{8,}\."
)
_NAME = re.compile(
    r"(?:^|[_-])(?:password|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key)$",
    re.IGNORECASE,
)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_PLACEHOLDER = re.compile(r"(?i)change.?me|example|placeholder|dummy|redacted|your|xxx|\*\*\*|^(.)\1*$")
_REFERENCE = re.compile(r"[${}<>%\s]|://|^env[.:]")
# Documentation (RFC 5737), and addresses that mean "this machine" or "any".
_HARMLESS = tuple(
    ipaddress.ip_network(net)
    for net in ("127.0.0.0/8", "0.0.0.0/32", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")
)
_ADDRESS = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])")
_INSIDE = re.compile(r"(?i)\.(?:internal|intranet|corp|lan|local)$")


def is_token(value: str) -> bool:
    """Whether a text is a credential by its form."""
    return _TOKEN.search(value) is not None


def is_credential(name: str, value: str) -> bool:
    """Whether a text is a credential by its form, or by the name it is given."""
    if is_token(value):
        return True
    if _NAME.search(_HUMP.sub("_", name)) is None or len(value) < 6:
        return False
    if _PLACEHOLDER.search(value) or _REFERENCE.search(value):
        return False
    # A plain word is a field's name or a kind ("password", "csrf-token"), unless it is given to a password.
    return any(sign.isdigit() for sign in value) or (
        re.search(r"(?i)passw", name) is not None and value.lower() not in name.lower()
    )


def host_in(value: str) -> str | None:
    """The host in a text that only one environment can know: an address, or a name of an internal network."""
    host = _host(value)
    if host is not None and _INSIDE.search(host):
        return host
    found = _ADDRESS.search(value) if host is None else _ADDRESS.fullmatch(host)
    if found is None:
        return None
    try:
        address = ipaddress.IPv4Address(found[0])
    except ValueError:
        return None
    if host is None and value.strip() != found[0] and not value.strip().startswith(f"{found[0]}:"):
        return None  # a version or a sentence rather than an address
    return None if any(address in net for net in _HARMLESS) else found[0]


def is_port(name: str, value: int) -> bool:
    return re.search(r"(?i)(?:^|_)port$", _HUMP.sub("_", name)) is not None and 0 < value < 65_536


def _host(value: str) -> str | None:
    if "://" not in value or any(sign.isspace() for sign in value):
        return None
    try:
        return urlsplit(value).hostname
    except ValueError:
        return None

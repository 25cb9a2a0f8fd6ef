"""Names for things, in Slack's forms.

Ids of people, channels and groups are derived from their names, so that they are the same in every run and a
script may know them beforehand. Secrets (triggers, response URLs, tickets) are random. Message timestamps are
real time in microseconds, unique across the workspace and always growing.
"""

import hashlib
import secrets
import time

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# Slack's ids are a letter and eight to ten more characters; ten of 36 never meet by chance here.
_LENGTH = 10


def id_of(prefix: str, name: str) -> str:
    """The id of the thing called `name`: always the same."""
    number = int.from_bytes(hashlib.sha256(f"{prefix}:{name}".encode()).digest()[:8])
    return prefix + _spell(number)


def fresh_id(prefix: str) -> str:
    return prefix + _spell(secrets.randbits(64))


def _spell(number: int) -> str:
    letters = []
    for _ in range(_LENGTH):
        number, rest = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[rest])
    return "".join(letters)


def secret() -> str:
    """Something that cannot be guessed, fit for a URL."""
    return secrets.token_urlsafe(24)


class Timestamps:
    """Gives out message timestamps such as `1764000000.000100`."""

    def __init__(self) -> None:
        self._last = 0

    def next(self) -> str:
        # Two messages in one microsecond, or a clock that was set back, must not meet.
        self._last = max(time.time_ns() // 1_000, self._last + 1)
        seconds, micros = divmod(self._last, 1_000_000)
        return f"{seconds}.{micros:06d}"


def order_of(ts: str) -> tuple[int, int]:
    """What timestamps are compared by; floats would lose their last digits.

    Raises:
        ValueError: `ts` is no timestamp.
    """
    seconds, _, micros = ts.partition(".")
    return int(seconds), int(micros.ljust(6, "0")) if micros else 0

"""Secrets of this test run alone, shaped like real ones: found anywhere, one of them has leaked."""

import secrets
import string
from base64 import b64encode
from urllib.parse import quote

_LETTERS = string.ascii_letters + string.digits


def _random(length: int, letters: str = _LETTERS) -> str:
    return "".join(secrets.choice(letters) for _ in range(length))


class Canaries:
    """Planted secrets by the place where each was planted."""

    def __init__(self) -> None:
        self._planted: dict[str, str] = {}

    def plant(self, place: str, secret: str) -> str:
        self._planted[place] = secret
        return secret

    def slack_token(self, place: str, kind: str = "xoxb") -> str:
        token = f"{kind}-{_random(12, string.digits)}-{_random(13, string.digits)}-{_random(24)}"
        return self.plant(place, token)

    def github_token(self, place: str) -> str:
        return self.plant(place, f"ghp_{_random(36)}")

    def hexadecimal(self, place: str) -> str:
        """Without any form, as a signing secret is."""
        return self.plant(place, _random(32, "0123456789abcdef"))

    def password(self, place: str) -> str:
        """Without any form, with characters that change when they are quoted."""
        return self.plant(place, f"{_random(12)}+{_random(6)}/{_random(6)}")

    def __contains__(self, place: str) -> bool:
        return place in self._planted

    def found_in(self, content: bytes) -> list[str]:
        """Which of them are there, plain or in a usual wrapping."""
        return [
            place
            for place, secret in self._planted.items()
            if any(form.encode() in content for form in _forms(secret))
        ]


def _forms(secret: str) -> set[str]:
    return {secret, quote(secret, safe=""), b64encode(secret.encode()).decode().rstrip("=")}

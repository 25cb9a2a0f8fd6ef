"""Keeps web pages of others out: a browser on this machine would carry their requests here too."""

from urllib.parse import urlsplit

from aiohttp import web

_OWN = frozenset({"127.0.0.1", "localhost", "::1"})


def is_stranger(request: web.Request) -> bool:
    """Whether a page of another site sent this, or a foreign name was made to lead here (DNS rebinding)."""
    if urlsplit(f"//{request.host}").hostname not in _OWN:
        return True
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.host:
        return True
    # A link that leads here is fine, and what is read here no other page gets to see.
    is_change = request.method not in {"GET", "HEAD"}
    return is_change and request.headers.get("Sec-Fetch-Site") in {"cross-site", "same-site"}

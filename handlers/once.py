"""The same signed request counts once.

Slack's signature holds for five minutes, and whoever got hold of a request could send it again in that time.
A request that Slack itself sends again has a new time and so a new signature. Bolt verifies before this.
"""

import time
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from slack_bolt import BoltResponse
from slack_bolt.request.async_request import AsyncBoltRequest

_log = structlog.get_logger(__name__)

# A request may bear a time up to 300 s from now in either direction, so it can be valid for twice that long.
_VALID = 600.0


class Once:
    """A Bolt middleware that remembers the signatures it has seen."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._seen: dict[str, float] = {}

    async def __call__(
        self,
        req: AsyncBoltRequest,
        next: Callable[[], Awaitable[Any]],  # noqa: A002
    ) -> Any:
        signature = (req.headers.get("x-slack-signature") or [""])[0]
        if not signature or self._is_new(signature):
            return await next()
        _log.warning("request-repeated", kind=req.body.get("type"))
        # Acknowledged like the first one: a proxy that repeats itself must not show people an error.
        return BoltResponse(status=200, body="")

    def _is_new(self, signature: str) -> bool:
        now = self._now()
        # In the order of arrival, so the old ones are in front.
        for old in list(self._seen):
            if now - self._seen[old] < _VALID:
                break
            del self._seen[old]
        if signature in self._seen:
            return False
        self._seen[signature] = now
        return True

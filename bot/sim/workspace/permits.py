"""What Slack hands out for a short time: triggers, which open forms, and response URLs, which answer.

A trigger lasts 3 s and opens one form. A response URL lasts 30 min and takes 5 answers. Both are real time.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from bot.sim.workspace.errors import APIError
from bot.sim.workspace.ids import secret

_TRIGGER_SECONDS = 3.0
_RESPONSE_SECONDS = 30 * 60.0
_RESPONSE_USES = 5
# Triggers and response URLs of the last thousand presses; older ones are long dead or as good as.
_KEPT = 1_000


@dataclass
class _Trigger:
    user: str
    view_id: str | None
    until: float
    is_used: bool = False


@dataclass
class Response:
    """Where the answers to a response URL go: `ts` is the message that was pressed on, if any."""

    user: str
    channel: str
    ts: str | None
    is_ephemeral: bool
    until: float
    uses: int = 0


class Permits:
    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._triggers: dict[str, _Trigger] = {}
        self._responses: dict[str, Response] = {}

    def trigger(self, user: str, *, view_id: str | None = None) -> str:
        """A new trigger id for `user`; `view_id` is the form it was made in."""
        name = f"{secret()[:12]}.{secret()}"
        self._triggers[name] = _Trigger(user, view_id, self._now() + _TRIGGER_SECONDS)
        _trim(self._triggers)
        return name

    def exchange(self, trigger_id: object) -> tuple[str, str | None]:
        """Use a trigger up: whose it is, and the form it was made in.

        Raises:
            APIError: it is unknown, was used before, or is older than 3 s.
        """
        trigger = self._triggers.get(trigger_id) if isinstance(trigger_id, str) else None
        if trigger is None:
            raise APIError("invalid_trigger_id")
        if trigger.is_used:
            raise APIError("exchanged_trigger_id")
        if self._now() > trigger.until:
            raise APIError("expired_trigger_id")
        trigger.is_used = True
        return trigger.user, trigger.view_id

    def response(self, user: str, channel: str, ts: str | None = None, *, is_ephemeral: bool = False) -> str:
        """The secret of a new response URL."""
        name = secret()
        until = self._now() + _RESPONSE_SECONDS
        self._responses[name] = Response(user, channel, ts, is_ephemeral, until)
        _trim(self._responses)
        return name

    def use_response(self, name: str) -> Response:
        """Take one of the five uses.

        Raises:
            APIError: the URL is unknown, used up, or older than 30 min.
        """
        response = self._responses.get(name)
        if response is None:
            raise APIError("invalid_url")
        if self._now() > response.until:
            raise APIError("expired_url")
        if response.uses >= _RESPONSE_USES:
            raise APIError("used_url")
        response.uses += 1
        return response


def _trim(kept: dict[str, _Trigger] | dict[str, Response]) -> None:
    if len(kept) > _KEPT:
        del kept[next(iter(kept))]

"""What the bot asked of Slack, call by call: `GET /user/log`. Bounded, and without tokens."""

import json
from collections import deque
from datetime import UTC, datetime
from typing import Any

from bot.sim.workspace.errors import JSON

# A whole canary is some hundred calls; a day of demos fits.
_KEPT = 5_000
# Enough to recognise a message by.
_SHOWN = 300


class CallLog:
    def __init__(self) -> None:
        self._calls: deque[JSON] = deque(maxlen=_KEPT)

    def add(self, method: str, status: int, args: dict[str, Any], answer: JSON) -> None:
        """Record a call.

        `at` is real time, as Slack's own timestamps are.
        """
        channel = answer.get("channel") or args.get("channel") or args.get("channel_id")
        self._calls.append(
            {
                "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "method": method,
                "status": status,
                "ok": bool(answer.get("ok")),
                "error": answer.get("error"),
                "channel": channel.get("id") if isinstance(channel, dict) else channel,
                "ts": answer.get("ts") or answer.get("message_ts") or args.get("ts"),
                "body": _summary(args),
            }
        )

    def newest(self, limit: int, method: str | None = None) -> list[JSON]:
        calls = [call for call in self._calls if method is None or call["method"] == method]
        return calls[-limit:]

    def clear(self) -> None:
        self._calls.clear()


def _summary(args: dict[str, Any]) -> JSON:
    return {key: _short(value) for key, value in args.items() if key != "token"}


def _short(value: Any) -> Any:
    if isinstance(value, bool | int | float | None):
        return value
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text):,} characters)"

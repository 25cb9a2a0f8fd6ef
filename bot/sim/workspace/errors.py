"""How the workspace says no: Slack's error words, on the way to the caller.

`APIError` becomes `{"ok": false, "error": …}` with status 200, as Slack answers; `RateLimited` becomes 429.
Neither leaves this package: the servers in it catch them at their edge.
"""

from typing import Any

JSON = dict[str, Any]
"""A Slack object as it goes over the wire; its shape is Slack's business."""


class APIError(Exception):
    """A call or a person's action that is refused with one of Slack's error words."""

    def __init__(self, error: str, *, messages: tuple[str, ...] = (), **extra: Any) -> None:
        super().__init__(error)
        self.error = error
        self.messages = messages
        self.extra = extra

    def body(self) -> JSON:
        body: JSON = {"ok": False, "error": self.error, **self.extra}
        if self.messages:
            body["response_metadata"] = {"messages": [f"[ERROR] {message}" for message in self.messages]}
        return body


class RateLimited(Exception):
    """Too many calls; `retry_after` whole seconds until the next may pass."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"ratelimited, retry after {retry_after} s")
        self.retry_after = retry_after


def missing(field: str) -> APIError:
    return APIError("invalid_arguments", messages=(f"missing required field: {field}",))

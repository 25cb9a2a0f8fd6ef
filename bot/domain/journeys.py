"""A user's critical path as requests in order, as a team declares it and a plan freezes it."""

from typing import Annotated, Any

from pydantic import Field

from bot.domain.record import Record
from bot.domain.times import Span

_MOST_STEPS = 50


class Expected(Record):
    """What an answer has to be like."""

    status: Annotated[int, Field(ge=100, le=599)] = 200
    within: Span | None = None  # real time, from the request to the end of the answer
    contains: str | None = None  # somewhere in the body


class Request(Record):
    """One request; `{name}` in path, headers and body stands for what an earlier one saved so."""

    method: str
    path: str
    headers: dict[str, str] = {}
    body: Any = None  # sent as JSON; None: no body
    expect: Expected = Expected()
    save: dict[str, str] = {}  # name → JSONPath (RFC 9535) into the answer

    @property
    def title(self) -> str:
        return f"{self.method} {self.path}"


class Journey(Record):
    """One critical path. It is walked from the beginning each time; what it saves lives that long."""

    name: str
    requests: Annotated[tuple[Request, ...], Field(min_length=1, max_length=_MOST_STEPS)]

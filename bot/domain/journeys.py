"""A user's critical path as requests in order, as a team declares it and a plan freezes it."""

from datetime import timedelta
from typing import Annotated, Any

from pydantic import Field

from bot.domain.record import Record
from bot.domain.times import Span

_MOST_STEPS = 50
_PATIENCE = timedelta(seconds=10)
_SLACK = timedelta(seconds=1)


class Expected(Record):
    """What an answer has to be like."""

    status: Annotated[int, Field(ge=100, le=599)] = 200
    within: Span | None = None  # real time, from the request to the end of the answer
    contains: str | None = None  # somewhere in the body

    @property
    def patience(self) -> timedelta:
        """How long the answer is waited for: longer than it may take, so that late can be told from never."""
        return _PATIENCE if self.within is None else self.within + _SLACK


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
        """As people read it."""
        return f"{self.method} {self.path}"


class Journey(Record):
    """One critical path. It is walked from the beginning each time; what it saves lives that long."""

    name: str
    requests: Annotated[tuple[Request, ...], Field(min_length=1, max_length=_MOST_STEPS)]

    @property
    def patience(self) -> timedelta:
        """The longest that it can take."""
        return sum((request.expect.patience for request in self.requests), timedelta(0))

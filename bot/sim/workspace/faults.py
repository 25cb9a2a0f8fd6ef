"""What a test or the demo's panel breaks on purpose: `PUT /user/faults`.

    {
      "chat.update": {"status": 429, "retry_after": 5, "times": 3},   # a method, or "*" for all others
      "chat.postMessage": {"delay": 1.5, "error": "internal_error"},  # slow, then refused in Slack's words
      "views.open": {"lost": true, "times": 1},                       # done, but the answer never arrives
      "socket": {"drop": true, "refuse_for": 10},                     # cut connections now; accept none for
      10 s "deliver": {"twice": true, "delay": 2},                         # what the app is sent "rates":
      "lifted"
    }

A fault without `times` stays until the next PUT, which replaces all; `{}` clears. Times are real seconds.
`socket` also takes `"disconnect": true`, Slack's polite announcement before it closes a connection.
"""

import time
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bot.sim.workspace.errors import APIError

# Nobody waits longer than this in a test; a typing error of an extra digit shows at once.
_LONGEST = 600.0


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MethodFault(_Shape):
    """What happens to calls of a method."""

    status: int | None = Field(default=None, ge=200, le=599)
    retry_after: int | None = Field(default=None, ge=0, le=_LONGEST)
    error: str | None = Field(default=None, pattern=r"^[a-z_]+$")
    delay: float = Field(default=0.0, ge=0, le=_LONGEST)
    lost: bool = False
    times: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _does_something(self) -> "MethodFault":
        if self.status is None and self.error is None and not self.delay and not self.lost:
            raise ValueError("names no fault: give status, error, delay or lost")
        if self.lost and (self.status is not None or self.error is not None):
            raise ValueError("lost means that the call is carried out, so it has neither status nor error")
        return self

    @property
    def refuses(self) -> bool:
        return self.error is not None or (self.status is not None and self.status != 200)


class SocketFault(_Shape):
    """What happens to Socket Mode connections, once, when the faults are put."""

    drop: bool = False
    disconnect: bool = False
    refuse_for: float = Field(default=0.0, ge=0, le=_LONGEST)


class DeliveryFault(_Shape):
    """What happens to commands, presses and events on their way to the app."""

    twice: bool = False
    delay: float = Field(default=0.0, ge=0, le=_LONGEST)


class _Plan(BaseModel):
    model_config = ConfigDict(frozen=True)

    methods: dict[str, MethodFault] = Field(default_factory=dict)
    socket: SocketFault | None = None
    deliver: DeliveryFault = DeliveryFault()
    rates: Literal["lifted"] | None = None


class Faults:
    """The faults in force."""

    def __init__(self) -> None:
        self._plan = _Plan()
        self._left: dict[str, int] = {}
        self._refused_until = 0.0
        self._as_put: dict[str, Any] = {}

    def put(self, data: object) -> SocketFault | None:
        """Replace all faults; the answer is what to do to the connections that are open.

        Raises:
            APIError: `invalid_faults`, with the place and what is wrong there.
        """
        plan = _parse(data)
        self._plan = plan
        self._left = {name: fault.times for name, fault in plan.methods.items() if fault.times is not None}
        self._refused_until = time.monotonic() + plan.socket.refuse_for if plan.socket else 0.0
        self._as_put = dict(data) if isinstance(data, dict) else {}
        return plan.socket

    def shown(self) -> dict[str, Any]:
        """What was put, with `left` where a fault is counted."""
        shown = dict(self._as_put)
        for name, left in self._left.items():
            shown[name] = {**shown[name], "left": left}
        return shown

    def take(self, method: str) -> MethodFault | None:
        """The fault that this call of `method` meets, if any; a counted one is used up by it."""
        for name in (method, "*"):
            fault = self._plan.methods.get(name)
            if fault is None or self._left.get(name) == 0:
                continue
            if name in self._left:
                self._left[name] -= 1
            return fault
        return None

    @property
    def delivery(self) -> DeliveryFault:
        return self._plan.deliver

    @property
    def are_rates_lifted(self) -> bool:
        return self._plan.rates == "lifted"

    @property
    def refuses_sockets(self) -> bool:
        return time.monotonic() < self._refused_until


_OWN_KEYS = ("socket", "deliver", "rates")


def _parse(data: object) -> _Plan:
    if not isinstance(data, dict):
        raise _invalid("faults are an object: a method or one of socket, deliver, rates to what goes wrong")
    unknown = [key for key in data if key not in _OWN_KEYS and key != "*" and "." not in str(key)]
    if unknown:
        raise _invalid(f"{unknown[0]}: neither a method (chat.update), nor *, socket, deliver or rates")
    own = {key: data[key] for key in _OWN_KEYS if key in data}
    methods = {key: value for key, value in data.items() if key not in _OWN_KEYS}
    try:
        return _Plan.model_validate({"methods": methods, **own})
    except ValidationError as error:
        raise _invalid(*(_sentence(found) for found in error.errors())) from error


def _sentence(found: Any) -> str:
    place = ".".join(str(part) for part in found["loc"] if part != "methods")
    return f"{place}: {found['msg']}"


def _invalid(*messages: str) -> APIError:
    return APIError("invalid_faults", messages=messages, message="; ".join(messages))

"""What the two roads to the app, Socket Mode and a request URL, carry, and what may come back."""

from dataclasses import dataclass, replace
from typing import Literal, Protocol

from bot.sim.workspace.errors import JSON

ACK_SECONDS = 3.0
"""How long Slack waits for an acknowledgement."""

Kind = Literal["slash_commands", "interactive", "events_api"]


@dataclass(frozen=True)
class Envelope:
    """Something for the app: a command, a press or form, or an event."""

    kind: Kind
    payload: JSON
    attempt: int = 0
    reason: str = ""

    def again(self, reason: str) -> "Envelope":
        return replace(self, attempt=self.attempt + 1, reason=reason)


@dataclass(frozen=True)
class Acked:
    """The app took it; `body` is what it answered at once, if anything."""

    body: JSON | None = None


@dataclass(frozen=True)
class NotAcked:
    """Nobody took it: "operation_timeout" (too late) or "dispatch_failed" (nobody there, or an error)."""

    error: str


Answer = Acked | NotAcked


class Road(Protocol):
    mode: str

    @property
    def connections(self) -> int:
        """How many ends of the app are there; 0 is none."""
        ...

    async def carry(self, envelope: Envelope) -> Answer:
        """Bring `envelope` to the app and wait for its acknowledgement, 3 s at most."""
        ...

    async def close(self) -> None: ...

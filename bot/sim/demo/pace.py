"""How fast the demo's time runs: as chosen, and as slowly as real time while a person is asked.

A question left alone for a minute at 60× would have been reminded of, escalated and expired; people need the
time that they have in reality.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

from bot.clients.clock import ScaledClock, set_pace
from bot.domain.run import RunState
from bot.sim.workspace.errors import JSON
from bot.sim.workspace.messages import Message, MessageStore

# Seconds between two looks: at 60× a question costs at most these few simulated seconds.
_LOOK = 0.1
# Buttons of what waits for a person: a question, and a hold (the bot's own goes back if nobody answers).
_WAITING = frozenset({"approve", "resume"})
# The state in a card's first line. The card says it seconds before the question itself comes up, which at
# Slack's pace of one message a second stands behind what else the thread has to tell.
_STATE = f"*{RunState.WAITING}*"


class Metronome:
    """Sets the pace of the clock that demo and bot share through a file."""

    def __init__(
        self, clock: ScaledClock, file: Path, speed: float, somebody_is_asked: Callable[[], bool]
    ) -> None:
        self.chosen = speed
        self._clock = clock
        self._file = file
        self._somebody_is_asked = somebody_is_asked

    def choose(self, speed: float) -> None:
        """Let time run so fast whenever nobody is asked."""
        self.chosen = speed
        self.beat()

    def beat(self) -> None:
        """Bring the clock to the pace that is right now."""
        wanted = min(1.0, self.chosen) if self._somebody_is_asked() else self.chosen
        if wanted != self._clock.speed:
            set_pace(self._file, self._clock, wanted)

    async def run(self) -> None:
        while True:
            self.beat()
            await asyncio.sleep(_LOOK)


def has_open_question(messages: MessageStore, channel: str) -> bool:
    """Whether a card in this channel waits for approval, or a message bears an Approve or Resume button."""
    return any(
        _waits(root)
        or any(_asks(m) for m in ([root] if root.is_reply else messages.thread_view(channel, root.ts)))
        for root in messages.channel_view(channel)
    )


def _waits(card: Message) -> bool:
    first: JSON = card.blocks[0] if card.blocks else {}
    return _STATE in str(first.get("text", ""))


def _asks(message: Message) -> bool:
    return any(
        element.get("action_id") in _WAITING
        for block in message.blocks
        if block.get("type") == "actions"
        for element in _elements(block)
    )


def _elements(block: JSON) -> list[JSON]:
    elements: list[JSON] = block.get("elements", [])
    return elements

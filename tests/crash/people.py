"""Two people at the workspace: Ada asks for a deploy, Bo answers questions. Neither knows that the bot dies.

They do what people do when Slack says that the app did not respond: look whether it happened, and try again.
"""

import asyncio
import time

from tests.crash.settings import NEW
from tests.crash.world import World
from tests.support.person import Message, button_on, everything_in

_LOOK = 0.25
# From the start of the bot; a cold start on a busy machine and a lease that has to run out included.
_PATIENCE = 120.0
# After typing, before typing again.
_FOR_THE_CARD = 8.0

RUN = "checkout-1"


class NotInTime(Exception):
    """It did not happen within the patience of a visit."""


class Thread:
    """The run's card and thread, as Bo sees them."""

    def __init__(self, world: World, root: str) -> None:
        self._world = world
        self.root = root
        self.messages: list[Message] = []
        self.pressed: dict[str, str] = {}  # by the button's value; Slack may not have said that it arrived

    async def look(self) -> None:
        await asyncio.sleep(_LOOK)
        self.messages = await self._world.bo.reads(thread=self.root)

    @property
    def question(self) -> Message | None:
        """The newest message that asks, if one does."""
        asking = [m for m in self.messages if m["ts"] != self.root and button_on(m, "approve")]
        return asking[-1] if asking else None

    def has(self, key: str) -> bool:
        return any(key_of(message) == f"{RUN}/{key}" for message in self.messages)

    def says(self, words: str) -> bool:
        return any(words in everything_in(message) for message in self.messages)

    async def answer(self, action: str) -> None:
        """Press that button of the open question, again and again as long as it is there."""
        question = self.question
        button = button_on(question, action) if question is not None else None
        if question is not None and button is not None:
            self.pressed[str(button["value"])] = action
            await self._world.bo.presses(action, question)

    async def on_card(self, action: str) -> None:
        """Press that button of the card, again and again as long as it is there."""
        card = next((message for message in self.messages if message["ts"] == self.root), None)
        if card is not None and button_on(card, action) is not None:
            await self._world.bo.presses(action, card)


async def deploy(world: World, strategy: str) -> Thread:
    """Ada asks for the new version until a card is there.

    Raises:
        NotInTime: no card came.
    """
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        if not await world.is_connected():
            await asyncio.sleep(_LOOK)
            continue
        await world.ada.types(f"{NEW} {strategy}")
        asked = time.monotonic()
        while time.monotonic() < asked + _FOR_THE_CARD:
            card = await _card(world)
            if card is not None:
                return Thread(world, card)
            await asyncio.sleep(_LOOK)
    raise NotInTime("no card was posted")


async def _card(world: World) -> str | None:
    cards = [m for m in await world.ada.reads() if key_of(m) == f"{RUN}/root"]
    return str(cards[0]["ts"]) if cards else None


def key_of(message: Message) -> str | None:
    """The key that the bot's own messages bear."""
    payload = (message.get("metadata") or {}).get("event_payload") or {}
    key = payload.get("key")
    return None if key is None else str(key)

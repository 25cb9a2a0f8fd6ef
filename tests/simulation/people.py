"""Ada starts the run, Bo and Cy are asked: they read the workspace and press what they see there.

What they see is what was posted, as late as it was posted; what they press goes to any process, also to a
frozen one, as Slack brings it to any connection that is open. In a storm they may also press twice, press
what is no longer there, hold, roll back and abort; when it is calm they answer what they are asked.
"""

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bot.sim.workspace.ids import id_of
from handlers.actions import button_pressed
from handlers.commands import deploy_typed
from tests.simulation.bot import SimulatedBot
from tests.simulation.slack import SimulatedSlack
from tests.simulation.trace import Trace
from tests.simulation.weather import Weather

DEPLOYS, RELEASES = id_of("C", "deploys"), id_of("C", "releases")
ADA, BO, CY = id_of("U", "ada"), id_of("U", "bo"), id_of("U", "cy")
NAMES = {ADA: "ada", BO: "bo", CY: "cy"}
APPROVERS = (BO, CY)
_TELLING = ("approve", "approve_rest", "hold", "resume", "rollback", "abort", "put_off", "do_now")
_KEPT_AT_MOST = 3  # else what is left is never done
# What somebody does besides approving, and how often of a hundred times.
_MISCHIEF = {
    "approve": 10,
    "twice": 15,
    "at two": 10,
    "approve_rest": 15,
    "requester": 10,
    "stale": 15,
    "hold": 12,
    "rollback": 7,
    "abort": 6,
    "put_off": 10,
    "do_now": 5,
}


@dataclass(frozen=True)
class Button:
    """A button that somebody sees, and where."""

    action: str
    value: str
    ts: str
    thread: str | None


class People:
    """Everybody who acts in the workspace."""

    def __init__(
        self, seed: int, slack: SimulatedSlack, weather: Weather, trace: Trace, bots: dict[str, SimulatedBot]
    ) -> None:
        self._slack = slack
        self._weather = weather
        self._trace = trace
        self._bots = bots
        self._chance = random.Random(f"{seed}/people")
        self._seen: dict[tuple[str, str], Button] = {}
        self._ignored: set[str] = set()
        self._kept = 0

    def buttons(self) -> dict[str, list[Button]]:
        """What can be pressed now, by action."""
        found: dict[str, list[Button]] = {}
        for button in self._visible():
            found.setdefault(button.action, []).append(button)
            self._seen[button.action, button.value] = button
        return found

    def press(self, user: str, button: Button) -> None:
        """The press is on its way; what came of it is seen in the channel."""
        self._trace.count(f"presses: {button.action}")
        body = {
            "user": {"id": user},
            "actions": [{"action_id": button.action, "value": button.value}],
            "channel": {"id": DEPLOYS},
            "message": {"ts": button.ts, "thread_ts": button.thread},
        }
        bot = self._reached(user, f"presses {button.action} {button.value}")
        if bot is not None:
            bot.does(button_pressed(_ack, _respond, body, bot.office))

    def type(self, user: str, text: str) -> None:
        """A slash command is on its way."""
        body = {"user_id": user, "channel_id": DEPLOYS, "text": text}
        bot = self._reached(user, f"types /deploy {text}")
        if bot is not None:
            bot.does(deploy_typed(_ack, _respond, body, bot.office))

    async def live(self) -> None:
        """Look now and then, and act."""
        while True:
            await asyncio.sleep(self._chance.uniform(0.5, self._weather.forecast.patience))
            self.act()

    def act(self) -> None:
        """One look at the channel, and what somebody does about it."""
        buttons = self.buttons()
        forecast = self._weather.forecast
        if not self._weather.is_calm and self._chance.random() < forecast.mischief / 4:
            self._mischief(buttons)
            return
        for button in buttons.get("approve", ()):
            if self._weather.is_calm or not self._is_ignored(button):
                self.press(self._chance.choice(APPROVERS), button)
        for button in buttons.get("resume", ()):
            if self._weather.is_calm or self._chance.random() < 0.4:
                self.press(self._chance.choice(APPROVERS), button)
        self._care(buttons.get("put_off", []), buttons.get("do_now", []))

    def _care(self, later: list[Button], now: list[Button]) -> None:
        """What a finished run has left is kept longer now and then, or to be removed at once."""
        for button in now:
            if self._chance.random() < 0.03:
                self.press(self._chance.choice(APPROVERS), button)
        for button in later if self._kept < _KEPT_AT_MOST else []:
            if self._chance.random() < 0.1:
                self._kept += 1
                self.press(self._chance.choice((ADA, *APPROVERS)), button)

    def _is_ignored(self, button: Button) -> bool:
        if button.value in self._ignored:
            return True
        if self._chance.random() < self._weather.forecast.silence:
            self._ignored.add(button.value)
            return True
        return False

    def _mischief(self, buttons: dict[str, list[Button]]) -> None:
        deed = self._chance.choices(tuple(_MISCHIEF), tuple(_MISCHIEF.values()))[0]
        approve = next(iter(buttons.get("approve", ())), None)
        user = self._chance.choice(APPROVERS)
        match deed:
            case "stale":
                self.press_again()
            case "twice" | "at two" if approve:
                self.press(user, approve)
                self.press(user if deed == "twice" else self._other(user), approve)
            case "requester" if approve:
                self.press(ADA, approve)
            case "approve" | "approve_rest" | "hold" | "rollback" | "abort" | "put_off" | "do_now":
                found = buttons.get(deed)
                if found:
                    self.press(self._chance.choice((ADA, *APPROVERS)), self._chance.choice(found))

    def press_again(self) -> None:
        """Somebody presses what they saw some time ago, whether it is still there or not."""
        # Going back by an old button is a wish all the same, and would end most runs.
        old = [button for button in self._seen.values() if button.action not in {"rollback", "abort"}]
        if old:
            self.press(self._chance.choice(APPROVERS), self._chance.choice(old))

    def _other(self, user: str) -> str:
        return next(one for one in APPROVERS if one != user)

    def _reached(self, user: str, what: str) -> SimulatedBot | None:
        """Whichever process Slack brings it to."""
        alive = [bot for bot in self._bots.values() if bot.life.is_alive and not bot.is_stopping]
        if not alive:
            self._trace.note(NAMES[user], f"{what}: the app did not respond")
            return None
        bot = self._chance.choice(alive)
        self._trace.note(NAMES[user], f"{what} at {bot.life}")
        return bot

    def _visible(self) -> Iterator[Button]:
        messages = self._slack.workspace.messages
        for message in messages.channel_view(DEPLOYS):
            for one in messages.thread_view(DEPLOYS, message.ts) if not message.is_reply else [message]:
                for element in _elements(one.blocks):
                    if element.get("action_id") in _TELLING:
                        yield Button(
                            str(element["action_id"]), str(element.get("value")), one.ts, one.thread_ts
                        )


def _elements(blocks: tuple[dict[str, Any], ...]) -> Iterator[dict[str, Any]]:
    for block in blocks:
        if block["type"] == "actions":
            yield from block["elements"]
        elif "accessory" in block:
            yield block["accessory"]


async def _ack(**_: Any) -> None: ...


async def _respond(**_: Any) -> None: ...

"""What a person can see and press: the text of items, their buttons, and whether Slack takes them."""

from collections.abc import Iterator, Sequence
from typing import Any

from bot.domain.run import Run
from bot.sim.workspace.blocks import check_blocks, is_too_long
from bot.views.items import Item, Place, Setting
from bot.views.messages import messages

ONCALL = "<!subteam^S0CALL>"
BOSS = "<@U09BOSS>"
THREAD = "https://shop.slack.com/archives/C1/p1"
SETTING = Setting(approvers=(ONCALL,), escalate_to=(BOSS,), thread=THREAD)


def shown(run: Run, key: str, setting: Setting = SETTING) -> Item:
    """The one item with that key."""
    (item,) = [item for item in messages(run, setting) if item.key == key]
    return item


def keys(run: Run, place: Place = Place.THREAD) -> list[str]:
    """What stands in one place, in the order of posting."""
    return [item.key for item in messages(run, SETTING) if item.place is place]


def read(item: Item) -> str:
    """Everything that is to be read in the blocks, a line each; a no-break space reads as a space."""
    return "\n".join(_texts(list(item.blocks))).replace("\u00a0", " ")


def buttons(item: Item) -> dict[str, dict[str, Any]]:
    """The buttons by their action ids."""
    rows = [block["elements"] for block in item.blocks if block["type"] == "actions"]
    found = [button for row in rows for button in row]
    assert len({button["action_id"] for button in found}) == len(found), "two buttons with one action id"
    return {button["action_id"]: button for button in found}


def complaints(blocks: Sequence[dict[str, Any]], surface: str = "message") -> list[Any]:
    """What the workspace, and so Slack, would refuse of these blocks."""
    found: list[Any] = list(check_blocks(list(blocks), surface=surface))
    if surface == "message" and is_too_long(list(blocks)):
        found.append("the blocks are too long together")
    return found


def _texts(part: Any) -> Iterator[str]:
    if isinstance(part, list):
        for one in part:
            yield from _texts(one)
    elif isinstance(part, dict):
        if part.get("type") == "actions":
            return
        for key, value in part.items():
            if key == "text" and isinstance(value, str):
                yield value
            else:
                yield from _texts(value)

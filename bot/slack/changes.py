"""What differs between how a run's messages should stand and what was posted. Pure."""

import hashlib
import json
from collections.abc import Iterable, Mapping

from bot.domain.record import Record
from bot.ports import StoredMessage
from bot.views.items import Item, Place

ROOT = "root"


class Channels(Record):
    """Where runs are shown: channel ids."""

    deploys: str
    stakeholders: tuple[str, ...] = ()


class Change(Record):
    """One message that has to be posted, or edited."""

    item: Item
    channel: str
    key: str
    hash: str
    thread: str | None = None  # the card that it stands under
    stored: StoredMessage | None = None

    @property
    def is_edit(self) -> bool:
        return is_posted(self.stored)


def is_posted(stored: StoredMessage | None) -> bool:
    """Whether Slack has it. An empty timestamp marks a card that somebody deleted."""
    return stored is not None and bool(stored.ts)


def differences(
    items: Iterable[Item], stored: Mapping[str, StoredMessage], channels: Channels
) -> tuple[Change, ...]:
    """What is left to say: a missing card first, then what is urgent, then in the views' order.

    Under a card that is not posted yet nothing can stand. What was begun in a channel stays there, even if
    the bot was started with other channels since.
    """
    root = stored.get(ROOT)
    found = []
    for item in items:
        if item.place is Place.THREAD:
            if root is None or not root.ts:
                continue
            places: tuple[tuple[str, str], ...] = ((item.key, root.channel),)
        elif item.place is Place.STAKEHOLDERS:
            places = tuple((f"{item.key}@{channel}", channel) for channel in channels.stakeholders)
        else:
            places = ((item.key, channels.deploys),)
        for key, channel in places:
            known = stored.get(key)
            change = Change(
                item=item,
                channel=known.channel if known is not None else channel,
                key=key,
                hash=hash_of(item),
                thread=root.ts if root is not None and item.place is Place.THREAD else None,
                stored=known,
            )
            if _is_needed(change):
                found.append(change)
    # Python's sort keeps the views' order among equals, which is the order of events.
    return tuple(sorted(found, key=_urgency))


def hash_of(item: Item) -> str:
    """The same for the same content."""
    content = json.dumps([item.text, item.blocks], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(content.encode(errors="surrogatepass")).hexdigest()


def _is_needed(change: Change) -> bool:
    if change.stored is None or not change.is_edit:
        return True
    # A picture's figures are known when it is drawn, so it never changes.
    return change.item.picture is None and change.stored.hash != change.hash


def _urgency(change: Change) -> tuple[bool, bool]:
    is_missing_card = change.item.place is Place.ROOT and not change.is_edit
    return not is_missing_card, not change.item.is_urgent

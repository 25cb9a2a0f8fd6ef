"""Messages and threads, in memory, and the way each reader sees them.

A `Message` is frozen; a change puts a new one in its place. `MessageStore` keeps the newest of each channel
and the ephemeral messages of each person. It tells the stream about every change; nobody else needs to.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from bot.sim.workspace.errors import JSON, APIError
from bot.sim.workspace.ids import Timestamps, order_of
from bot.sim.workspace.roster import App
from bot.sim.workspace.stream import Stream

# A plain square; clients that show icons draw their own for it.
_ICON = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 1 1'/%3E"
# A week of a busy demo; older ones are forgotten, as in Slack's free plan.
_KEPT = 10_000
# Slack forgets ephemeral messages on reload; this many stay, so that a page may reload.
_KEPT_EPHEMERALS = 100


@dataclass(frozen=True)
class Message:
    channel: str
    ts: str
    user: str
    text: str
    blocks: tuple[JSON, ...] = ()
    attachments: tuple[JSON, ...] = ()
    files: tuple[JSON, ...] = ()
    thread_ts: str | None = None
    is_from_app: bool = False
    is_broadcast: bool = False
    is_tombstone: bool = False
    metadata: JSON | None = None
    edited: JSON | None = None
    reactions: tuple[tuple[str, tuple[str, ...]], ...] = ()
    only_for: str | None = None

    @property
    def is_reply(self) -> bool:
        return self.thread_ts is not None and self.thread_ts != self.ts

    @property
    def is_ephemeral(self) -> bool:
        return self.only_for is not None

    def body(self, app: App, *, with_metadata: bool = False) -> JSON:
        """The message as Slack writes it, without what only its place in a thread tells."""
        if self.is_tombstone:
            return {
                "type": "message",
                "subtype": "tombstone",
                "user": "USLACKBOT",
                "hidden": True,
                "text": "This message was deleted.",
                "ts": self.ts,
                "thread_ts": self.ts,
            }
        made: JSON = {
            "type": "message",
            "user": self.user,
            "text": self.text,
            "ts": self.ts,
            "team": app.team_id,
        }
        if self.is_from_app:
            made |= {"bot_id": app.bot_id, "app_id": app.id, "bot_profile": bot_profile(app)}
        if self.is_broadcast:
            made["subtype"] = "thread_broadcast"
        optional: JSON = {
            "thread_ts": self.thread_ts,
            "blocks": list(self.blocks),
            "attachments": list(self.attachments),
            "files": list(self.files),
            "edited": self.edited,
            "reactions": [{"name": n, "count": len(u), "users": list(u)} for n, u in self.reactions],
            "metadata": self.metadata if with_metadata else None,
        }
        return made | {key: value for key, value in optional.items() if value}


def bot_profile(app: App) -> JSON:
    return {
        "id": app.bot_id,
        "app_id": app.id,
        "user_id": app.user_id,
        "name": app.real_name,
        "icons": {f"image_{side}": _ICON for side in (36, 48, 72)},
        "deleted": False,
        "updated": 1_763_942_400,
        "team_id": app.team_id,
    }


class MessageStore:
    def __init__(self, app: App, stream: Stream) -> None:
        self.timestamps = Timestamps()
        self._app = app
        self._stream = stream
        self._messages: dict[str, dict[str, Message]] = {}
        self._replies: dict[tuple[str, str], list[str]] = {}
        self._ephemerals: dict[str, dict[str, Message]] = {}

    def get(self, channel: str, ts: object) -> Message | None:
        found = self._messages.get(channel, {}).get(ts) if isinstance(ts, str) else None
        return None if found is None or found.is_tombstone else found

    def ephemeral(self, user: str, ts: object) -> Message | None:
        return self._ephemerals.get(user, {}).get(ts) if isinstance(ts, str) else None

    def root(self, channel: str, thread_ts: object) -> Message:
        """The root of a thread.

        Slack shows a reply to a reply nowhere at all; saying so finds the mistake before a channel does.
        """
        found = self._messages.get(channel, {}).get(thread_ts) if isinstance(thread_ts, str) else None
        if found is None or found.is_reply:
            raise APIError("thread_not_found")
        return found

    def add(self, message: Message) -> None:
        channel = self._messages.setdefault(message.channel, {})
        channel[message.ts] = message
        self._tell("new", message)
        if message.is_reply and message.thread_ts is not None:
            self._replies.setdefault((message.channel, message.thread_ts), []).append(message.ts)
            self._tell_root(message)
        if len(channel) > _KEPT:
            oldest = next(iter(channel))
            del channel[oldest]
            self._replies.pop((message.channel, oldest), None)

    def change(self, message: Message) -> None:
        self._messages[message.channel][message.ts] = message
        self._tell("changed", message)

    def remove(self, message: Message) -> None:
        replies = self._replies.get((message.channel, message.ts))
        if replies:
            self._messages[message.channel][message.ts] = replace(message, is_tombstone=True, metadata=None)
        else:
            del self._messages[message.channel][message.ts]
        if message.is_reply and message.thread_ts is not None:
            siblings = self._replies.get((message.channel, message.thread_ts), [])
            if message.ts in siblings:
                siblings.remove(message.ts)
            self._tell_root(message)
        self._tell("deleted", message)

    def show(self, message: Message) -> None:
        """Put an ephemeral message (`only_for` is set) before its person, or another in its place."""
        kept = self._ephemerals.setdefault(str(message.only_for), {})
        change = "changed" if message.ts in kept else "new"
        kept[message.ts] = message
        if len(kept) > _KEPT_EPHEMERALS:
            del kept[next(iter(kept))]
        self._tell(change, message)

    def dismiss(self, message: Message) -> None:
        self._ephemerals[str(message.only_for)].pop(message.ts, None)
        self._tell("deleted", message)

    def channel_view(self, channel: str) -> list[Message]:
        """Roots and broadcast replies, oldest first."""
        return [m for m in self._messages.get(channel, {}).values() if not m.is_reply or m.is_broadcast]

    def thread_view(self, channel: str, thread_ts: object) -> list[Message]:
        root = self.root(channel, thread_ts)
        return [root, *self._thread(root)]

    def ephemerals_of(self, user: str, channel: str) -> Iterator[Message]:
        return (m for m in self._ephemerals.get(user, {}).values() if m.channel == channel)

    def _thread(self, root: Message) -> list[Message]:
        kept = self._messages.get(root.channel, {})
        return [kept[ts] for ts in self._replies.get((root.channel, root.ts), ()) if ts in kept]

    def as_json(self, message: Message, *, with_metadata: bool, in_channel: bool = False) -> JSON:
        """The message with what its thread adds; `in_channel`: as the channel shows it, not the thread."""
        made = message.body(self._app, with_metadata=with_metadata)
        if message.is_broadcast and in_channel:
            made = _without_controls(made)
            root = self._messages[message.channel].get(str(message.thread_ts))
            if root is not None:
                made["root"] = root.body(self._app) | self._thread_facts(root)
        return made if message.is_reply or message.is_ephemeral else made | self._thread_facts(message)

    def _thread_facts(self, root: Message) -> JSON:
        replies = self._thread(root)
        if not replies:
            return {}
        authors = list(dict.fromkeys(reply.user for reply in replies))
        return {
            "thread_ts": root.ts,
            "reply_count": len(replies),
            "reply_users_count": len(authors),
            "reply_users": authors[:5],
            "latest_reply": replies[-1].ts,
            "subscribed": False,
            "is_locked": False,
        }

    def _tell_root(self, reply: Message) -> None:
        root = self._messages[reply.channel].get(str(reply.thread_ts))
        if root is not None:
            self._tell("changed", root)

    def _tell(self, change: str, message: Message) -> None:
        kind = "ephemeral" if message.is_ephemeral else "message"
        event: JSON = {"type": kind, "change": change, "channel": message.channel, "ts": message.ts}
        event["user"] = message.only_for or message.user
        # A root names no thread: whoever listens tells a reply by this.
        if message.is_reply:
            event["thread_ts"] = message.thread_ts
        self._stream.publish(event)


def in_order(messages: Iterable[Message]) -> list[Message]:
    return sorted(messages, key=lambda message: order_of(message.ts))


def _without_controls(made: JSON) -> JSON:
    """A broadcast reply loses its buttons and attachments in the channel."""
    blocks = [
        {key: value for key, value in block.items() if key != "accessory" or value.get("type") == "image"}
        for block in made.get("blocks", ())
        if block["type"] not in ("actions", "context_actions", "input")
    ]
    kept = {key: value for key, value in made.items() if key not in ("blocks", "attachments")}
    return kept | {"blocks": blocks} if blocks else kept

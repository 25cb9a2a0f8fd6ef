"""`conversations.*` and `reactions.*`: channels, their members, and what was said in them."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

from bot.sim.workspace.errors import JSON, APIError, missing
from bot.sim.workspace.ids import order_of
from bot.sim.workspace.messages import Message
from bot.sim.workspace.state import Workspace

_Item = TypeVar("_Item")
# Slack's own bounds on a page of results.
_PAGE, _LARGEST_PAGE = 100, 999


def history(workspace: Workspace, args: JSON) -> JSON:
    """Roots and broadcast replies, newest first."""
    channel = workspace.roster.joined_channel(args.get("channel"))
    found = _between(workspace.messages.channel_view(channel.id), args)[::-1]
    page, cursor = _page(found, args)
    with_metadata = bool(args.get("include_all_metadata"))
    shown = [workspace.messages.as_json(m, with_metadata=with_metadata, in_channel=True) for m in page]
    return _listed(shown, cursor) | {"pin_count": 0, "channel_actions_ts": None, "channel_actions_count": 0}


def replies(workspace: Workspace, args: JSON) -> JSON:
    """A thread: its root, then the replies, oldest first."""
    channel = workspace.roster.joined_channel(args.get("channel"))
    if not args.get("ts"):
        raise missing("ts")
    asked = workspace.messages.get(channel.id, args["ts"])
    if asked is not None and asked.is_reply:
        return _listed([workspace.messages.as_json(asked, with_metadata=False)], "")
    root, *thread = workspace.messages.thread_view(channel.id, args["ts"])
    page, cursor = _page([root, *_between(thread, args)], args)
    with_metadata = bool(args.get("include_all_metadata"))
    return _listed([workspace.messages.as_json(m, with_metadata=with_metadata) for m in page], cursor)


def info(workspace: Workspace, args: JSON) -> JSON:
    channel = workspace.roster.channel_for_app(args.get("channel"))
    return {"channel": workspace.roster.channel_json(channel)}


def list_all(workspace: Workspace, args: JSON) -> JSON:
    wanted = str(args.get("types") or "public_channel").split(",")
    kinds = {kind.strip() for kind in wanted}
    app = workspace.app.user_id
    found = []
    for channel in workspace.roster.channels.values():
        kind = "im" if channel.is_im else "private_channel" if channel.is_private else "public_channel"
        is_left_out = channel.is_archived and bool(args.get("exclude_archived"))
        is_seen = kind == "public_channel" or app in channel.members
        if kind in kinds and is_seen and not is_left_out:
            found.append(channel)
    page, cursor = _page(found, args)
    channels = [workspace.roster.channel_json(channel) for channel in page]
    return {"channels": channels, "response_metadata": {"next_cursor": cursor}}


def members(workspace: Workspace, args: JSON) -> JSON:
    channel = workspace.roster.channel_for_app(args.get("channel"))
    page, cursor = _page(sorted(channel.members), args)
    return {"members": list(page), "response_metadata": {"next_cursor": cursor}}


def open_direct(workspace: Workspace, args: JSON) -> JSON:
    """A direct conversation with one person; group conversations are not played here."""
    if args.get("channel"):
        channel = workspace.roster.channel_for_app(args["channel"])
        return {
            "channel": workspace.roster.channel_json(channel) if args.get("return_im") else {"id": channel.id}
        }
    named = args.get("users")
    users = named.split(",") if isinstance(named, str) else list(named or ())
    if not users:
        raise APIError("users_list_not_supplied")
    if len(users) > 1:
        raise APIError("method_not_supported_for_channel_type")
    is_new = not any(channel.partner == users[0] for channel in workspace.roster.channels.values())
    channel = workspace.roster.direct(users[0])
    if is_new:
        event = {"type": "channel", "change": "new", "channel": channel.id, "user": users[0]}
        workspace.stream.publish(event)
    body = workspace.roster.channel_json(channel) if args.get("return_im") else {"id": channel.id}
    return {"channel": body, **({} if is_new else {"no_op": True, "already_open": True})}


def join(workspace: Workspace, args: JSON) -> JSON:
    channel = workspace.roster.channel_for_app(args.get("channel"))
    if channel.is_private:
        raise APIError("method_not_supported_for_channel_type")
    if channel.is_archived:
        raise APIError("is_archived")
    body: JSON = {}
    if workspace.app.user_id in channel.members:
        body = {"warning": "already_in_channel", "response_metadata": {"warnings": ["already_in_channel"]}}
    channel.members.add(workspace.app.user_id)
    workspace.stream.publish({"type": "channel", "change": "changed", "channel": channel.id})
    return body | {"channel": workspace.roster.channel_json(channel)}


def add_reaction(workspace: Workspace, args: JSON) -> JSON:
    message, name = _reacted(workspace, args)
    app = workspace.app.user_id
    users = dict(message.reactions).get(name, ())
    if app in users:
        raise APIError("already_reacted")
    reactions = {**dict(message.reactions), name: (*users, app)}
    workspace.messages.change(replace(message, reactions=tuple(reactions.items())))
    return {}


def remove_reaction(workspace: Workspace, args: JSON) -> JSON:
    message, name = _reacted(workspace, args)
    app = workspace.app.user_id
    users = dict(message.reactions).get(name, ())
    if app not in users:
        raise APIError("no_reaction")
    reactions = {**dict(message.reactions), name: tuple(user for user in users if user != app)}
    kept = tuple((emoji, by) for emoji, by in reactions.items() if by)
    workspace.messages.change(replace(message, reactions=kept))
    return {}


def _reacted(workspace: Workspace, args: JSON) -> tuple[Message, str]:
    channel = workspace.roster.joined_channel(args.get("channel"))
    name = str(args.get("name") or "").strip(":")
    if not name:
        raise APIError("invalid_name")
    message = workspace.messages.get(channel.id, args.get("timestamp"))
    if message is None:
        raise APIError("message_not_found")
    return message, name


def _between(messages: list[Message], args: JSON) -> list[Message]:
    """Those after `oldest` and before `latest`; with `inclusive` these two as well."""
    oldest, latest = _bound(args, "oldest"), _bound(args, "latest")
    is_inclusive = bool(args.get("inclusive"))
    kept = []
    for message in messages:
        at = order_of(message.ts)
        is_late = oldest is None or at > oldest or (is_inclusive and at == oldest)
        is_early = latest is None or at < latest or (is_inclusive and at == latest)
        if is_late and is_early:
            kept.append(message)
    return kept


def _bound(args: JSON, name: str) -> tuple[int, int] | None:
    value = args.get(name)
    if value in (None, ""):
        return None
    try:
        return order_of(str(value))
    except ValueError as error:
        raise APIError(f"invalid_ts_{name}") from error


def _page(items: Sequence[_Item], args: JSON) -> tuple[Sequence[_Item], str]:
    """One page of `items` and the cursor to the next; an empty one when this is the last."""
    start = _start_of(args.get("cursor"))
    end = start + _limit(args.get("limit"))
    cursor = base64.b64encode(f"next:{end}".encode()).decode() if end < len(items) else ""
    return items[start:end], cursor


def _limit(value: Any) -> int:
    if value in (None, "", 0, "0"):
        return _PAGE
    try:
        return min(max(1, int(value)), _LARGEST_PAGE)
    except (TypeError, ValueError) as error:
        raise APIError("invalid_limit") from error


def _start_of(cursor: Any) -> int:
    if not cursor:
        return 0
    try:
        word, _, number = base64.b64decode(str(cursor), validate=True).decode().partition(":")
        if word == "next":
            return int(number)
    except (ValueError, binascii.Error):
        pass
    raise APIError("invalid_cursor")


def _listed(messages: list[JSON], cursor: str) -> JSON:
    made: JSON = {"messages": messages, "has_more": bool(cursor)}
    return made | {"response_metadata": {"next_cursor": cursor}} if cursor else made

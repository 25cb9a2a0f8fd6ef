"""`chat.*`: posting, changing, deleting; and `blocks.validate`, which posts nothing."""

from dataclasses import replace

from bot.sim.workspace import limits
from bot.sim.workspace.blocks import check_blocks, size_of
from bot.sim.workspace.errors import JSON, APIError, missing
from bot.sim.workspace.messages import Message
from bot.sim.workspace.roster import Channel
from bot.sim.workspace.state import Content, Workspace, content_of


def post_message(workspace: Workspace, args: JSON) -> JSON:
    channel = _open_channel(workspace, args, may_open=True)
    content = content_of(args)
    if content.is_empty:
        raise APIError("no_text")
    metadata = _metadata(args)
    thread_ts = args.get("thread_ts") or None
    if thread_ts is not None:
        workspace.messages.root(channel.id, thread_ts)
    workspace.rates.admit_post(channel.id)
    message = workspace.from_app(channel.id, content, thread_ts=thread_ts)
    is_broadcast = bool(args.get("reply_broadcast")) and thread_ts is not None
    workspace.post(replace(message, metadata=metadata, is_broadcast=is_broadcast))
    return _posted(workspace, channel, replace(message, metadata=metadata), content)


def post_ephemeral(workspace: Workspace, args: JSON) -> JSON:
    channel = _open_channel(workspace, args)
    user = args.get("user")
    if not user:
        raise missing("user")
    if user not in channel.members or user == workspace.app.user_id:
        raise APIError("user_not_in_channel")
    content = content_of(args)
    if content.is_empty:
        raise APIError("no_text")
    message = workspace.from_app(channel.id, content, thread_ts=args.get("thread_ts") or None, only_for=user)
    workspace.messages.show(message)
    return {"message_ts": message.ts}


def update(workspace: Workspace, args: JSON) -> JSON:
    channel = _open_channel(workspace, args)
    message = _own(workspace, channel, args, refusal="cant_update_message")
    content = content_of(args)
    if not content.is_text_named and content.blocks is None and content.attachments is None:
        raise APIError("no_text")
    changed = replace(
        message,
        text=content.text if content.is_text_named else message.text,
        # What is not named stays; an empty list takes it away.
        blocks=message.blocks if content.blocks is None else content.blocks,
        attachments=message.attachments if content.attachments is None else content.attachments,
        # Left out, metadata stays; `{}` removes it.
        metadata=message.metadata if args.get("metadata") is None else _metadata(args),
        is_broadcast=message.is_broadcast or (bool(args.get("reply_broadcast")) and message.is_reply),
        edited={"user": workspace.app.user_id, "ts": workspace.messages.timestamps.next()},
    )
    if not changed.text and not changed.blocks and not changed.attachments:
        raise APIError("no_text")
    workspace.messages.change(changed)
    return _posted(workspace, channel, changed, content) | {"text": changed.text}


def delete(workspace: Workspace, args: JSON) -> JSON:
    channel = _open_channel(workspace, args)
    message = _own(workspace, channel, args, refusal="cant_delete_message")
    workspace.messages.remove(message)
    return {"channel": channel.id, "ts": message.ts}


def get_permalink(workspace: Workspace, args: JSON) -> JSON:
    channel = workspace.roster.channel_for_app(args.get("channel"))
    message = workspace.messages.get(channel.id, args.get("message_ts"))
    if message is None:
        raise APIError("message_not_found")
    link = f"{workspace.url}/archives/{channel.id}/p{message.ts.replace('.', '')}"
    if message.is_reply:
        link += f"?thread_ts={message.thread_ts}&cid={channel.id}"
    return {"channel": channel.id, "permalink": link}


def validate_blocks(_workspace: Workspace, args: JSON) -> JSON:
    """Say what is wrong with blocks or a view, without showing them to anybody."""
    if (view := args.get("view")) is not None:
        kind = view.get("type", "modal") if isinstance(view, dict) else "modal"
        blocks = view.get("blocks") if isinstance(view, dict) else None
        error, findings = "invalid_view", check_blocks(blocks, surface=kind, pointer="/view/blocks")
    else:
        error, findings = "invalid_blocks", check_blocks(args.get("blocks"), surface="message")
    if findings:
        raise APIError(error, errors=[finding.as_json() for finding in findings])
    return {}


def _open_channel(workspace: Workspace, args: JSON, *, may_open: bool = False) -> Channel:
    if not args.get("channel"):
        raise missing("channel")
    channel = workspace.roster.joined_channel(args["channel"], may_open=may_open)
    if channel.is_archived:
        raise APIError("is_archived")
    return channel


def _own(workspace: Workspace, channel: Channel, args: JSON, *, refusal: str) -> Message:
    if not args.get("ts"):
        raise missing("ts")
    message = workspace.messages.get(channel.id, args["ts"])
    if message is None:
        raise APIError("message_not_found")
    if not message.is_from_app:
        raise APIError(refusal)
    return message


def _metadata(args: JSON) -> JSON | None:
    metadata = args.get("metadata")
    if not metadata:
        return None
    is_formed = isinstance(metadata, dict) and isinstance(metadata.get("event_type"), str)
    if not is_formed or not isinstance(metadata.get("event_payload"), dict):
        raise APIError("invalid_metadata_format")
    if size_of(metadata) > limits.METADATA_BYTES:
        raise APIError("metadata_too_large")
    kept: JSON = metadata
    return kept


def _posted(workspace: Workspace, channel: Channel, message: Message, content: Content) -> JSON:
    body = message.body(workspace.app, with_metadata=True)
    made: JSON = {"channel": channel.id, "ts": message.ts, "message": body}
    if content.is_truncated:
        made |= {"warning": "message_truncated", "response_metadata": {"warnings": ["message_truncated"]}}
    return made

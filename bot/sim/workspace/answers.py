"""What the app says back to a person: in an acknowledgement, or through a response URL.

`/response/<secret>` takes up to five answers in 30 minutes: a new message (ephemeral unless `in_channel`), or
one in place of the message that was pressed on (`replace_original`), or its removal (`delete_original`).
"""

import json
from dataclasses import replace

from aiohttp import web

from bot.sim.workspace.errors import JSON, APIError
from bot.sim.workspace.messages import Message
from bot.sim.workspace.permits import Response
from bot.sim.workspace.state import Content, Workspace, content_of


def show_answer(workspace: Workspace, user: str, channel: str, body: JSON) -> Message | None:
    """Show what an acknowledged command said at once."""
    content = content_of(body)
    if content.is_empty:
        return None
    return _say(workspace, user, channel, body, content)


async def take_response(workspace: Workspace, request: web.Request) -> web.Response:
    """Answer a POST to a response URL."""
    name = request.match_info["secret"]
    args: JSON = {}
    try:
        args = await _given(request)
        response = workspace.permits.use_response(name)
        _carry_out(workspace, response, args)
        status, body = 200, {"ok": True}
    except APIError as error:
        status = 404 if error.error.endswith("_url") else 400
        body = error.body()
    workspace.calls.add("response_url", status, args, body)
    return web.json_response(body, status=status)


async def _given(request: web.Request) -> JSON:
    try:
        if request.content_type == "application/x-www-form-urlencoded":
            form = await request.post()
            body = json.loads(str(form.get("payload", "")))
        else:
            body = json.loads(await request.read())
    except ValueError as error:
        raise APIError("invalid_payload") from error
    if not isinstance(body, dict):
        raise APIError("invalid_payload")
    return body


def _carry_out(workspace: Workspace, response: Response, args: JSON) -> None:
    original = _original(workspace, response)
    if args.get("delete_original"):
        if original is None:
            raise APIError("message_not_found")
        _remove(workspace, original)
        return
    content = content_of(args)
    if content.is_empty:
        raise APIError("no_text")
    if args.get("replace_original") and original is not None:
        _replace(workspace, original, content)
        return
    message = _say(workspace, response.user, response.channel, args, content)
    if response.ts is None and message is not None:
        # A command has no message of its own: its first answer is what later ones may replace.
        response.ts, response.is_ephemeral = message.ts, message.is_ephemeral


def _original(workspace: Workspace, response: Response) -> Message | None:
    if response.is_ephemeral:
        return workspace.messages.ephemeral(response.user, response.ts)
    return workspace.messages.get(response.channel, response.ts)


def _remove(workspace: Workspace, original: Message) -> None:
    if original.is_ephemeral:
        workspace.messages.dismiss(original)
    else:
        workspace.messages.remove(original)


def _replace(workspace: Workspace, original: Message, content: Content) -> None:
    edited = {"user": workspace.app.user_id, "ts": workspace.messages.timestamps.next()}
    changed = replace(
        original,
        text=content.text,
        blocks=content.blocks or (),
        attachments=content.attachments or (),
        edited=None if original.is_ephemeral else edited,
    )
    if original.is_ephemeral:
        workspace.messages.show(changed)
    else:
        workspace.messages.change(changed)


def _say(workspace: Workspace, user: str, channel: str, args: JSON, content: Content) -> Message:
    thread_ts = args.get("thread_ts") or None
    if thread_ts is not None:
        workspace.messages.root(channel, thread_ts)
    if args.get("response_type") == "in_channel":
        return workspace.post(workspace.from_app(channel, content, thread_ts=thread_ts))
    message = workspace.from_app(channel, content, thread_ts=thread_ts, only_for=user)
    workspace.messages.show(message)
    return message

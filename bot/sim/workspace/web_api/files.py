"""`files.*`: the second version of uploads, the only one that Slack still takes."""

import time
from dataclasses import replace

from bot.sim.workspace.errors import JSON, APIError, missing
from bot.sim.workspace.file_store import LARGEST, StoredFile, file_json
from bot.sim.workspace.state import Workspace, content_of


def get_upload_url(workspace: Workspace, args: JSON) -> JSON:
    if not args.get("filename"):
        raise missing("filename")
    try:
        length = int(args.get("length") or 0)
    except (TypeError, ValueError) as error:
        raise missing("length") from error
    if length <= 0:
        raise missing("length")
    if length > LARGEST:
        raise APIError("file_upload_size_restricted")
    stored = workspace.files.announce(str(args["filename"]), length, str(args.get("alt_txt") or ""))
    return {"upload_url": f"{workspace.url}/upload/{stored.ticket}", "file_id": stored.id}


def complete_upload(workspace: Workspace, args: JSON) -> JSON:
    """Make uploaded files known, and post them where `channel_id` and `thread_ts` say."""
    given = args.get("files")
    if not isinstance(given, list) or not given:
        raise missing("files")
    stored = [_completed(workspace, entry) for entry in given]
    if args.get("channel_id"):
        _share(workspace, args, stored)
    for each in stored:
        each.is_complete = True
    return {"files": [file_json(each, _url(workspace, each)) for each in stored]}


def delete(workspace: Workspace, args: JSON) -> JSON:
    """The file, and the messages that were nothing but it."""
    stored = workspace.files.get(args.get("file"))
    if stored.user != workspace.app.user_id:
        raise APIError("cant_delete_file")
    for channel, shared in stored.shares.items():
        for ts in shared:
            message = workspace.messages.get(channel, ts)
            if message is not None:
                workspace.messages.remove(message)
    workspace.files.remove(stored)
    return {}


def info(workspace: Workspace, args: JSON) -> JSON:
    stored = workspace.files.get(args.get("file"))
    if not stored.is_complete:
        raise APIError("file_not_found")
    return {
        "file": file_json(stored, _url(workspace, stored))
        | {"shares": {"public": {c: [{"ts": ts} for ts in at] for c, at in stored.shares.items()}}},
        "comments": [],
        "response_metadata": {"next_cursor": ""},
    }


def _completed(workspace: Workspace, entry: object) -> StoredFile:
    stored = workspace.files.get(entry.get("id") if isinstance(entry, dict) else None)
    assert isinstance(entry, dict)
    if stored.content is None:
        raise APIError("file_not_found")
    if stored.is_complete:
        raise APIError("file_already_completed")
    stored.title = str(entry.get("title") or stored.name)
    stored.alt_text = str(entry.get("alt_txt") or stored.alt_text)
    stored.created, stored.user = int(time.time()), workspace.app.user_id
    return stored


def _share(workspace: Workspace, args: JSON, stored: list[StoredFile]) -> None:
    channel = workspace.roster.joined_channel(args["channel_id"], may_open=True)
    if channel.is_archived:
        raise APIError("is_archived")
    thread_ts = args.get("thread_ts") or None
    if thread_ts is not None:
        workspace.messages.root(channel.id, thread_ts)
    content = content_of({"text": args.get("initial_comment"), "blocks": args.get("blocks")})
    workspace.rates.admit_post(channel.id)
    message = workspace.from_app(channel.id, content, thread_ts=thread_ts)
    described = tuple(file_json(each, _url(workspace, each)) for each in stored)
    workspace.post(replace(message, files=described))
    for each in stored:
        each.shares.setdefault(channel.id, []).append(message.ts)


def _url(workspace: Workspace, stored: StoredFile) -> str:
    return f"{workspace.url}/user/files/{stored.id}"

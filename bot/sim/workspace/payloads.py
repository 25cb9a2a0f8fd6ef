"""What the app is sent when a person types a command, presses, submits a form or writes: Slack's payloads."""

from bot.sim.workspace.errors import JSON
from bot.sim.workspace.messages import Message
from bot.sim.workspace.roster import App, Channel
from bot.sim.workspace.state import Workspace

# Slack's old verification token; signatures replaced it, the field stayed.
_TOKEN = "local"  # noqa: S105


def command(workspace: Workspace, user: str, channel: Channel, name: str, text: str) -> JSON:
    app = workspace.app
    return {
        "token": _TOKEN,
        "team_id": app.team_id,
        "team_domain": app.team,
        "channel_id": channel.id,
        "channel_name": "directmessage" if channel.is_im else channel.name,
        "user_id": user,
        "user_name": workspace.roster.people[user].name,
        "command": name,
        "text": text,
        "api_app_id": app.id,
        "is_enterprise_install": "false",
        "response_url": response_url(workspace, user, channel.id),
        "trigger_id": workspace.permits.trigger(user),
    }


def response_url(workspace: Workspace, user: str, channel: str, message: Message | None = None) -> str:
    if message is None:
        name = workspace.permits.response(user, channel)
    else:
        name = workspace.permits.response(user, channel, message.ts, is_ephemeral=message.is_ephemeral)
    return f"{workspace.url}/response/{name}"


def press_on_message(workspace: Workspace, user: str, message: Message, action: JSON, values: JSON) -> JSON:
    container: JSON = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": message.channel,
        "is_ephemeral": message.is_ephemeral,
    }
    if message.thread_ts:
        container["thread_ts"] = message.thread_ts
    payload = _interaction(workspace, user, "block_actions") | {
        "container": container,
        "channel": _channel(workspace, message.channel),
        "state": {"values": values},
        "response_url": response_url(workspace, user, message.channel, message),
        "actions": [action],
    }
    # Slack sends no content of ephemeral messages along, only where they were.
    if not message.is_ephemeral:
        payload["message"] = workspace.messages.as_json(message, with_metadata=True)
    return payload


def press_on_view(workspace: Workspace, user: str, view: JSON, action: JSON) -> JSON:
    return _interaction(workspace, user, "block_actions", view_id=view["id"]) | {
        "container": {"type": "view", "view_id": view["id"]},
        "view": view,
        "actions": [action],
    }


def submission(workspace: Workspace, user: str, view: JSON) -> JSON:
    made = _interaction(workspace, user, "view_submission", view_id=view["id"])
    return made | {"view": view, "response_urls": []}


def closing(workspace: Workspace, user: str, view: JSON, *, is_cleared: bool) -> JSON:
    made = _interaction(workspace, user, "view_closed", view_id=view["id"])
    del made["trigger_id"]
    return made | {"view": view, "is_cleared": is_cleared}


def suggestion(
    workspace: Workspace, user: str, block: JSON, element: JSON, value: str, where: Message | JSON
) -> JSON:
    made = _interaction(workspace, user, "block_suggestion")
    del made["trigger_id"]
    made |= {"action_id": element["action_id"], "block_id": block["block_id"], "value": value}
    if isinstance(where, Message):
        message = workspace.messages.as_json(where, with_metadata=True)
        container = {"type": "message", "message_ts": where.ts, "channel_id": where.channel}
        return made | {
            "container": container,
            "channel": _channel(workspace, where.channel),
            "message": message,
        }
    return made | {"container": {"type": "view", "view_id": where["id"]}, "view": where}


def shortcut(workspace: Workspace, user: str, callback_id: str, message: Message | None) -> JSON:
    if message is None:
        made = _interaction(workspace, user, "shortcut") | {"callback_id": callback_id}
    else:
        made = _interaction(workspace, user, "message_action") | {
            "callback_id": callback_id,
            "message_ts": message.ts,
            "channel": _channel(workspace, message.channel),
            "message": workspace.messages.as_json(message, with_metadata=True),
            "response_url": response_url(workspace, user, message.channel),
        }
    return made | {"action_ts": workspace.messages.timestamps.next()}


def message_event(workspace: Workspace, channel: Channel, message: Message, kind: str = "message") -> JSON:
    made = message.body(workspace.app) | {"type": kind, "channel": channel.id, "event_ts": message.ts}
    if kind == "message":
        made["channel_type"] = "im" if channel.is_im else "group" if channel.is_private else "channel"
    return made


def home_opened(workspace: Workspace, user: str, channel: str) -> JSON:
    made: JSON = {
        "type": "app_home_opened",
        "user": user,
        "channel": channel,
        "tab": "home",
        "event_ts": workspace.messages.timestamps.next(),
    }
    view = workspace.views.home(user)
    return made if view is None else made | {"view": view}


def members_changed(workspace: Workspace, group: str, added: list[str], removed: list[str]) -> JSON:
    at = workspace.messages.timestamps.next()
    return {
        "type": "subteam_members_changed",
        "subteam_id": group,
        "team_id": workspace.app.team_id,
        "date_previous_update": 1_763_942_400,
        "date_update": int(at.split(".")[0]),
        "added_users": added,
        "added_users_count": len(added),
        "removed_users": removed,
        "removed_users_count": len(removed),
        "event_ts": at,
    }


def _interaction(workspace: Workspace, user: str, kind: str, *, view_id: str | None = None) -> JSON:
    app = workspace.app
    person = workspace.roster.people[user]
    return {
        "type": kind,
        "team": _team(app),
        "user": {"id": user, "username": person.name, "name": person.name, "team_id": app.team_id},
        "api_app_id": app.id,
        "token": _TOKEN,
        "enterprise": None,
        "is_enterprise_install": False,
        "trigger_id": workspace.permits.trigger(user, view_id=view_id),
    }


def _team(app: App) -> JSON:
    return {"id": app.team_id, "domain": app.team}


def _channel(workspace: Workspace, channel: str) -> JSON:
    found = workspace.roster.channels[channel]
    return {"id": found.id, "name": "directmessage" if found.is_im else found.name}

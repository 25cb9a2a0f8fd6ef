"""People, the app and user groups as Slack describes them."""

from bot.sim.workspace.errors import JSON
from bot.sim.workspace.people import Person
from bot.sim.workspace.roster import App, Group, Roster

_UPDATED = 1_763_942_400


def user_json(person: Person, app: App) -> JSON:
    return _user(
        user=person.id,
        name=person.name,
        real_name=person.real_name,
        display_name=person.display_name or person.name,
        title=person.title,
        color=person.color,
        app=app,
        is_restricted=person.is_guest,
    ) | {"is_bot": False, "is_app_user": False}


def app_user_json(app: App) -> JSON:
    made = _user(
        user=app.user_id,
        name=app.name,
        real_name=app.real_name,
        display_name=app.name,
        title="",
        color="3c4a57",
        app=app,
        is_restricted=False,
    )
    made["profile"] |= {"bot_id": app.bot_id, "api_app_id": app.id, "always_active": True}
    return made | {"is_bot": True, "is_app_user": False}


def _user(
    *,
    user: str,
    name: str,
    real_name: str,
    display_name: str,
    title: str,
    color: str,
    app: App,
    is_restricted: bool,
) -> JSON:
    return {
        "id": user,
        "team_id": app.team_id,
        "name": name,
        "deleted": False,
        "color": color,
        "real_name": real_name,
        "tz": "Etc/UTC",
        "tz_label": "Coordinated Universal Time",
        "tz_offset": 0,
        "is_admin": False,
        "is_owner": False,
        "is_primary_owner": False,
        "is_restricted": is_restricted,
        "is_ultra_restricted": False,
        "updated": _UPDATED,
        "profile": {
            "title": title,
            "phone": "",
            "skype": "",
            "real_name": real_name,
            "real_name_normalized": real_name,
            "display_name": display_name,
            "display_name_normalized": display_name,
            "status_text": "",
            "status_emoji": "",
            "status_expiration": 0,
            "avatar_hash": "",
            "email": f"{name}@example.com",
            "team": app.team_id,
        },
    }


def group_json(group: Group, roster: Roster, *, with_users: bool) -> JSON:
    made: JSON = {
        "id": group.id,
        "team_id": roster.app.team_id,
        "is_usergroup": True,
        "is_subteam": True,
        "is_external": False,
        "name": group.name,
        "description": "",
        "handle": group.handle,
        "date_create": _UPDATED,
        "date_update": _UPDATED,
        "date_delete": 0,
        "auto_type": None,
        "auto_provision": False,
        "enterprise_subteam_id": "",
        "created_by": roster.app.user_id,
        "updated_by": roster.app.user_id,
        "deleted_by": None,
        "prefs": {"channels": [], "groups": []},
        "user_count": len(group.users),
    }
    return made | {"users": list(group.users)} if with_users else made

"""`auth.*`, `users.*` and `usergroups.*`: who the app is, and who is here."""

from bot.sim.workspace.errors import JSON, APIError, missing
from bot.sim.workspace.state import Workspace
from bot.sim.workspace.users import app_user_json, group_json, user_json


def auth_test(workspace: Workspace, _args: JSON) -> JSON:
    app = workspace.app
    return {
        "url": f"{workspace.url}/",
        "team": app.team_name,
        "user": app.name,
        "team_id": app.team_id,
        "user_id": app.user_id,
        "bot_id": app.bot_id,
        "is_enterprise_install": False,
    }


def api_test(_workspace: Workspace, args: JSON) -> JSON:
    if error := args.get("error"):
        raise APIError(str(error), args=args)
    return {"args": args}


def user_info(workspace: Workspace, args: JSON) -> JSON:
    if args.get("user") == workspace.app.user_id:
        return {"user": app_user_json(workspace.app)}
    return {"user": user_json(workspace.roster.person(args.get("user")), workspace.app)}


def list_users(workspace: Workspace, _args: JSON) -> JSON:
    members = [user_json(person, workspace.app) for person in workspace.roster.people.values()]
    return {
        "members": [*members, app_user_json(workspace.app)],
        "cache_ts": 1_763_942_400,
        "response_metadata": {"next_cursor": ""},
    }


def look_up_by_email(workspace: Workspace, args: JSON) -> JSON:
    for person in workspace.roster.people.values():
        if f"{person.name}@example.com" == args.get("email"):
            return {"user": user_json(person, workspace.app)}
    raise APIError("users_not_found")


def list_groups(workspace: Workspace, args: JSON) -> JSON:
    with_users = bool(args.get("include_users"))
    groups = workspace.roster.groups.values()
    return {"usergroups": [group_json(group, workspace.roster, with_users=with_users) for group in groups]}


def list_group_users(workspace: Workspace, args: JSON) -> JSON:
    if not args.get("usergroup"):
        raise missing("usergroup")
    group = workspace.roster.groups.get(args["usergroup"])
    if group is None:
        raise APIError("no_such_subteam")
    return {"users": list(group.users)}

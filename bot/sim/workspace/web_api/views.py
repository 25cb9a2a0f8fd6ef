"""`views.*`: forms and App Homes."""

from bot.sim.workspace.errors import JSON, APIError, missing
from bot.sim.workspace.state import Workspace
from bot.sim.workspace.views import checked_view


def open_view(workspace: Workspace, args: JSON) -> JSON:
    view = checked_view(_given(args), expected="modal")
    user, _ = workspace.permits.exchange(_trigger(args))
    return {"view": workspace.views.open(user, view)}


def push(workspace: Workspace, args: JSON) -> JSON:
    view = checked_view(_given(args), expected="modal")
    user, _ = workspace.permits.exchange(_trigger(args))
    return {"view": workspace.views.push(user, view)}


def update(workspace: Workspace, args: JSON) -> JSON:
    if not args.get("view_id") and not args.get("external_id"):
        raise missing("view_id")
    given = _given(args)
    kind = "home" if isinstance(given, dict) and given.get("type") == "home" else "modal"
    view = checked_view(given, expected=kind)
    updated = workspace.views.update(
        view, view_id=args.get("view_id"), external_id=args.get("external_id"), hash_=args.get("hash")
    )
    return {"view": updated}


def publish(workspace: Workspace, args: JSON) -> JSON:
    user = args.get("user_id")
    if not user:
        raise missing("user_id")
    workspace.roster.person(user)
    view = checked_view(_given(args), expected="home")
    return {"view": workspace.views.publish(user, view, hash_=args.get("hash"))}


def _given(args: JSON) -> object:
    if args.get("view") is None:
        raise missing("view")
    return args["view"]


def _trigger(args: JSON) -> object:
    trigger = args.get("trigger_id")
    if not trigger:
        raise APIError("invalid_arguments", messages=("missing required field: trigger_id",))
    return trigger

"""Forms (modals) and App Homes: what is open before whom, and whether a view is one that Slack would take."""

from typing import Any

from bot.sim.workspace import limits
from bot.sim.workspace.blocks import check_blocks, named, size_of
from bot.sim.workspace.elements import check_text
from bot.sim.workspace.errors import JSON, APIError
from bot.sim.workspace.findings import Place
from bot.sim.workspace.form_state import initial_state
from bot.sim.workspace.ids import fresh_id, secret
from bot.sim.workspace.roster import App
from bot.sim.workspace.stream import Stream


class ViewStore:
    """Each person's stack of at most three forms, and their App Home."""

    def __init__(self, app: App, stream: Stream) -> None:
        self._app = app
        self._stream = stream
        self._stacks: dict[str, list[JSON]] = {}
        self._homes: dict[str, JSON] = {}

    def stack(self, user: str) -> list[JSON]:
        return list(self._stacks.get(user, ()))

    def home(self, user: str) -> JSON | None:
        return self._homes.get(user)

    def shown_to(self, user: str, view_id: object) -> JSON:
        """The view that a person acts on: one of their open forms, or their Home."""
        home = self._homes.get(user)
        views: list[JSON] = [*self._stacks.get(user, ()), *([home] if home else [])]
        for view in views:
            if view["id"] == view_id:
                return view
        raise APIError("view_not_found")

    def open(self, user: str, view: JSON) -> JSON:
        """Open a form, in place of any that are open."""
        made = self._new(view)
        made["root_view_id"] = made["id"]
        self._refuse_twin(user, made)
        self._stacks[user] = [made]
        self._tell("opened", user, made)
        return made

    def push(self, user: str, view: JSON) -> JSON:
        """Lay a form on top of those that are open."""
        stack = self._stacks.get(user, [])
        if not stack:
            raise APIError("not_found")
        if len(stack) >= limits.STACK:
            raise APIError("push_limit_reached")
        made = self._new(view)
        made |= {"root_view_id": stack[0]["id"], "previous_view_id": stack[-1]["id"]}
        self._refuse_twin(user, made)
        stack.append(made)
        self._tell("pushed", user, made)
        return made

    def update(self, view: JSON, *, view_id: str | None, external_id: str | None, hash_: str | None) -> JSON:
        user, before = self._find(view_id, external_id)
        if before["type"] != view["type"]:
            raise APIError("invalid_arguments", messages=("the type of a view cannot change",))
        made = self._changed(before, view, hash_)
        if made["type"] == "home":
            self._homes[user] = made
        else:
            stack = self._stacks[user]
            stack[stack.index(before)] = made
        self._tell("updated", user, made)
        return made

    def publish(self, user: str, view: JSON, *, hash_: str | None) -> JSON:
        before = self._homes.get(user)
        if before is None:
            made = self._new(view)
            made["root_view_id"] = made["id"]
        else:
            made = self._changed(before, view, hash_)
        self._homes[user] = made
        self._stream.publish({"type": "home", "user": user, "view_id": made["id"]})
        return made

    def close(self, user: str, view_id: str, *, all_of_them: bool = False) -> list[JSON]:
        """Close a form and those above it, or all; the answer is what was closed, the top one first."""
        stack = self._stacks.get(user, [])
        index = next((number for number, view in enumerate(stack) if view["id"] == view_id), None)
        if index is None:
            return []
        kept = 0 if all_of_them else index
        closed = stack[kept:][::-1]
        self._stacks[user] = stack[:kept]
        self._tell("closed", user, closed[0])
        return closed

    def keep_values(self, user: str, view_id: str, values: JSON) -> JSON:
        """Remember what a person has filled in so far."""
        view = self.shown_to(user, view_id)
        view["state"] = {"values": values}
        return view

    def _find(self, view_id: str | None, external_id: str | None) -> tuple[str, JSON]:
        everywhere = [(user, view) for user, stack in self._stacks.items() for view in stack]
        everywhere += list(self._homes.items())
        for user, view in everywhere:
            if view["id"] == view_id or (external_id and view["external_id"] == external_id):
                return user, view
        raise APIError("not_found")

    def _changed(self, before: JSON, view: JSON, hash_: str | None) -> JSON:
        if hash_ and hash_ != before["hash"]:
            raise APIError("hash_conflict", view=before)
        made = self._new(view)
        kept = {key: before[key] for key in ("id", "root_view_id", "previous_view_id")}
        made |= kept
        made["external_id"] = made["external_id"] or before["external_id"]
        # What a person filled in stays, as long as the field is still there under its names.
        filled = before["state"]["values"]
        for block_id, actions in made["state"]["values"].items():
            for action_id in actions:
                actions[action_id] = filled.get(block_id, {}).get(action_id, actions[action_id])
        return made

    def _refuse_twin(self, user: str, made: JSON) -> None:
        name = made["external_id"]
        if name and any(view["external_id"] == name for view in self._stacks.get(user, ())):
            raise APIError("duplicate_external_id")

    def _new(self, view: JSON) -> JSON:
        blocks = named(view["blocks"])
        return {
            "id": fresh_id("V"),
            "team_id": self._app.team_id,
            "type": view["type"],
            "blocks": blocks,
            "private_metadata": view.get("private_metadata") or "",
            "callback_id": view.get("callback_id") or "",
            "state": {"values": initial_state(blocks)},
            "hash": secret()[:16],
            "title": view.get("title"),
            "clear_on_close": bool(view.get("clear_on_close")),
            "notify_on_close": bool(view.get("notify_on_close")),
            "close": view.get("close"),
            "submit": view.get("submit"),
            "previous_view_id": None,
            "root_view_id": None,
            "app_id": self._app.id,
            "external_id": view.get("external_id") or "",
            "app_installed_team_id": self._app.team_id,
            "bot_id": self._app.bot_id,
        }

    def _tell(self, change: str, user: str, view: JSON) -> None:
        event = {"type": "view", "change": change, "user": user, "view_id": view["id"]}
        self._stream.publish(event)


def checked_view(view: Any, *, expected: str) -> JSON:
    """`view` if Slack would take it as a view of the type `expected`.

    Raises:
        APIError: `invalid_arguments` with JSON pointers, or `view_too_large`.
    """
    place = Place(view, "/view", expected)
    if place.is_object():
        _check(place, expected)
    if place.findings:
        sentences = tuple(finding.sentence() for finding in place.findings)
        raise APIError("invalid_arguments", messages=sentences)
    if size_of(view) > limits.VIEW_BYTES:
        raise APIError("view_too_large")
    made: JSON = view
    return made


def _check(place: Place, expected: str) -> None:
    if place.needs("type") and place.value["type"] != expected:
        place.at("type").found("invalid_value", f"must be {expected}")
    place.string("private_metadata", limits.PRIVATE_METADATA)
    place.string("callback_id", limits.ID)
    place.string("external_id", limits.ID)
    if expected == "modal":
        check_text(place, "title", limits.VIEW_TITLE, plain=True)
        check_text(place, "submit", limits.VIEW_TITLE, plain=True, needed=False)
        check_text(place, "close", limits.VIEW_TITLE, plain=True, needed=False)
    if not place.needs("blocks"):
        return
    place.findings.extend(check_blocks(place.value["blocks"], surface=expected, pointer="/view/blocks"))
    kinds = (
        [b.get("type") for b in place.value["blocks"] if isinstance(b, dict)] if not place.findings else []
    )
    if expected == "modal" and "input" in kinds and not place.has("submit"):
        place.found("missing_field", "missing required field: submit (the form has inputs)")

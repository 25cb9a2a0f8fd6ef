"""`state.values`: what stands in the fields of a form or a message, in Slack's words.

A person names the fields they changed; the rest keeps its initial value. What Slack's own client would not
let pass (an empty required field, a text that is too long) is refused before the app hears of it.
"""

from collections.abc import Iterator
from typing import Any

from bot.sim.workspace.elements import options_of
from bot.sim.workspace.errors import JSON

# Under which key an element keeps its value, and under which its initial value.
_KEYS = {
    "plain_text_input": ("value", "initial_value"),
    "email_text_input": ("value", "initial_value"),
    "url_text_input": ("value", "initial_value"),
    "number_input": ("value", "initial_value"),
    "rich_text_input": ("rich_text_value", "initial_value"),
    "file_input": ("files", "initial_files"),
    "static_select": ("selected_option", "initial_option"),
    "external_select": ("selected_option", "initial_option"),
    "radio_buttons": ("selected_option", "initial_option"),
    "overflow": ("selected_option", "initial_option"),
    "checkboxes": ("selected_options", "initial_options"),
    "multi_static_select": ("selected_options", "initial_options"),
    "multi_external_select": ("selected_options", "initial_options"),
    "users_select": ("selected_user", "initial_user"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
    "channels_select": ("selected_channel", "initial_channel"),
    "multi_users_select": ("selected_users", "initial_users"),
    "multi_conversations_select": ("selected_conversations", "initial_conversations"),
    "multi_channels_select": ("selected_channels", "initial_channels"),
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "datetimepicker": ("selected_date_time", "initial_date_time"),
}
_LISTS = ("selected_options", "selected_users", "selected_conversations", "selected_channels", "files")


def elements_of(blocks: list[JSON]) -> Iterator[tuple[JSON, JSON]]:
    """Every element that a person can act on, with the block it stands in."""
    for block in blocks:
        inside = [block.get("accessory"), block.get("element"), *block.get("elements", ())]
        if block["type"] == "card":
            inside += block.get("actions", ())
        yield from (
            (block, element) for element in inside if isinstance(element, dict) and element.get("action_id")
        )
        children = [*block.get("blocks", ()), *(block["elements"] if block["type"] == "carousel" else ())]
        yield from elements_of([child for child in children if isinstance(child, dict)])


def initial_state(blocks: list[JSON]) -> JSON:
    """`state.values` as it is before anybody touched anything."""
    values: JSON = {}
    for block, element in elements_of(blocks):
        if element["type"] in _KEYS:
            key, initial = _KEYS[element["type"]]
            empty: Any = [] if key in _LISTS else None
            slot = {"type": element["type"], key: element.get(initial, empty)}
            values.setdefault(block["block_id"], {})[element["action_id"]] = slot
    return values


def filled_in(blocks: list[JSON], before: JSON, given: Any) -> tuple[JSON, dict[str, str]]:
    """The state after a person gave `given`, and by block id what is wrong with it."""
    values = {block_id: dict(actions) for block_id, actions in before.items()}
    given = given if isinstance(given, dict) else {}
    wrong: dict[str, str] = {}
    known = {(block["block_id"], element["action_id"]): element for block, element in elements_of(blocks)}
    for block_id, actions in given.items():
        for action_id, value in (actions if isinstance(actions, dict) else {}).items():
            element = known.get((block_id, action_id))
            if element is None or element["type"] not in _KEYS:
                wrong[block_id] = f"The form has no field {action_id} here."
            elif (slot := _slot(element, value)) is None:
                wrong[block_id] = "That is none of the choices."
            else:
                values[block_id][action_id] = slot
    return values, wrong


def missing_values(blocks: list[JSON], values: JSON) -> dict[str, str]:
    """By block id, what Slack's client would ask for before it submits."""
    wrong = {}
    for block in blocks:
        if block["type"] != "input":
            continue
        element = block["element"]
        key, _ = _KEYS[element["type"]]
        value = values[block["block_id"]][element["action_id"]][key]
        if not value and not block.get("optional"):
            wrong[block["block_id"]] = "Please complete this required field."
        elif isinstance(value, str) and (fault := _fault_of_text(element, value)):
            wrong[block["block_id"]] = fault
    return wrong


def _fault_of_text(element: JSON, value: str) -> str | None:
    if len(value) > element.get("max_length", 3_000):
        return f"Must be less than {element.get('max_length', 3_000) + 1} characters."
    if value and len(value) < element.get("min_length", 0):
        return f"Must be at least {element['min_length']} characters."
    if element["type"] == "number_input" and value:
        try:
            float(value)
        except ValueError:
            return "Must be a number."
    return None


def _slot(element: JSON, given: Any) -> JSON | None:
    """What the state says of `element` once `given` stands in it; None if that is not possible."""
    key, _ = _KEYS[element["type"]]
    value = given.get(key) if isinstance(given, dict) else given
    if key == "selected_option":
        value = _option(element, value) if value is not None else None
        if given is not None and value is None and _names_something(given, key):
            return None
    elif key == "selected_options":
        options = [_option(element, one) for one in value or []]
        if None in options:
            return None
        value = options
    elif key in ("value", "selected_date", "selected_time") and value is not None:
        value = str(value) or None
    return {"type": element["type"], key: value}


def _names_something(given: Any, key: str) -> bool:
    return (given.get(key) if isinstance(given, dict) else given) is not None


def _option(element: JSON, given: Any) -> JSON | None:
    """The whole option that `given` (an option or its value) stands for."""
    value = given.get("value") if isinstance(given, dict) else given
    if "external" in element["type"]:
        return (
            given
            if isinstance(given, dict)
            else {"text": {"type": "plain_text", "text": value}, "value": value}
        )
    return next((option for option in options_of(element) if option.get("value") == value), None)


def acted(element: JSON, value: Any) -> tuple[JSON, JSON | None]:
    """What a press on `element` says in `actions`, and the element's new state if it keeps one.

    Raises:
        ValueError: `value` is none of the element's choices.
    """
    if element["type"] == "button":
        return {key: element[key] for key in ("value", "style") if key in element}, None
    if element["type"] not in _KEYS:
        return ({"value": value} if value is not None else {}), None
    slot = _slot(element, value)
    if slot is None:
        raise ValueError(f"{value!r} is none of the choices")
    return {key: part for key, part in slot.items() if key != "type"}, slot

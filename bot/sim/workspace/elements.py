"""Checks texts, buttons, menus and inputs: what stands inside blocks."""

import re

from bot.sim.workspace import limits
from bot.sim.workspace.errors import JSON
from bot.sim.workspace.findings import Place

_PLAIN = ("plain_text",)
_EITHER = ("plain_text", "mrkdwn")


def check_text(place: Place, key: str, most: int, *, plain: bool = False, needed: bool = True) -> None:
    """Check the text object at `key`."""
    if not place.has(key):
        if needed:
            place.needs(key)
        return
    check_text_object(place.at(key), most, plain=plain)


def check_text_object(place: Place, most: int, *, plain: bool = False) -> None:
    if not place.is_object():
        return
    if place.needs("type"):
        place.one_of("type", _PLAIN if plain else _EITHER)
    place.string("text", most, least=1, needed=True)


def check_element(place: Place, allowed: frozenset[str]) -> None:
    """Check an element of a block that takes the types `allowed`."""
    if not place.is_object():
        return
    kind = place.value.get("type")
    if kind not in allowed:
        place.at("type").found("unsupported_type", f"unsupported type: {kind}")
        return
    place.string("action_id", limits.ID, least=1)
    if place.has("confirm"):
        _check_confirm(place.at("confirm"))
    if kind == "button":
        _check_button(place)
    elif kind == "image":
        check_image(place)
    elif kind in limits.OPTIONS:
        _check_options(place, kind)
    if kind == "overflow":
        return
    check_text(place, "placeholder", limits.PLACEHOLDER, plain=True, needed=False)
    _check_values(place, kind)


def check_image(place: Place) -> None:
    place.string("image_url", limits.IMAGE_URL, least=1)
    if not place.has("image_url") and not place.has("slack_file"):
        place.found("missing_field", "missing required field: image_url")
    place.string("alt_text", limits.ALT_TEXT, needed=True)


def _check_button(place: Place) -> None:
    check_text(place, "text", limits.BUTTON_TEXT, plain=True)
    place.string("value", limits.BUTTON_VALUE)
    place.string("url", limits.BUTTON_URL)
    place.string("accessibility_label", limits.ACCESSIBILITY_LABEL)
    place.one_of("style", ("primary", "danger"))


def _check_confirm(place: Place) -> None:
    if not place.is_object():
        return
    check_text(place, "title", limits.CONFIRM_TITLE, plain=True)
    check_text(place, "text", limits.CONFIRM_TEXT)
    check_text(place, "confirm", limits.CONFIRM_BUTTON, plain=True, needed=False)
    check_text(place, "deny", limits.CONFIRM_BUTTON, plain=True, needed=False)
    place.one_of("style", ("primary", "danger"))


def _check_options(place: Place, kind: str) -> None:
    if place.has("option_groups") and kind.endswith("static_select"):
        for group in place.array("option_groups", limits.OPTIONS[kind]):
            if group.is_object():
                check_text(group, "label", limits.OPTION_TEXT, plain=True)
                _check_option_list(group, limits.OPTIONS[kind])
        return
    _check_option_list(place, limits.OPTIONS[kind])


def _check_option_list(place: Place, most: int) -> None:
    seen: set[object] = set()
    for option in place.array("options", most):
        if not option.is_object():
            continue
        check_text(option, "text", limits.OPTION_TEXT)
        option.string("value", limits.OPTION_VALUE, least=1, needed=True)
        check_text(option, "description", limits.OPTION_DESCRIPTION, needed=False)
        if (value := str(option.value.get("value"))) in seen:
            option.at("value").found("duplicate", f"value {value!r} stands there twice")
        seen.add(value)


def _check_values(place: Place, kind: str) -> None:
    match kind:
        case "plain_text_input":
            place.string("initial_value", 3_000)
        case "number_input":
            if not place.has("is_decimal_allowed"):
                place.needs("is_decimal_allowed")
        case "datepicker":
            _check_pattern(place, "initial_date", r"\d{4}-\d{2}-\d{2}", "must be a date: YYYY-MM-DD")
        case "timepicker":
            _check_pattern(place, "initial_time", r"([01]\d|2[0-3]):[0-5]\d", "must be a time: HH:mm")
        case "static_select" | "radio_buttons":
            _check_initial(place, [place.value["initial_option"]] if place.has("initial_option") else [])
        case "checkboxes" | "multi_static_select":
            _check_initial(place, place.value.get("initial_options") or [])


def _check_pattern(place: Place, key: str, pattern: str, message: str) -> None:
    if place.has(key) and not re.fullmatch(pattern, str(place.value[key])):
        place.at(key).found("invalid_value", message)


def _check_initial(place: Place, chosen: object) -> None:
    """An initial choice that is none of the options is refused."""
    options = [option.get("value") for option in options_of(place.value)]
    for choice in chosen if isinstance(chosen, list) else []:
        if not isinstance(choice, dict) or choice.get("value") not in options:
            place.found("invalid_value", "the initial option is none of the options")


def options_of(element: JSON) -> list[JSON]:
    """All options of an element, those in groups included."""
    groups = element.get("option_groups")
    holders = groups if isinstance(groups, list) else [element]
    found: list[JSON] = []
    for holder in holders:
        options = holder.get("options") if isinstance(holder, dict) else None
        found += [option for option in options or [] if isinstance(option, dict)]
    return found

"""Checks blocks as Slack does, and gives names to those that have none.

`check_blocks` answers findings with JSON pointers; `chat.*` and `views.*` refuse what has any,
`blocks.validate` lists them. What is not known here is refused: a block that passes in the local workspace
must pass in Slack.
"""

import json
from collections.abc import Callable
from typing import Any

from bot.sim.workspace import limits
from bot.sim.workspace.elements import check_element, check_image, check_text, check_text_object
from bot.sim.workspace.errors import JSON
from bot.sim.workspace.findings import Finding, Place
from bot.sim.workspace.ids import secret


def check_blocks(blocks: object, *, surface: str, pointer: str = "/blocks") -> list[Finding]:
    """What is wrong with `blocks` on `surface`: "message", "modal" or "home"."""
    place = Place(blocks, pointer, surface)
    if not isinstance(blocks, list):
        place.found("invalid_type", "must be an array")
        return place.findings
    most = limits.BLOCKS_IN_MESSAGE if surface == "message" else limits.BLOCKS_IN_VIEW
    if len(blocks) > most:
        place.found("too_many", f"no more than {most} items allowed")
    for block in place.items():
        _check_block(block)
    if not place.findings:
        _check_together(place)
    return place.findings


def is_too_long(blocks: list[JSON]) -> bool:
    """Are the texts of a message's blocks, taken together, more than Slack accepts?"""
    return sum(_characters(block) for block in blocks) > limits.CHARACTERS_IN_MESSAGE


def named(blocks: list[JSON]) -> list[JSON]:
    """The blocks with a `block_id` each, and an `action_id` for each element."""
    return [_named(block) for block in blocks]


def _named(block: JSON) -> JSON:
    made = {**block, "block_id": block.get("block_id") or secret()[:5]}
    if block["type"] in ("actions", "context_actions"):
        made["elements"] = [_with_action_id(element) for element in block["elements"]]
    for key in ("accessory", "element"):
        if isinstance(block.get(key), dict) and block[key]["type"] != "image":
            made[key] = _with_action_id(block[key])
    return made


def _with_action_id(element: JSON) -> JSON:
    return {**element, "action_id": element.get("action_id") or secret()[:5]}


def _check_block(place: Place) -> None:
    if not place.is_object():
        return
    kind = place.value.get("type")
    if place.surface not in limits.SURFACES.get(str(kind), ()):
        place.at("type").found("unsupported_type", f"unsupported type: {kind}")
        return
    place.string("block_id", limits.ID, least=1)
    if check := _CHECKS.get(str(kind)):
        check(place)


def _check_section(place: Place) -> None:
    if not place.has("text") and not place.has("fields"):
        place.found("missing_field", "missing required field: text or fields")
    check_text(place, "text", 3_000, needed=False)
    for field in place.array("fields", 10, needed=False):
        check_text_object(field, 2_000)
    if place.has("accessory"):
        check_element(place.at("accessory"), limits.ACCESSORIES)


def _check_header(place: Place) -> None:
    check_text(place, "text", 150, plain=True)


def _check_image(place: Place) -> None:
    check_image(place)
    check_text(place, "title", limits.IMAGE_TITLE, plain=True, needed=False)


def _check_context(place: Place) -> None:
    for element in place.array("elements", 10):
        if not element.is_object():
            continue
        match element.value.get("type"):
            case "image":
                check_image(element)
            case "plain_text" | "mrkdwn":
                element.string("text", 3_000, least=1, needed=True)
            case other:
                element.at("type").found("unsupported_type", f"unsupported type: {other}")


def _check_actions(place: Place) -> None:
    most = 25 if place.value["type"] == "actions" else 5
    seen: set[str] = set()
    for element in place.array("elements", most):
        check_element(element, limits.ACTION_ELEMENTS)
        action = element.value.get("action_id") if isinstance(element.value, dict) else None
        if action in seen:
            element.at("action_id").found("duplicate", f"`action_id` {action!r} already exists")
        if isinstance(action, str):
            seen.add(action)


def _check_input(place: Place) -> None:
    check_text(place, "label", limits.INPUT_LABEL, plain=True)
    check_text(place, "hint", limits.INPUT_HINT, plain=True, needed=False)
    if place.needs("element"):
        check_element(place.at("element"), limits.INPUT_ELEMENTS)


def _check_markdown(place: Place) -> None:
    place.string("text", limits.MARKDOWN_IN_MESSAGE, least=1, needed=True)


def _check_table(place: Place) -> None:
    for row in place.array("rows", limits.TABLE_ROWS):
        if not isinstance(row.value, list) or not 1 <= len(row.value) <= limits.TABLE_COLUMNS:
            row.found("invalid_type", f"must be an array of 1 to {limits.TABLE_COLUMNS} cells")
    for _ in place.array("column_settings", 20, least=0, needed=False):
        pass


def _check_data_table(place: Place) -> None:
    place.string("caption", 150, least=1, needed=True)
    for row in place.array("rows", limits.DATA_ROWS, least=2):
        if not isinstance(row.value, list) or not 1 <= len(row.value) <= limits.DATA_COLUMNS:
            row.found("invalid_type", f"must be an array of 1 to {limits.DATA_COLUMNS} cells")
    if _characters(place.value) > limits.DATA_CHARACTERS:
        place.found("too_long", f"must be less than {limits.DATA_CHARACTERS + 1} characters")


def _check_chart(place: Place) -> None:
    place.string("title", 50, least=1, needed=True)
    chart = place.at("chart") if place.has("chart") else place
    if not chart.is_object():
        return
    chart.one_of("type" if chart is not place else "chart_type", ("line", "bar", "area", "pie"))
    for series in chart.array("series", 12, needed=chart.value.get("type") != "pie"):
        if series.is_object():
            list(series.array("data", 20))


def _check_plan(place: Place) -> None:
    place.string("title", 200, needed=True)
    for task in place.array("tasks", limits.TASKS_IN_PLAN, least=0):
        if task.is_object():
            _check_task(task)


def _check_task(place: Place) -> None:
    place.string("task_id", limits.ID, least=1, needed=True)
    place.string("title", 200, least=1, needed=True)
    if place.needs("status"):
        place.one_of("status", limits.TASK_STATUS)


def _check_card(place: Place) -> None:
    if not any(place.has(key) for key in ("hero_image", "title", "actions", "body")):
        place.found("missing_field", "missing required field: title, body, actions or hero_image")
    check_text(place, "title", 150, needed=False)
    check_text(place, "subtitle", 150, needed=False)
    check_text(place, "body", 200, needed=False)
    for element in place.array("actions", 3, needed=False):
        check_element(element, frozenset({"button"}))


def _check_carousel(place: Place) -> None:
    for card in place.array("elements", 10):
        if card.is_object():
            _check_card(card)


def _check_container(place: Place) -> None:
    for child in place.array("blocks", 10):
        _check_block(child)


def _check_alert(place: Place) -> None:
    check_text(place, "text", 200)
    place.one_of("level", ("default", "info", "warning", "error", "success"))


def _check_rich_text(place: Place) -> None:
    allowed = ("rich_text_section", "rich_text_list", "rich_text_quote", "rich_text_preformatted")
    for element in place.array("elements", 1_000, least=0):
        if element.is_object():
            element.one_of("type", allowed)


_CHECKS: dict[str, Callable[[Place], None]] = {
    "actions": _check_actions,
    "alert": _check_alert,
    "card": _check_card,
    "carousel": _check_carousel,
    "container": _check_container,
    "context": _check_context,
    "context_actions": _check_actions,
    "data_table": _check_data_table,
    "data_visualization": _check_chart,
    "header": _check_header,
    "image": _check_image,
    "input": _check_input,
    "markdown": _check_markdown,
    "plan": _check_plan,
    "rich_text": _check_rich_text,
    "section": _check_section,
    "table": _check_table,
    "task_card": _check_task,
}


def _check_together(place: Place) -> None:
    """Rules that no block breaks alone."""
    kinds = [block["type"] for block in place.value]
    if "plan" in kinds and "task_card" in kinds:
        place.found("invalid_value", "plan and task_card blocks cannot stand in one message")
    if kinds.count("data_visualization") > limits.CHARTS_IN_MESSAGE:
        place.found("too_many", f"no more than {limits.CHARTS_IN_MESSAGE} data_visualization blocks allowed")
    markdown = sum(len(block["text"]) for block in place.value if block["type"] == "markdown")
    if markdown > limits.MARKDOWN_IN_MESSAGE:
        place.found(
            "too_long", f"markdown must be less than {limits.MARKDOWN_IN_MESSAGE + 1} characters in all"
        )
    seen: set[str] = set()
    for block in place.items():
        name = block.value.get("block_id")
        if name in seen:
            block.at("block_id").found("duplicate", f"`block_id` {name!r} already exists")
        if name:
            seen.add(name)


def _characters(value: Any) -> int:
    """How many characters a reader gets to see of this."""
    if isinstance(value, dict):
        return sum(
            len(part) if key in ("text", "alt_text") and isinstance(part, str) else _characters(part)
            for key, part in value.items()
        )
    if isinstance(value, list):
        return sum(_characters(part) for part in value)
    return 0


def size_of(value: object) -> int:
    """Bytes of `value` as JSON."""
    return len(json.dumps(value, separators=(",", ":")).encode())

"""Label and field selectors, as they stand in a query string and as they stand in objects."""

import re
from collections.abc import Callable, Mapping

from bot.sim.cluster.objects import Object, dig, labels_of
from bot.sim.cluster.refusals import bad_request

Matches = Callable[[Object], bool]

_SET = re.compile(r"^(?P<key>\S+)\s+(?P<op>in|notin)\s*\((?P<values>[^)]*)\)$")
_EQUAL = re.compile(r"^(?P<key>[^=!\s]+)\s*(?P<op>==|=|!=)\s*(?P<value>[^=!\s]*)$")
_EXISTS = re.compile(r"^(?P<not>!?)\s*(?P<key>[\w./-]+)$")
_SPLIT = re.compile(r",(?![^(]*\))")  # commas inside in(…) separate values, not requirements


def label_selector(text: str) -> Matches:
    """The test that `labelSelector=…` stands for."""
    tests = [_requirement(part.strip()) for part in _SPLIT.split(text) if part.strip()]
    return lambda obj: all(test(labels_of(obj)) for test in tests)


def _requirement(text: str) -> Callable[[Mapping[str, str]], bool]:
    if found := _SET.match(text):
        key, values = found["key"], {value.strip() for value in found["values"].split(",")}
        if found["op"] == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values
    if found := _EQUAL.match(text):
        key, value = found["key"], found["value"]
        if found["op"] == "!=":
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value
    if found := _EXISTS.match(text):
        key, wanted = found["key"], not found["not"]
        return lambda labels: (key in labels) is wanted
    raise bad_request(f"unable to parse requirement: {text!r}")


def field_selector(text: str) -> Matches:
    """The test that `fieldSelector=…` stands for."""
    tests = []
    for part in text.split(","):
        if not part.strip():
            continue
        found = _EQUAL.match(part.strip())
        if found is None:
            raise bad_request(f"invalid field selector: {part!r}")
        tests.append((found["key"].split("."), found["value"], found["op"] != "!="))
    return lambda obj: all(
        (str(dig(obj, *path, default="")) == value) is equal for path, value, equal in tests
    )


def selects(selector: Object | None, labels: Mapping[str, str]) -> bool:
    """Whether an object's `spec.selector` (matchLabels and matchExpressions) takes these labels."""
    if not selector:
        return False
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_expression(one, labels) for one in selector.get("matchExpressions") or [])


def _expression(one: Object, labels: Mapping[str, str]) -> bool:
    value, values = labels.get(one["key"]), one.get("values") or []
    match one["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case _:
            return value is None


def matches_map(selector: Mapping[str, str] | None, labels: Mapping[str, str]) -> bool:
    """Whether a Service's selector takes these labels; a Service without one selects nothing."""
    return bool(selector) and all(labels.get(key) == value for key, value in (selector or {}).items())

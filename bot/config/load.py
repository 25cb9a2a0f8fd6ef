"""From a file to `Settings`, or to everything that is wrong with it, with line, path and remedy each."""

from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from bot.config.document import Document, parse, read
from bot.config.models import Settings
from bot.config.problems import ConfigErrors, Keys, dotted, listed, nearest, shown
from bot.config.section import WRONG, Reading
from bot.domain.errors import ConfigError


def load(path: Path) -> Settings:
    """The team's settings.

    Raises:
        ConfigErrors: a `ConfigError` that holds everything that is wrong with the file.
    """
    return _settings(read(path), path.absolute().parent)


def loads(text: str | bytes, *, folder: Path, name: str = "slackwater.yaml") -> Settings:
    """The settings that a text holds; paths in it are relative to `folder`."""
    raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    return _settings(parse(raw, name), folder)


def _settings(document: Document, folder: Path) -> Settings:
    reading = Reading(folder)
    problems: list[tuple[Keys, ConfigError]] = []
    settings = None
    try:
        settings = Settings.model_validate(document.values, context=reading)
    except ValidationError as error:
        problems += _without_echoes(
            [(details["type"], *_problem(document, details)) for details in error.errors(include_url=False)]
        )
    for keys, remedy in reading.unknown:
        problems.append((keys, _said(document, keys, remedy, document.at(keys))))
    if problems or settings is None:
        problems.sort(key=lambda problem: _line(problem[1]))
        raise ConfigErrors(problem for _, problem in problems)
    return settings.standing_in(document)


def _without_echoes(found: list[tuple[str, Keys, ConfigError]]) -> list[tuple[Keys, ConfigError]]:
    """Leaves out that a list is too short where pydantic only did not count its wrong entries."""
    return [
        (keys, problem)
        for kind, keys, problem in found
        if kind != "too_short" or not any(k != keys and k[: len(keys)] == keys for _, k, _ in found)
    ]


def _line(problem: ConfigError) -> int:
    return int(problem.where.rpartition(":")[2])


def _problem(document: Document, details: ErrorDetails) -> tuple[Keys, ConfigError]:
    kind, context = details["type"], details.get("ctx", {})
    keys = _in_file(document, details["loc"])
    if kind == WRONG:
        keys = (*keys, *context["keys"])
    elif kind == "union_tag_invalid":
        keys = (*keys, "kind")
    if details["loc"][-1:] == ("[key]",):
        return keys, _said(document, keys, f"the name does not fit: {_remedy(details)}", None)
    value = document.at(keys)
    if value is None and document.lines.get(keys) is not None and kind != "missing":
        return keys, _said(
            document, keys, f"is empty: leave the key out for its default, or {_if_empty(details)}", None
        )
    return keys, _said(document, keys, _remedy(details), value)


def _said(document: Document, keys: Keys, remedy: str, value: object) -> ConfigError:
    return ConfigError(where=document.where(keys), key=dotted(keys), value=shown(value, keys), remedy=remedy)


def _in_file(document: Document, place: tuple[int | str, ...]) -> Keys:
    """The keys of an error as they stand in the file, without the tags that pydantic adds for a union."""
    keys: Keys = ()
    for number, step in enumerate(place):
        found = document.at(keys)
        is_here = isinstance(found, dict) and step in found
        is_item = isinstance(found, tuple) and isinstance(step, int)
        is_missing = isinstance(found, dict) and number == len(place) - 1 and step != "[key]"
        if is_here or is_item or is_missing:
            keys = (*keys, step)
    return keys


def _if_empty(details: ErrorDetails) -> str:
    remedy = _remedy(details)
    return remedy if remedy.startswith(("write", "must")) else f"note that it {remedy}"


def _remedy(details: ErrorDetails) -> str:
    """What to write instead, from pydantic's kind of error."""
    kind, context = details["type"], details.get("ctx", {})
    if kind == WRONG:
        return str(context["remedy"])
    if kind == "literal_error":
        return _one_of(details["input"], str(context["expected"]))
    if kind == "union_tag_invalid":
        return _one_of(context["tag"], str(context["expected_tags"]))
    # Only what is written below is a template; pydantic's own sentence may repeat what stands in the file.
    remedy = _REMEDIES.get(kind)
    return details["msg"] if remedy is None else remedy.format_map(_Words(context))


class _Words(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "…"


def _one_of(value: object, expected: str) -> str:
    allowed = [word.strip(" '") for word in expected.replace(" or ", ", ").split(", ")]
    close = nearest(value, allowed) if isinstance(value, str) else "."
    return f"is not allowed here{close} Allowed: {listed(allowed)}"


_REMEDIES = {
    "missing": "is needed",
    "string_type": "must be text: put it in quotes",
    "string_too_short": "must not be empty",
    "bool_type": "write true or false",
    "int_type": "write a whole number, without quotes or unit",
    "int_from_float": "write a whole number",
    "float_type": "write a number, without quotes or unit",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "tuple_type": "must be a list: [first, second], or one `- item` per line",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
    "mapping_type": "must be a section of `name: value` lines",
    "dict_type": "must be a section of `name: value` lines",
}

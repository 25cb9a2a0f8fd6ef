"""YAML with positions, read defensively: text in, plain values out, and for each value the line it stands on.

It builds its values from the YAML parser's events, so that nothing is ever made from a tag, size and depth
are known before anything is nested, and an alias costs what it expands to (a "billion laughs" ends early).

**What differs from YAML 1.1.** Scalars follow YAML 1.2's core schema: only `true` and `false` are booleans
(not `yes`, `on`, `no`), dates stay text, and `10:30` is no number. A key is always text. The same key twice
in one section, tags, and a second document are refused.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from bot.config.problems import ConfigErrors, Keys, dotted, holds_secret, redacted
from bot.domain.errors import ConfigError

LARGEST = 512 * 1024  # bytes; a team's file is a few kB, and the parser needs about a second for 100 kB
_DEEPEST = 32
_SNIPPET = 60  # characters of a line that an error quotes
_MOST_NODES = 50_000

_NULL = {"", "~", "null", "Null", "NULL"}
_TRUE = {"true", "True", "TRUE"}
_FALSE = {"false", "False", "FALSE"}
_INT = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,3})?")
# Control characters and lone surrogates: no setting needs them, and a log or a terminal may trip over them.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


class Entries(dict[str, object]):
    """A section as it stands in the file, with its own path."""

    def __init__(self, keys: Keys) -> None:
        super().__init__()
        self.keys_here = keys


@dataclass
class Document:
    """The values of one file and where each of them stands."""

    file: str
    values: object = None
    lines: dict[Keys, int] = field(default_factory=dict)

    def where(self, keys: Keys) -> str:
        """`file.yaml:LINE` of the value, or of the nearest section around it."""
        for length in range(len(keys), -1, -1):
            if (line := self.lines.get(keys[:length])) is not None:
                return f"{self.file}:{line}"
        return f"{self.file}:1"

    def at(self, keys: Keys) -> object:
        """The value under these keys; None where there is none."""
        found = self.values
        for key in keys:
            if isinstance(found, Entries) and isinstance(key, str):
                found = found.get(key)
            elif isinstance(found, tuple) and isinstance(key, int) and key < len(found):
                found = found[key]
            else:
                return None
        return found


def read(path: Path) -> Document:
    """The file's values.

    Raises:
        ConfigErrors: the file is missing, too large, not UTF-8, not such YAML, or holds a secret.
    """
    try:
        with path.open("rb") as stream:
            raw = stream.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise _refusal(str(path), 1, f"cannot be read ({reason}): name a file that exists") from error
    return parse(raw, path.name)


def parse(raw: bytes, name: str) -> Document:
    """The values of a file's content; `name` is what errors call the file."""
    if len(raw) > LARGEST:
        raise _refusal(name, 1, f"is larger than {LARGEST // 1024} KiB: is it the right file?")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise _refusal(name, line, "is not UTF-8 text: save it as UTF-8") from error
    builder = _Builder(name, text)
    try:
        values = builder.build()
    finally:
        # Said first, and even of a file that cannot be parsed: the token must be changed in any case.
        _refuse_secrets(text, name, builder.lines)
    if not isinstance(values, Entries):
        raise _refusal(name, 1, "holds no settings: begin with `version: 1`")
    return Document(name, values, builder.lines)


def _refuse_secrets(text: str, name: str, lines: Mapping[Keys, int]) -> None:
    suspects = [(number, line) for number, line in enumerate(text.split("\n"), 1) if holds_secret(line)]
    if not suspects:
        return
    keys_by_line = {line: dotted(keys) for keys, line in lines.items()}
    raise ConfigErrors(
        ConfigError(
            where=f"{name}:{number}",
            key=keys_by_line.get(number, "(this line)"),
            value=redacted(line.strip())[:_SNIPPET],
            remedy="a secret stands here: take it out, replace it at its issuer, and give it in the"
            " environment (SLACK_BOT_TOKEN, GITHUB_TOKEN, …) or in a file named by …_FILE",
        )
        for number, line in suspects
    )


def _refusal(name: str, line: int, remedy: str, keys: Keys = (), value: object = None) -> ConfigErrors:
    return ConfigErrors([ConfigError(where=f"{name}:{line}", key=dotted(keys), value=value, remedy=remedy)])


class _Builder:
    """Builds values from events; recursion is bounded by `_DEEPEST`, work by `_MOST_NODES`."""

    def __init__(self, name: str, text: str) -> None:
        self.lines: dict[Keys, int] = {}
        self._name = name
        self._text = text
        self._events: list[Event] = []
        self._next = 0
        # Where an anchored value begins. It counts from the value's end on, so that no value can hold itself.
        self._anchors: dict[str, int] = {}
        self._merging = False
        self._nodes = 0

    def build(self) -> object:
        self._parse()
        return self._value((), 0) if self._events else None

    def _parse(self) -> None:
        """Collects the events of the one document, without its envelope."""
        documents = depth = 0
        try:
            for event in yaml.parse(self._text, Loader=yaml.SafeLoader):
                documents += isinstance(event, DocumentStartEvent)
                if documents > 1:
                    raise self._refuse(event, "a second document begins here: keep one document in the file")
                depth += _nesting(event)
                if depth > _DEEPEST:
                    raise self._refuse(event, f"is nested deeper than {_DEEPEST} levels")
                if isinstance(event, NodeEvent | MappingEndEvent | SequenceEndEvent):
                    self._events.append(event)
        except yaml.MarkedYAMLError as error:
            # Not chained: the parser's own message quotes the line, and so whatever secret stands on it.
            raise self._syntax(error) from None
        except (yaml.YAMLError, ValueError, OverflowError) as error:
            # A character that YAML forbids, or an escape or a directive that stands for none.
            line = self._text.count("\n", 0, getattr(error, "position", 0)) + 1
            remedy = "holds a character or an escape that YAML does not allow: retype the line"
            raise _refusal(self._name, line, remedy) from error

    def _syntax(self, error: yaml.MarkedYAMLError) -> ConfigErrors:
        mark = error.problem_mark or error.context_mark
        problem = redacted(error.problem or "cannot be parsed")
        hint = "check the indentation, quotes and brackets around this line"
        if "'\\t'" in problem or "tab" in problem:
            hint = "indent with spaces; YAML allows no tabs there"
        elif any(f"'{character}'" in problem for character in "@`%"):
            hint = 'put the value in quotes, as in "@engineers"'
        return _refusal(self._name, mark.line + 1 if mark else 1, f"is not valid YAML ({problem}): {hint}")

    def _refuse(self, event: Event, remedy: str, keys: Keys = (), value: object = None) -> ConfigErrors:
        return _refusal(self._name, _line(event), remedy, keys, value)

    def _take(self) -> Event:
        event = self._events[self._next]
        self._next += 1
        return event

    def _value(self, keys: Keys, depth: int) -> object:
        begin = self._next
        event = self._take()
        self._nodes += 1
        if self._nodes > _MOST_NODES or depth > _DEEPEST:
            raise self._refuse(event, "the file grows too large through its aliases: write them out", keys)
        self._stands(keys, event, first_wins=True)
        if isinstance(event, AliasEvent):
            return self._alias(event, keys, depth)
        assert isinstance(event, ScalarEvent | SequenceStartEvent | MappingStartEvent)
        if event.tag not in (None, "!"):
            raise self._refuse(event, f"tags such as {event.tag} mean nothing here: remove it", keys)
        value: object
        if isinstance(event, ScalarEvent):
            value = self._scalar(event, keys)
        elif isinstance(event, SequenceStartEvent):
            value = self._list(keys, depth)
        else:
            value = self._section(keys, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = begin
        return value

    def _stands(self, keys: Keys, event: Event, *, first_wins: bool) -> None:
        if not (first_wins and keys in self.lines):
            self.lines[keys] = _line(event)

    def _alias(self, event: AliasEvent, keys: Keys, depth: int) -> object:
        begin = self._anchors.get(event.anchor or "")
        if begin is None:
            raise self._refuse(event, f"*{event.anchor} refers to no anchor that ends before it", keys)
        back, self._next = self._next, begin
        value = self._value(keys, depth + 1)
        self._next = back
        return value

    def _scalar(self, event: ScalarEvent, keys: Keys) -> object:
        text: str = event.value
        if _UNPRINTABLE.search(text):
            raise self._refuse(event, "holds a control character: remove it", keys)
        return text if event.style or event.tag else _plain(text)

    def _list(self, keys: Keys, depth: int) -> tuple[object, ...]:
        items: list[object] = []
        while not isinstance(self._events[self._next], SequenceEndEvent):
            items.append(self._value((*keys, len(items)), depth + 1))
        self._take()
        return tuple(items)

    def _section(self, keys: Keys, depth: int) -> Entries:
        entries = Entries(keys)
        merged: list[object] = []
        while not isinstance(event := self._take(), MappingEndEvent):
            name = self._key(event, keys)
            if name == "<<":
                merged.append(self._merge(event, keys, depth))
                continue
            child = (*keys, name)
            if name in entries:
                first = self.lines.get(child, 1)
                raise self._refuse(
                    event, f"stands here twice (first on line {first}): keep one of them", child
                )
            self._stands(child, event, first_wins=self._merging)
            entries[name] = self._value(child, depth + 1)
        for more in merged:
            for name, value in more.items() if isinstance(more, Entries) else ():
                entries.setdefault(name, value)
        return entries

    def _key(self, event: Event, keys: Keys) -> str:
        self._nodes += 1
        if not isinstance(event, ScalarEvent) or not event.value:
            raise self._refuse(event, "a key must be a plain word: write `key: value`", keys)
        name: str = event.value
        if _UNPRINTABLE.search(name):
            raise self._refuse(event, "a key holds a control character: remove it", keys)
        return name

    def _merge(self, event: Event, keys: Keys, depth: int) -> Entries:
        """`<<: *other`: the other section's entries, as far as this one does not say something else."""
        outer, self._merging = self._merging, True
        value = self._value(keys, depth + 1)
        self._merging = outer
        if not isinstance(value, Entries):
            raise self._refuse(event, "<< takes in one section: write `<<: *anchor`", keys)
        return value


def _line(event: Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _nesting(event: Event) -> int:
    if isinstance(event, MappingStartEvent | SequenceStartEvent):
        return 1
    return -1 if isinstance(event, MappingEndEvent | SequenceEndEvent) else 0


def _plain(text: str) -> object:
    """What an unquoted scalar stands for in YAML 1.2's core schema, as far as settings need it."""
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    return text

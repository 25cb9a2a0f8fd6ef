"""PromQL from the settings: placeholders filled in, safely; which raw series a query rests on.

A version comes from what a person typed, so it is escaped for the place it stands in: a string in double or
single quotes, and in a regular-expression matcher (`=~`, `!~`) for that as well. Only `$pods` is a pattern
by itself. Outside quotes nothing but `$window` and the selectors may stand, so no value can become a part of
the query.
"""

import re
from collections.abc import Mapping
from datetime import timedelta

import promql_parser

from bot.domain.errors import ConfigError
from bot.domain.figures import Subject

_PLACEHOLDER = re.compile(r"\$([A-Za-z_]+)")
_SELECTORS = ("selector", "pods_selector")
_VALUES = ("namespace", "version", "pods")
_ALLOWED = "$selector, $pods_selector, $namespace, $version, $pods and $window"
_REGEX_MATCHER = re.compile(r"[=!]~\s*$")
# What RE2, which Prometheus uses, takes for syntax.
_REGEX_SYNTAX = re.compile(r"([\\.+*?()|\[\]{}^$])")


class Template:
    """One query of the settings."""

    def __init__(self, where: str, key: str, text: str, selectors: Mapping[str, str]) -> None:
        """Checks the placeholders.

        Raises:
            ConfigError: an unknown placeholder, or one in a place where it cannot be filled safely.
        """
        self.is_of_pods = "$pods" in text
        self._text = _PLACEHOLDER.sub(lambda found: selectors.get(found[1], found[0]), text)
        try:
            self.fill(Subject(namespace="n", version="v", pods="p"), timedelta(minutes=1))
        except ValueError as error:
            raise ConfigError(where=where, key=key, value=text, remedy=str(error)) from error

    def fill(self, subject: Subject, window: timedelta) -> str:
        """The query for one version."""
        parts, done = [], 0
        for found in _PLACEHOLDER.finditer(self._text):
            name = found[1]
            parts.append(self._text[done : found.start()])
            done = found.end()
            if name == "window":
                parts.append(f"{round(window.total_seconds() * 1000)}ms")
            elif name in _VALUES:
                parts.append(_escaped(name, getattr(subject, name), self._text[: found.start()]))
            else:
                raise ValueError(f"${name} is unknown; use {_ALLOWED}")
        return "".join((*parts, self._text[done:]))


def templates(where: str, queries: Mapping[str, str], *, selector: str, pods: str) -> dict[str, Template]:
    """Every query by its key.

    Raises:
        ConfigError: see `Template`.
    """
    selectors = dict(zip(_SELECTORS, (selector, pods), strict=True))
    return {key: Template(where, f"{where}.{key}", text, selectors) for key, text in queries.items()}


def age_query(query: str) -> str | None:
    """When the newest raw sample under a query was taken, as a query; None if that cannot be told.

    An instant query's own timestamp is always the moment of asking: Prometheus looks back five minutes for a
    sample, so a target that stopped being scraped keeps its last value that long. Only `timestamp()` of the
    raw series tells.
    """
    found: list[promql_parser.VectorSelector] = []

    def visit(node: object) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            found.append(node)

    try:
        promql_parser.walk(promql_parser.parse(query), visit)
    except ValueError:
        return None
    if not found:
        return None
    raw = found[0]
    if raw.offset is not None or raw.at is not None or raw.matchers.or_matchers:
        return None
    return f"max(timestamp({_written(raw)}))"


def _written(selector: promql_parser.VectorSelector) -> str:
    # The parser's own way of writing a selector does not escape quotes.
    matchers = [
        f'{m.name}{_OPERATORS[str(m.op)]}"{_in_string(m.value, chr(34))}"' for m in selector.matchers.matchers
    ]
    return f"{selector.name or ''}{{{','.join(matchers)}}}"


_OPERATORS = {"MatchOp.Equal": "=", "MatchOp.NotEqual": "!=", "MatchOp.Re": "=~", "MatchOp.NotRe": "!~"}


def _escaped(name: str, value: str, before: str) -> str:
    quote, opened_at = _open_quote(before)
    if quote is None:
        raise ValueError(f'${name} has to stand in a quoted label value, as in version="${name}"')
    if quote == "`":
        raise ValueError(f"${name} cannot be escaped between backticks; use double quotes")
    if name != "pods" and _REGEX_MATCHER.search(before[:opened_at]):
        value = _REGEX_SYNTAX.sub(r"\\\1", value)
    return _in_string(value, quote)


def _open_quote(text: str) -> tuple[str | None, int]:
    """Which quote is still open at the end of the text, and where it was opened."""
    quote: str | None = None
    opened_at, position = 0, 0
    while position < len(text):
        letter = text[position]
        if quote is None and letter in "\"'`":
            quote, opened_at = letter, position
        elif letter == "\\" and quote in ('"', "'"):
            position += 1
        elif letter == quote:
            quote = None
        position += 1
    return quote, opened_at


def _in_string(value: str, quote: str) -> str:
    value = value.replace("\\", "\\\\").replace(quote, f"\\{quote}")
    return value.replace("\n", "\\n").replace("\r", "\\r").replace("\0", "")

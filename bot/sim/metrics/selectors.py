"""`name{label=~"…"}[1m] offset 5m`: which series a selector means, and how they are read at a moment.

The series are looked up once per query, not once per step. A regular expression comes from whoever may query,
and the engine that matches it here may backtrack: its length and its time are bounded, and a query
that reaches the bound is refused.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta

import promql_parser as promql
import regex

from bot.sim.metrics.store import Series, SeriesStore
from bot.sim.metrics.values import NAME, BadQuery, Labels, NotSupported, Sample, Vector, Window, nameless

# As `--query.lookback-delta` has it by default.
LOOK_BACK = 5 * 60 * 1000

# A list of two hundred pods by name fits; a generated monster does not.
_LONGEST_PATTERN = 16_384

# Seconds for one comparison: an ordinary one takes microseconds, and a busy machine must not refuse it.
_REGEX_TIME = 0.25

Matches = Callable[[str], bool]


class Pattern:
    """A regular expression that must match the whole value, as PromQL's are."""

    def __init__(self, text: str) -> None:
        if len(text) > _LONGEST_PATTERN:
            raise NotSupported(f"a regular expression of {len(text)} characters")
        try:
            # RE2, which Prometheus uses, means ASCII by \d, \w and \s.
            self._compiled = regex.compile(text, regex.ASCII)
        except regex.error as error:
            raise NotSupported(f"the regular expression {text!r} ({error})") from error
        self._text = text

    def match(self, value: str) -> "regex.Match[str] | None":
        try:
            return self._compiled.fullmatch(value, timeout=_REGEX_TIME)
        except TimeoutError as error:
            raise NotSupported(f"the costly regular expression {self._text!r}") from error


def select(selector: promql.VectorSelector, store: SeriesStore) -> list[Series]:
    """The series that a selector means, whether they have samples now or not."""
    name, tests = selector.name, []
    if selector.matchers.or_matchers:
        raise NotSupported("`or` between label matchers")
    for matcher in selector.matchers.matchers:
        if matcher.name == NAME and matcher.op == promql.MatchOp.Equal and name is None:
            name = matcher.value
        else:
            tests.append((matcher.name, _test(matcher)))
    return [
        series
        for series in store.named(name)
        if all(matches(series.labels.get(label, "")) for label, matches in tests)
    ]


def _test(matcher: promql.Matcher) -> Matches:
    wanted = matcher.value
    if matcher.op == promql.MatchOp.Equal:
        return wanted.__eq__
    if matcher.op == promql.MatchOp.NotEqual:
        return wanted.__ne__
    pattern = Pattern(wanted)
    seen: dict[str, bool] = {}
    positive = matcher.op == promql.MatchOp.Re

    def matches(value: str) -> bool:
        found = seen.get(value)
        if found is None:
            found = seen[value] = (pattern.match(value) is not None) is positive
        return found

    return matches


def instant(selector: promql.VectorSelector, store: SeriesStore) -> Callable[[int], Vector]:
    """What a selector without brackets gives at a moment."""
    read = _newest(selector, store)
    return lambda at: [Sample(labels, value) for labels, _, value in read(at)]


def taken_at(selector: promql.VectorSelector, store: SeriesStore) -> Callable[[int], Vector]:
    """When the samples that a selector without brackets gives were taken: seconds, without the name."""
    read = _newest(selector, store)
    return lambda at: [Sample(nameless(labels), time / 1000) for labels, time, _ in read(at)]


def _newest(
    selector: promql.VectorSelector, store: SeriesStore
) -> Callable[[int], Iterator[tuple[Labels, int, float]]]:
    found, offset = select(selector, store), offset_of(selector)

    def read(at: int) -> Iterator[tuple[Labels, int, float]]:
        moment = at - offset
        for series in found:
            if (sample := series.at(moment, LOOK_BACK)) is not None:
                yield series.labels, *sample

    return read


def ranged(selector: promql.MatrixSelector, store: SeriesStore) -> Callable[[int], list[Window]]:
    """What a selector with brackets gives at a moment: only the series with samples there."""
    inner = selector.vector_selector
    found, offset, length = select(inner, store), offset_of(inner), _milliseconds(selector.range)

    def read(at: int) -> list[Window]:
        end = at - offset
        windows = (series.window(end - length, end) for series in found)
        return [window for window in windows if window.times]

    return read


def offset_of(selector: promql.VectorSelector) -> int:
    if selector.at is not None:
        raise NotSupported("the @ modifier")
    return _milliseconds(selector.offset) if selector.offset is not None else 0


def _milliseconds(duration: timedelta) -> int:
    return round(duration.total_seconds() * 1000)


def parse(query: str) -> promql.Expr:
    """The parsed expression.

    Raises:
        BadQuery: it is none.
    """
    try:
        return promql.parse(query)
    except ValueError as error:
        raise BadQuery(f'invalid parameter "query": parse error: {error}') from error

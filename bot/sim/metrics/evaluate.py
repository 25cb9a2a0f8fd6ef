"""PromQL in two moves: a parsed expression becomes a function of the moment, and that is called per step.

What is not supported is found in the first move, so that a query is refused whether or not there is data. The
parser has checked types and numbers of arguments by then.
"""

from collections.abc import Callable, Iterator

import promql_parser as promql

from bot.sim.metrics import selectors
from bot.sim.metrics.aggregations import aggregation
from bot.sim.metrics.functions import FUNCTIONS
from bot.sim.metrics.operators import operator
from bot.sim.metrics.over_time import KEEPS_NAME, OVER_TIME
from bot.sim.metrics.store import SeriesStore
from bot.sim.metrics.values import (
    NAME,
    BadQuery,
    LabelKey,
    Labels,
    NotSupported,
    Sample,
    Value,
    Vector,
    Window,
    key_of,
    nameless,
    refuse_twins,
)

Evaluation = Callable[[int], Value]
"""From a moment, in milliseconds since 1970, to the value then."""

Points = list[tuple[int, float]]

# As Prometheus: enough for a minute's resolution over a week.
_MOST_STEPS = 11_000


def compiled(expr: promql.Expr, store: SeriesStore) -> Evaluation:
    """The function that evaluates an expression at a moment.

    Raises:
        NotSupported: some part of it cannot be evaluated here.
    """
    match expr:
        case promql.NumberLiteral() | promql.StringLiteral():
            value = expr.val
            return lambda _at: value
        case promql.ParenExpr():
            return compiled(expr.expr, store)
        case promql.VectorSelector():
            return selectors.instant(expr, store)
        case promql.UnaryExpr():
            return _negated(compiled(expr.expr, store))
        case promql.BinaryExpr():
            return _binary(expr, store)
        case promql.AggregateExpr():
            return _aggregate(expr, store)
        case promql.Call():
            return _call(expr, store)
        case _:
            raise NotSupported(f"{type(expr).__name__} {expr.prettify()} at this place")


def windows(expr: promql.Expr, store: SeriesStore) -> Callable[[int], list[Window]]:
    """The same for an expression that gives ranges.

    Raises:
        NotSupported: it is a subquery.
    """
    expr = _without_parentheses(expr)
    if not isinstance(expr, promql.MatrixSelector):
        raise NotSupported(f"the subquery {expr.prettify()}")
    return selectors.ranged(expr, store)


def steps(
    expr: promql.Expr, store: SeriesStore, start: int, end: int, step: int
) -> Iterator[tuple[int, Value]]:
    """The values at `start`, `start + step`, … up to `end`; the arguments are checked at once.

    Raises:
        BadQuery: the steps make no sense, or are too many.
    """
    if end < start:
        raise BadQuery('invalid parameter "end": end timestamp must not be before start time')
    if step <= 0:
        raise BadQuery(
            'invalid parameter "step": zero or negative query resolution step widths are not accepted. '
            "Try a positive integer"
        )
    if (end - start) // step > _MOST_STEPS:
        raise BadQuery(
            "exceeded maximum resolution of 11,000 points per timeseries. "
            "Try decreasing the query resolution (?step=XX)"
        )
    evaluate = compiled(expr, store)
    return ((at, evaluate(at)) for at in range(start, end + 1, step))


class Matrix:
    """The values of a range query, gathered series by series as the steps come in."""

    def __init__(self) -> None:
        self._gathered: dict[LabelKey, tuple[Labels, Points]] = {}

    def add(self, at: int, value: Value) -> None:
        if isinstance(value, str):
            raise BadQuery(
                'invalid parameter "query": invalid expression type "string" for range query, '
                "must be Scalar or instant Vector"
            )
        samples = [Sample({}, value)] if isinstance(value, float) else refuse_twins(value)
        for sample in samples:
            key = key_of(sample.labels)
            self._gathered.setdefault(key, (sample.labels, []))[1].append((at, sample.value))

    def series(self) -> list[tuple[Labels, Points]]:
        return [self._gathered[key] for key in sorted(self._gathered)]


def _without_parentheses(expr: promql.Expr) -> promql.Expr:
    while isinstance(expr, promql.ParenExpr):
        expr = expr.expr
    return expr


def _vector(value: Value) -> Vector:
    if not isinstance(value, list):
        raise BadQuery("expected an instant vector")
    return value


def _negated(evaluate: Evaluation) -> Evaluation:
    def negated(at: int) -> Value:
        value = evaluate(at)
        if isinstance(value, float):
            return -value
        return refuse_twins([Sample(nameless(labels), -number) for labels, number in _vector(value)])

    return negated


def _binary(expr: promql.BinaryExpr, store: SeriesStore) -> Evaluation:
    left, right = compiled(expr.lhs, store), compiled(expr.rhs, store)
    apply = operator(str(expr.op), expr.modifier)

    def joined(at: int) -> Value:
        value = apply(left(at), right(at))
        return refuse_twins(value) if isinstance(value, list) else value

    return joined


def _aggregate(expr: promql.AggregateExpr, store: SeriesStore) -> Evaluation:
    apply, inner = aggregation(str(expr.op), expr.modifier), compiled(expr.expr, store)
    parameter = None if expr.param is None else compiled(expr.param, store)
    return lambda at: apply(_vector(inner(at)), None if parameter is None else parameter(at))


def _call(expr: promql.Call, store: SeriesStore) -> Evaluation:
    name, args = expr.func.name, expr.args
    if name in {"absent", "absent_over_time"}:
        return _absent(args[0], store)
    if name == "timestamp":
        return _timestamp(args[0], store)
    if name in OVER_TIME:
        return _over_time(name, args, store)
    if name not in FUNCTIONS:
        raise NotSupported(f"the function {name}()")
    function, values = FUNCTIONS[name], [compiled(arg, store) for arg in args]

    def call(at: int) -> Value:
        value = function(at, *(evaluate(at) for evaluate in values))
        return refuse_twins(value) if isinstance(value, list) else value

    return call


def _timestamp(argument: promql.Expr, store: SeriesStore) -> Evaluation:
    """Only a bare selector's samples have times of their own; what was computed is of the moment."""
    expr = _without_parentheses(argument)
    if isinstance(expr, promql.VectorSelector):
        read = selectors.taken_at(expr, store)
        return lambda at: refuse_twins(read(at))
    evaluate = compiled(expr, store)
    return lambda at: refuse_twins(
        [Sample(nameless(sample.labels), at / 1000) for sample in _vector(evaluate(at))]
    )


def _over_time(name: str, args: list[promql.Expr], store: SeriesStore) -> Evaluation:
    function, label = OVER_TIME[name], dict if name in KEEPS_NAME else nameless
    place = next(i for i, arg in enumerate(args) if _is_range(arg))
    read = windows(args[place], store)
    numbers = [compiled(arg, store) for i, arg in enumerate(args) if i != place]

    def call(at: int) -> Vector:
        scalars = [evaluate(at) for evaluate in numbers]
        results = ((window.labels, function(window, *scalars)) for window in read(at))
        return refuse_twins([Sample(label(labels), value) for labels, value in results if value is not None])

    return call


def _is_range(expr: promql.Expr) -> bool:
    return isinstance(_without_parentheses(expr), (promql.MatrixSelector, promql.SubqueryExpr))


def _absent(argument: promql.Expr, store: SeriesStore) -> Evaluation:
    expr = _without_parentheses(argument)
    read: Callable[[int], object] = windows(expr, store) if _is_range(expr) else compiled(expr, store)
    labels = _labels_looked_for(expr)
    return lambda at: [] if read(at) else [Sample(labels, 1.0)]


def _labels_looked_for(expr: promql.Expr) -> Labels:
    """What a selector says of the series that is missing: the labels that one `=` and nothing else names."""
    selector = expr.vector_selector if isinstance(expr, promql.MatrixSelector) else expr
    if not isinstance(selector, promql.VectorSelector):
        return {}
    matchers = [matcher for matcher in selector.matchers.matchers if matcher.name != NAME]
    named = [matcher.name for matcher in matchers]
    return {m.name: m.value for m in matchers if m.op == promql.MatchOp.Equal and named.count(m.name) == 1}

"""`sum by (…)` and its kin: many series into fewer, or the first few of them."""

import math
from collections.abc import Callable, Iterable

import promql_parser as promql

from bot.sim.metrics import arithmetic
from bot.sim.metrics.answers import number
from bot.sim.metrics.values import NAME, CannotExecute, Labels, NotSupported, Sample, Value, Vector, key_of

Group = tuple[Labels, Vector]

# One number per group, whatever the parameter.
_PLAIN: dict[str, Callable[[Iterable[float]], float]] = {
    "sum": arithmetic.total,
    "avg": arithmetic.mean,
    "min": arithmetic.least,
    "max": arithmetic.greatest,
    "count": lambda values: float(len(list(values))),
    "group": lambda _values: 1.0,
    "stddev": lambda values: math.sqrt(arithmetic.variance(values)),
    "stdvar": arithmetic.variance,
}


def aggregation(name: str, modifier: promql.AggModifier | None) -> Callable[[Vector, Value | None], Vector]:
    """The function from a vector and the parameter to the aggregated vector.

    Raises:
        NotSupported: there is no such aggregation here.
    """
    kept = _grouping(modifier)
    if name in _PLAIN:
        reduce = _PLAIN[name]
        return lambda vector, _parameter: [
            Sample(labels, reduce([sample.value for sample in group]))
            for labels, group in _groups(vector, kept)
        ]
    if name == "quantile":
        return lambda vector, share: [
            Sample(labels, arithmetic.quantile(_number(share), [sample.value for sample in group]))
            for labels, group in _groups(vector, kept)
        ]
    if name in {"topk", "bottomk"}:
        return lambda vector, k: _outermost(_groups(vector, kept), _number(k), largest=name == "topk")
    if name == "count_values":
        return lambda vector, label: _count_values(vector, kept, str(label))
    raise NotSupported(f"the aggregation {name}")


def _number(value: Value | None) -> float:
    if not isinstance(value, float):
        raise CannotExecute("the aggregation's parameter is not a number")
    return value


def _grouping(modifier: promql.AggModifier | None) -> Callable[[Labels], Labels]:
    if modifier is None:
        return lambda _labels: {}
    names = frozenset(modifier.labels)
    if modifier.type == promql.AggModifierType.By:
        return lambda labels: {label: value for label, value in labels.items() if label in names}
    names |= {NAME}
    return lambda labels: {label: value for label, value in labels.items() if label not in names}


def _groups(vector: Vector, kept: Callable[[Labels], Labels]) -> list[Group]:
    groups: dict[object, Group] = {}
    for sample in vector:
        labels = kept(sample.labels)
        groups.setdefault(key_of(labels), (labels, []))[1].append(sample)
    return list(groups.values())


def _outermost(groups: list[Group], k: float, *, largest: bool) -> Vector:
    if math.isnan(k) or math.isinf(k):
        raise CannotExecute(f"Scalar value {number(k)} overflows int64")

    def rank(sample: Sample) -> tuple[bool, float]:
        # NaN comes last in both directions.
        value = sample.value
        return (True, 0.0) if math.isnan(value) else (False, -value if largest else value)

    return [sample for _, group in groups for sample in sorted(group, key=rank)[: max(0, int(k))]]


def _count_values(vector: Vector, kept: Callable[[Labels], Labels], label: str) -> Vector:
    counted = [
        Sample({**{n: v for n, v in sample.labels.items() if n != label}, label: number(sample.value)}, 1.0)
        for sample in vector
    ]
    return [
        Sample(labels, float(len(group)))
        for labels, group in _groups(counted, lambda full: {**kept(full), label: full[label]})
    ]

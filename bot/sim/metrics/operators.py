"""Binary operators: numbers with numbers, vectors with numbers, vectors with vectors.

Two vectors are joined by the labels that `on` names or all but those that `ignoring` names. Without
`group_left`/`group_right` each side may have one series per match; with it, one side has many.
"""

from collections.abc import Callable
from dataclasses import dataclass

import promql_parser as promql

from bot.sim.metrics.arithmetic import ARITHMETIC, COMPARISONS
from bot.sim.metrics.values import (
    NAME,
    CannotExecute,
    LabelKey,
    Labels,
    NotSupported,
    Sample,
    Value,
    Vector,
    key_of,
    nameless,
)

Operator = Callable[[Value, Value], Value]
Compute = Callable[[float, float], float | None]
"""The result of an operator for two numbers; None where a comparison drops the element."""

_LEFT = promql.VectorMatchCardinality.ManyToOne
_RIGHT = promql.VectorMatchCardinality.OneToMany


@dataclass(frozen=True)
class Matching:
    """How the series of two vectors find each other."""

    on: bool
    labels: frozenset[str]
    is_grouped: bool
    included: tuple[str, ...]

    def signature(self, labels: Labels) -> LabelKey:
        return key_of(self.kept(labels))

    def kept(self, labels: Labels) -> Labels:
        if self.on:
            return {name: value for name, value in labels.items() if name in self.labels}
        return {name: v for name, v in labels.items() if name not in self.labels and name != NAME}

    def result(self, many: Labels, one: Labels, *, keeps_name: bool) -> Labels:
        labels = dict(many if keeps_name else nameless(many))
        if not self.is_grouped:
            return {name: v for name, v in labels.items() if (name in self.labels) is self.on}
        for name in self.included:
            if one.get(name):
                labels[name] = one[name]
            else:
                labels.pop(name, None)
        return labels


def operator(name: str, modifier: promql.BinModifier | None) -> Operator:
    """The function from both sides to the result.

    Raises:
        NotSupported: there is no such operator here.
    """
    matching = _matching(modifier)
    if name in _SETS:
        choose = _SETS[name]
        return lambda left, right: choose(_vector(left), _vector(right), matching)
    is_bool = modifier is not None and modifier.return_bool
    keeps_name = name in COMPARISONS and not is_bool
    compute = _computation(name, is_bool=is_bool)
    swapped = modifier is not None and modifier.card == _RIGHT

    def apply(left: Value, right: Value) -> Value:
        if isinstance(left, float) and isinstance(right, float):
            return float(_known(compute(left, right)))
        if isinstance(right, float):
            return _with_number(_vector(left), lambda value: compute(value, right), keeps_name=keeps_name)
        if isinstance(left, float):
            flipped = _flipped(compute, keeps_name=keeps_name)
            return _with_number(_vector(right), lambda value: flipped(value, left), keeps_name=keeps_name)
        if swapped:
            return _joined(
                _vector(right),
                _vector(left),
                lambda here, there: compute(there, here),
                matching,
                keeps_name=keeps_name,
            )
        return _joined(_vector(left), _vector(right), compute, matching, keeps_name=keeps_name)

    return apply


def _matching(modifier: promql.BinModifier | None) -> Matching:
    if modifier is None:
        return Matching(on=False, labels=frozenset(), is_grouped=False, included=())
    fill = modifier.fill_values
    if fill is not None and (fill.lhs, fill.rhs) != (None, None):
        raise NotSupported("fill()")
    match = modifier.matching
    return Matching(
        on=match is not None and match.type == promql.LabelModifierType.Include,
        labels=frozenset(match.labels if match is not None else ()),
        # The parser's enumerations cannot be hashed, so no set.
        is_grouped=modifier.card in (_LEFT, _RIGHT),
        included=tuple(modifier.group_labels or ()),
    )


def _computation(name: str, *, is_bool: bool) -> Compute:
    if name in ARITHMETIC:
        return ARITHMETIC[name]
    if name not in COMPARISONS:
        raise NotSupported(f"the operator {name}")
    holds = COMPARISONS[name]
    if is_bool:
        return lambda left, right: float(holds(left, right))
    return lambda left, right: left if holds(left, right) else None


def _flipped(compute: Compute, *, keeps_name: bool) -> Compute:
    """For a number on the left: the vector's value comes first, and it is the one that a comparison keeps."""
    if not keeps_name:
        return lambda right, left: compute(left, right)
    return lambda right, left: right if compute(left, right) is not None else None


def _known(value: float | None) -> float:
    # The parser refuses a comparison of two numbers without `bool`.
    assert value is not None
    return value


def _vector(value: Value) -> Vector:
    if not isinstance(value, list):
        raise CannotExecute("the operator expects instant vectors")
    return value


def _with_number(vector: Vector, compute: Callable[[float], float | None], *, keeps_name: bool) -> Vector:
    computed = ((sample.labels, compute(sample.value)) for sample in vector)
    return [
        Sample(labels if keeps_name else nameless(labels), value)
        for labels, value in computed
        if value is not None
    ]


def _joined(many: Vector, one: Vector, compute: Compute, matching: Matching, *, keeps_name: bool) -> Vector:
    partners = _by_signature(one, matching)
    matched: set[tuple[LabelKey, LabelKey]] = set()
    joined: Vector = []
    for sample in many:
        signature = matching.signature(sample.labels)
        partner = partners.get(signature)
        if partner is None:
            continue
        value = compute(sample.value, partner.value)
        if value is None:
            continue
        labels = matching.result(sample.labels, partner.labels, keeps_name=keeps_name)
        identity = (signature, key_of(labels) if matching.is_grouped else ())
        if identity in matched:
            raise CannotExecute(
                "multiple matches for labels: grouping labels must ensure unique matches"
                if matching.is_grouped
                else "multiple matches for labels: many-to-one matching must be explicit "
                "(group_left/group_right)"
            )
        matched.add(identity)
        joined.append(Sample(labels, value))
    return joined


def _by_signature(side: Vector, matching: Matching) -> dict[LabelKey, Sample]:
    found: dict[LabelKey, Sample] = {}
    for sample in side:
        signature = matching.signature(sample.labels)
        if signature in found:
            raise CannotExecute(
                f"found duplicate series for the match group {dict(signature)} on one side of the operation; "
                "many-to-many matching not allowed: matching labels must be unique on one side"
            )
        found[signature] = sample
    return found


def _and(left: Vector, right: Vector, matching: Matching) -> Vector:
    there = {matching.signature(sample.labels) for sample in right}
    return [sample for sample in left if matching.signature(sample.labels) in there]


def _unless(left: Vector, right: Vector, matching: Matching) -> Vector:
    there = {matching.signature(sample.labels) for sample in right}
    return [sample for sample in left if matching.signature(sample.labels) not in there]


def _or(left: Vector, right: Vector, matching: Matching) -> Vector:
    return left + _unless(right, left, matching)


_SETS: dict[str, Callable[[Vector, Vector, Matching], Vector]] = {"and": _and, "or": _or, "unless": _unless}

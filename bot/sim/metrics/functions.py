"""PromQL's functions of vectors and numbers.

Those of ranges are in `over_time`, those that must see the expression itself (`absent`, `timestamp`) in
`evaluate`.
"""

import math
import re
from collections.abc import Callable

from bot.sim.metrics import arithmetic
from bot.sim.metrics.histograms import histogram_quantile
from bot.sim.metrics.selectors import Pattern
from bot.sim.metrics.values import CannotExecute, Sample, Value, Vector, nameless

_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")

# `$1`, `$name` (the longest run of word characters, as Go takes it), `${name}`, or `$$` for a dollar.
_REFERENCE = re.compile(r"\$(?:(\$)|(\w+)|\{(\w+)\})", re.ASCII)


def _mapped(compute: Callable[..., float]) -> Callable[..., Vector]:
    """A function of one element made one of vectors: the metric's name goes, more arguments stay numbers."""

    def answer(_at: int, vector: Vector, *numbers: float) -> Vector:
        return [Sample(nameless(sample.labels), compute(sample.value, *numbers)) for sample in vector]

    return answer


def _round(value: float, nearest: float = 1.0) -> float:
    inverse = arithmetic.divide(1.0, nearest)
    return arithmetic.divide(arithmetic.floor(value * inverse + 0.5), inverse)


def _clamp(_at: int, vector: Vector, low: float, high: float) -> Vector:
    if high < low:
        return []
    return [
        Sample(nameless(sample.labels), arithmetic.larger(low, arithmetic.smaller(high, sample.value)))
        for sample in vector
    ]


def _scalar(_at: int, vector: Vector) -> float:
    return vector[0].value if len(vector) == 1 else arithmetic.NAN


def _sort(vector: Vector, *, largest_first: bool) -> Vector:
    numbers = [sample for sample in vector if not math.isnan(sample.value)]
    others = [sample for sample in vector if math.isnan(sample.value)]
    return sorted(numbers, key=lambda sample: sample.value, reverse=largest_first) + others


def _label_replace(
    _at: int, vector: Vector, target: str, replacement: str, source: str, pattern: str
) -> Vector:
    if not _LABEL.fullmatch(target):
        raise CannotExecute(f"invalid destination label name in label_replace(): {target}")
    compiled = Pattern(pattern)

    def replaced(sample: Sample) -> Sample:
        found = compiled.match(sample.labels.get(source, ""))
        if found is None:
            return sample
        groups = {name: value or "" for name, value in found.groupdict().items()}
        groups |= {str(number): value or "" for number, value in enumerate((found[0], *found.groups()))}
        text = _REFERENCE.sub(lambda m: "$" if m[1] else groups.get(m[2] or m[3], ""), replacement)
        labels = {name: value for name, value in sample.labels.items() if name != target}
        return Sample(labels | {target: text} if text else labels, sample.value)

    return [replaced(sample) for sample in vector]


def _label_join(_at: int, vector: Vector, target: str, separator: str, *sources: str) -> Vector:
    if not _LABEL.fullmatch(target):
        raise CannotExecute(f"invalid destination label name in label_join(): {target}")
    joined: Vector = []
    for sample in vector:
        text = separator.join(sample.labels.get(source, "") for source in sources)
        labels = {name: value for name, value in sample.labels.items() if name != target}
        joined.append(Sample(labels | {target: text} if text else labels, sample.value))
    return joined


FUNCTIONS: dict[str, Callable[..., Value]] = {
    "abs": _mapped(abs),
    "ceil": _mapped(arithmetic.ceiling),
    "clamp": _clamp,
    "clamp_max": _mapped(arithmetic.smaller),
    "clamp_min": _mapped(arithmetic.larger),
    "exp": _mapped(arithmetic.exponential),
    "floor": _mapped(arithmetic.floor),
    "histogram_quantile": lambda _at, share, vector: histogram_quantile(share, vector),
    "label_join": _label_join,
    "label_replace": _label_replace,
    "ln": _mapped(arithmetic.logarithm(math.log)),
    "log10": _mapped(arithmetic.logarithm(math.log10)),
    "log2": _mapped(arithmetic.logarithm(math.log2)),
    "pi": lambda _at: math.pi,
    "round": _mapped(_round),
    "scalar": _scalar,
    "sgn": _mapped(arithmetic.sign),
    "sort": lambda _at, vector: _sort(vector, largest_first=False),
    "sort_desc": lambda _at, vector: _sort(vector, largest_first=True),
    "sqrt": _mapped(arithmetic.square_root),
    "time": lambda at: at / 1000,
    "vector": lambda _at, value: [Sample({}, value)],
}
"""By PromQL's name. Called with the moment in milliseconds, then the values of the call's arguments."""

"""IEEE arithmetic as Go does it: where Python raises, these answer with an infinity or NaN."""

import math
import operator
from collections.abc import Callable, Iterable

NAN = math.nan
INFINITY = math.inf


def divide(left: float, right: float) -> float:
    if right != 0:
        return left / right
    if left == 0 or math.isnan(left):
        return NAN
    return math.copysign(INFINITY, left) * math.copysign(1.0, right)


def modulo(left: float, right: float) -> float:
    try:
        return math.fmod(left, right)
    except ValueError:
        return NAN


def power(base: float, exponent: float) -> float:
    try:
        return math.pow(base, exponent)
    except ValueError:
        # A negative base to a fraction, or zero to a negative power.
        if base != 0:
            return NAN
        is_odd = exponent == math.floor(exponent) and exponent % 2 == 1
        return math.copysign(INFINITY, base) if is_odd else INFINITY
    except OverflowError:
        is_odd = exponent == math.floor(exponent) and exponent % 2 == 1
        return -INFINITY if base < 0 and is_odd else INFINITY


def logarithm(of: Callable[[float], float]) -> Callable[[float], float]:
    def answer(value: float) -> float:
        if value == 0:
            return -INFINITY
        return of(value) if value > 0 else NAN

    return answer


def exponential(value: float) -> float:
    try:
        return math.exp(value)
    except OverflowError:
        return INFINITY


def square_root(value: float) -> float:
    return math.sqrt(value) if value >= 0 else NAN


def sign(value: float) -> float:
    return value if math.isnan(value) or value == 0 else math.copysign(1.0, value)


def floor(value: float) -> float:
    return float(math.floor(value)) if math.isfinite(value) else value


def ceiling(value: float) -> float:
    return float(math.ceil(value)) if math.isfinite(value) else value


def larger(left: float, right: float) -> float:
    return NAN if math.isnan(left) or math.isnan(right) else max(left, right)


def smaller(left: float, right: float) -> float:
    return NAN if math.isnan(left) or math.isnan(right) else min(left, right)


def total(values: Iterable[float]) -> float:
    numbers = list(values)
    try:
        return math.fsum(numbers)
    except (ValueError, OverflowError):
        # Infinities of both signs, or a sum too large to hold: plain addition gives NaN or the infinity.
        return sum(numbers)


def mean(values: Iterable[float]) -> float:
    numbers = list(values)
    return total(numbers) / len(numbers)


def variance(values: Iterable[float]) -> float:
    numbers = list(values)
    middle = mean(numbers)
    return mean((number - middle) * (number - middle) for number in numbers)


def least(values: Iterable[float]) -> float:
    """The smallest; NaN only where there is nothing else."""
    return min((value for value in values if not math.isnan(value)), default=NAN)


def greatest(values: Iterable[float]) -> float:
    return max((value for value in values if not math.isnan(value)), default=NAN)


def quantile(share: float, values: Iterable[float]) -> float:
    """The quantile with linear interpolation between the two nearest ranks; NaN counts as the smallest."""
    ordered = sorted(values, key=lambda value: -INFINITY if math.isnan(value) else value)
    if not ordered or math.isnan(share):
        return NAN
    if not 0 <= share <= 1:
        return math.copysign(INFINITY, share)
    rank = share * (len(ordered) - 1)
    below = math.floor(rank)
    above = min(len(ordered) - 1, below + 1)
    weight = rank - below
    return ordered[below] * (1 - weight) + ordered[above] * weight


ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": divide,
    "%": modulo,
    "^": power,
}

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

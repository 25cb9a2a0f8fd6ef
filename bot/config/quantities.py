"""Figures with units, as people write them and as the code wants them.

`30m` is a `timedelta`, `0.1%` a `Ratio`, `2x baseline` a `TimesBaseline`, `250kB` a `Size`, `10%/h` a
`Slope`. A bare number is never guessed at: the error names the forms that are allowed. Each type prints
itself in the form it is read.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any, TypeVar, cast

from pydantic import Field, PlainValidator

from bot.config.section import wrong

T = TypeVar("T")

LONGEST = timedelta(days=366)  # longer is a slip of the pen, and adding it to a date may leave the calendar

_UNITS = {
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
}
_NUMBER = r"[0-9]{1,12}(?:\.[0-9]{1,12})?"
_DURATION = re.compile(
    "".join(rf"(?:(?P<{unit}>{_NUMBER}){unit}(?!s))?" for unit in ("d", "h", "m"))
    + rf"(?:(?P<s>{_NUMBER})s)?(?:(?P<ms>{_NUMBER})ms)?"
)
_RATIO = re.compile(rf"({_NUMBER}) ?%")
_TIMES = re.compile(rf"({_NUMBER}) ?[x×] ?baseline")
_SIZE = re.compile(rf"({_NUMBER}) ?(B|kB|MB|GB|KiB|MiB|GiB)")
_SLOPE = re.compile(rf"({_NUMBER} ?%)/(s|m|h|d)")

_BYTES = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}

DURATION_FORMS = "write a duration with its unit: 500ms, 30s, 5m, 24h, 7d or 1h30m"
RATIO_FORMS = "write a percentage: 1%, 0.1% or 80%"
LIMIT_FORMS = "write a duration (500ms, 2s) or a multiple of the baseline (2x baseline)"
SIZE_FORMS = "write a size with its unit: 900B, 250kB, 2MB, 1GB, 250KiB, 2MiB or 1GiB"
SLOPE_FORMS = "write a growth per time: 10%/h, 0.5%/m or 20%/d"


class Ratio(float):
    """A share of one: `Ratio(0.001)` is 0.1 %."""

    def __str__(self) -> str:
        return f"{(Decimal(repr(float(self))) * 100).normalize():f}%"


@dataclass(frozen=True)
class TimesBaseline:
    """A limit relative to the baseline."""

    factor: float

    def __str__(self) -> str:
        return f"{_short(self.factor)}x baseline"


@dataclass(frozen=True)
class Slope:
    """Growth by a share of the present value per stretch of time."""

    growth: Ratio
    per: timedelta

    def __str__(self) -> str:
        return f"{self.growth}/{next(unit for unit, length in _UNITS.items() if length == self.per)}"


class Size(int):
    """Bytes."""

    def __str__(self) -> str:
        for unit in ("GiB", "GB", "MiB", "MB", "KiB", "kB"):
            if self and self % _BYTES[unit] == 0:
                return f"{self // _BYTES[unit]}{unit}"
        return f"{int(self)}B"

    def __format__(self, spec: str) -> str:
        return format(str(self), spec) if not spec else format(int(self), spec)


def parse_duration(text: str) -> timedelta:
    """The duration that `text` writes; ValueError, naming the forms, where it is none."""
    found = _DURATION.fullmatch(text)
    if not text or found is None:
        raise ValueError(DURATION_FORMS)
    parts = ((Decimal(number), _UNITS[unit]) for unit, number in found.groupdict().items() if number)
    microseconds = sum((number * (unit // timedelta(microseconds=1)) for number, unit in parts), Decimal(0))
    if microseconds > LONGEST // timedelta(microseconds=1):
        raise ValueError(f"is longer than {LONGEST.days} days: {DURATION_FORMS}")
    return timedelta(microseconds=int(microseconds))


def duration_text(duration: timedelta) -> str:
    """The duration as it is written in a file: `1h30m`. Fractions of a millisecond are kept as such."""
    text, left = "", duration
    for unit, length in _UNITS.items():
        count, left = divmod(left, length)
        text += f"{count}{unit}" if count else ""
    if left:
        return f"{_short(duration / _UNITS['ms'])}ms"
    return text or "0s"


def parse_ratio(text: str) -> Ratio:
    found = _RATIO.fullmatch(text)
    if found is None:
        raise ValueError(RATIO_FORMS)
    return Ratio(Decimal(found[1]) / 100)


def parse_times_baseline(text: str) -> TimesBaseline:
    found = _TIMES.fullmatch(text)
    if found is None:
        raise ValueError(LIMIT_FORMS)
    factor = float(found[1])
    if not factor >= 1:
        raise ValueError("a limit below the baseline always fires: write 1x baseline or more")
    return TimesBaseline(factor)


def parse_latency_limit(text: str) -> timedelta | TimesBaseline:
    if "baseline" in text:
        return parse_times_baseline(text)
    try:
        return _above_zero(parse_duration(text))
    except ValueError as error:
        raise ValueError(LIMIT_FORMS) from error


def parse_size(text: str) -> Size:
    found = _SIZE.fullmatch(text)
    if found is None:
        raise ValueError(SIZE_FORMS)
    return Size(Decimal(found[1]) * _BYTES[found[2]])


def parse_slope(text: str) -> Slope:
    found = _SLOPE.fullmatch(text)
    if found is None:
        raise ValueError(SLOPE_FORMS)
    return Slope(parse_ratio(found[1]), _UNITS[found[2]])


def _above_zero(duration: timedelta) -> timedelta:
    if not duration:
        raise ValueError("must be longer than 0s")
    return duration


def _at_most_one(ratio: Ratio) -> Ratio:
    if ratio > 1:
        raise ValueError("is more than 100%")
    return ratio


def written(parse: Callable[[str], T], forms: str, *kinds: type) -> PlainValidator:
    """Validates text by `parse`, lets `kinds` through, and answers everything else with `forms`."""

    def check(value: Any) -> T:
        if isinstance(value, kinds):
            return cast("T", value)
        if not isinstance(value, str):
            raise wrong(forms)
        try:
            return parse(value)
        except ValueError as error:
            raise wrong(str(error)) from error

    return PlainValidator(check)


Duration = Annotated[
    timedelta, written(lambda text: _above_zero(parse_duration(text)), DURATION_FORMS, timedelta)
]
DurationOrZero = Annotated[timedelta, written(parse_duration, DURATION_FORMS, timedelta)]
Share = Annotated[Ratio, written(lambda text: _at_most_one(parse_ratio(text)), RATIO_FORMS, Ratio)]
Margin = Annotated[Ratio, written(parse_ratio, RATIO_FORMS, Ratio)]
LatencyLimit = Annotated[
    timedelta | TimesBaseline, written(parse_latency_limit, LIMIT_FORMS, timedelta, TimesBaseline)
]
Bytes = Annotated[Size, written(parse_size, SIZE_FORMS, Size)]
Growth = Annotated[Slope, written(parse_slope, SLOPE_FORMS, Slope)]
Weight = Annotated[int, Field(ge=1, le=100)]  # whole per cent of traffic
Count = Annotated[int, Field(ge=1, le=1_000_000)]
CountOrZero = Annotated[int, Field(ge=0, le=1_000_000)]


def parse_pods(value: Any) -> "int | Ratio":
    """How many pods: a number, or a share of the replicas."""
    if isinstance(value, Ratio):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    try:
        return _at_most_one(parse_ratio(value))
    except (ValueError, TypeError) as error:
        raise wrong("write a number of pods (1) or a share of the replicas (25%)") from error


Pods = Annotated[int | Ratio, PlainValidator(parse_pods)]


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def hours(count: float) -> timedelta:
    return timedelta(hours=count)


def percent(count: str) -> Ratio:
    """`percent("0.1")`: exact, which a division of floats is not always."""
    return Ratio(Decimal(count) / 100)


def _short(number: float) -> str:
    return f"{number:.12g}"

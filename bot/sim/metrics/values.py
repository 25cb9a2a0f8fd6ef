"""What an expression is made of while it is evaluated, and the three ways in which a query is refused."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple

from bot.domain.errors import SlackwaterError

NAME = "__name__"

Labels = Mapping[str, str]
"""A label set, the metric's name included as `__name__`; never changed once it is made."""

LabelKey = tuple[tuple[str, str], ...]
"""The same as a value that can be looked up."""


class Sample(NamedTuple):
    """One series' value at the moment of evaluation."""

    labels: Labels
    value: float


class Window(NamedTuple):
    """One series' samples in `[start, end]`, all times in milliseconds since 1970."""

    labels: Labels
    times: Sequence[int]
    values: Sequence[float]
    start: int
    end: int


Vector = list[Sample]
Value = float | str | Vector


class BadQuery(SlackwaterError):
    """The query or a parameter cannot be understood."""

    error_type: ClassVar[str] = "bad_data"
    status: ClassVar[int] = 400


class NotSupported(BadQuery):
    """Prometheus would answer; the simulation does not, and says so."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} is not supported by the simulated Prometheus")


class CannotExecute(BadQuery):
    """The query is understood, but the series do not allow an answer."""

    error_type = "execution"
    status = 422


def key_of(labels: Labels) -> LabelKey:
    return tuple(sorted(labels.items()))


def nameless(labels: Labels) -> Labels:
    return {name: value for name, value in labels.items() if name != NAME}


def refuse_twins(vector: Vector) -> Vector:
    """The vector as it is.

    Raises:
        CannotExecute: two elements bear the same labels.
    """
    if len(vector) > 1 and len({key_of(sample.labels) for sample in vector}) < len(vector):
        raise CannotExecute("vector cannot contain metrics with the same labelset")
    return vector

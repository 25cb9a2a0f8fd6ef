"""Whether a figure grows: the slope of a straight line through it, and how sure that is."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from bot.domain.record import Record

# Readings of one process follow from each other; means of so many stretches do less.
_BLOCKS = 8
# Student's t for 97.5 % with _BLOCKS - 2 = 6 degrees of freedom: one false alarm in forty for plain noise.
# What swings as slowly as it is watched (a collector's saw, a cache that fills) does look like growth.
_T = 2.447
# A block of fewer than two readings says too little.
LEAST_READINGS = 2 * _BLOCKS


class Growth(Record):
    """By which share of its mean a figure grows in an hour; below zero it shrinks."""

    per_hour: float
    at_least: float  # the lower end of the 95 % interval


def growth(readings: Sequence[tuple[datetime, float]]) -> Growth | None:
    """The slope by least squares over the means of eight stretches (any statistics text: simple regression).

    `readings` are in order of time. None: fewer than sixteen, or nothing to be a share of.
    """
    if len(readings) < LEAST_READINGS or readings[-1][0] <= readings[0][0]:
        return None
    bounds = [round(number * len(readings) / _BLOCKS) for number in range(_BLOCKS + 1)]
    blocks = [readings[first:last] for first, last in pairwise(bounds)]
    began = readings[0][0]
    times = [_mean([(at - began).total_seconds() / 3_600 for at, _ in block]) for block in blocks]
    values = [_mean([value for _, value in block]) for block in blocks]
    middle, level = _mean(times), _mean(values)
    spread = sum((time - middle) ** 2 for time in times)
    if level <= 0 or spread <= 0:
        return None
    slope = sum((t - middle) * (v - level) for t, v in zip(times, values, strict=True)) / spread
    left = sum((v - level - slope * (t - middle)) ** 2 for t, v in zip(times, values, strict=True))
    error = (left / (_BLOCKS - 2) / spread) ** 0.5
    return Growth(per_hour=slope / level, at_least=(slope - _T * error) / level)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)

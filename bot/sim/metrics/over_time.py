"""Functions of a range: what one series did in a window, as one number (none, where it takes more samples).

`rate`, `increase` and `delta` extrapolate as Prometheus does: the samples rarely lie at the window's edges,
so the growth between the first and the last is stretched to the edge, unless that lies further off than a
sample's distance (the series began or ended there; then by half a distance), and never below a counter's
zero.
"""

import math
from collections.abc import Callable
from itertools import pairwise

from bot.sim.metrics import arithmetic
from bot.sim.metrics.values import Window

OverTime = Callable[..., float | None]

# An edge further from the samples than this many of their distances is where the series began or ended.
_NEAR = 1.1


def rate(window: Window) -> float | None:
    grown = _extrapolated(window, is_counter=True)
    return None if grown is None else arithmetic.divide(grown, (window.end - window.start) / 1000)


def increase(window: Window) -> float | None:
    return _extrapolated(window, is_counter=True)


def delta(window: Window) -> float | None:
    return _extrapolated(window, is_counter=False)


def _extrapolated(window: Window, *, is_counter: bool) -> float | None:
    times, values = window.times, window.values
    if len(times) < 2:
        return None
    grown = values[-1] - values[0]
    if is_counter:
        grown += sum(before for before, after in pairwise(values) if after < before)
    sampled = (times[-1] - times[0]) / 1000
    distance = sampled / (len(times) - 1)
    to_start = (times[0] - window.start) / 1000
    if is_counter and grown > 0 and values[0] >= 0:
        to_start = min(to_start, sampled * (values[0] / grown))
    to_end = (window.end - times[-1]) / 1000
    stretched = sampled + _reach(to_start, distance) + _reach(to_end, distance)
    return grown * (stretched / sampled)


def _reach(to_edge: float, distance: float) -> float:
    return to_edge if to_edge < distance * _NEAR else distance / 2


def irate(window: Window) -> float | None:
    if len(window.times) < 2:
        return None
    before, last = window.values[-2:]
    grown = last if last < before else last - before
    return grown / ((window.times[-1] - window.times[-2]) / 1000)


def idelta(window: Window) -> float | None:
    return window.values[-1] - window.values[-2] if len(window.times) >= 2 else None


def changes(window: Window) -> float:
    def differ(before: float, after: float) -> bool:
        return before != after and not (math.isnan(before) and math.isnan(after))

    return float(sum(differ(before, after) for before, after in pairwise(window.values)))


def resets(window: Window) -> float:
    return float(sum(after < before for before, after in pairwise(window.values)))


def deriv(window: Window) -> float | None:
    return _line(window, window.times[0])[0] if len(window.times) >= 2 else None


def predict_linear(window: Window, seconds: float) -> float | None:
    if len(window.times) < 2:
        return None
    slope, level = _line(window, window.end)
    return slope * seconds + level


def _line(window: Window, origin: int) -> tuple[float, float]:
    """Slope per second and level at `origin` of the line that fits the samples best."""
    values = window.values
    if all(value == values[0] for value in values):
        # As Prometheus does, so that rounding gives no slope to a constant.
        return (arithmetic.NAN, arithmetic.NAN) if math.isinf(values[0]) else (0.0, values[0])
    seconds = [(time - origin) / 1000 for time in window.times]
    x, y = arithmetic.mean(seconds), arithmetic.mean(values)
    together = arithmetic.total((s - x) * (v - y) for s, v in zip(seconds, values, strict=True))
    slope = arithmetic.divide(together, arithmetic.total((s - x) ** 2 for s in seconds))
    return slope, y - slope * x


def quantile_over_time(window: Window, share: float) -> float:
    return arithmetic.quantile(share, window.values)


OVER_TIME: dict[str, OverTime] = {
    "rate": rate,
    "irate": irate,
    "increase": increase,
    "delta": delta,
    "idelta": idelta,
    "changes": changes,
    "resets": resets,
    "deriv": deriv,
    "predict_linear": predict_linear,
    "quantile_over_time": quantile_over_time,
    "avg_over_time": lambda window: arithmetic.mean(window.values),
    "min_over_time": lambda window: arithmetic.least(window.values),
    "max_over_time": lambda window: arithmetic.greatest(window.values),
    "sum_over_time": lambda window: arithmetic.total(window.values),
    "count_over_time": lambda window: float(len(window.values)),
    "stddev_over_time": lambda window: math.sqrt(arithmetic.variance(window.values)),
    "stdvar_over_time": lambda window: arithmetic.variance(window.values),
    "last_over_time": lambda window: window.values[-1],
    "present_over_time": lambda _window: 1.0,
}
"""By PromQL's name. Called with the window, then the scalars of the call in their order."""

KEEPS_NAME = frozenset({"last_over_time"})

"""What a benchmark prints: one plain line per figure, never a judgement."""

import math
from collections.abc import Sequence


def median(values: Sequence[float]) -> float:
    return share_of(values, 0.5)


def share_of(values: Sequence[float], share: float) -> float:
    """The smallest value that this share of all values does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def line(name: str, values: Sequence[float], unit: str, *, aim: str = "") -> str:
    """`name: median 41 ms, p95 88 ms, max 90 ms (n=20, aim 50/150 ms)`."""
    shown = ", ".join(
        f"{word} {_number(value)} {unit}"
        for word, value in (
            ("median", median(values)),
            ("p95", share_of(values, 0.95)),
            ("max", max(values)),
        )
    )
    notes = f"n={len(values)}" + (f", aim {aim}" if aim else "")
    return f"{name}: {shown} ({notes})"


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 20 else f"{value:.2f}"

"""Figures in words, for the sentences of verdicts and triggers: with unit, no more digits than are meant."""

from datetime import datetime, timedelta


def percent(ratio: float) -> str:
    return f"{_digits(ratio * 100)} %"


def points(ratio: float) -> str:
    """A difference of two percentages: `+0.3` of 0.003, with a true minus."""
    sign = "−" if ratio < 0 else "+"
    return f"{sign}{_digits(abs(ratio) * 100)}"


def latency(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 10 else f"{seconds:.1f} s"


def size(count: float) -> str:
    return f"{count / 2**20:,.0f} MiB"


def number(count: float) -> str:
    return f"{count:,.0f}"


def span(duration: timedelta) -> str:
    seconds = round(duration.total_seconds())
    if seconds < 120:
        return f"{seconds} s"
    minutes, rest = divmod(seconds, 60)
    return f"{minutes} min" if rest == 0 or minutes >= 10 else f"{minutes} min {rest} s"


def moment(at: datetime) -> str:
    return f"{at:%H:%M:%S} UTC"


def _digits(value: float) -> str:
    """Two significant digits, at most two decimals: 0.05, 0.3, 4.8, 12."""
    if abs(value) >= 10:
        return f"{value:.0f}"
    text = f"{value:.1f}" if abs(value) >= 1 else f"{value:.2f}"
    return text.rstrip("0").rstrip(".") if "." in text else text

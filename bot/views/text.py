"""Words and figures as people read them. Outside text is escaped and bounded here."""

import re
from datetime import datetime, timedelta

# Control characters, and those that turn the direction of what follows.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
# Outside text stays in its line, so it cannot pass for another line of a card.
_SPACE = re.compile(r"\s+")
_DIGEST = re.compile(r"(sha256:[0-9a-f]{8})[0-9a-f]{56}")


def escaped(text: str, most: int = 300) -> str:
    """Outside text for Slack's mrkdwn: no link, no mention, no control characters, one line, bounded.

    Nor a backtick, which would begin a monospaced run that our own words, mentions included, end up in.
    """
    plain = _CONTROL.sub("", _SPACE.sub(" ", text)).replace("`", "ʼ")
    if len(plain) > most:
        plain = plain[: most - 1] + "…"
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def code(text: str, most: int = 120) -> str:
    """Outside text in a monospaced run; a backtick in it cannot end the run."""
    return f"`{escaped(text, most)}`"


def when(moment: datetime) -> str:
    """A time of day in the reader's own zone."""
    return f"<!date^{int(moment.timestamp())}^{{time}}|{moment:%H:%M} UTC>"


def day(moment: datetime) -> str:
    """A day and a time of day in the reader's own zone."""
    said = f"{moment:%Y-%m-%d %H:%M} UTC"
    return f"<!date^{int(moment.timestamp())}^{{date_short_pretty}} {{time}}|{said}>"


def span(duration: timedelta) -> str:
    """`1.8 s`, `24 s`, `11 min`, `2 h 40 min`, `3 days`."""
    seconds = max(0.0, duration.total_seconds())
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    if minutes < 48 * 60:
        hours, rest = divmod(minutes, 60)
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    return f"{round(minutes / 60 / 24)} days"


def took(began: datetime | None, ended: datetime | None) -> str:
    """How long something took, as far as that is known."""
    return span(ended - began) if began is not None and ended is not None else "a moment"


def count(number: float) -> str:
    """`18,240`."""
    return f"{round(number):,}"


def percent(ratio: float) -> str:
    """A ratio of one as per cent, precise where it is small: `0.04 %`, `4.8 %`, `12 %`."""
    value = ratio * 100
    if value == 0:
        return "0 %"
    digits = 2 if abs(value) < 1 else 1 if abs(value) < 10 else 0
    return f"{value:.{digits}f} %"


def points(ratio: float) -> str:
    """A difference of ratios in percentage points, with its sign."""
    value = ratio * 100
    digits = 2 if abs(value) < 10 else 1
    text = f"{abs(value):.{digits}f}"
    if float(text) == 0:
        return "±0"
    return f"{'−' if value < 0 else '+'}{text}"


def latency(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 10 else f"{seconds:.1f} s"


def size(amount: float) -> str:
    """`250 kB`, `1.4 GB`."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if abs(amount) >= factor:
            return f"{amount / factor:.{0 if amount >= 10 * factor else 1}f} {unit}"
    return f"{amount:.0f} B"


def figure(value: float | None, unit: str) -> str:
    """One figure in its unit; a dash for a gap."""
    if value is None:
        return "–"
    match unit:
        case "ratio":
            return percent(value)
        case "s":
            return latency(value)
        case "bytes":
            return size(value)
        case "1/s":
            return f"{value:.1f}/s"
        case "cores":
            return f"{value:.2f} cores"
        case _:
            return f"{value:,.3g}"


def change(value: float | None, unit: str) -> str:
    """A difference in its unit, with its sign; a dash where there is none."""
    if value is None:
        return "–"
    if unit == "ratio":
        return f"{points(value)} points"
    sign = "−" if value < 0 else "+"
    return f"{sign}{figure(abs(value), unit)}"


def short_digest(digest: str | None) -> str:
    """`sha256:9f2c1a07…`."""
    return f"{digest[:15]}…" if digest else "unknown"


def with_short_digests(text: str) -> str:
    """Nobody reads 64 hexadecimal digits; the report holds them."""
    return _DIGEST.sub(r"\1…", text)


def sentence(text: str) -> str:
    """With a full stop at its end, so that another sentence may follow."""
    return text if not text or text[-1] in ".…?" else f"{text}."


def plural(number: int, noun: str) -> str:
    """`1 approval`, `5 approvals`."""
    return f"{count(number)} {noun}" if number == 1 else f"{count(number)} {noun}s"


def joined(names: tuple[str, ...]) -> str:
    """`Bo`, `Bo and Cy`, `Bo, Cy and Eve`."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"

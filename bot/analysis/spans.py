"""What both sides counted from one of the canary's windows on: the whole stage, and every later beginning.

Canary and stable are always taken over the same time, so that trouble which hits both is not held against
one.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

from bot.analysis.evidence import Seen, is_decisive
from bot.analysis.latency import Histogram, added, histogram
from bot.domain.figures import Tally, Window

# A failure or two besides the worst scrape's may be anything.
_LEFT_AT_LEAST = 2


class Counts(NamedTuple):
    """One side's counts over a span."""

    errors: Seen
    latency: Histogram


class Span(NamedTuple):
    """Both sides' counts, and the canary's windows as far as they are kept one by one."""

    first: int  # which of the canary's windows it begins with, counted from 1
    length: timedelta
    canary: Counts
    stable: Counts
    windows: tuple[Window, ...]


def spans(canary: Tally, stable: Tally, baseline: Tally | None) -> tuple[Span, ...]:
    """The whole stage first, then every later beginning that at least two scrapes have followed."""
    trusted = _whole(baseline or stable)
    whole = Span(1, _length(canary), _whole(canary), trusted, canary.recent)
    forgotten = canary.windows - len(canary.recent)
    found = [whole]
    for skipped in range(len(canary.recent) - 1):
        if forgotten + skipped == 0:
            continue  # that is the whole stage
        windows = canary.recent[skipped:]
        since = windows[0].since
        if baseline is None:
            meanwhile = tuple(w for w in stable.recent if w.until > since)
            trusted = _part(stable, meanwhile)
        found.append(
            Span(forgotten + skipped + 1, windows[-1].until - since, _part(canary, windows), trusted, windows)
        )
    return tuple(found)


def without_worst(span: Span, total: Seen, of_window: Callable[[Window], Seen]) -> Seen:
    """What is left of a span's count when its worst window is left out."""
    worst = max((of_window(w) for w in span.windows), key=lambda seen: seen.hits, default=Seen(0.0, 0.0))
    of = max(0.0, total.of - worst.of)
    return Seen(min(of, max(0.0, total.hits - worst.hits)), of)


def shows(span: Span, left: Seen, allowed: float) -> bool:
    """More than one scrape shows it: without the worst one it is still more than allowed."""
    return len(span.windows) > 1 and left.hits >= _LEFT_AT_LEAST and left.rate > allowed


def decided(found: list[tuple[float, Span]], alpha: float) -> Span | None:
    """The span that shows it best, if the evidence of all together is decisive."""
    if not is_decisive([evidence for evidence, _ in found], alpha):
        return None
    return max(found, key=lambda pair: pair[0])[1]


def errors_of(window: Window) -> Seen:
    return Seen(window.errors, window.requests)


def _length(tally: Tally) -> timedelta:
    if tally.since is None or tally.until is None:
        return timedelta(0)
    return tally.until - tally.since


def _whole(tally: Tally) -> Counts:
    return Counts(Seen(min(tally.errors, tally.requests), tally.requests), histogram(tally.buckets))


def _part(tally: Tally, windows: tuple[Window, ...]) -> Counts:
    errors = Seen(sum(w.errors for w in windows), sum(w.requests for w in windows))
    return Counts(errors, added(tuple(b.le for b in tally.buckets), (w.buckets for w in windows)))

"""Counting over disjoint windows: each request once, however often the source is asked.

A rate over the last minute that is read every five seconds tells of the same requests twelve times, and a
verdict that adds such readings up is sure of itself twelve times too early. So the analysis reads the plain
counters (`…_total` and the histogram's buckets) and counts what each reading adds to the one before.

**When a counter falls.** The queries sum over pods, so a fall has two causes that look alike: a process
began anew at zero, or one pod's series is missing from the sum for a scrape. Taking the new value for the
increase, as for a single process, would count a whole pod's past again. The reading is therefore put aside:
if the next one is back above the old value, a series was missing and nothing was lost; if not, counting
begins anew from the fallen reading. At most one window is lost, and no request is counted twice.
"""

from datetime import timedelta

from bot.domain.figures import Bucket, Figure, Gap, Sample, Tally, Window

# Two minutes of scrapes each 5 s. Older windows live on in the totals.
_RECENT = 24

# Pods are scraped one after the other, so their sum moves in small steps: steps this close are one window.
_SHORTEST = timedelta(seconds=4)


def count(tally: Tally, sample: Sample) -> Tally:
    """The tally with the window from its last good reading to this one.

    A reading with a gap in its counters leaves the counts alone, and the next good one counts across it.
    A repeated reading (older, or no counter moved) is not a window.
    """
    if tally.last is not None and sample.at <= tally.last.at:
        return tally
    blind = [f for f in (sample.requests_total, sample.errors_total) if f.value is None]
    gaps = tuple(dict.fromkeys(f.gap or Gap.EMPTY for f in blind))
    if blind:
        return tally.with_(
            gaps=gaps, blind_since=tally.blind_since or sample.at, blind_detail=blind[0].detail
        )
    gaps = () if sample.buckets_gap is None else (sample.buckets_gap,)
    tally = tally.with_(gaps=gaps, blind_since=None, blind_detail="")
    if tally.last is None:
        return tally.with_(since=sample.at, last=sample)
    if not _fell(tally.last, sample):
        return _add(tally, tally.last, sample)
    if tally.fallen is None or _fell(tally.fallen, sample):
        return tally.with_(fallen=sample)
    if not _moved(tally.fallen, sample):
        return tally
    return _add(tally, tally.fallen, sample)


def restart(tally: Tally) -> Tally:
    """A new count that begins where this one stands, for what is to be judged from now on only."""
    return Tally(
        since=tally.last.at if tally.last else None,
        last=tally.last,
        fallen=tally.fallen,
        gaps=tally.gaps,
        blind_since=tally.blind_since,
        blind_detail=tally.blind_detail,
    )


def _add(tally: Tally, begin: Sample, end: Sample) -> Tally:
    if not _moved(begin, end):
        return tally.with_(fallen=None)
    requests = _value(end.requests_total) - _value(begin.requests_total)
    errors = _value(end.errors_total) - _value(begin.errors_total)
    increases = _increases(begin, end)
    is_first = not tally.buckets
    has_same_bounds = _bounds(tally.buckets) == _bounds(end.buckets)
    if not is_first and increases and not has_same_bounds:
        # The version's histogram changed its bounds: what was counted before cannot be added to.
        tally = tally.with_(buckets=(), recent=tuple(w.with_(buckets=()) for w in tally.recent))
    window = Window(
        since=begin.at, until=end.at, requests=requests, errors=min(errors, requests), buckets=increases
    )
    # Without buckets in this reading, the next one that has them counts from the last that had them.
    last = end if end.buckets else end.with_(buckets=begin.buckets)
    recent, is_new = _with_window(tally.recent, window)
    return tally.with_(
        since=tally.since or begin.at,
        until=end.at,
        requests=tally.requests + requests,
        errors=tally.errors + errors,
        buckets=_sum(tally.buckets, increases, end.buckets),
        windows=tally.windows + int(is_new),
        recent=recent,
        last=last,
        fallen=None,
    )


def _with_window(recent: tuple[Window, ...], window: Window) -> tuple[tuple[Window, ...], bool]:
    """The windows with this one, and whether it is one of its own."""
    if window.requests <= 0:
        return recent, False
    newest = recent[-1] if recent else None
    if newest is None or newest.until - newest.since >= _SHORTEST:
        return (*recent, window)[-_RECENT:], True
    pairs = zip(newest.buckets, window.buckets, strict=True) if newest.buckets and window.buckets else ()
    merged = newest.with_(
        until=window.until,
        requests=newest.requests + window.requests,
        errors=newest.errors + window.errors,
        buckets=tuple(old + new for old, new in pairs) or newest.buckets or window.buckets,
    )
    return (*recent[:-1], merged), False


def _fell(before: Sample, after: Sample) -> bool:
    if _value(after.requests_total) < _value(before.requests_total):
        return True
    if _value(after.errors_total) < _value(before.errors_total):
        return True
    if _bounds(before.buckets) != _bounds(after.buckets):
        return False
    return any(new.count < old.count for old, new in zip(before.buckets, after.buckets, strict=True))


def _moved(before: Sample, after: Sample) -> bool:
    has_new_buckets = bool(after.buckets) and before.buckets != after.buckets
    return (
        has_new_buckets
        or before.requests_total.value != after.requests_total.value
        or before.errors_total.value != after.errors_total.value
    )


def _increases(before: Sample, after: Sample) -> tuple[float, ...]:
    if not after.buckets or _bounds(before.buckets) != _bounds(after.buckets):
        return ()
    return tuple(new.count - old.count for old, new in zip(before.buckets, after.buckets, strict=True))


def _sum(
    counted: tuple[Bucket, ...], increases: tuple[float, ...], bounds: tuple[Bucket, ...]
) -> tuple[Bucket, ...]:
    if not increases:
        return counted
    before = [b.count for b in counted] or [0.0] * len(increases)
    return tuple(
        Bucket(le=b.le, count=old + new) for b, old, new in zip(bounds, before, increases, strict=True)
    )


def _bounds(buckets: tuple[Bucket, ...]) -> tuple[float | None, ...]:
    return tuple(b.le for b in buckets)


def _value(figure: Figure) -> float:
    assert figure.value is not None, "a reading with a gap is never counted"
    return figure.value

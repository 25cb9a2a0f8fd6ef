"""Canary against stable: the verdict.

WORSE takes evidence that looking often cannot fake (`evidence`), from at least two scrapes: what the worst
one leaves must still be worse than allowed. It comes as early as the evidence does, however few requests
there were. HEALTHY takes a stage with enough requests on both sides, nothing worse, and nothing that merely
*looks* worse; it says what harm would have been seen, because no sample excludes every harm. All else is
INCONCLUSIVE, or NO_DATA while the source is blind: neither moves traffic forward.

**Latency.** "p95 is more than a margin above stable's" is the same as "more than 5 % of the requests are
slower than stable's p95 plus the margin", and that is a share of requests, to be counted and tested like
errors. The boundary lies at the upper end of what stable's p95 may be, over the stage and over the same
time, whichever is higher, so stable's own uncertainty is never held against the canary. For a fixed boundary
the test is exact; it settles as stable's requests add up, and `tests/analysis/false_alarms.py` measures what
is left of that.
"""

from math import sqrt

from bot.analysis import shown, wording
from bot.analysis.evidence import (
    ALPHA_ERRORS,
    ALPHA_LATENCY,
    ALPHA_WARMING,
    Seen,
    is_decisive,
    log_evidence,
    log_evidence_above,
    log_stake,
)
from bot.analysis.intervals import difference, proportion, quantile_of
from bot.analysis.latency import Histogram, slower_than
from bot.analysis.limits import Limits, Names
from bot.analysis.spans import Span, decided, errors_of, shows, spans, without_worst
from bot.domain.figures import Gap, Sample, Tally, Window
from bot.domain.verdict import Check, Verdict, VerdictKind

_SLOW = 0.05  # the share of requests beyond p95, by definition

# Two-sided 99 %: stable's p95 is taken at the upper end of this.
_Z_BOUNDARY = 2.58


def compare(
    canary: Tally,
    stable: Tally,
    canary_now: Sample | None,
    stable_now: Sample | None,
    limits: Limits,
    *,
    names: Names | None = None,
    baseline: Tally | None = None,
    warming: bool = False,
) -> Verdict:
    """The verdict on one stage so far.

    `canary_now` and `stable_now` are the newest full readings, for the figures that are shown and not
    judged. `baseline` is what stable counted before it lost its traffic, for the stage at weight 100; it
    stands in for stable. While `warming` (a stage's first `limits.skip_first`) only errors can be found
    worse and nothing healthy: the caller counts anew (`restart`) when it is over.
    """
    names = names or Names()
    over = spans(canary, stable, baseline)
    errors = _errors(over, limits, ALPHA_WARMING if warming else ALPHA_ERRORS)
    latency = _latency(over, limits, warming=warming)
    checks = (
        errors,
        *shown.quantiles(over[0], latency),
        *shown.figures(canary, stable, canary_now, stable_now),
    )
    kind, sentence = _verdict(
        canary, stable if baseline is None else baseline, (errors, latency), limits, names
    )
    blind = None if kind is VerdictKind.WORSE else _blindness(canary, None if baseline else stable, names)
    if blind is not None:
        kind, sentence = VerdictKind.NO_DATA, blind
    elif warming and kind is not VerdictKind.WORSE:
        kind = VerdictKind.INCONCLUSIVE
        sentence = f"The first {wording.span(limits.skip_first)} of a stage are not judged."
    return Verdict(
        kind=kind,
        sentence=sentence,
        checks=checks,
        canary_requests=int(canary.requests),
        stable_requests=int((baseline or stable).requests),
    )


def _verdict(
    canary: Tally, stable: Tally, judged: tuple[Check, Check], limits: Limits, names: Names
) -> tuple[VerdictKind, str]:
    worse = [check.sentence for check in judged if check.kind is VerdictKind.WORSE]
    if worse:
        return VerdictKind.WORSE, " ".join(worse).replace("on stable", f"on {names.stable}")
    for tally, name in ((canary, names.canary), (stable, names.stable)):
        if tally.requests < limits.min_requests:
            missing = limits.min_requests - int(tally.requests)
            return VerdictKind.INCONCLUSIVE, (
                f"Too few requests on {name}: {wording.number(int(tally.requests))} of"
                f" {wording.number(limits.min_requests)}, {wording.number(missing)} more are needed."
            )
    if stable.errors / stable.requests >= limits.stable_failing:
        return VerdictKind.INCONCLUSIVE, (
            f"{names.stable.capitalize()} fails too: {_share(stable)} against {_share(canary)}"
            f" on {names.canary}, so it is no yardstick."
        )
    unsure = [c.sentence for c in judged if c.judged and c.kind is VerdictKind.INCONCLUSIVE]
    if unsure:
        return VerdictKind.INCONCLUSIVE, " ".join(unsure)
    harm = detectable(Seen(canary.errors, canary.requests), Seen(stable.errors, stable.requests), limits)
    return VerdictKind.HEALTHY, (
        f"{wording.number(canary.requests)} requests on {names.canary},"
        f" enough to have seen {wording.points(harm)} points of errors."
    )


def detectable(canary: Seen, stable: Seen, limits: Limits) -> float:
    """The smallest rise in the error rate that this many requests would have shown, nine times in ten."""
    low, high = limits.errors_margin, 1.0 - stable.rate
    for _ in range(20):
        rise = (low + high) / 2
        rate = stable.rate + rise
        expected = canary.of * rate - 1.28 * sqrt(canary.of * rate * (1 - rate))
        evidence = log_evidence(Seen(max(0.0, expected), canary.of), stable, limits.errors_margin)
        if is_decisive([log_stake(1) + evidence], ALPHA_ERRORS):
            high = rise
        else:
            low = rise
    return high


def _errors(over: tuple[Span, ...], limits: Limits, alpha: float) -> Check:
    margin = limits.errors_margin
    found: list[tuple[float, Span]] = []
    for span in over:
        allowed = span.stable.errors.rate + margin
        if span.canary.errors.rate <= allowed:
            continue
        if shows(span, without_worst(span, span.canary.errors, errors_of), allowed):
            evidence = log_evidence(span.canary.errors, span.stable.errors, margin)
            found.append((log_stake(span.first) + evidence, span))
    worst = decided(found, alpha)
    span = worst or over[0]
    canary, stable = span.canary.errors, span.stable.errors
    change = difference(proportion(*canary), proportion(*stable))
    has_both = canary.of > 0 and stable.of > 0
    kind = VerdictKind.HEALTHY if has_both else VerdictKind.INCONCLUSIVE
    sentence = ""
    if worst is not None:
        kind = VerdictKind.WORSE
        sentence = (
            f"{wording.percent(canary.rate)} errors against {wording.percent(stable.rate)} on stable,"
            f" for {wording.span(span.length)} ({wording.number(canary.hits)} of {wording.number(canary.of)}"
            f" requests; stable {wording.number(stable.hits)} of {wording.number(stable.of)})."
        )
    elif has_both and change.low > 0 and change.value > margin:
        kind = VerdictKind.INCONCLUSIVE
        sentence = (
            f"Errors look higher, {wording.percent(canary.rate)} against {wording.percent(stable.rate)}"
            f" (95 % interval {wording.points(change.low)} to {wording.points(change.high)} points),"
            " but it may be chance: more requests will tell."
        )
    return Check(
        name="errors",
        unit="ratio",
        canary=canary.rate if canary.of > 0 else None,
        stable=stable.rate if stable.of > 0 else None,
        change=change.value if has_both else None,
        low=change.low if has_both else None,
        high=change.high if has_both else None,
        limit=margin,
        kind=kind,
        sentence=sentence,
    )


def _latency(over: tuple[Span, ...], limits: Limits, *, warming: bool) -> Check:
    whole = over[0]
    is_judged = limits.p95_margin is not None and not warming
    canary, stable = quantile_of(whole.canary.latency, 0.95), quantile_of(whole.stable.latency, 0.95)
    blank = Check(
        name="p95",
        unit="s",
        canary=canary.value if canary else None,
        stable=stable.value if stable else None,
        kind=VerdictKind.INCONCLUSIVE,
        judged=is_judged,
    )
    if canary is None or stable is None:
        side = "the new version" if canary is None else "stable"
        return blank.with_(sentence=f"No latency histogram of {side} to judge p95 by.")
    change = difference(canary, stable)
    limit = stable.value * (limits.p95_margin or 0.0)
    check = blank.with_(change=change.value, low=change.low, high=change.high, limit=limit)
    if limits.p95_margin is None or warming:
        return check
    worst = _slower(over, limits.p95_margin)
    if worst is not None:
        return _slower_check(check, worst, limits.p95_margin)
    if stable.value * (1 + limits.p95_margin) >= whole.stable.latency.top:
        return check.with_(sentence="p95 is beyond the histogram's highest bucket, so it cannot be judged.")
    if change.low > 0 and change.value > limit:
        return check.with_(
            sentence=f"p95 looks higher, {wording.latency(canary.value)} against"
            f" {wording.latency(stable.value)}, but it may be chance: more requests will tell."
        )
    return check.with_(kind=VerdictKind.HEALTHY)


def _slower(over: tuple[Span, ...], margin: float) -> Span | None:
    found: list[tuple[float, Span]] = []
    for span in over:
        boundary = _boundary(over[0], span, margin)
        if boundary is None or boundary >= span.canary.latency.top:
            continue
        slow = _slow(span.canary.latency, boundary)

        def slow_in(window: Window, edge: float = boundary, of: Span = span) -> Seen:
            counted = Histogram(of.canary.latency.bounds, window.buckets) if window.buckets else Histogram()
            return _slow(counted, edge)

        if slow.rate > _SLOW and shows(span, without_worst(span, slow, slow_in), _SLOW):
            found.append((log_stake(span.first) + log_evidence_above(slow, _SLOW), span))
    return decided(found, ALPHA_LATENCY)


def _slower_check(check: Check, span: Span, margin: float) -> Check:
    canary, stable = quantile_of(span.canary.latency, 0.95), quantile_of(span.stable.latency, 0.95)
    assert canary is not None, "the evidence was counted from it"
    assert stable is not None, "the boundary was taken from it"
    edge = stable.value * (1 + margin)
    slow = _slow(span.canary.latency, edge)
    change = difference(canary, stable)
    return check.with_(
        canary=canary.value,
        stable=stable.value,
        change=change.value,
        low=change.low,
        high=change.high,
        limit=stable.value * margin,
        kind=VerdictKind.WORSE,
        sentence=f"p95 {wording.latency(canary.value)} against {wording.latency(stable.value)} on stable, for"
        f" {wording.span(span.length)} ({wording.number(slow.hits)} of {wording.number(slow.of)} requests"
        f" took longer than {wording.latency(edge)}).",
    )


def _boundary(whole: Span, span: Span, margin: float) -> float | None:
    uppers = [quantile_of(s.stable.latency, 0.95, _Z_BOUNDARY) for s in (whole, span)]
    known = [upper.high for upper in uppers if upper is not None]
    return max(known) * (1 + margin) if len(known) == len(uppers) else None


def _slow(latency: Histogram, boundary: float) -> Seen:
    return Seen(slower_than(latency, boundary), latency.total)


def _share(tally: Tally) -> str:
    return f"{wording.percent(tally.errors / tally.requests)} errors"


_GAPS = {
    Gap.UNREACHABLE: "has not answered",
    Gap.REJECTED: "has refused the queries",
    Gap.EMPTY: "has had no series",
    Gap.NAN: "has given no number",
    Gap.STALE: "has had nothing new",
    Gap.SEVERAL: "has given several series where one was asked for",
}


def _blindness(canary: Tally, stable: Tally | None, names: Names) -> str | None:
    sides = [(canary, names.canary)] + ([(stable, names.stable)] if stable is not None else [])
    for tally, name in sides:
        if tally.blind_since is None or not tally.gaps:
            continue
        gap = tally.gaps[0]
        about = "" if gap is Gap.UNREACHABLE else f" for {name}"
        why = f" ({tally.blind_detail})" if tally.blind_detail else ""
        return f"{names.source} {_GAPS[gap]}{about} since {wording.moment(tally.blind_since)}{why}."
    if canary.last is None:
        return f"{names.source} has not been asked about {names.canary} yet."
    return None

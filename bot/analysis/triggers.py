"""Spec §9: the conditions that start a rollback by themselves, each with its own clock.

**What the clocks count.** A condition's clock runs while readings show the breach, and a reading that shows
none sets it back to zero. A reading that shows nothing (a gap, or too few requests to speak of a rate) does
neither: the clock stands still, and the time until the next reading that does show a breach is not counted.
Nor does a reading speak for longer than its rate's window, so a bot that was away for ten minutes has not
seen ten minutes of errors. Health and memory have sources of their own and go on when the others are blind.
"""

from datetime import datetime, timedelta

from bot.analysis import wording
from bot.analysis.limits import TriggerLimits
from bot.domain.figures import Sample
from bot.domain.reasons import Reason
from bot.domain.record import Record
from bot.domain.triggers import Breach, TriggerState

# What is judged, by its key in the configuration: of the new version, and of stable for comparison.
CANARY_FIGURES = ("error_rate", "requests", "p95", "memory", "memory_limit")
BASELINE_FIGURES = ("p95",)


class Fired(Record):
    """A trigger fired: `sentence` says it with figures, in plain words without markup."""

    reason: Reason
    sentence: str
    at: datetime


def watch(
    state: TriggerState,
    canary: Sample | None,
    baseline: Sample | None,
    limits: TriggerLimits,
    now: datetime,
    *,
    healthy: bool | None = None,
    health_detail: str = "",
) -> tuple[TriggerState, Fired | None]:
    """The state after this look, and the trigger that fires, if one does.

    `canary` is a reading with figures of the new version; None, or one of counters only, tells nothing.
    `baseline` is stable at the same time, or what was recorded before the shift. `healthy` is False while a
    critical path fails, None if nobody asked.
    """
    has_figures = canary is not None and bool(canary.figures)
    if canary is not None and has_figures:
        state = state.with_(
            errors=_after(state.errors, limits.window, now, is_breached=_errors_breached(canary, limits)),
            p95=_after(state.p95, limits.window, now, is_breached=_p95_breached(canary, baseline, limits)),
            memory=_after(state.memory, limits.window, now, is_breached=_memory_breached(canary, limits)),
        )
    if healthy is not None:
        state = state.with_(health=_after(state.health, limits.window, now, is_breached=not healthy))
    return state, _fired(state, canary, baseline, limits, now, health_detail)


def _after(breach: Breach, longest: timedelta, now: datetime, *, is_breached: bool | None) -> Breach:
    if is_breached is None:
        return breach.with_(at=None)
    if not is_breached:
        return Breach()
    passed = min(now - breach.at, longest) if breach.at is not None else timedelta(0)
    return Breach(seen=breach.seen + max(passed, timedelta(0)), at=now)


def _errors_breached(canary: Sample, limits: TriggerLimits) -> bool | None:
    rate = canary.figure("error_rate").value
    if rate is None or not _has_traffic(canary, limits):
        return None
    return rate > limits.error_rate


def _p95_breached(canary: Sample, baseline: Sample | None, limits: TriggerLimits) -> bool | None:
    p95, limit = canary.figure("p95").value, _p95_limit(baseline, limits)
    if p95 is None or limit is None or not _has_traffic(canary, limits):
        return None
    return p95 > limit


def _p95_limit(baseline: Sample | None, limits: TriggerLimits) -> float | None:
    if limits.p95_above is not None:
        return limits.p95_above.total_seconds()
    usual = baseline.figure("p95").value if baseline is not None else None
    if usual is None or limits.p95_times_baseline is None:
        return None
    return usual * limits.p95_times_baseline


def _memory_breached(canary: Sample, limits: TriggerLimits) -> bool | None:
    used, allowed = canary.figure("memory").value, canary.figure("memory_limit").value
    # cAdvisor gives 0 for a container without a limit.
    if used is None or allowed is None or allowed <= 0:
        return None
    return used / allowed > limits.memory


def _has_traffic(canary: Sample, limits: TriggerLimits) -> bool:
    requests = canary.figure("requests").value
    return requests is not None and requests >= limits.min_requests


def _fired(
    state: TriggerState,
    canary: Sample | None,
    baseline: Sample | None,
    limits: TriggerLimits,
    now: datetime,
    health_detail: str,
) -> Fired | None:
    def is_due(breach: Breach, after: timedelta) -> bool:
        return breach.at == now and breach.seen >= after

    if canary is not None and is_due(state.errors, limits.error_rate_for):
        sentence = (
            f"{wording.percent(_value(canary, 'error_rate'))} errors for {wording.span(state.errors.seen)}"
            f" (limit {wording.percent(limits.error_rate)}; {wording.number(_value(canary, 'requests'))}"
            f" requests in the last {wording.span(limits.window)})."
        )
        return Fired(reason=Reason.ERROR_RATE, sentence=sentence, at=now)
    if is_due(state.health, limits.health_for):
        why = f" ({health_detail})" if health_detail else ""
        sentence = f"A critical health path has failed for {wording.span(state.health.seen)}{why}."
        return Fired(reason=Reason.HEALTH, sentence=sentence, at=now)
    if canary is not None and is_due(state.memory, limits.memory_for):
        used, allowed = _value(canary, "memory"), _value(canary, "memory_limit")
        sentence = (
            f"Memory at {wording.percent(used / allowed)} of its limit for {wording.span(state.memory.seen)}"
            f" ({wording.size(used)} of {wording.size(allowed)}; limit {wording.percent(limits.memory)})."
        )
        return Fired(reason=Reason.MEMORY, sentence=sentence, at=now)
    if canary is not None and is_due(state.p95, limits.p95_for):
        sentence = (
            f"p95 {wording.latency(_value(canary, 'p95'))} for {wording.span(state.p95.seen)}"
            f" (limit {_said_limit(baseline, limits)})."
        )
        return Fired(reason=Reason.LATENCY, sentence=sentence, at=now)
    return None


def _said_limit(baseline: Sample | None, limits: TriggerLimits) -> str:
    limit = _p95_limit(baseline, limits)
    assert limit is not None, "a breach was seen against it"
    if limits.p95_above is not None or limits.p95_times_baseline is None:
        return wording.latency(limit)
    factor = limits.p95_times_baseline
    return f"{wording.latency(limit)}, {factor:g} × the baseline's {wording.latency(limit / factor)}"


def _value(sample: Sample, name: str) -> float:
    value = sample.figure(name).value
    assert value is not None, "a breach was seen in it"
    return value

"""The figures that people see beside the verdict and that do not decide it."""

from bot.analysis.latency import quantile
from bot.analysis.spans import Span
from bot.domain.figures import Sample, Tally
from bot.domain.verdict import Check, VerdictKind

_UNITS = {"memory": "bytes", "cpu": "cores", "conversion": "ratio"}
_ALWAYS = ("memory", "cpu")
_BUSINESS = "business."


def quantiles(whole: Span, p95: Check) -> tuple[Check, ...]:
    """p50, p95 and p99 in their order, from the counted histogram; only p95 may be judged."""
    p50, p99 = (
        shown(name, "s", quantile(whole.canary.latency, q), quantile(whole.stable.latency, q))
        for name, q in (("p50", 0.50), ("p99", 0.99))
    )
    return p50, p95, p99


def figures(
    canary: Tally, stable: Tally, canary_now: Sample | None, stable_now: Sample | None
) -> tuple[Check, ...]:
    """Throughput as counted; memory, CPU and the business figures as last read."""
    throughput = shown("throughput", "1/s", _per_second(canary), _per_second(stable))
    asked = [
        *_ALWAYS,
        *(name for name in (canary_now.figures if canary_now else {}) if name.startswith(_BUSINESS)),
    ]
    return throughput, *(
        shown(
            name.removeprefix(_BUSINESS),
            _UNITS.get(name.removeprefix(_BUSINESS), ""),
            canary_now.figure(name).value if canary_now else None,
            stable_now.figure(name).value if stable_now else None,
        )
        for name in asked
    )


def shown(name: str, unit: str, canary: float | None, stable: float | None) -> Check:
    is_known = canary is not None and stable is not None
    return Check(
        name=name,
        unit=unit,
        canary=canary,
        stable=stable,
        change=canary - stable if canary is not None and stable is not None else None,
        kind=VerdictKind.INCONCLUSIVE if is_known else VerdictKind.NO_DATA,
        judged=False,
    )


def _per_second(tally: Tally) -> float | None:
    if tally.since is None or tally.until is None or tally.until <= tally.since:
        return None
    return tally.requests / (tally.until - tally.since).total_seconds()

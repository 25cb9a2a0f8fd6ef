"""How much worse a version may be, and what the sentences call things. `wiring` fills these from the
settings.
"""

from datetime import timedelta

from bot.domain.record import Record


class Limits(Record):
    """What the comparison of canary with stable allows."""

    min_requests: int = 500  # fewer on either side prove nothing
    errors_margin: float = 0.001  # of one: the share of failing requests may be this much higher
    p95_margin: float | None = 0.1  # of stable's p95; None: latency is shown, not judged
    skip_first: timedelta = timedelta(seconds=60)  # a stage's cold start, see `compare(warming=…)`
    stable_failing: float = 0.05  # from this error rate on, stable is no yardstick (spec §8, HighErrorRate)


class Names(Record):
    """What the sentences call the version on trial, the trusted one and the source of the figures."""

    canary: str = "the new version"
    stable: str = "stable"
    source: str = "Prometheus"


class TriggerLimits(Record):
    """Spec §9: what starts a rollback by itself, and for how long it has to be so."""

    error_rate: float = 0.01
    error_rate_for: timedelta = timedelta(minutes=5)
    p95_times_baseline: float | None = 2.0  # a multiple of the baseline's p95 …
    p95_above: timedelta | None = None  # … or an absolute limit, which wins where both are given
    p95_for: timedelta = timedelta(minutes=10)
    health_for: timedelta = timedelta(minutes=3)
    memory: float = 0.95  # of the container's limit
    memory_for: timedelta = timedelta(minutes=5)
    min_requests: float = 20  # in the rate's window; one failure among five requests is not "20 % errors"
    window: timedelta = timedelta(minutes=1)  # what a rate looks back over; no reading speaks for longer

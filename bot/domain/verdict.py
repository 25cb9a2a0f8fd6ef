"""What the analysis says of a version on trial, compared with the one that is trusted."""

from enum import StrEnum

from bot.domain.record import Record


class VerdictKind(StrEnum):
    HEALTHY = "healthy"  # enough was seen, and nothing of it is worse
    WORSE = "worse"  # at least one figure is worse than allowed, and not by chance
    INCONCLUSIVE = "inconclusive"  # too little traffic, or contradictory
    NO_DATA = "no data"  # the metrics source is down or blind


class Check(Record):
    """One figure compared: the new version's, stable's, their difference and how sure it is."""

    name: str  # "errors", "p50", "p95", "p99", "memory", "conversion", "throughput"
    unit: str  # "ratio", "s", "bytes", "1/s"
    canary: float | None
    stable: float | None
    change: float | None = None  # canary − stable, in the unit
    low: float | None = None  # interval on the change, where it is judged by one
    high: float | None = None
    limit: float | None = None  # how much worse it may be, in the unit
    kind: VerdictKind
    judged: bool = True  # False: shown for people, does not decide
    sentence: str = ""


class Verdict(Record):
    """`sentence` says the verdict and its reason with figures, in plain words without markup."""

    kind: VerdictKind
    sentence: str
    checks: tuple[Check, ...] = ()
    canary_requests: int = 0
    stable_requests: int = 0

    @property
    def is_healthy(self) -> bool:
        return self.kind is VerdictKind.HEALTHY

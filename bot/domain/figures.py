"""Figures read from a metrics source, and what is counted from them.

A figure is a number or a *gap*: no answer, no series, NaN, a stale series and several series where one was
asked for are different things, and none of them is zero.
"""

from enum import StrEnum
from typing import Self

from bot.domain.record import Record
from bot.domain.times import Moment


class Gap(StrEnum):
    """Why there is no number."""

    UNREACHABLE = "unreachable"  # the source did not answer, or answered with an error
    REJECTED = "rejected"  # the source understood the query and refused it
    EMPTY = "empty"  # no series matches
    NAN = "not-a-number"  # for example 0/0: a ratio without requests
    STALE = "stale"  # the newest sample is older than allowed
    SEVERAL = "several"  # several series where one number was asked for


class Figure(Record):
    """One number, or why there is none. `detail` is a short plain sentence for people."""

    value: float | None = None
    gap: Gap | None = None
    detail: str = ""

    @classmethod
    def known(cls, value: float) -> Self:
        return cls(value=value)

    @classmethod
    def missing(cls, gap: Gap, detail: str = "") -> Self:
        return cls(gap=gap, detail=detail)


class Subject(Record):
    """Whose figures are asked for: one version in one namespace; `pods` is a pattern for its pods' names."""

    namespace: str
    version: str
    pods: str

    @classmethod
    def of(cls, namespace: str, version: str, workload: str) -> Self:
        """The pods of a Deployment: `checkout` does not match those of `checkout-canary`."""
        return cls(namespace=namespace, version=version, pods=f"{workload}-[a-z0-9]+-[a-z0-9]+")


class Bucket(Record):
    """One bucket of a cumulative histogram: how many observations were at most `le` seconds (None = +Inf)."""

    le: float | None
    count: float


class Sample(Record):
    """Everything the configured queries say of one version at one moment."""

    at: Moment
    requests_total: Figure = Figure.missing(Gap.EMPTY)
    errors_total: Figure = Figure.missing(Gap.EMPTY)
    buckets: tuple[Bucket, ...] = ()  # cumulative latency histogram, ascending; empty with `buckets_gap`
    buckets_gap: Gap | None = None
    # The windowed queries by their key in the configuration: error_rate, p50, p95, p99, cpu, memory, …, and
    # business figures under "business.<name>".
    figures: dict[str, Figure] = {}

    def figure(self, name: str) -> Figure:
        return self.figures.get(name, Figure.missing(Gap.EMPTY, f"no query called {name}"))


class Window(Record):
    """What one disjoint window added to a tally."""

    since: Moment
    until: Moment
    requests: float
    errors: float
    buckets: tuple[float, ...] = ()  # increases, in the order of the tally's buckets; empty: none were read


class Tally(Record):
    """What was counted over disjoint windows from the counters of one version.

    `requests` and `errors` are increases, so each request counts once however often the source was asked.
    """

    since: Moment | None = None
    until: Moment | None = None
    requests: float = 0.0
    errors: float = 0.0
    buckets: tuple[Bucket, ...] = ()  # increases per cumulative bucket
    windows: int = 0  # in how many windows at least one request was counted
    recent: tuple[Window, ...] = ()  # the newest windows one by one, so that a change in mid-stage is seen
    last: Sample | None = None  # where the next window begins
    fallen: Sample | None = None  # a reading in which a counter fell, until the next one tells why
    gaps: tuple[Gap, ...] = ()  # of the newest reading; empty when all was there
    blind_since: Moment | None = None  # since when every reading has had a gap in the counters
    blind_detail: str = ""  # what the source said of it, in plain words


class Point(Record):
    """One point of the picture under a stage."""

    at: Moment
    weight: int
    canary: dict[str, float]  # by figure: "errors" (ratio), "p95" (s), …; a missing key is a gap in the line
    stable: dict[str, float]

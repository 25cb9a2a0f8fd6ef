"""Figures from Prometheus for one version at a time.

All queries of a sample are evaluated at the same moment, so that counters, failures and buckets belong
together. They travel as one request (`joined`), because with hundreds of runs the requests are what costs;
only when the server refuses that or is late are they asked one by one. What did not come in time is a gap.

**Staleness.** An instant query never tells how old its samples are, so the age of the raw series is asked
for beside it (`queries.age_query`): once under `requests_total`, for all that is said of the version, and
once under `memory`, for all that is said of its pods.
"""

import time
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from bot.domain.errors import OutsideError, Rejected
from bot.domain.figures import Figure, Gap, Sample, Subject
from bot.ports import Clock
from bot.sources.answers import Histogram, read_figure, read_histogram
from bot.sources.joined import can_join
from bot.sources.queries import age_query, templates
from bot.sources.server import Answer, PrometheusServer

_REQUESTS, _ERRORS, _BUCKETS, _MEMORY = "requests_total", "errors_total", "latency_buckets", "memory"
_COUNTERS = (_REQUESTS, _ERRORS, _BUCKETS)

# How long queries are asked one by one, in real seconds, once they could not be answered as one.
_SINGLY_FOR = 60.0


class PrometheusSource:
    """A `bot.ports.MetricSource`."""

    def __init__(
        self,
        server: PrometheusServer,
        queries: Mapping[str, str],
        clock: Clock,
        *,
        business: Mapping[str, str] | None = None,
        selector: str = 'namespace="$namespace",version="$version"',
        pods: str = 'namespace="$namespace",pod=~"$pods"',
        window: timedelta = timedelta(minutes=1),
        stale_after: timedelta = timedelta(seconds=30),
        where: str = "metrics.queries",
    ) -> None:
        """Checks the queries; connects to nobody yet. Whoever made the server closes it.

        Raises:
            ConfigError: a query has a placeholder that is unknown or cannot be filled safely.
        """
        named = {**queries, **{f"business.{name}": text for name, text in (business or {}).items()}}
        self._templates = templates(where, named, selector=selector, pods=pods)
        self._server = server
        self._clock = clock
        self._window = window
        self._stale_after = stale_after
        self._singly_until = float("-inf")

    async def sample(self, subject: Subject, *, figures: bool = True) -> Sample:
        """All configured figures of one version now; without `figures` only the counters. Never raises."""
        return await self._sample(subject, self._templates if figures else _COUNTERS, self._clock.now())

    async def counters(self, subject: Subject, *, at: datetime) -> Sample:
        """The counters of one version as they were then. Never raises."""
        return await self._sample(subject, _COUNTERS, at)

    async def figures(self, subject: Subject, names: Collection[str]) -> Sample:
        """Only these figures of one version now, as far as they are configured. Never raises."""
        return await self._sample(subject, names, self._clock.now())

    async def _sample(self, subject: Subject, names: Collection[str], at: datetime) -> Sample:
        texts = {
            key: self._templates[key].fill(subject, self._window)
            for key in (*names, *self._ages_of(names))
            if key in self._templates
        }
        ages = {f"age of {key}": age_query(texts[key]) for key in self._ages_of(names) if key in texts}
        asked = {key: text for key, text in texts.items() if key in names}
        asked |= {key: text for key, text in ages.items() if text is not None}
        answers = await self._ask(asked, at)
        too_old = {key: self._too_old(answers.pop(key, []), at) for key in ages}
        return self._read(
            answers,
            at,
            of_version=too_old.get(f"age of {_REQUESTS}"),
            of_pods=too_old.get(f"age of {_MEMORY}"),
        )

    async def _ask(self, queries: Mapping[str, str], at: datetime) -> dict[str, Answer]:
        if time.monotonic() < self._singly_until or not can_join(queries.values()):
            return await self._server.ask(queries, at)
        answers = await self._server.ask_as_one(queries, at)
        if answers is not None:
            return answers
        answers = await self._server.ask(queries, at, is_second_try=True)
        if not all(isinstance(answer, OutsideError) for answer in answers.values()):
            self._singly_until = time.monotonic() + _SINGLY_FOR
        return answers

    def _ages_of(self, names: Collection[str]) -> tuple[str, ...]:
        """Whose raw series tell how old the figures of these names are."""
        of_pods = any(self._is_of_pods(name) for name in names)
        of_version = any(not self._is_of_pods(name) for name in names)
        return (*((_REQUESTS,) if of_version else ()), *((_MEMORY,) if of_pods else ()))

    def _read(
        self,
        answers: Mapping[str, Answer],
        at: datetime,
        *,
        of_version: Figure | None,
        of_pods: Figure | None,
    ) -> Sample:
        def read(key: str) -> Figure:
            figure = _figure(answers.get(key, []))
            too_old = of_pods if self._is_of_pods(key) else of_version
            return too_old if figure.value is not None and too_old is not None else figure

        histogram = _histogram(answers.get(_BUCKETS, []))
        gap = of_version.gap if of_version is not None and histogram.gap is None else histogram.gap
        return Sample(
            at=at,
            requests_total=read(_REQUESTS),
            errors_total=read(_ERRORS),
            buckets=histogram.buckets if gap is None else (),
            buckets_gap=gap,
            figures={key: read(key) for key in answers if key not in _COUNTERS},
        )

    def _is_of_pods(self, key: str) -> bool:
        return key in self._templates and self._templates[key].is_of_pods

    def _too_old(self, answer: Answer, at: datetime) -> Figure | None:
        """The gap that stands for figures whose newest sample is too old; None if they are not.

        While the age is unreachable they are unknown too. No series has no age, and needs none.
        """
        newest = _figure(answer)
        if newest.gap is Gap.UNREACHABLE:
            return newest
        if newest.value is None:
            return None
        age = at.timestamp() - newest.value
        if age <= self._stale_after.total_seconds():
            return None
        return Figure.missing(Gap.STALE, f"the newest sample is {age:.0f} s old")


def _figure(answer: Answer) -> Figure:
    if isinstance(answer, OutsideError):
        return Figure.missing(_gap(answer), answer.message)
    return read_figure(answer)


def _histogram(answer: Answer) -> Histogram:
    if isinstance(answer, OutsideError):
        return Histogram(gap=_gap(answer), detail=answer.message)
    return read_histogram(answer)


def _gap(error: OutsideError) -> Gap:
    return Gap.REJECTED if isinstance(error, Rejected) else Gap.UNREACHABLE

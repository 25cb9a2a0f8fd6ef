"""Figures from Prometheus, through prometheus-api-client, for one version at a time.

All queries of a sample are evaluated at the same moment, so that counters, failures and buckets belong
together. The client blocks, so it runs in a few threads of its own: a server that hangs costs those and the
time limit, never the loop nor the threads of others. What did not come in time is a gap.

**Staleness.** An instant query never tells how old its samples are, so the age of the raw series is asked
for beside it (`queries.age_query`): once under `requests_total`, for all that is said of the version, and
once under `memory`, for all that is said of its pods.
"""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial

from prometheus_api_client import PrometheusConnect
from urllib3.util.retry import Retry

from bot.domain.errors import OutsideError, Rejected, Unreachable, Unreadable
from bot.domain.figures import Figure, Gap, Sample, Subject
from bot.ports import Clock
from bot.sources.answers import Histogram, read_figure, read_histogram
from bot.sources.bounded import BoundedSession
from bot.sources.queries import age_query, templates

_REQUESTS, _ERRORS, _BUCKETS, _MEMORY = "requests_total", "errors_total", "latency_buckets", "memory"
_COUNTERS = (_REQUESTS, _ERRORS, _BUCKETS)

# A sample asks a dozen questions; a few at a time take no longer and leave the server to others.
_THREADS = 6

# One number takes 200 bytes, a histogram of 500 buckets 50 kB; more is not an answer to these questions.
_LARGEST_ANSWER = 1_000_000

_SYSTEM = "Prometheus"

Answer = object  # what the client gave, or the `OutsideError` in its place


class PrometheusSource:
    """A `bot.ports.MetricSource`."""

    def __init__(
        self,
        url: str,
        queries: Mapping[str, str],
        clock: Clock,
        *,
        business: Mapping[str, str] | None = None,
        selector: str = 'namespace="$namespace",version="$version"',
        pods: str = 'namespace="$namespace",pod=~"$pods"',
        window: timedelta = timedelta(minutes=1),
        stale_after: timedelta = timedelta(seconds=30),
        timeout: timedelta = timedelta(seconds=3),
        headers: Mapping[str, str] | None = None,
        where: str = "metrics.queries",
    ) -> None:
        """Checks the queries; connects to nobody yet. `timeout` is real time and bounds a whole sample.

        Raises:
            ConfigError: a query has a placeholder that is unknown or cannot be filled safely.
        """
        named = {**queries, **{f"business.{name}": text for name, text in (business or {}).items()}}
        self._templates = templates(where, named, selector=selector, pods=pods)
        self._clock = clock
        self._window = window
        self._stale_after = stale_after
        self._timeout = timeout.total_seconds()
        url = url.rstrip("/")
        self._client = PrometheusConnect(
            url=url,
            headers=dict(headers or {}),
            # Without this the client tries three times, and waits in between.
            retry=Retry(0),
            session=BoundedSession(_SYSTEM, url, seconds=self._timeout, size=_LARGEST_ANSWER),
        )
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="prometheus")

    async def sample(self, subject: Subject, *, figures: bool = True) -> Sample:
        """All configured figures of one version now; without `figures` only the counters. Never raises."""
        at = self._clock.now()
        asked = {
            key: template.fill(subject, self._window)
            for key, template in self._templates.items()
            if figures or key in _COUNTERS
        }
        ages = {key: age_query(asked[key]) for key in (_REQUESTS, _MEMORY) if key in asked}
        everything = {**asked, **{f"age of {key}": text for key, text in ages.items() if text is not None}}
        answers = await self._ask_all(everything, at)
        too_old = {key: self._too_old(answers.pop(f"age of {key}", []), at) for key in ages}
        return self._read(answers, at, of_version=too_old.get(_REQUESTS), of_pods=too_old.get(_MEMORY))

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._client.close()

    async def _ask_all(self, queries: Mapping[str, str], at: datetime) -> dict[str, Answer]:
        loop = asyncio.get_running_loop()
        asked = {
            key: loop.run_in_executor(self._threads, partial(self._ask, query, at))
            for key, query in queries.items()
        }
        if not asked:
            return {}
        try:
            await asyncio.wait(asked.values(), timeout=self._timeout)
            late = Unreachable(_SYSTEM, f"no answer within {self._timeout:g} s")
            return {key: future.result() if future.done() else late for key, future in asked.items()}
        finally:
            for future in asked.values():
                future.cancel()

    def _ask(self, query: str, at: datetime) -> Answer:
        moment = {"time": f"{at.timestamp():.3f}", "timeout": f"{self._timeout:g}s"}
        try:
            return self._client.custom_query(query, params=moment)
        except OutsideError as error:
            return error
        except (ValueError, KeyError, TypeError):
            return Unreadable(_SYSTEM, "the answer is unreadable")

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

"""What one version counted before now, from what the source remembers by itself."""

from datetime import datetime, timedelta

from bot.analysis import count
from bot.domain.figures import Sample, Subject, Tally
from bot.ports import MetricSource

# The longest of these that the source can tell a whole one of.
_SPANS = tuple(timedelta(seconds=seconds) for seconds in (600, 300, 120, 60, 30, 10))


async def counted_before(metrics: MetricSource, subject: Subject, at: datetime) -> Tally:
    """Until now; blind if the source does not answer."""
    return await counted_until(metrics, subject, await metrics.sample(subject, figures=False), at=at)


async def counted_until(metrics: MetricSource, subject: Subject, now: Sample, *, at: datetime) -> Tally:
    """Until `now`, which was taken at that time; no requests if the source remembers nothing."""
    for ago in _SPANS:
        then = await metrics.counters(subject, at=at - ago)
        if then.requests_total.value is not None:
            counted = count(count(Tally(), then), now)
            # Else a pod has left the sum meanwhile, and its past with it.
            if counted.requests > 0:
                return counted
    return count(Tally(), now)

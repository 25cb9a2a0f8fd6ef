"""Series in memory: what the simulated pods count, for as long as a query may look back.

The simulation appends from the event loop that also answers queries, so there is no locking. Times are kept
in milliseconds, as Prometheus keeps them.

How series end. A series that is no longer appended to is found by instant selectors for another five minutes
(the look-back). `mark_stale` ends it at once, as a scrape does whose target is gone. Samples older than the
retention are dropped as new ones come; a series whose last sample is that old is forgotten altogether.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from bot.sim.metrics.values import NAME, LabelKey, Labels, Window, key_of

DEFAULT_RETENTION = timedelta(hours=2)

# Old samples are cut off in blocks of this size, because cutting an array moves all that is left of it.
_CUT = 256


def milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)


class Series:
    """The samples of one label set, oldest first."""

    __slots__ = ("_first", "_retention", "_stale", "_times", "_values", "dropped", "labels")

    def __init__(self, labels: Labels, retention: int) -> None:
        self.labels = labels
        self.dropped = 0
        self._retention = retention
        self._times = array("q")
        self._values = array("d")
        self._first = 0
        self._stale: set[int] = set()

    @property
    def last_time(self) -> int | None:
        return self._times[-1] if self._times else None

    def append(self, at: int, value: float) -> None:
        """Add a sample; one that is not newer than the last is dropped and counted, as Prometheus does."""
        times = self._times
        if times and at <= times[-1]:
            self.dropped += 1
            return
        times.append(at)
        self._values.append(value)
        self._forget_before(at - self._retention)

    def mark_stale(self, at: int) -> None:
        """End the series at `at`, or just after its last sample if that is later."""
        if not self._times or self._times[-1] in self._stale:
            return
        end = max(at, self._times[-1] + 1)
        self.append(end, float("nan"))
        self._stale.add(end)

    def at(self, moment: int, look_back: int) -> tuple[int, float] | None:
        """The newest sample in `[moment - look_back, moment]`, if the series had not ended by then."""
        index = bisect_right(self._times, moment, self._first) - 1
        if index < self._first:
            return None
        time = self._times[index]
        if time < moment - look_back or time in self._stale:
            return None
        return time, self._values[index]

    def window(self, start: int, end: int) -> Window:
        times = self._times
        low = bisect_left(times, start, self._first)
        high = bisect_right(times, end, low)
        seen, values = times[low:high], self._values[low:high]
        if not self._stale or self._stale.isdisjoint(seen):
            return Window(self.labels, seen, values, start, end)
        alive = [index for index, time in enumerate(seen) if time not in self._stale]
        return Window(self.labels, [seen[i] for i in alive], [values[i] for i in alive], start, end)

    def has_samples(self, start: int, end: int) -> bool:
        return bisect_right(self._times, end, self._first) > bisect_left(self._times, start, self._first)

    def _forget_before(self, oldest: int) -> None:
        first, times = self._first, self._times
        while times[first] < oldest:
            first += 1
        self._first = first
        if first >= _CUT:
            if self._stale:
                self._stale.difference_update(times[:first])
            del times[:first], self._values[:first]
            self._first = 0


class SeriesStore:
    """All series of a simulation."""

    def __init__(self, retention: timedelta = DEFAULT_RETENTION) -> None:
        self._retention = round(retention.total_seconds() * 1000)
        self._by_key: dict[LabelKey, Series] = {}
        self._by_name: dict[str, dict[LabelKey, Series]] = {}
        # Whoever appends usually hands over the same labels in the same order: no need to sort them again.
        self._by_handed_over: dict[tuple[str, LabelKey], Series] = {}
        self._next_sweep: int | None = None

    def append(self, name: str, labels: Mapping[str, str], at: datetime, value: float) -> None:
        moment = milliseconds(at)
        handed_over = (name, tuple(labels.items()))
        series = self._by_handed_over.get(handed_over)
        if series is None:
            series = self._by_handed_over[handed_over] = self.series(name, labels)
        series.append(moment, value)
        if self._next_sweep is None or moment >= self._next_sweep:
            self._sweep(moment)

    def series(self, name: str, labels: Mapping[str, str]) -> Series:
        """The series of that name and those labels, new if there was none; an empty label is no label."""
        full = {label: value for label, value in labels.items() if value} | {NAME: name}
        key = key_of(full)
        found = self._by_key.get(key)
        if found is None:
            found = self._by_key[key] = Series(full, self._retention)
            self._by_name.setdefault(name, {})[key] = found
        return found

    def mark_stale(self, labels: Mapping[str, str], at: datetime) -> None:
        """End every series that bears all these labels (`{"pod": …}`: the pod is gone)."""
        moment, wanted = milliseconds(at), labels.items()
        for series in self._by_key.values():
            if wanted <= series.labels.items():
                series.mark_stale(moment)

    def named(self, name: str | None) -> Collection[Series]:
        """The series of one metric, or of all."""
        return (self._by_key if name is None else self._by_name.get(name, {})).values()

    def __len__(self) -> int:
        return len(self._by_key)

    def _sweep(self, moment: int) -> None:
        """Forget the series whose last sample is past retention; a pod's labels never come back."""
        self._next_sweep = moment + self._retention // 8
        oldest = moment - self._retention
        gone = {
            key: series
            for key, series in self._by_key.items()
            if series.last_time is not None and series.last_time < oldest
        }
        for key, series in gone.items():
            del self._by_key[key]
            del self._by_name[series.labels[NAME]][key]
        if gone:
            self._by_handed_over.clear()

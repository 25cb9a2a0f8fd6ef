"""What runs in a pod: one process with its state, its memory, its counters and its output.

A container that starts again gets new counters and an empty output, as a real one does; the output of the one
before is kept for `kubectl logs --previous`.
"""

from bisect import bisect_left
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from bot.sim.cluster.images import Image
from bot.sim.cluster.objects import Object, dig, quantity

# Seconds. Finer where a web application's answers lie than Prometheus' default buckets.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0)

_MEGABYTE = 1 << 20
# What the application needs with nothing wrong.
_RESIDENT = 92 * _MEGABYTE
_LINES = 1000


class State(Enum):
    """Where a container stands."""

    CREATING = "creating"  # scheduled, its image is being pulled
    PULL_FAILED = "pull failed"  # waits for the next try to pull
    RUNNING = "running"
    BACK_OFF = "back-off"  # ended by itself, waits to be started again
    ENDED = "ended"  # over for good


@dataclass
class Durations:
    """A histogram of requests with the same labels."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    total: float = 0.0

    @property
    def count(self) -> int:
        return sum(self.counts)

    def observe(self, seconds: float, times: int = 1) -> None:
        self.counts[bisect_left(BUCKETS, seconds)] += times
        self.total += seconds * times


@dataclass
class Counters:
    """What a process has counted since it started."""

    requests: dict[tuple[str, str, int], Durations] = field(
        default_factory=dict
    )  # by method, path and status
    sessions: int = 0
    orders: int = 0
    revenue: float = 0.0
    cpu_seconds: float = 0.0


@dataclass
class Process:
    """The containers of one pod; they live and die together."""

    uid: str
    namespace: str
    pod: str
    app: str
    workload: str
    image: Image
    container: str
    limit: float  # bytes; 0 without one
    address: str
    node: str
    due: datetime  # when the present state ends by itself
    state: State = State.CREATING
    started: datetime | None = None
    ready: bool = False
    restarts: int = 0
    crashes: int = 0  # in a row; the back-off grows with them
    pulls: int = 0
    leaked: float = 0.0
    draining: datetime | None = None
    readiness: "Probing | None" = None
    liveness: "Probing | None" = None
    last_exit: Object | None = None
    counters: Counters = field(default_factory=Counters)
    lines: "deque[tuple[datetime, str]]" = field(default_factory=lambda: deque(maxlen=_LINES))
    previous_lines: "tuple[tuple[datetime, str], ...]" = ()

    @property
    def version(self) -> str:
        return self.image.version

    @property
    def memory(self) -> float:
        """The working set; it breathes a little with the work done."""
        return _RESIDENT + self.leaked * _MEGABYTE + (self.counters.sessions % 97) * 32_768

    def restart(self) -> None:
        self.previous_lines = tuple(self.lines)
        self.lines.clear()
        self.counters = Counters()
        self.leaked = 0.0

    def say(self, at: datetime, text: str) -> None:
        self.lines.append((at, text))


@dataclass
class Probing:
    """One probe of one process and how it went last."""

    path: str
    period: float
    threshold: int
    next_at: datetime
    failures: int = 0


def limit_of(container: Object) -> float:
    limit = dig(container, "resources", "limits", "memory")
    return quantity(limit) if limit is not None else 0.0

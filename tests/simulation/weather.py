"""What goes wrong in one run, and when: drawn from the seed, counted, and over at the end of the storm.

Whoever plays an outside system asks before each call (`kubernetes`, `slack`, `database`, `metrics`), and
reports each moment at which a process can be killed or frozen to some effect (`moment`): right before and
right after something was committed or sent. What is not tied to a call happens by itself (`blow`).
"""

import random
from collections import deque
from collections.abc import Callable
from typing import Literal, TypeVar

from tests.simulation.forecast import Forecast
from tests.simulation.loop import Life, SeededLoop
from tests.simulation.trace import Trace

_Kind = TypeVar("_Kind", bound=str)

KubeTrouble = Literal["conflict", "throttled", "error", "error after", "silent", "lost", "late"]
SlackTrouble = Literal["limited", "broken", "silent", "lost", "slow"]
DatabaseTrouble = Literal["away", "locked", "lost", "slow"]
MetricsTrouble = Literal["down", "slow", "empty", "nan"]
Moment = Literal["write", "read", "change", "look", "say"]

_KUBE: tuple[KubeTrouble, ...] = ("conflict", "throttled", "error", "error after", "silent", "lost", "late")
_SLACK: tuple[SlackTrouble, ...] = ("limited", "broken", "silent", "lost", "slow")
_DATABASE: tuple[DatabaseTrouble, ...] = ("away", "locked", "lost", "slow")
_METRICS: tuple[MetricsTrouble, ...] = ("down", "slow", "empty", "nan")
# A question has no effect that could be late, or be there without an answer.
_KUBE_LOOKS: tuple[KubeTrouble, ...] = ("throttled", "error", "silent")
_DATABASE_READS: tuple[DatabaseTrouble, ...] = ("away", "locked", "slow")
_SERVICES = ("kubernetes", "slack", "database", "metrics")

# How likely a process that may die or freeze does so at one moment of the kind. What is committed or changed
# is rare among what is only looked at, and it is where the order of things matters.
_AT_MOMENT: dict[Moment, float] = {
    "write": 0.02,  # a transaction that writes, before and after it
    "read": 0.0005,
    "change": 0.05,  # a change of the platform, before it is sent and after it was answered
    "look": 0.001,
    "say": 0.01,  # to Slack
}
# A process that is not killed at a telling moment may be killed at any other.
_LONGEST_OUTAGE = 25.0
# Shorter than a lease, and longer; a minute now and then.
_FREEZES = (2.0, 7.0, 9.0, 12.0, 25.0, 60.0)


class Weather:
    """The troubles of one run."""

    def __init__(self, seed: int, forecast: Forecast, loop: SeededLoop, trace: Trace) -> None:
        self.forecast = forecast
        self.is_calm = False
        self.crashes = 0
        self.freezes = 0
        self.killed: Callable[[Life], None] = lambda life: None  # whoever starts a new one
        self._loop = loop
        self._trace = trace
        self._calls = random.Random(f"{seed}/calls")
        self._moments = random.Random(f"{seed}/moments")
        self.chance = random.Random(f"{seed}/weather")
        self._away_until: dict[str, float] = {}
        self._planned: dict[str, deque[str]] = {}  # by system: what becomes of its next calls
        self._planned_at: dict[Moment, str] = {}  # what happens to whoever comes to such a moment next

    def plans(self, system: str, trouble: str) -> None:
        """Let this become of the system's next call that it can become of."""
        self._planned.setdefault(system, deque()).append(trouble)

    def plans_at(self, kind: Moment, what: Literal["kill", "freeze"]) -> None:
        """Let this happen to whichever process comes to such a moment next."""
        self._planned_at[kind] = what

    def kubernetes(self, *, is_change: bool) -> KubeTrouble | None:
        """What becomes of one request."""
        if self.is_away("kubernetes"):
            return "error"
        kinds = _KUBE if is_change else _KUBE_LOOKS
        return self._drawn("kubernetes", self.forecast.kubernetes, kinds)

    def slack(self) -> SlackTrouble | None:
        if self.is_away("slack"):
            return "broken"
        return self._drawn("slack", self.forecast.slack, _SLACK)

    def database(self, life: Life | None, *, is_write: bool) -> DatabaseTrouble | None:
        if self.has_no_database(life):
            return "away"
        kinds = _DATABASE if is_write else _DATABASE_READS
        return self._drawn("database", self.forecast.database, kinds)

    def metrics(self) -> MetricsTrouble | None:
        if self.is_away("metrics"):
            return "down"
        return self._drawn("metrics", self.forecast.metrics, _METRICS)

    def moment(self, life: Life | None, kind: Moment) -> None:
        """A process may be killed or frozen right here; whoever asks looks what has become of it."""
        if self.is_calm or life is None or life.is_frozen or not life.is_alive:
            return
        planned = self._planned_at.pop(kind, None)
        if planned is not None:
            self.kill(life, f"at a {kind}") if planned == "kill" else self.freeze(life, f"at a {kind}")
            return
        if self._moments.random() >= _AT_MOMENT[kind]:
            return
        can_die, can_freeze = self.crashes < self.forecast.crashes, self.freezes < self.forecast.freezes
        if can_die and (not can_freeze or self._moments.random() < 0.5):
            self.kill(life, f"at a {kind}")
        elif can_freeze:
            self.freeze(life, f"at a {kind}")

    def kill(self, life: Life, why: str) -> None:
        """As `kill -9`: nothing more of it is carried out."""
        self.crashes += 1
        self._trace.note(life, f"KILLED {why}")
        self._trace.count("crashes")
        life.is_alive = False
        self.killed(life)

    def freeze(self, life: Life, why: str) -> None:
        """As `SIGSTOP`, and `SIGCONT` some time later."""
        seconds = self._moments.uniform(0.5, self._moments.choice(_FREEZES))
        self.freezes += 1
        self._trace.note(life, f"FROZEN {why} for {seconds:.1f} s")
        self._trace.count("freezes")
        life.is_frozen = True
        self._loop.later_in_world(seconds, self.thaw, life)

    def thaw(self, life: Life) -> None:
        if life.is_alive and life.is_frozen:
            self._trace.note(life, "thawed")
            self._loop.thaw(life)

    def away(self, what: str, seconds: float) -> None:
        """An outage of something, or of one process's way to it."""
        self._trace.note("weather", f"{what} is away for {seconds:.1f} s")
        self._trace.count(f"outage: {what.partition(' of ')[0]}" + (" (one)" if " of " in what else ""))
        self._away_until[what] = max(self._away_until.get(what, 0.0), self._loop.time() + seconds)

    def is_away(self, what: str) -> bool:
        return not self.is_calm and self._loop.time() < self._away_until.get(what, 0.0)

    def has_no_database(self, life: Life | None) -> bool:
        """Whether the database is away, or out of this one process's reach."""
        return self.is_away("database") or (life is not None and self.is_away(f"database of {life}"))

    def outage(self) -> None:
        """One of the outside systems is away for a while."""
        self.away(self.chance.choice(_SERVICES), self.chance.uniform(2, _LONGEST_OUTAGE))

    def ends(self) -> None:
        """From now on nothing goes wrong any more."""
        self._trace.note("weather", "calm")
        self.is_calm = True

    def _drawn(self, system: str, likely: float, kinds: tuple[_Kind, ...]) -> _Kind | None:
        if self.is_calm:
            return None
        trouble = self._next_planned(system, kinds)
        if trouble is None and likely and self._calls.random() < likely:
            trouble = self._calls.choice(kinds)
        if trouble is not None:
            self._trace.count(f"{system}: {trouble}")
        return trouble

    def _next_planned(self, system: str, kinds: tuple[_Kind, ...]) -> _Kind | None:
        planned = self._planned.get(system)
        found = next((kind for kind in kinds if planned and kind == planned[0]), None)
        if found is not None and planned:
            planned.popleft()
        return found

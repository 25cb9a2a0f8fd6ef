"""What a seed decides before anything happens: how many processes, which plan, which people, which weather.

Not everything may go wrong in every run (swarm testing): with all faults at once, most runs would only show
that a bot which can do nothing does nothing. Each kind of trouble is left out in about half of the seeds.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from bot.domain.plan import ApprovalPolicy
from strategies.settings import BlueGreenSettings, CanarySettings, CanaryStage, RollingSettings
from tests.support.routing import COLOURS, EACH_ROUTING, ISTIO, PLAIN, Routing

TROUBLES = (
    "kubernetes",
    "slack",
    "database",
    "metrics",
    "outages",
    "crashes",
    "freezes",
    "cut-offs",
    "clock jumps",
    "restarts",
    "bad version",
    "mischief",
)
"""Every kind of trouble, by the name that `--without` takes."""

_STAGES = ((100,), (10, 100), (25, 100), (50, 100), (5, 50, 100), (5, 25, 50, 100))


_AT_ONCE = ((1, 0), (2, 0), ("50%", 0), (0, 1), (1, 1), (2, 2))


@dataclass(frozen=True)
class Rolling:
    """How a rolling update goes, and how the team has its Deployment rolled out otherwise."""

    max_surge: int | str = 2
    max_unavailable: int = 0
    check_every: float = 5.0
    recreates: bool = False  # the team lets all pods go before new ones come
    min_ready: int = 0  # seconds for which a pod has to be ready before the next one is replaced


@dataclass(frozen=True)
class Forecast:
    """One run's circumstances. Probabilities are of one call, times are virtual seconds."""

    processes: int
    is_one_machine: bool  # a process sees that another one is dead, and all share one clock
    has_one_thread: bool  # transactions of a process in turn, as with SQLite; else four at a time
    stages: tuple[int, ...]
    bake: float
    gates: tuple[str, ...]
    approvals: ApprovalPolicy
    storm: float  # how long anything may go wrong
    routing: Routing = ISTIO  # by what the traffic is shared out
    rolling: Rolling | None = None  # instead of a canary
    rehearses: bool = False  # on staging, first
    smoke_fails: bool = False
    keep: float = 60.0  # how long the colour of before stays
    kubernetes: float = 0.0
    slack: float = 0.0
    database: float = 0.0
    metrics: float = 0.0
    outages: float = 0.0  # one begins about every so often; 0: none does
    crashes: int = 0  # at most
    freezes: int = 0
    cut_offs: int = 0
    jumps: int = 0
    restarts: int = 0
    bad: str | None = None  # what is wrong with the new version
    failing_gate: bool = False
    patience: float = 5.0  # how long people take to look again
    mischief: float = 0.0  # how often a press is not simply an approval
    silence: float = 0.0  # how often a question is ignored
    troubles: tuple[str, ...] = ()

    @property
    def strategy(self) -> str:
        if self.is_in_colours:
            return "blue-green"
        return "canary" if self.rolling is None else "rolling"

    @property
    def is_in_colours(self) -> bool:
        return self.routing is COLOURS

    @property
    def settings(self) -> CanarySettings | RollingSettings | BlueGreenSettings:
        bake = timedelta(seconds=self.bake)
        if self.is_in_colours:
            keep = timedelta(seconds=self.keep)
            return BlueGreenSettings(bake=bake, warm_up_requests=30, fail_above=0.01, keep_old=keep)
        if self.rolling is None:
            return CanarySettings(stages=tuple(CanaryStage(weight=w, bake=bake) for w in self.stages))
        return RollingSettings(
            max_surge=self.rolling.max_surge,
            max_unavailable=self.rolling.max_unavailable,
            check_every=timedelta(seconds=self.rolling.check_every),
            bake=bake,
        )


def forecast(seed: int, without: Iterable[str] = ()) -> Forecast:
    """The circumstances of a seed. Troubles in `without` are left out, and nothing else changes by that."""
    chance = random.Random(f"{seed}/forecast")
    rolling, routing = _strategy(seed)
    drawn = {name: chance.random() < 0.5 for name in TROUBLES}
    left = tuple(name for name in TROUBLES if drawn[name] and name not in set(without))

    def if_any(name: str, value: float) -> float:
        return value if name in left else 0.0

    return Forecast(
        processes=chance.choices((1, 2, 3), (5, 4, 1))[0],
        is_one_machine=chance.random() < 0.4,
        has_one_thread=chance.random() < 0.5,
        stages=chance.choice(_STAGES),
        bake=chance.choice((6.0, 8.0, 12.0)),
        gates=chance.choice(((), ("tests",), ("code-review", "tests"))),
        approvals=_approvals(chance),
        storm=chance.uniform(40, 160),
        routing=routing,
        rolling=rolling,
        rehearses=random.Random(f"{seed}/staging").random() < 0.3,
        smoke_fails=random.Random(f"{seed}/smoke").random() < 0.15,
        keep=random.Random(f"{seed}/keep").choice((0.0, 10.0, 60.0, 200.0)),
        kubernetes=if_any("kubernetes", chance.uniform(0.01, 0.15)),
        slack=if_any("slack", chance.uniform(0.02, 0.3)),
        database=if_any("database", chance.uniform(0.005, 0.05)),
        metrics=if_any("metrics", chance.uniform(0.02, 0.3)),
        outages=if_any("outages", chance.uniform(15, 60)),
        crashes=int(if_any("crashes", chance.randint(1, 4))),
        freezes=int(if_any("freezes", chance.randint(1, 3))),
        cut_offs=int(if_any("cut-offs", chance.randint(1, 3))),
        jumps=int(if_any("clock jumps", chance.randint(1, 3))),
        restarts=int(if_any("restarts", chance.randint(1, 2))),
        bad=_bad(chance) if "bad version" in left else None,
        failing_gate="bad version" in left and chance.random() < 0.1,
        patience=chance.choice((1.0, 3.0, 8.0)),
        mischief=if_any("mischief", chance.uniform(0.1, 0.6)),
        silence=if_any("mischief", chance.choice((0.0, 0.0, 0.3))),
        troubles=left,
    )


def _strategy(seed: int) -> tuple[Rolling | None, Routing]:
    """A canary, a blue-green deploy or a rolling update, and by what traffic is shared out."""
    chance = random.Random(f"{seed}/strategy")
    routing = random.Random(f"{seed}/routing").choice(EACH_ROUTING)
    drawn = chance.random()
    if drawn < 0.75:
        return None, routing if drawn < 0.65 else COLOURS
    surge, unavailable = chance.choice(_AT_ONCE)
    rolling = Rolling(
        max_surge=surge,
        max_unavailable=unavailable,
        check_every=chance.choice((2.0, 5.0)),
        recreates=chance.random() < 0.25,
        min_ready=chance.choice((0, 5, 15)),
    )
    # It needs no weights.
    return rolling, chance.choice((routing, PLAIN))


def _approvals(chance: random.Random) -> ApprovalPolicy:
    # Short, so that reminders and expiry are met; the long ones are what people have.
    short = chance.random() < 0.5
    step = timedelta(seconds=20) if short else timedelta(minutes=15)
    return ApprovalPolicy(
        required=chance.choices(("each-shift", "once", "none"), (8, 1, 1))[0],
        people=chance.choices((1, 2), (8, 2))[0],
        requester_may_approve=chance.random() < 0.2,
        remind=step,
        escalate=2 * step,
        expire=4 * step,
    )


def _bad(chance: random.Random) -> str:
    return chance.choice(("errors", "slow", "unhealthy", "never ready", "crashing"))

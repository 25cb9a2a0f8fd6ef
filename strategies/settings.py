"""What a team may set about its strategies."""

from datetime import timedelta

from bot.domain.actions import Pods, Weight
from bot.domain.journeys import Journey
from bot.domain.record import Record


class CanaryStage(Record):
    """This weight, for this long."""

    weight: Weight
    bake: timedelta


class CanarySettings(Record):
    """The stages in rising order; the last one has all traffic (spec §6)."""

    stages: tuple[CanaryStage, ...] = (
        CanaryStage(weight=5, bake=timedelta(minutes=30)),
        CanaryStage(weight=10, bake=timedelta(minutes=15)),
        CanaryStage(weight=25, bake=timedelta(minutes=15)),
        CanaryStage(weight=50, bake=timedelta(minutes=15)),
        CanaryStage(weight=100, bake=timedelta(minutes=30)),
    )
    ready_timeout: timedelta = timedelta(minutes=5)


class RollingSettings(Record):
    """How many pods are replaced at a time, what stops it, and how long the whole is watched (spec §6)."""

    max_surge: Pods = 1
    max_unavailable: Pods = 0
    check_every: timedelta = timedelta(seconds=30)
    pause_above: float = 0.01  # of the new version's requests
    bake: timedelta = timedelta(minutes=10)


class BlueGreenSettings(Record):
    """How the new colour is warmed up and how long it is watched once it serves (spec §6)."""

    ready_timeout: timedelta = timedelta(minutes=5)
    warm_up_requests: int = 100
    warm_up_path: str = "/"
    bake: timedelta = timedelta(minutes=10)
    fail_above: float = 0.001  # of the new version's requests
    keep_old: timedelta = timedelta(hours=24)  # how long the colour of before stays, once the run has ended


class StagingSettings(Record):
    """How a release is rehearsed, and how much is too much while it is watched (spec §5)."""

    max_surge: Pods = 1
    max_unavailable: Pods = 0
    smoke: tuple[str, ...] | None = None  # argv
    smoke_limit: timedelta = timedelta(minutes=5)
    journeys: tuple[Journey, ...] = ()
    watch: timedelta = timedelta(minutes=15)
    errors: int = 0  # so many requests may fail meanwhile
    memory_growth: float = 0.1  # share of its mean, in an hour

"""What a team may set about its strategies."""

from datetime import timedelta

from bot.domain.actions import Weight
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

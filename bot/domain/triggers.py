"""What was seen of the conditions that start a rollback by themselves (spec §9)."""

from datetime import timedelta

from bot.domain.record import Record
from bot.domain.times import Lapse, Moment


class Breach(Record):
    """How long one condition has been breached, as far as it was seen."""

    seen: Lapse = timedelta(0)
    at: Moment | None = None  # the newest reading, if it showed the breach


class TriggerState(Record):
    """Each condition's clock, between two looks."""

    errors: Breach = Breach()
    p95: Breach = Breach()
    health: Breach = Breach()
    memory: Breach = Breach()

    @property
    def breaches(self) -> tuple[Breach, ...]:
        return self.errors, self.p95, self.health, self.memory

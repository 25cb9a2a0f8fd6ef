"""A Service without a router: its pods share the requests equally, and nothing else can be said of it."""

from bot.domain.actions import Side
from bot.domain.errors import Permanent
from bot.domain.outcome import TrafficSplit
from bot.domain.traffic import ByService

_WHY = "shares its requests equally among its pods, so no weight can be given; deploy by rolling"


class PlainService:
    """`TrafficRouter` for what has no weights: nothing beside stable ever gets traffic by it."""

    def __init__(self, traffic: ByService) -> None:
        self._name = traffic.object_name

    async def split(self) -> TrafficSplit:
        return TrafficSplit(canary=0)

    async def check(self) -> None:
        self._refuse()

    async def shift(self, weight: int, *, on: TrafficSplit) -> None:  # noqa: ARG002 - see `_refuse`
        self._refuse()

    async def route_header(self, to: Side, *, on: TrafficSplit) -> None:  # noqa: ARG002 - see `_refuse`
        self._refuse()

    async def all_to_stable(
        self,
        *,
        on: TrafficSplit | None,  # noqa: ARG002 - see `_refuse`
        mark: str | None = None,  # noqa: ARG002 - see `_refuse`
    ) -> None:
        self._refuse()

    def _refuse(self) -> None:
        """Whatever was asked for: no plan that has weights in it is made for such a target."""
        raise Permanent(f"the {self._name} {_WHY}")

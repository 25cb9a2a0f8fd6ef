"""A workspace's road to the app that remembers when each delivery left and when its acknowledgement came."""

from dataclasses import dataclass
from datetime import UTC, datetime

from bot.sim.workspace import WorkspaceServer
from bot.sim.workspace.roads import Acked, Answer, Envelope, Road


@dataclass(frozen=True)
class Delivery:
    """One envelope's way to the app and back, in real time."""

    kind: str
    sent: datetime
    acknowledged: datetime
    is_acked: bool

    @property
    def ms(self) -> float:
        return (self.acknowledged - self.sent).total_seconds() * 1000


class TimedRoad:
    """A `Road` over another one."""

    def __init__(self, road: Road) -> None:
        self._road = road
        self.mode = road.mode
        self.deliveries: list[Delivery] = []

    @property
    def connections(self) -> int:
        return self._road.connections

    async def carry(self, envelope: Envelope) -> Answer:
        sent = datetime.now(UTC)
        answer = await self._road.carry(envelope)
        told = Delivery(envelope.kind, sent, datetime.now(UTC), isinstance(answer, Acked))
        self.deliveries.append(told)
        return answer

    async def close(self) -> None:
        await self._road.close()


def timed(workspace: WorkspaceServer) -> TimedRoad:
    """Put one between the workspace and its app."""
    road = TimedRoad(workspace._deliveries.road)
    workspace._deliveries.road = road
    return road

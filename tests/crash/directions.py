"""The ways that a run can go, as people and faults make them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from tests.crash.people import Thread
from tests.crash.settings import NEW, OLD
from tests.crash.world import World
from tests.support.person import button_on
from tests.support.routing import NAMESPACE

# What people do each time they look at the thread.
Play = Callable[[World, Thread], Awaitable[None]]


@dataclass(frozen=True)
class Direction:
    """One way, and where it ends."""

    name: str
    play: Play
    ending: str
    serves: str  # the version that serves everything at the end
    faults: dict[str, Any] = field(default_factory=dict)
    remind: str = "19h"  # never, unless the direction is about it
    is_reminded: bool = False

    @property
    def goes_back(self) -> bool:
        return self.ending != "finished"


async def says_yes(_world: World, thread: Thread) -> None:
    await thread.answer("approve")


async def takes_it_back(_world: World, thread: Thread) -> None:
    """Yes to the first question; no word about the second one until reminded, and then back."""
    button = button_on(thread.question or {}, "approve")
    if button is None:
        return
    answered_before = thread.pressed.keys() - {str(button["value"])}
    if not answered_before:
        await thread.answer("approve")
    elif thread.says("Still waiting"):
        await thread.answer("rollback")


async def finds_it_unhealthy(world: World, thread: Thread) -> None:
    """Yes to everything; the database is gone once stable has the new version."""
    await thread.answer("approve")
    path = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/checkout"
    stable = await world.asks(f"{world.cluster.url}{path}")
    image = stable["spec"]["template"]["spec"]["containers"][0]["image"]
    if image.endswith(NEW):
        await world.breaks({NEW: {"dependencies_down": True}})


DIRECTIONS = {
    direction.name: direction
    for direction in (
        Direction("forward", says_yes, "finished", NEW),
        Direction("rollback", takes_it_back, "rolled back", OLD, remind="90s", is_reminded=True),
        Direction("worse", says_yes, "rolled back", OLD, faults={NEW: {"error_rate": 0.5}}),
        Direction("promoted", finds_it_unhealthy, "rolled back", OLD),
    )
}

"""The ways that a run can go, as people and faults make them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from tests.crash.people import Thread
from tests.crash.settings import NEW, OLD
from tests.crash.world import World
from tests.support.person import button_on
from tests.support.routing import NAMESPACE, split_of

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
    last: str = "end"  # the message that says that nothing follows
    wakes: int = 0  # how often it is taken up again after its end, if nothing dies

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
    if _image(await _stable(world)).endswith(NEW):
        await world.breaks({NEW: {"dependencies_down": True}})


async def takes_it_back_midway(_world: World, thread: Thread) -> None:
    """No word until reminded, then yes, and back as soon as pods are being replaced."""
    if thread.question is not None and thread.says("Still waiting"):
        await thread.answer("approve")
    if thread.says("is replacing") or thread.says("has replaced"):
        await thread.on_card("rollback")


async def takes_back_what_is_paused(_world: World, thread: Thread) -> None:
    """Yes, and back once pods are no longer being replaced."""
    await thread.answer("approve")
    if thread.says("the rollout is paused"):
        await thread.on_card("rollback")


async def finds_it_bad_later(world: World, thread: Thread) -> None:
    """Yes to everything; requests fail once every pod has the new version."""
    await thread.answer("approve")
    stable = await _stable(world)
    status = stable.get("status", {})
    pods = [status.get(name) for name in ("replicas", "updatedReplicas", "availableReplicas")]
    if _image(stable).endswith(NEW) and pods == [stable["spec"]["replicas"]] * 3:
        await world.breaks({NEW: {"error_rate": 0.5}})


async def finds_it_bad_once_it_serves(world: World, thread: Thread) -> None:
    """Yes to everything; requests fail once all of them are the new version's."""
    await thread.answer("approve")
    if await _is_switched(world):
        await world.breaks({NEW: {"error_rate": 0.5}})


async def takes_it_back_once_it_serves(world: World, thread: Thread) -> None:
    """No word until reminded, then yes, and back as soon as all traffic is the new version's."""
    if thread.question is not None and thread.says("Still waiting"):
        await thread.answer("approve")
    if await _is_switched(world):
        await thread.on_card("rollback")


async def removes_what_it_had_kept_longer(_world: World, thread: Thread) -> None:
    """Yes to everything; what is left is kept longer, and then removed at once."""
    await thread.answer("approve")
    await thread.on_card("do_now" if thread.says("keeps ") else "put_off")


async def _is_switched(world: World) -> bool:
    routes = await world.asks(f"{world.cluster.url}{world.routing.path}")
    return split_of(routes)[0] == 100


async def _stable(world: World) -> Any:
    path = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/checkout"
    return await world.asks(f"{world.cluster.url}{path}")


def _image(deployment: Any) -> str:
    image: str = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
    return image


# Of a strategy that asks before each shift.
DIRECTIONS = {
    direction.name: direction
    for direction in (
        Direction("forward", says_yes, "finished", NEW),
        Direction("rollback", takes_it_back, "rolled back", OLD, remind="90s", is_reminded=True),
        Direction("worse", says_yes, "rolled back", OLD, faults={NEW: {"error_rate": 0.5}}),
        Direction("promoted", finds_it_unhealthy, "rolled back", OLD),
    )
}

"""A router over what a shop routes by, and changes as a step kind makes them: look first."""

from bot.clients.kube import KubeClient
from bot.domain.actions import Side
from bot.domain.outcome import TrafficSplit
from bot.platforms.kubernetes import ObjectRouter, router
from tests.support.shop import Shop


async def opened(shop: Shop, kube: KubeClient, **target) -> ObjectRouter:
    await shop.open(workloads=False)
    return router(kube, shop.target(**target))


async def shift(by: ObjectRouter, weight: int) -> None:
    """Look, then change what was seen."""
    await by.shift(weight, on=await by.split())


async def route_header(by: ObjectRouter, to: Side) -> None:
    await by.route_header(to, on=await by.split())


def shown(split: TrafficSplit) -> TrafficSplit:
    """Without what only changes need."""
    return split.with_(revision="", mark=None)

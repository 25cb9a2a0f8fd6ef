"""Weights by an Istio VirtualService: one weighted http route, and one for the canary header before it.

Only these two routes are ever changed; whatever else the team keeps in the object goes back as it came. A
change names the revision it was thought out on, so a late one, or one of somebody else, cannot be overrun.
"""

from bot.clients.kube import KubeClient, Object
from bot.domain.actions import Side
from bot.domain.outcome import TrafficSplit
from bot.domain.plan import Target
from bot.platforms.kubernetes import paths
from bot.platforms.kubernetes.routes import Routes


class IstioRouter:
    """`TrafficRouter` for one run's target."""

    def __init__(self, kube: KubeClient, target: Target) -> None:
        self._kube = kube
        self._target = target
        self._path = paths.virtual_service(target.namespace, target.virtual_service)
        self._seen: Object | None = None  # as last looked at, for one change

    async def split(self) -> TrafficSplit:
        self._seen = await self._kube.get(self._path)
        return Routes(self._seen, self._target).split()

    async def shift(self, weight: int) -> None:
        await self._change(weight=weight, header=None)

    async def route_header(self, to: Side) -> None:
        await self._change(weight=None, header=to)

    async def all_to_stable(self) -> None:
        await self._change(weight=0, header=Side.STABLE)

    async def _change(self, *, weight: int | None, header: Side | None) -> None:
        # What was just judged is what is changed: if anything happened since, the revision no longer fits.
        service, self._seen = self._seen or await self._kube.get(self._path), None
        routes = Routes(service, self._target)
        # The weight first: making a header route moves the weighted one to another place in the list.
        operations = [
            *([] if weight is None else routes.weight_operations(weight)),
            *([] if header is None else routes.header_operations(header)),
        ]
        if not operations:
            return
        revision = service["metadata"]["resourceVersion"]
        same = {"op": "replace", "path": "/metadata/resourceVersion", "value": revision}
        await self._kube.patch(self._path, [same, *operations])

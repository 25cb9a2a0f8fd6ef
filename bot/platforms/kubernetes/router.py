"""Weights by one object of the team's: a VirtualService, an HTTPRoute or the canary Ingress of ingress-nginx.

Only what shares the traffic out is ever changed; whatever else the team keeps in the object goes back as it
came. A change is thought out on what the object is now and sent only if that is still what was seen before
its intent: it names that revision, so a late one is refused and nobody else's is overrun.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from bot.clients.kube import KubeClient, Object
from bot.domain.actions import Side
from bot.domain.errors import Conflict
from bot.domain.outcome import TrafficSplit
from bot.domain.plan import Target
from bot.domain.traffic import ByColour, ByHTTPRoute, ByIngress, ByService, ByVirtualService
from bot.platforms.kubernetes import paths, shapes
from bot.platforms.kubernetes.colour_switch import ColourSwitch
from bot.platforms.kubernetes.gateway_routes import HTTPRules
from bot.platforms.kubernetes.istio_routes import Routes
from bot.platforms.kubernetes.marks import mark_of, mark_operations, revision_of
from bot.platforms.kubernetes.nginx_routes import CanaryIngress, check_beside
from bot.platforms.kubernetes.plain_service import PlainService
from bot.ports import TrafficRouter


class _Read(Protocol):
    """One object as it was read. Its changes are JSON patches."""

    def split(self) -> TrafficSplit: ...

    def weight_operations(self, weight: int) -> list[Object]: ...

    def header_operations(self, to: Side) -> list[Object]: ...


@dataclass(frozen=True)
class _Beside:
    """Another object that has to fit, and that is only looked at."""

    path: str
    check: Callable[[Object, Object], None]  # of this one and the one that is changed; raises


@dataclass(frozen=True)
class _Declared:
    """The object that the configuration names."""

    path: str
    name: str
    shape: Callable[[Object], Object]  # refuses what is no such object
    read: Callable[[Object], _Read]  # raises where it does not route as declared
    beside: _Beside | None = None


class ObjectRouter:
    """`TrafficRouter` for one run's target."""

    def __init__(self, kube: KubeClient, declared: _Declared) -> None:
        self._kube = kube
        self._declared = declared

    async def split(self) -> TrafficSplit:
        found = await self._object()
        return self._declared.read(found).split().with_(revision=revision_of(found), mark=mark_of(found))

    async def shift(self, weight: int, *, on: TrafficSplit) -> None:
        await self._change(on.revision, weight=weight)

    async def route_header(self, to: Side, *, on: TrafficSplit) -> None:
        await self._change(on.revision, header=to)

    async def all_to_stable(self, *, on: TrafficSplit | None, mark: str | None = None) -> None:
        await self._change(on.revision if on else None, weight=0, header=Side.STABLE, mark=mark)

    async def check(self) -> None:
        """Think a canary's first change out and send nothing; raises what would keep it from being sent."""
        await self._operations(await self._object(), weight=1, header=Side.CANARY, mark=None)

    async def _object(self) -> Object:
        return self._declared.shape(await self._kube.get(self._declared.path))

    async def _change(
        self,
        revision: str | None,
        *,
        weight: int | None = None,
        header: Side | None = None,
        mark: str | None = None,
    ) -> None:
        found = await self._object()
        if revision is not None and revision != revision_of(found):
            raise Conflict("Kubernetes", f"the {self._declared.name} was changed since it was looked at")
        operations = await self._operations(found, weight=weight, header=header, mark=mark)
        if not operations:
            return
        same = {"op": "replace", "path": "/metadata/resourceVersion", "value": revision_of(found)}
        await self._kube.patch(self._declared.path, [same, *operations])

    async def _operations(
        self, found: Object, *, weight: int | None, header: Side | None, mark: str | None
    ) -> list[Object]:
        routes, beside = self._declared.read(found), self._declared.beside
        if beside is not None and (weight or header is Side.CANARY):
            # Only to go forward: whatever has become of that one, it does not keep traffic from going home.
            beside.check(await self._kube.get(beside.path), found)
        # The weight first: making a header route moves the weighted one to another place in the list.
        return [
            *([] if weight is None else routes.weight_operations(weight)),
            *([] if header is None else routes.header_operations(header)),
            *([] if mark is None else mark_operations(found, mark)),
        ]


def router(kube: KubeClient, target: Target) -> TrafficRouter:
    """What shifts the traffic of this target."""
    if isinstance(target.traffic, ByService):
        return PlainService(target.traffic)
    if isinstance(target.traffic, ByColour):
        return ColourSwitch(kube, target, target.traffic)
    return ObjectRouter(kube, _declared(target, target.traffic))


def _declared(target: Target, traffic: ByVirtualService | ByHTTPRoute | ByIngress) -> _Declared:
    namespace = target.namespace
    match traffic:
        case ByVirtualService():
            return _Declared(
                paths.virtual_service(namespace, traffic.virtual_service),
                traffic.object_name,
                shapes.virtual_service,
                lambda service: Routes(service, target, traffic),
            )
        case ByHTTPRoute():
            return _Declared(
                paths.http_route(namespace, traffic.route),
                traffic.object_name,
                shapes.http_route,
                lambda route: HTTPRules(route, target, traffic),
            )
        case ByIngress():
            return _Declared(
                paths.ingress(namespace, traffic.canary_ingress),
                traffic.object_name,
                shapes.ingress,
                lambda ingress: CanaryIngress(ingress, target, traffic),
                _Beside(
                    paths.ingress(namespace, traffic.ingress),
                    lambda own, canary: check_beside(shapes.ingress(own), canary, target, traffic),
                ),
            )

"""Weights by an Istio VirtualService: one weighted http route, and one for the canary header before it.

Only these two routes are ever changed; whatever else the team keeps in the object goes back as it came. A
change names the revision it was thought out on, so a late one, or one of somebody else, cannot be overrun.
"""

import copy
from typing import Any

from bot.clients.kube import KubeClient
from bot.domain.actions import Side
from bot.domain.errors import NotFound, Unreadable
from bot.domain.outcome import TrafficSplit
from bot.domain.plan import Target
from bot.platforms.kubernetes import paths

Object = dict[str, Any]

_HEADER_ROUTE = "slackwater-canary-header"


class IstioRouter:
    """`TrafficRouter` for one run's target."""

    def __init__(self, kube: KubeClient, target: Target) -> None:
        self._kube = kube
        self._target = target
        self._path = paths.virtual_service(target.namespace, target.virtual_service)

    async def split(self) -> TrafficSplit:
        service = await self._read()
        http = self._http(service)
        weighted = http[self._weighted(http)]
        header = self._header(http)
        header_to = None if header is None else self._only_side(http[header])
        return TrafficSplit(canary=self._canary_weight(weighted), header_to=header_to)

    async def shift(self, weight: int) -> None:
        await self._change(weight=weight, header=None)

    async def route_header(self, to: Side) -> None:
        await self._change(weight=None, header=to)

    async def all_to_stable(self) -> None:
        await self._change(weight=0, header=Side.STABLE)

    async def _change(self, *, weight: int | None, header: Side | None) -> None:
        service = await self._read()
        http = self._http(service)
        operations: list[Object] = [
            {
                "op": "replace",
                "path": "/metadata/resourceVersion",
                "value": service["metadata"]["resourceVersion"],
            }
        ]
        at = self._weighted(http)
        if weight is not None:
            route = self._with_weight(http[at]["route"], weight)
            operations.append({"op": "replace", "path": f"/spec/http/{at}/route", "value": route})
        if header is not None:
            operations += self._header_operations(http, at, header)
        if len(operations) > 1:
            await self._kube.patch(self._path, operations)

    def _header_operations(self, http: list[Object], weighted: int, to: Side) -> list[Object]:
        index = self._header(http)
        if index is not None:
            route = copy.deepcopy(http[index]["route"])
            route[0]["destination"] = {**route[0]["destination"], "host": self._host(to)}
            return [{"op": "replace", "path": f"/spec/http/{index}/route", "value": route}]
        if to is Side.STABLE:
            return []  # no such route, so the header leads nowhere special already
        like = self._destination(http[weighted]["route"], Side.STABLE)
        assert like is not None, "the weighted route was found by it"
        match = {"headers": {self._target.header_name: {"exact": self._target.header_value}}}
        route = [{"destination": {**copy.deepcopy(like["destination"]), "host": self._host(to)}}]
        new = {"name": _HEADER_ROUTE, "match": [match], "route": route}
        return [{"op": "add", "path": "/spec/http/0", "value": new}]

    async def _read(self) -> Object:
        return await self._kube.get(self._path)

    def _http(self, service: Object) -> list[Object]:
        http = (service.get("spec") or {}).get("http")
        if not isinstance(http, list) or not all(isinstance(r, dict) and r.get("route") for r in http or []):
            raise self._unreadable("has no http routes with destinations")
        return http

    def _weighted(self, http: list[Object]) -> int:
        """Where the route is that shares traffic out between the two sides."""
        name = self._target.route
        found = [
            index
            for index, route in enumerate(http)
            if (route.get("name") == name if name else self._shares(route))
        ]
        if not found:
            what = f"no http route called {name!r}" if name else "no http route to stable without a match"
            message = f"the VirtualService {self._target.virtual_service} has {what}"
            raise NotFound("Kubernetes", message)
        if len(found) > 1:
            raise self._unreadable("has several routes to stable; name one under traffic.route")
        if self._destination(http[found[0]]["route"], Side.STABLE) is None:
            raise self._unreadable(f"does not route to {self._target.stable_service}")
        return found[0]

    def _shares(self, route: Object) -> bool:
        """A route that leads to stable and is not the header's."""
        is_header = self._is_header_match(route)
        return not is_header and self._destination(route["route"], Side.STABLE) is not None

    def _header(self, http: list[Object]) -> int | None:
        return next((i for i, route in enumerate(http) if self._is_header_match(route)), None)

    def _is_header_match(self, route: Object) -> bool:
        for match in route.get("match") or []:
            wanted = (match.get("headers") or {}).get(self._target.header_name) or {}
            if wanted.get("exact") == self._target.header_value:
                return True
        return False

    def _only_side(self, route: Object) -> Any:
        if self._destination(route["route"], Side.CANARY) is not None:
            return "canary"
        return "stable" if self._destination(route["route"], Side.STABLE) is not None else None

    def _canary_weight(self, route: Object) -> int:
        destinations = route["route"]
        weights = {id(d): d.get("weight", 100 if len(destinations) == 1 else 0) for d in destinations}
        canary, stable = (self._destination(destinations, side) for side in (Side.CANARY, Side.STABLE))
        weight = weights[id(canary)] if canary is not None else 0
        rest = weights[id(stable)] if stable is not None else 0
        if weight + rest != 100 or sum(weights.values()) != 100:
            raise self._unreadable(f"gives {weight} and {rest} to the two sides, which is not 100 in all")
        return int(weight)

    def _with_weight(self, route: list[Object], weight: int) -> list[Object]:
        new = copy.deepcopy(route)
        stable, canary = self._destination(new, Side.STABLE), self._destination(new, Side.CANARY)
        assert stable is not None, "the weighted route was found by it"
        if canary is None:
            canary = copy.deepcopy(stable)
            canary["destination"]["host"] = self._host(Side.CANARY)
            new.append(canary)
        stable["weight"], canary["weight"] = 100 - weight, weight
        return new

    def _destination(self, route: list[Object], side: Side) -> Object | None:
        host = self._host(side)
        namespace = self._target.namespace
        names = {
            host,
            f"{host}.{namespace}",
            f"{host}.{namespace}.svc",
            f"{host}.{namespace}.svc.cluster.local",
        }
        return next((d for d in route if (d.get("destination") or {}).get("host") in names), None)

    def _host(self, side: Side) -> str:
        return self._target.stable_service if side is Side.STABLE else self._target.canary_service

    def _unreadable(self, what: str) -> Unreadable:
        return Unreadable("Kubernetes", f"the VirtualService {self._target.virtual_service} {what}")

"""The http routes of a VirtualService, read and changed as JSON patches. Pure.

Two of them are Slackwater's business. The *weighted* route shares traffic out between the two sides; it is
the only one that leads to stable, or the one that the configuration names. The *header* route leads requests
with the canary header to one side; it has the weighted route's own conditions and the header, nothing else,
so that a team's route for `/admin` with the same header stays a stranger. It is put right before the weighted
one: whatever the team lets match earlier goes on matching earlier.
"""

import copy
from typing import Any, Literal

from bot.domain.actions import Side
from bot.domain.errors import NotFound, Unreadable
from bot.domain.outcome import TrafficSplit
from bot.domain.plan import Target
from bot.domain.traffic import ByVirtualService

Object = dict[str, Any]

_HEADER_ROUTE = "slackwater-canary-header"


class Routes:
    """One VirtualService as it was read.

    Raises:
        NotFound: it has no route that could carry the weights.
        Unreadable: its routes are not what the configuration declares.
    """

    def __init__(self, service: Object, target: Target, traffic: ByVirtualService) -> None:
        self._target = target
        self._traffic = traffic
        self._http = self._http_of(service)
        self._at = self._find_weighted()

    def split(self) -> TrafficSplit:
        header = self._header_at()
        leads_to = None if header is None else self._leads_to(self._http[header]["route"])
        return TrafficSplit(canary=self._canary_weight(), header_to=leads_to)

    def weight_operations(self, weight: int) -> list[Object]:
        """What gives the canary this weight and stable the rest."""
        new = copy.deepcopy(self._weighted["route"])
        stable, canary = self._destination(new, Side.STABLE), self._destination(new, Side.CANARY)
        assert stable is not None, "the weighted route was found by it"
        if any(d.get("weight") for d in new if d is not stable and d is not canary):
            raise self._unreadable("shares traffic with a third destination, so its weights are not changed")
        if canary is None:
            canary = self._turned(stable, Side.CANARY)
            new.append(canary)
        stable["weight"], canary["weight"] = 100 - weight, weight
        return [{"op": "replace", "path": f"/spec/http/{self._at}/route", "value": new}]

    def header_operations(self, to: Side) -> list[Object]:
        """What leads the canary header to one side."""
        header = self._header_at()
        if header is not None:
            first = self._turned(self._http[header]["route"][0], to)
            first.pop("weight", None)
            return [{"op": "replace", "path": f"/spec/http/{header}/route", "value": [first]}]
        if to is Side.STABLE:
            return []  # no such route, so the header leads nowhere special already
        like = self._destination(self._weighted["route"], Side.STABLE)
        assert like is not None, "the weighted route was found by it"
        destination = {"destination": self._turned(like, to)["destination"]}
        # Rewrites and timeouts are the weighted route's: who bears the header is served like everybody else.
        new = {
            **copy.deepcopy(self._weighted),
            "name": _HEADER_ROUTE,
            "match": self._header_matches(),
            "route": [destination],
        }
        return [{"op": "add", "path": f"/spec/http/{self._at}", "value": new}]

    @property
    def _weighted(self) -> Object:
        return self._http[self._at]

    def _http_of(self, service: Object) -> list[Object]:
        http = (service.get("spec") or {}).get("http")
        # A route without destinations redirects or answers by itself; the team's, and fine.
        if not isinstance(http, list) or not any(isinstance(r, dict) and r.get("route") for r in http):
            raise self._unreadable("has no http routes with destinations")
        return http

    def _find_weighted(self) -> int:
        name = self._traffic.route
        found = [
            index
            for index, route in enumerate(self._http)
            if (route.get("name") == name if name else self._shares(route))
        ]
        if not found:
            what = f"no http route called {name!r}" if name else "no http route to stable without the header"
            raise NotFound("Kubernetes", f"the {self._traffic.object_name} has {what}")
        if len(found) > 1:
            raise self._unreadable("has several routes to stable; name one under traffic.route")
        if self._destination(self._http[found[0]].get("route") or [], Side.STABLE) is None:
            raise self._unreadable(f"does not route to {self._target.stable_service}")
        return found[0]

    def _shares(self, route: Object) -> bool:
        """A route that leads to stable and is not for the header's bearers alone."""
        wants_header = any(self._has_header(match) for match in route.get("match") or [])
        return not wants_header and self._destination(route.get("route") or [], Side.STABLE) is not None

    def _header_at(self) -> int | None:
        own = [*(self._weighted.get("match") or []), {}]
        for index, route in enumerate(self._http):
            matches = [match for match in route.get("match") or [] if self._has_header(match)]
            is_known = any(self._without_header(match) in map(_bare, own) for match in matches)
            if is_known and self._leads_to(route.get("route") or []) is not None:
                return index
        return None

    def _header_matches(self) -> list[Object]:
        wanted = {self._target.header_name: {"exact": self._target.header_value}}
        return [
            {**_bare(match), "headers": {**(match.get("headers") or {}), **wanted}}
            for match in self._weighted.get("match") or [{}]
        ]

    def _has_header(self, match: Object) -> bool:
        wanted = (match.get("headers") or {}).get(self._target.header_name) or {}
        return bool(wanted.get("exact") == self._target.header_value)

    def _without_header(self, match: Object) -> Object:
        headers = {k: v for k, v in match["headers"].items() if k != self._target.header_name}
        return _bare({**match, "headers": headers})

    def _leads_to(self, route: list[Object]) -> Literal["stable", "canary"] | None:
        if self._destination(route, Side.CANARY) is not None:
            return "canary"
        return "stable" if self._destination(route, Side.STABLE) is not None else None

    def _canary_weight(self) -> int:
        destinations = self._weighted["route"]
        if len(destinations) == 1:
            return 0  # stable, by which the route was found; a single destination gets everything
        canary, stable = (self._destination(destinations, side) for side in (Side.CANARY, Side.STABLE))
        weight, rest = ((d or {}).get("weight", 0) for d in (canary, stable))
        if weight + rest != 100 or sum(d.get("weight", 0) for d in destinations) != 100:
            raise self._unreadable(f"gives {weight} and {rest} to the two sides, which is not 100 in all")
        return int(weight)

    def _destination(self, route: list[Object], side: Side) -> Object | None:
        names = self._names(side)
        return next((d for d in route if (d.get("destination") or {}).get("host") in names), None)

    def _turned(self, destination: Object, side: Side) -> Object:
        """The same destination on that side, its host written as long or short as it was."""
        new = copy.deepcopy(destination)
        host = str(new["destination"].get("host", ""))
        new["destination"]["host"] = next(
            (
                here
                for other in Side
                for here, there in zip(self._names(side), self._names(other), strict=True)
                if there == host
            ),
            self._host(side),
        )
        return new

    def _names(self, side: Side) -> tuple[str, ...]:
        """Every way to write the Service, in one order for both sides."""
        host, namespace = self._host(side), self._target.namespace
        ends = ("", f".{namespace}", f".{namespace}.svc", f".{namespace}.svc.cluster.local")
        return tuple(host + end for end in ends)

    def _host(self, side: Side) -> str:
        return self._target.stable_service if side is Side.STABLE else self._target.canary_service

    def _unreadable(self, what: str) -> Unreadable:
        return Unreadable("Kubernetes", f"the {self._traffic.object_name} {what}")


def _bare(match: Object) -> Object:
    """A match's conditions, without its name and without what is empty."""
    return {key: value for key, value in match.items() if key != "name" and value not in ({}, None)}

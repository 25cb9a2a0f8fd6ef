"""The rules of a Gateway API HTTPRoute, read and changed as JSON patches. Pure.

As with Istio, two rules are Slackwater's business: the *weighted* one, the only one that leads to stable, and
the *header* one, which has the weighted one's own matches and the header. A gateway prefers the more specific
match wherever it stands, and the number of headers counts for that; among equals the first one counts, so the
header rule is put right before the weighted one.

Weights are shares of their sum here, not per cent (gateway-api.sigs.k8s.io, HTTPBackendRef); one that is left
out is 1.
"""

import copy
import json
from collections.abc import Iterable
from typing import Any, Literal

from bot.domain.actions import Side
from bot.domain.errors import NotFound, Unreadable
from bot.domain.outcome import TrafficSplit
from bot.domain.plan import Target
from bot.domain.traffic import ByHTTPRoute

Object = dict[str, Any]


class HTTPRules:
    """One HTTPRoute as it was read.

    Raises:
        NotFound: it has no rule that could carry the weights.
        Unreadable: its rules are not what the configuration declares.
    """

    def __init__(self, route: Object, target: Target, traffic: ByHTTPRoute) -> None:
        self._target = target
        self._name = traffic.object_name
        self._rules: list[Object] = (route.get("spec") or {}).get("rules") or []
        self._at = self._find_weighted()

    def split(self) -> TrafficSplit:
        header = self._header_at()
        leads_to = None if header is None else self._leads_to(self._rules[header])
        return TrafficSplit(canary=self._canary_weight(), header_to=leads_to)

    def weight_operations(self, weight: int) -> list[Object]:
        """What gives the canary this weight and stable the rest."""
        new = copy.deepcopy(_backends(self._weighted))
        stable, canary = self._backend(new, Side.STABLE), self._backend(new, Side.CANARY)
        assert stable is not None, "the weighted rule was found by it"
        if any(_weight(one) for one in new if one is not stable and one is not canary):
            raise self._unreadable("shares traffic with a third backend, so its weights are not changed")
        if canary is None:
            canary = self._turned(stable, Side.CANARY)
            new.append(canary)
        stable["weight"], canary["weight"] = 100 - weight, weight
        return [{"op": "replace", "path": f"/spec/rules/{self._at}/backendRefs", "value": new}]

    def header_operations(self, to: Side) -> list[Object]:
        """What leads the canary header to one side."""
        header = self._header_at()
        if header is not None:
            only = self._turned(_backends(self._rules[header])[0], to)
            only.pop("weight", None)
            return [{"op": "replace", "path": f"/spec/rules/{header}/backendRefs", "value": [only]}]
        if to is Side.STABLE:
            return []  # no such rule, so the header leads nowhere special already
        like = self._backend(_backends(self._weighted), Side.STABLE)
        assert like is not None, "the weighted rule was found by it"
        only = self._turned(like, to)
        only.pop("weight", None)
        # Filters and timeouts are the weighted rule's: who bears the header is served like everybody else.
        new = {**copy.deepcopy(self._weighted), "matches": self._header_matches(), "backendRefs": [only]}
        new.pop("name", None)  # unique in the object
        return [{"op": "add", "path": f"/spec/rules/{self._at}", "value": new}]

    @property
    def _weighted(self) -> Object:
        return self._rules[self._at]

    def _find_weighted(self) -> int:
        found = [index for index, rule in enumerate(self._rules) if self._shares(rule)]
        if not found:
            raise NotFound("Kubernetes", f"the {self._name} has no rule to stable without the header")
        if len(found) > 1:
            places = ", ".join(str(index + 1) for index in found)
            raise self._unreadable(
                f"has several rules to stable ({places}), of which only one can carry the weights; "
                "one for a header that was configured before has to be taken away"
            )
        return found[0]

    def _shares(self, rule: Object) -> bool:
        """A rule that leads to stable and is not for the header's bearers alone."""
        wants_header = any(self._has_header(match) for match in rule.get("matches") or [])
        return not wants_header and self._backend(_backends(rule), Side.STABLE) is not None

    def _header_at(self) -> int | None:
        """The rule that takes the header's bearers from all that the weighted one matches, and no more."""
        own = self._weighted.get("matches") or [{}]
        for index, rule in enumerate(self._rules):
            matches = rule.get("matches") or []
            if not all(self._has_header(match) for match in matches) or self._leads_to(rule) is None:
                continue
            if _bare(self._without_header(match) for match in matches) == _bare(own):
                return index
        return None

    def _header_matches(self) -> list[Object]:
        wanted = {"type": "Exact", "name": self._target.header_name, "value": self._target.header_value}
        return [
            {**match, "headers": [*(match.get("headers") or []), wanted]}
            for match in copy.deepcopy(self._weighted.get("matches") or [{}])
        ]

    def _has_header(self, match: Object) -> bool:
        return any(self._is_the_header(header) for header in match.get("headers") or [])

    def _is_the_header(self, header: Object) -> bool:
        wanted = ("Exact", self._target.header_name.lower(), self._target.header_value)
        return (header.get("type", "Exact"), header["name"].lower(), header["value"]) == wanted

    def _without_header(self, match: Object) -> Object:
        return {**match, "headers": [one for one in match["headers"] if not self._is_the_header(one)]}

    def _leads_to(self, rule: Object) -> Literal["stable", "canary"] | None:
        """Who gets any of it; the canary, if both do."""
        if _weight(self._backend(_backends(rule), Side.CANARY)):
            return "canary"
        return "stable" if self._backend(_backends(rule), Side.STABLE) is not None else None

    def _canary_weight(self) -> int:
        backends = _backends(self._weighted)
        weights = [_weight(self._backend(backends, side)) for side in (Side.CANARY, Side.STABLE)]
        canary, total = weights[0], sum(_weight(one) for one in backends)
        if sum(weights) != total or total == 0:
            raise self._unreadable(f"gives {weights[0]} and {weights[1]} of {total} to the two sides")
        if 100 * canary % total:
            raise self._unreadable(f"gives {canary} of {total} to the canary, which is no whole per cent")
        return 100 * canary // total

    def _backend(self, backends: list[Object], side: Side) -> Object | None:
        name = self._service(side)
        return next((one for one in backends if one["name"] == name and self._is_a_service_here(one)), None)

    def _is_a_service_here(self, backend: Object) -> bool:
        return (
            (backend.get("kind") or "Service") == "Service"
            and not backend.get("group")
            and (backend.get("namespace") or self._target.namespace) == self._target.namespace
        )

    def _turned(self, backend: Object, side: Side) -> Object:
        return {**copy.deepcopy(backend), "name": self._service(side)}

    def _service(self, side: Side) -> str:
        return self._target.stable_service if side is Side.STABLE else self._target.canary_service

    def _unreadable(self, what: str) -> Unreadable:
        return Unreadable("Kubernetes", f"the {self._name} {what}")


def _backends(rule: Object) -> list[Object]:
    return rule.get("backendRefs") or []


def _weight(backend: Object | None) -> int:
    return 0 if backend is None else int(backend.get("weight", 1))


def _bare(matches: Iterable[Object]) -> list[str]:
    """Their conditions in one order, with the path that the API fills in, and without what is empty."""
    filled = ({"path": {"type": "PathPrefix", "value": "/"}, **match} for match in matches)
    bare = ({key: value for key, value in match.items() if value not in ({}, [], None)} for match in filled)
    return sorted(json.dumps(match, sort_keys=True) for match in bare)

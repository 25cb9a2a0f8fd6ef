"""The simulated cluster on the virtual clock, without its HTTP door: objects, controllers, kubelet.

Time passes in it when somebody looks: up to then everything happens that would have happened, second by
second. While nothing is under way nothing is computed. `truth` says what users meet, read from the objects
themselves and not through the bot's adapters; each change of it by the bot's hand becomes an `Effect`.
"""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.domain.plan import Target
from bot.domain.traffic import ByService
from bot.platforms.kubernetes.marks import owner_of
from bot.sim.cluster import kinds
from bot.sim.cluster.api import target_of
from bot.sim.cluster.controllers import reconcile
from bot.sim.cluster.faults import Faults
from bot.sim.cluster.images import Registry, image_named
from bot.sim.cluster.kubelet import Kubelet, Pace
from bot.sim.cluster.objects import Object, dig, is_terminating, labels_of
from bot.sim.cluster.processes import State
from bot.sim.cluster.requests import APPLY, Manner, Requests
from bot.sim.cluster.store import ObjectStore
from tests.simulation.forecast import Forecast, Rolling
from tests.simulation.trace import Trace
from tests.support.routing import COLOURS, NAMESPACE, Routing, on_staging, reweighted, split_of

IMAGE = "registry.example.com/checkout"
RUNNING = "v2.4.0"
_WORKLOAD, _CANARY = "checkout", "checkout-canary"

_SECOND = timedelta(seconds=1)
_QUICK = Pace(pull=timedelta(seconds=1), start=timedelta(seconds=2), drain=timedelta(seconds=1))


def target(routing: Routing) -> Target:
    """What a plan may touch, as the configuration declares it; a colour is found by the bot itself."""
    traffic = ByService(service="checkout") if routing is COLOURS else routing.traffic
    return Target(
        namespace=NAMESPACE,
        workload=_WORKLOAD,
        container="checkout",
        main_service="checkout",
        stable_service="checkout-stable",
        canary_service="checkout-canary",
        traffic=traffic,
        url="http://checkout.example.com",
    )


@dataclass(frozen=True)
class Truth:
    """What is so, as users of the application meet it. Of two colours, stable is blue, the canary green."""

    weight: int  # of the canary
    header: str  # where the canary header leads; empty: nowhere special
    stable: str | None  # the version that the stable Deployment is to run
    canary: str | None  # the canary Deployment's; None: there is none, or it is being removed
    paused: bool  # whether stable's rollout is
    roller: str | None  # the run that says it rolls stable out; of two colours, that brings a version up
    pace: str  # how stable's pods are replaced, as JSON


@dataclass(frozen=True)
class Rehearsal:
    """What is so on staging."""

    version: str  # that the Deployment is to run
    paused: bool
    roller: str | None
    pace: str


@dataclass(frozen=True)
class Effect:
    """A change of the truth by the bot's hand."""

    number: int  # in the order of all effects and journal entries
    at: float
    process: str
    before: Truth
    after: Truth

    def __str__(self) -> str:
        changed = [
            f"{name} {old} → {new}"
            for name, old in vars(self.before).items()
            if (new := getattr(self.after, name)) != old
        ]
        return f"by {self.process}: {', '.join(changed)}"


class SimulatedCluster:
    """One cluster with one application in it."""

    def __init__(
        self,
        seed: int,
        forecast: Forecast,
        now: Callable[[], datetime],
        seconds: Callable[[], float],
        trace: Trace,
    ) -> None:
        self.faults = Faults()
        self.store = ObjectStore(now)
        self.effects: list[Effect] = []
        self.is_meddled_with = False  # somebody else has changed the route in the middle of a run
        self.is_spoiled_late = False  # a version turned bad when the bot had changed something already
        self.fewest_ready: int | None = None  # of stable's pods, since the simulation began
        self.counted: Callable[[datetime], None] = lambda at: (
            None
        )  # whoever counts the traffic up to a moment
        self.next_number: Callable[[], int] = lambda: 0
        self._now, self._seconds, self._trace = now, seconds, trace
        routing = forecast.routing
        self._routing, routes = routing, target_of(routing.path)
        self._rolling, self._rehearses = forecast.rolling, forecast.rehearses
        self._label, self._names = "track", {"stable": _WORKLOAD, "canary": _CANARY}
        if routing is COLOURS:
            self._label, self._names = "color", {"stable": "checkout-blue", "canary": "checkout-green"}
        self._sides = {
            "blue": "stable",
            "green": "canary",
            "stable": "stable",
            "canary": "canary",
        }
        assert routes is not None
        self._routes = routes
        chance = random.Random(f"{seed}/cluster")
        self._kubelet = Kubelet(self.store, self.faults, _QUICK, Registry(), chance)
        self._at = now()
        self._settled_at, self._look_again = -1, None  # type: int, datetime | None
        self._is_quiet = False
        self._ready_at, self._ready = -1, {}  # type: int, dict[str, list[str]]
        self._begin()

    def truth(self) -> Truth:
        weight, header = split_of(self._routed())
        stable, canary = self._deployment("stable"), self._deployment("canary")
        spec = stable["spec"] if stable else {}
        roller = owner_of(stable) if stable else None
        if self.is_in_colours:
            header = self._sides[self._preview()["spec"]["selector"]["color"]]
            roller = roller or (owner_of(canary) if canary else None)
        return Truth(
            weight,
            header,
            stable=_version(stable) if stable else None,
            canary=_version(canary) if canary else None,
            paused=bool(spec.get("paused")),
            roller=roller,
            pace="" if self.is_in_colours else json.dumps(spec.get("strategy"), sort_keys=True),
        )

    @property
    def serving(self) -> str:
        """The side that most users meet."""
        return "canary" if self.truth().weight == 100 else "stable"

    @property
    def is_in_colours(self) -> bool:
        return self._routing is COLOURS

    def _deployment(self, side: str) -> Object | None:
        found = self.store.find(kinds.DEPLOYMENT, NAMESPACE, self._names[side])
        return None if found is None or is_terminating(found) else found

    def _preview(self) -> Object:
        return self.store.get(kinds.SERVICE, NAMESPACE, "checkout-preview")

    def ready(self, track: str) -> list[str]:
        """The versions of the ready pods of one side, a pod each."""
        if self._ready_at != self.store.revision:
            self._ready = {"stable": [], "canary": []}
            for pod in self.store.all_of(kinds.POD, NAMESPACE):
                side = self._ready.get(self._sides.get(labels_of(pod).get(self._label, ""), ""))
                if side is not None and _takes_requests(pod):
                    side.append(image_named(pod["spec"]["containers"][0]["image"]).tag)
            self._ready_at = self.store.revision
        return self._ready[track]

    def staging(self) -> Rehearsal | None:
        """What is so where releases are rehearsed; None: nowhere."""
        if not self._rehearses:
            return None
        found = self.store.get(kinds.DEPLOYMENT, "staging", _WORKLOAD)
        spec = found["spec"]
        pace = json.dumps(spec.get("strategy"), sort_keys=True)
        return Rehearsal(_version(found), bool(spec.get("paused")), owner_of(found), pace)

    def ready_on_staging(self) -> list[str]:
        """The versions of the ready pods there, a pod each."""
        return [
            image_named(pod["spec"]["containers"][0]["image"]).tag
            for pod in self.store.all_of(kinds.POD, "staging")
            if _takes_requests(pod)
        ]

    def advance(self) -> None:
        """Let everything happen that happens until now."""
        now = self._now()
        while self._at + _SECOND <= now:
            if self._is_quiet and self.store.revision == self._settled_at:
                # Nothing moves by itself: skip to the present, or to when a controller looks again.
                until = min(now, self._look_again) if self._look_again else now
                if until - self._at > _SECOND:
                    self._at += ((until - self._at) // _SECOND) * _SECOND
                    if self._at + _SECOND > now:
                        break
            self._at += _SECOND
            self._tick(self._at)

    def change(self, process: str, do: Callable[[Requests], Object]) -> Object:
        """A request that may change something, by a process of the bot."""
        self.advance()
        self.counted(self._now())
        before = self.truth()
        try:
            return do(Requests(self.store))
        finally:
            after = self.truth()
            if after != before:
                effect = Effect(self.next_number(), self._seconds(), process, before, after)
                self.effects.append(effect)
                self._trace.note("cluster", str(effect))
            self._settle(self._now())
            self._is_quiet = False  # pods that the controllers have made now are the kubelet's to start

    def somebody_shifts(self, weight: int) -> None:
        """Somebody of the team sets the weights by hand."""
        self.advance()
        self.counted(self._now())
        self.store.update(self._routes.kind, reweighted(self._routed(), weight))
        self.is_meddled_with = True
        self._trace.note("somebody", f"sets the weight to {weight}")

    def put_faults(self, faults: dict[str, Any]) -> None:
        self.advance()
        self.is_spoiled_late |= bool(faults and self.effects)
        self.faults.replace(faults, self._now())
        self._is_quiet = False

    def _tick(self, at: datetime) -> None:
        self.counted(at)
        before = self.store.revision
        self._kubelet.tick(at)
        self._settle(at)
        if self.fewest_ready is not None:
            serving = self.serving if self.is_in_colours else "stable"
            self.fewest_ready = min(self.fewest_ready, len(self.ready(serving)))
        states = [(p.state, p.ready, p.draining) for p in self._kubelet.processes]
        steady = all(state is State.RUNNING and ready and not draining for state, ready, draining in states)
        self._is_quiet = steady and self.store.revision == before and not self.faults.told

    def _settle(self, at: datetime) -> None:
        if self.store.revision == self._settled_at and (self._look_again is None or at < self._look_again):
            return
        self._look_again = reconcile(self.store, at)
        self._settled_at = self.store.revision

    def _begin(self) -> None:
        """The application as its team has left it, up and running."""
        self._put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}, "")
        for obj in self._routing.objects():
            self._put(_replaced(obj, self._rolling) if self._rolling else obj, NAMESPACE)
        if self._rehearses:
            self._put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "staging"}}, "")
            for obj in on_staging():
                self._put(obj, "staging")
        self._at -= timedelta(seconds=120)
        self.advance()
        self.at_first, self.fewest_ready = self.truth(), len(self.ready("stable"))
        self.staging_at_first = self.staging()

    def _routed(self) -> Object:
        """The object that shares the traffic out."""
        return self.store.get(self._routes.kind, NAMESPACE, self._routes.name)

    def _put(self, obj: Object, namespace: str) -> None:
        kind = kinds.kind_named(str(obj["apiVersion"]), str(obj["kind"]))
        assert kind is not None, obj["kind"]
        manner = Manner("the-team", force=True)
        Requests(self.store).patch(kind, namespace, obj["metadata"]["name"], APPLY, obj, manner)


def _replaced(obj: Object, rolling: Rolling) -> Object:
    """As the team has it."""
    if obj["kind"] != "Deployment":
        return obj
    spec = {**obj["spec"], "minReadySeconds": rolling.min_ready}
    return {**obj, "spec": {**spec, "strategy": {"type": "Recreate"}} if rolling.recreates else spec}


def _version(deployment: Object) -> str:
    return image_named(dig(deployment, "spec", "template", "spec", "containers")[0]["image"]).tag


def _takes_requests(pod: Object) -> bool:
    conditions = dig(pod, "status", "conditions", default=[])
    return not is_terminating(pod) and any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)

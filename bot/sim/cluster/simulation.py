"""The simulated cluster without its HTTP door: everything that happens when time passes.

`advance(now)` is the only thing that moves it. It goes in steps of one simulated second, so that a fast clock
and a slow machine change how often it is called but not what happens; tests call it with times of their own.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import yaml

from bot.ports import Clock
from bot.sim.cluster import kinds
from bot.sim.cluster.controllers import reconcile
from bot.sim.cluster.faults import Faults
from bot.sim.cluster.images import Registry
from bot.sim.cluster.kubelet import Kubelet, Pace
from bot.sim.cluster.objects import Object
from bot.sim.cluster.refusals import Refusal
from bot.sim.cluster.requests import Manner, Requests
from bot.sim.cluster.routing import Routing
from bot.sim.cluster.scrape import INTERVAL, Scraper
from bot.sim.cluster.store import ObjectStore
from bot.sim.cluster.traffic import Traffic
from bot.sim.metrics import SeriesStore

_STEP = timedelta(seconds=1)
# A machine that slept catches up in at most this many steps; each is longer then.
_MOST_STEPS = 600
_NAMESPACES = ("default", "kube-system", "staging", "production")


@dataclass(frozen=True)
class Settings:
    """What a simulated cluster can be told at its start."""

    rps: float = 50.0
    seed: int = 1
    pace: Pace = field(default_factory=Pace)
    images: frozenset[str] | None = None  # only these exist; without, all but those tagged `missing`
    headed: float = 0.0  # the share of users who send `canary: true`


class Simulation:
    """Store, controllers, kubelet, traffic and scraping on one clock."""

    def __init__(self, clock: Clock, settings: Settings) -> None:
        chance = random.Random(settings.seed)  # noqa: S311 - chance in a simulation, no secret
        self.clock = clock
        self.store = ObjectStore(clock.now)
        self.faults = Faults()
        self.series = SeriesStore()
        self.routing = Routing(self.store)
        self.kubelet = Kubelet(self.store, self.faults, settings.pace, Registry(settings.images), chance)
        self.traffic = Traffic(self.routing, self.kubelet, settings.rps, settings.headed, chance)
        self._scraper = Scraper(self.store, self.kubelet, self.traffic, self.series)
        self._at = clock.now()
        self._next_scrape = self._at + INTERVAL
        self._settled_at, self._look_again = -1, None  # type: int, datetime | None
        for name in _NAMESPACES:
            self._put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}, "default")

    def advance(self, now: datetime) -> None:
        """Let everything happen that happens until `now`."""
        behind = now - self._at
        step = max(_STEP, behind / _MOST_STEPS)
        while self._at + step <= now:
            self._at += step
            self._tick(self._at, step)
        self._settle(now)

    def load(self, folder: Path, namespace: str = "production") -> None:
        """Apply the manifests of a folder, in the order of their names.

        Raises:
            Refusal: one of them is wrong; the message names the file.
        """
        for file in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]):
            try:
                self.apply(yaml.safe_load_all(file.read_text()), namespace)
            except Refusal as refusal:
                raise Refusal(refusal.code, refusal.reason, f"{file.name}: {refusal.message}") from refusal

    def apply(self, objects: Iterable[Object | None], namespace: str = "production") -> None:
        """Put objects there, as `kubectl apply` with the manager `slackwater-sim` would."""
        for obj in objects:
            if obj:
                self._put(obj, namespace)
        self._settle(self.clock.now())

    def _put(self, obj: Object, namespace: str) -> None:
        kind = kinds.kind_named(str(obj.get("apiVersion")), str(obj.get("kind")))
        if kind is None:
            raise Refusal(404, "NotFound", f"no kind {obj.get('kind')!r} in {obj.get('apiVersion')!r}")
        where = obj["metadata"].get("namespace", namespace) if kind.namespaced else ""
        manner = Manner("slackwater-sim", force=True)
        requests = Requests(self.store)
        if where and self.store.find(kinds.NAMESPACE, "", where) is None:
            self._put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": where}}, "")
        requests.patch(kind, where, obj["metadata"]["name"], "application/apply-patch+yaml", obj, manner)

    def _tick(self, at: datetime, step: timedelta) -> None:
        gone = self.kubelet.tick(at)
        self._settle(at)
        self.traffic.tick(at, step.total_seconds())
        if at >= self._next_scrape:
            self._next_scrape = max(self._next_scrape + INTERVAL, at)
            if not self.faults.cluster.metrics_down:
                self._scraper.scrape(at)
        self._scraper.forget(gone, at)

    def _settle(self, at: datetime) -> None:
        """Let the controllers work, if anything changed or one of them asked to be woken."""
        if self.store.revision == self._settled_at and (self._look_again is None or at < self._look_again):
            return
        self._look_again = reconcile(self.store, at)
        self._settled_at = self.store.revision

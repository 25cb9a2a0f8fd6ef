"""What the panel breaks, and how it is mended again.

Faults of the new version belong to whichever version is on trial: the canary's or the rollout's while there
is one, before that every version that the application has and does not run. So a fault may be switched on
first and the deploy typed after, or the other way round.
"""

import time
from collections.abc import Sequence

from bot.domain.errors import Refused
from bot.platforms.kubernetes.marks import OWNER
from bot.sim.cluster import ClusterServer, kinds
from bot.sim.cluster.faults import EVERYTHING
from bot.sim.cluster.images import image_named
from bot.sim.cluster.objects import Object, condition_of, dig, labels_of
from bot.sim.cluster.requests import JSON_PATCH, Manner, Requests
from bot.sim.workspace import WorkspaceServer
from bot.sim.workspace.errors import JSON

NAMESPACE, STABLE, CANARY = "production", "checkout", "checkout-canary"
_CHAT = ("chat.postMessage", "chat.update", "chat.postEphemeral", "chat.delete")
# Seconds that Slack asks to wait; its own answers ask for up to half a minute.
_RETRY_AFTER = 5
SILENCE = 30.0


class ClusterBreakage:
    """Faults of the version on trial, of the metrics and of the cluster's API."""

    def __init__(self, cluster: ClusterServer, versions: Sequence[str]) -> None:
        self._cluster = cluster
        self._versions = tuple(versions)
        self._of_version: JSON = {}
        self._of_cluster: JSON = {}

    def is_set(self, key: str) -> bool:
        return key in self._of_version or key in self._of_cluster

    def set_of_version(self, key: str, value: object, *, on: bool) -> None:
        _switch(self._of_version, key, value, on=on)
        self.refresh()

    def set_of_cluster(self, key: str, value: object, *, on: bool) -> None:
        _switch(self._of_cluster, key, value, on=on)
        self.refresh()

    def refresh(self) -> None:
        """Let the faults follow the version on trial."""
        wanted: JSON = {version: dict(self._of_version) for version in self.on_trial() if self._of_version}
        if self._of_cluster:
            wanted[EVERYTHING] = dict(self._of_cluster)
        simulation = self._cluster.simulation
        if wanted != simulation.faults.told:
            simulation.faults.replace(wanted, simulation.clock.now())

    def on_trial(self) -> tuple[str, ...]:
        """The canary's version, or a rollout's; without either every version that does not run."""
        canary = self._version_of(CANARY)
        if canary is not None:
            return (canary,)
        if _under_rollout(self._cluster) is not None:
            return (self._version_of(STABLE) or "",)
        stable = self._version_of(STABLE)
        return tuple(version for version in self._versions if version != stable)

    def shown(self) -> list[JSON]:
        """The versions that run or are broken, with what is wrong with each."""
        told = self._cluster.simulation.faults.told
        running = [v for v in (self._version_of(STABLE), self._version_of(CANARY)) if v is not None]
        names = dict.fromkeys([*running, *(name for name in told if name != EVERYTHING)])
        return [{"version": name, "faults": dict(told.get(name, {}))} for name in names]

    def _version_of(self, workload: str) -> str | None:
        found = self._cluster.simulation.store.find(kinds.of("Deployment"), NAMESPACE, workload)
        if found is None:
            return None
        return image_named(dig(found, "spec", "template", "spec", "containers")[0]["image"]).version


class Weights:
    """The share of the users that each version gets: by the VirtualService, and among the pods behind it."""

    def __init__(self, cluster: ClusterServer) -> None:
        self._cluster = cluster

    def shown(self) -> tuple[int, int]:
        """Per cent to the version before and to the new one."""
        parts = {part["destination"]["host"]: int(part.get("weight", 0)) for part in self._parts()[1]}
        canary = sum(weight for host, weight in parts.items() if host.endswith("-canary"))
        new = canary + round((sum(parts.values()) - canary) * self._rolled_out())
        return sum(parts.values()) - new, new

    def shift_by_hand(self, canary: int) -> None:
        """What somebody with kubectl does in the middle of a run.

        Raises:
            Refused: there is no canary, or no route, to shift to.
        """
        store = self._cluster.simulation.store
        if store.find(kinds.of("Deployment"), NAMESPACE, CANARY) is None:
            raise Refused("No canary runs, so there is nothing to shift to.", "Start a deploy first.")
        index, parts = self._parts()
        if len(parts) < 2:
            raise Refused("The route has no second destination to shift to.", "Wait until the canary is up.")
        weights = [
            canary if part["destination"]["host"].endswith("-canary") else 100 - canary for part in parts
        ]
        patch = [
            {"op": "add", "path": f"/spec/http/{index}/route/{place}/weight", "value": weight}
            for place, weight in enumerate(weights)
        ]
        kind, manner = kinds.of("VirtualService"), Manner("kubectl-edit", force=True)
        Requests(store).patch(kind, NAMESPACE, STABLE, JSON_PATCH, patch, manner)

    def _rolled_out(self) -> float:
        """How much of stable's ready pods a rollout that is under way has replaced, as a share."""
        rolled = _under_rollout(self._cluster)
        if rolled is None:
            return 0.0
        images = [
            _image_of(dig(pod, "spec"))
            for pod in self._cluster.simulation.store.all_of(kinds.of("Pod"), NAMESPACE)
            if _is_of(pod, rolled) and (condition_of(pod, "Ready") or {}).get("status") == "True"
        ]
        return images.count(_image_of(dig(rolled, "spec", "template", "spec"))) / max(1, len(images))

    def _parts(self) -> tuple[int, list[Object]]:
        """Where in the VirtualService everybody's route stands, and its destinations."""
        found = self._cluster.simulation.store.find(kinds.of("VirtualService"), NAMESPACE, STABLE)
        routes: list[Object] = dig(found, "spec", "http", default=[]) if found is not None else []
        for index, route in enumerate(routes):
            if not route.get("match"):
                return index, route.get("route") or []
        return 0, []


def _under_rollout(cluster: ClusterServer) -> Object | None:
    """The stable Deployment, while a run rolls it out."""
    found = cluster.simulation.store.find(kinds.of("Deployment"), NAMESPACE, STABLE)
    is_rolled = found is not None and OWNER in (dig(found, "metadata", "annotations") or {})
    return found if is_rolled else None


def _image_of(spec: Object) -> str:
    return str(spec["containers"][0]["image"])


def _is_of(pod: Object, deployment: Object) -> bool:
    wanted = dig(deployment, "spec", "selector", "matchLabels") or {}
    return bool(wanted.items() <= labels_of(pod).items())


class SlackBreakage:
    """What goes wrong between the workspace and the app. The page itself is never affected."""

    def __init__(self, workspace: WorkspaceServer) -> None:
        self._workspace = workspace
        self._is_limited = False
        self._silent_until = 0.0

    @property
    def is_limited(self) -> bool:
        return self._is_limited

    def limit(self, *, on: bool) -> None:
        """Answer every call that writes a message with 429, or stop doing so."""
        self._is_limited = on
        self._put()

    @property
    def is_silent(self) -> bool:
        return time.monotonic() < self._silent_until

    def fall_silent(self) -> None:
        """For half a minute Slack takes no connection and answers no call."""
        self._silent_until = time.monotonic() + SILENCE
        self._put({"drop": True})

    def drop_sockets(self) -> None:
        self._put({"drop": True})

    def refresh(self) -> None:
        """End the silence when its time is over."""
        if self._silent_until and not self.is_silent:
            self._silent_until = 0.0
            self._put()

    def _put(self, socket: JSON | None = None) -> None:
        faults: JSON = {}
        if self._is_limited:
            faults |= {method: {"status": 429, "retry_after": _RETRY_AFTER} for method in _CHAT}
        if self.is_silent:
            left = max(0.0, self._silent_until - time.monotonic())
            # Methods that are named above would answer.
            faults = {"*": {"delay": SILENCE, "status": 503}}
            socket = {**(socket or {}), "refuse_for": left}
        if socket:
            faults["socket"] = socket
        self._workspace.put_faults(faults)


def _switch(held: JSON, key: str, value: object, *, on: bool) -> None:
    if on:
        held[key] = value
    else:
        held.pop(key, None)

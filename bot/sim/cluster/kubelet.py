"""The kubelet of all simulated nodes: pods become processes, which start, get ready, fail and end.

`tick` is called about once in a simulated second and works on what is due. How a process stands is written
into its pod's status by `pod_status`; nothing else writes there.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.sim.cluster.application import answer
from bot.sim.cluster.events import record
from bot.sim.cluster.faults import Fault, Faults
from bot.sim.cluster.images import Registry, image_named
from bot.sim.cluster.kinds import POD, REPLICA_SET
from bot.sim.cluster.objects import (
    Object,
    controller_of,
    dig,
    is_terminating,
    labels_of,
    name_of,
    namespace_of,
    uid_of,
)
from bot.sim.cluster.pod_status import status_of
from bot.sim.cluster.processes import Probing, Process, State, limit_of
from bot.sim.cluster.store import ObjectStore

_NODES = ("node-1", "node-2")
_LONGEST_BACK_OFF = timedelta(minutes=5)
_FIRST_BACK_OFF = timedelta(seconds=10)
# After this long without a crash, a kubelet begins the back-off anew.
_FORGIVEN_AFTER = timedelta(minutes=10)
# A broken version dies soon after it has started, not at once: its log says why.
_CRASH_AFTER = timedelta(seconds=2)


@dataclass(frozen=True)
class Pace:
    """How long things take in a pod, in simulated time."""

    pull: timedelta = timedelta(seconds=2)
    start: timedelta = timedelta(seconds=3)  # from the start of the process until it answers
    drain: timedelta = timedelta(seconds=2)  # from the signal to end until it has ended
    job: timedelta = timedelta(seconds=5)


class Kubelet:
    """Keeps a process for each pod."""

    def __init__(
        self, store: ObjectStore, faults: Faults, pace: Pace, registry: Registry, chance: random.Random
    ) -> None:
        self._store, self._faults, self._pace, self._registry, self._chance = (
            store,
            faults,
            pace,
            registry,
            chance,
        )
        self._processes: dict[str, Process] = {}
        self._addresses = 0
        self._ticked: datetime | None = None

    @property
    def processes(self) -> Iterator[Process]:
        return iter(self._processes.values())

    def process(self, uid: str) -> Process | None:
        return self._processes.get(uid)

    def fault_of(self, process: Process, now: datetime) -> Fault:
        return self._faults.of(process.version, process.started or now, now)

    def tick(self, now: datetime) -> list[Process]:
        """Bring every pod up to `now`; the answer is the processes whose pods are gone."""
        elapsed = max(0.0, (now - self._ticked).total_seconds()) if self._ticked else 0.0
        self._ticked = now
        present = set()
        for pod in self._store.all_of(POD):
            process = self._processes.get(uid_of(pod))
            if process is None:
                process = self._processes[uid_of(pod)] = self._accepted(pod, now)
                record(
                    self._store, pod, "Normal", "Scheduled", f"Successfully assigned to {process.node}", now
                )
            self._advance(process, pod, now, elapsed)
            if self._report(process, now):
                present.add(process.uid)
        gone = [process for uid, process in self._processes.items() if uid not in present]
        for process in gone:
            del self._processes[process.uid]
        return gone

    def _accepted(self, pod: Object, now: datetime) -> Process:
        self._addresses += 1
        container = pod["spec"]["containers"][0]
        owner = controller_of(pod)
        return Process(
            uid=uid_of(pod),
            namespace=namespace_of(pod),
            pod=name_of(pod),
            app=labels_of(pod).get("app", ""),
            workload=_workload(self._store, pod, owner),
            image=image_named(container["image"]),
            container=container["name"],
            limit=limit_of(container),
            address=f"10.244.{self._addresses // 250 % 250}.{self._addresses % 250 + 1}",
            node=_NODES[self._addresses % len(_NODES)],
            due=now + self._pace.pull,
        )

    def _advance(self, process: Process, pod: Object, now: datetime, elapsed: float) -> None:
        if is_terminating(pod):
            self._end(process, pod, now)
        elif process.state in {State.CREATING, State.PULL_FAILED} and now >= process.due:
            self._pull(process, pod, now)
        elif process.state is State.BACK_OFF and now >= process.due:
            process.restart()
            process.restarts += 1
            self._start(process, pod, now)
        elif process.state is State.RUNNING:
            self._run(process, pod, now, elapsed)

    def _pull(self, process: Process, pod: Object, now: datetime) -> None:
        written = pod["spec"]["containers"][0]["image"]
        missing = [
            c["image"] for c in pod["spec"]["containers"] if not self._registry.has(image_named(c["image"]))
        ]
        if not missing:
            record(self._store, pod, "Normal", "Pulled", f'Successfully pulled image "{written}"', now)
            self._start(process, pod, now)
            return
        why = f'rpc error: code = NotFound desc = failed to resolve reference "{missing[0]}": not found'
        record(self._store, pod, "Warning", "Failed", f'Failed to pull image "{missing[0]}": {why}', now)
        record(self._store, pod, "Warning", "Failed", "Error: ErrImagePull", now)
        if process.pulls:
            record(self._store, pod, "Normal", "BackOff", f'Back-off pulling image "{missing[0]}"', now)
            record(self._store, pod, "Warning", "Failed", "Error: ImagePullBackOff", now)
        process.state = State.PULL_FAILED
        process.due = now + min(_LONGEST_BACK_OFF, _FIRST_BACK_OFF * 2**process.pulls)
        process.pulls = min(process.pulls + 1, 10)  # beyond, the longest back-off holds anyway

    def _start(self, process: Process, pod: Object, now: datetime) -> None:
        spec = pod["spec"]["containers"][0]
        # Its image may have been changed in the pod itself; Kubernetes allows that one change.
        process.image = image_named(spec["image"])
        process.state, process.started, process.ready = State.RUNNING, now, False
        process.readiness = _probing(spec.get("readinessProbe"), now + self._pace.start)
        process.liveness = _probing(spec.get("livenessProbe"), now + self._pace.start)
        process.due = now + self._pace.job
        process.say(now, f"INFO version {process.version} listening on {process.address}:8080")
        record(self._store, pod, "Normal", "Created", f"Created container: {process.container}", now)
        record(self._store, pod, "Normal", "Started", f"Started container {process.container}", now)

    def _run(self, process: Process, pod: Object, now: datetime, elapsed: float) -> None:
        assert process.started is not None
        fault = self.fault_of(process, now)
        process.leaked += fault.memory_leak_mb_per_min * elapsed / 60
        if fault.log_line and elapsed:
            process.say(now, fault.log_line)
        if fault.crash and now >= process.started + _CRASH_AFTER:
            process.say(now, "FATAL panic: runtime error: invalid memory address or nil pointer dereference")
            self._died(process, pod, now, 1, "Error")
        elif process.limit and process.memory > process.limit:
            self._died(process, pod, now, 137, "OOMKilled")
        elif pod["spec"].get("restartPolicy") != "Always":
            if now >= process.due:
                self._finish(process, now, 0, "Completed")
        else:
            self._probe(process, pod, fault, now)

    def _probe(self, process: Process, pod: Object, fault: Fault, now: datetime) -> None:
        assert process.started is not None
        if now < process.started + self._pace.start:
            return
        liveness, readiness = process.liveness, process.readiness
        if liveness and self._failed(process, liveness, fault, now):
            self._unhealthy(pod, "Liveness", now)
            if liveness.failures >= liveness.threshold:
                text = f"Container {process.container} failed liveness probe, will be restarted"
                record(self._store, pod, "Normal", "Killing", text, now)
                self._died(process, pod, now, 137, "Error")
                return
        if readiness is None:
            process.ready = not fault.never_ready
        elif now >= readiness.next_at:
            if self._failed(process, readiness, fault, now):
                process.ready = process.ready and readiness.failures < readiness.threshold
                self._unhealthy(pod, "Readiness", now)
            else:
                process.ready = True

    def _failed(self, process: Process, probe: Probing, fault: Fault, now: datetime) -> bool:
        """Probe if it is time; True where this probe failed."""
        if now < probe.next_at:
            return False
        probe.next_at = now + timedelta(seconds=probe.period)
        is_bad = (probe is process.readiness and fault.never_ready) or (
            answer(process, fault, "GET", probe.path, self._chance).status >= 400
        )
        probe.failures = probe.failures + 1 if is_bad else 0
        return is_bad

    def _unhealthy(self, pod: Object, name: str, now: datetime) -> None:
        why = f"{name} probe failed: HTTP probe failed with statuscode: 503"
        record(self._store, pod, "Warning", "Unhealthy", why, now)

    def _died(self, process: Process, pod: Object, now: datetime, code: int, reason: str) -> None:
        assert process.started is not None
        if pod["spec"].get("restartPolicy") == "Never":
            self._finish(process, now, code, reason)
            return
        if now - process.started > _FORGIVEN_AFTER:
            process.crashes = 0
        self._finish(process, now, code, reason)
        process.state = State.BACK_OFF
        process.crashes += 1
        wait = min(_LONGEST_BACK_OFF, _FIRST_BACK_OFF * 2 ** min(process.crashes - 2, 10))
        # The first restart is immediate, as a kubelet's is.
        process.due = now + (wait if process.crashes > 1 else timedelta(seconds=1))
        if process.crashes > 1:
            text = f"Back-off restarting failed container {process.container} in pod {process.pod}"
            record(self._store, pod, "Warning", "BackOff", text, now)

    def _finish(self, process: Process, now: datetime, code: int, reason: str) -> None:
        process.last_exit = {"exitCode": code, "reason": reason, "at": now}
        process.state, process.ready = State.ENDED, False

    def _end(self, process: Process, pod: Object, now: datetime) -> None:
        """Out of the Services at once, gone when it has drained or its grace is over."""
        if process.draining is None:
            process.draining, process.ready = now, False
            process.say(now, "INFO SIGTERM received, draining")
            record(self._store, pod, "Normal", "Killing", f"Stopping container {process.container}", now)
        grace = timedelta(seconds=pod["metadata"].get("deletionGracePeriodSeconds", 0))
        has_ended = process.state is not State.RUNNING or now >= process.draining + min(
            grace, self._pace.drain
        )
        if has_ended and not pod["metadata"].get("finalizers"):
            self._store.remove(POD, process.namespace, process.pod)

    def _report(self, process: Process, now: datetime) -> bool:
        """Write the pod's status; False where the pod is gone."""
        pod = self._store.find(POD, process.namespace, process.pod)
        if pod is None or uid_of(pod) != process.uid:
            return False
        status = status_of(process, pod, now)
        if status != pod.get("status") or not dig(pod, "spec", "nodeName"):
            spec = {**pod["spec"], "nodeName": process.node}
            self._store.update(POD, {**pod, "spec": spec, "status": status}, checked=False)
        return True


def _workload(store: ObjectStore, pod: Object, owner: Object | None) -> str:
    if owner is None:
        return name_of(pod)
    replica_set = store.find(REPLICA_SET, namespace_of(pod), owner["name"])
    above = controller_of(replica_set) if replica_set else None
    return str((above or owner)["name"])


def _probing(probe: Object | None, answers_from: datetime) -> Probing | None:
    if probe is None:
        return None
    delay = timedelta(seconds=max(0, probe.get("initialDelaySeconds", 0)))
    return Probing(
        path=str(dig(probe, "httpGet", "path", default="/")),
        period=float(probe.get("periodSeconds", 10)),
        threshold=int(probe.get("failureThreshold", 3)),
        next_at=answers_from + delay,
    )

"""Prometheus' side of the simulation: every five simulated seconds the counters go into the series store.

Names and labels are those of the real application, of cAdvisor, kube-state-metrics and Istio. A pod that is
gone has its series ended at once, as a target that disappears; one that does not run is scraped in vain
(`up` is 0).
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

from bot.sim.cluster.kinds import DEPLOYMENT
from bot.sim.cluster.kubelet import Kubelet
from bot.sim.cluster.objects import dig, name_of, namespace_of
from bot.sim.cluster.processes import BUCKETS, Process, State
from bot.sim.cluster.store import ObjectStore
from bot.sim.cluster.traffic import Traffic
from bot.sim.metrics import SeriesStore

INTERVAL = timedelta(seconds=5)

_BOUNDS = (*(f"{bound:g}" for bound in BUCKETS), "+Inf")

Emit = Callable[[str, Mapping[str, str], float], None]


class Scraper:
    """Takes the samples of one moment."""

    def __init__(self, store: ObjectStore, kubelet: Kubelet, traffic: Traffic, series: SeriesStore) -> None:
        self._store, self._kubelet, self._traffic, self._series = store, kubelet, traffic, series

    def scrape(self, at: datetime) -> None:
        def emit(name: str, labels: Mapping[str, str], value: float) -> None:
            self._series.append(name, labels, at, value)

        for process in self._kubelet.processes:
            emit("up", _target(process), float(process.state is State.RUNNING))
            if process.state is State.RUNNING and process.started:
                _application(process, emit)
                _container(process, emit)
            restarts = {"namespace": process.namespace, "pod": process.pod, "container": process.container}
            emit("kube_pod_container_status_restarts_total", restarts, process.restarts)
        self._deployments(emit)
        self._router(emit)

    def forget(self, gone: Iterable[Process], at: datetime) -> None:
        for process in gone:
            self._series.mark_stale({"namespace": process.namespace, "pod": process.pod}, at)

    def _deployments(self, emit: Emit) -> None:
        for obj in self._store.all_of(DEPLOYMENT):
            labels = {"namespace": namespace_of(obj), "deployment": name_of(obj)}
            emit("kube_deployment_spec_replicas", labels, obj["spec"].get("replicas", 1))
            for name, field in _STATUS.items():
                emit(name, labels, dig(obj, "status", field, default=0))

    def _router(self, emit: Emit) -> None:
        for (namespace, service, version, workload, status), count in self._traffic.routed.items():
            labels = {
                "reporter": "destination",
                "request_protocol": "http",
                "response_code": str(status),
                "destination_service": f"{service}.{namespace}.svc.cluster.local",
                "destination_service_name": service,
                "destination_service_namespace": namespace,
                "destination_workload": workload,
                "destination_workload_namespace": namespace,
                "destination_version": version,
            }
            emit("istio_requests_total", labels, count)


_STATUS = {
    "kube_deployment_status_replicas": "replicas",
    "kube_deployment_status_replicas_available": "availableReplicas",
    "kube_deployment_status_replicas_updated": "updatedReplicas",
}


def _target(process: Process) -> dict[str, str]:
    return {
        "job": "pods",
        "instance": f"{process.address}:8080",
        "namespace": process.namespace,
        "pod": process.pod,
        "app": process.app,
        "version": process.version,
        "workload": process.workload,
    }


def _application(process: Process, emit: Emit) -> None:
    target, counters = _target(process), process.counters
    for (method, path, status), seen in counters.requests.items():
        labels = {**target, "status": str(status), "method": method, "path": path}
        count = 0
        for bound, inside in zip(_BOUNDS, seen.counts, strict=True):
            count += inside
            emit("http_request_duration_seconds_bucket", {**labels, "le": bound}, count)
        emit("http_request_duration_seconds_sum", labels, seen.total)
        emit("http_request_duration_seconds_count", labels, count)
        emit("http_requests_total", labels, count)
    emit("business_sessions_total", target, counters.sessions)
    emit("business_orders_total", target, counters.orders)
    emit("business_revenue_euro_total", target, counters.revenue)
    emit("app_info", target, 1)
    if process.started:
        emit("process_start_time_seconds", target, process.started.timestamp())
    emit("process_resident_memory_bytes", target, process.memory)


def _container(process: Process, emit: Emit) -> None:
    labels = {
        "namespace": process.namespace,
        "pod": process.pod,
        "container": process.container,
        "image": f"{process.image.repository}:{process.image.tag}",
        "node": process.node,
    }
    emit("container_memory_working_set_bytes", labels, process.memory)
    emit("container_memory_usage_bytes", labels, process.memory)
    emit("container_cpu_usage_seconds_total", labels, process.counters.cpu_seconds)
    if process.limit:
        emit("container_spec_memory_limit_bytes", labels, process.limit)

"""The simulated users: so many requests a second, on the way that the routing table sends them.

Counted in bulk: for each tick the requests are spread over paths, backends, pods, statuses and histogram
buckets by chance, so that hundreds of requests a second cost next to nothing even on a fast clock.
Each namespace that people call gets the whole rate, spread evenly over its hosts.
"""

import random
from collections import Counter
from datetime import datetime
from itertools import accumulate

from bot.sim.cluster.application import (
    CONVERSION,
    PATHS,
    bucket_shares,
    business,
    durations,
    failing_share,
    log_failure,
)
from bot.sim.cluster.faults import Fault
from bot.sim.cluster.kubelet import Kubelet
from bot.sim.cluster.processes import Process
from bot.sim.cluster.routing import Backend, Call, Routing, Rule
from bot.sim.cluster.sampling import binomial, poisson, spread

# Enough lines to see what is wrong, not one for each of thousands of failures.
_LINES_PER_TICK = 3
_CPU_PER_REQUEST = 0.002
_IDLE_CPU = 0.005

_PATH_SHARES = tuple(accumulate(share for *_, share in PATHS))


class Traffic:
    """Counts requests in processes, and at the router what found no pod."""

    def __init__(
        self, routing: Routing, kubelet: Kubelet, rps: float, headed: float, chance: random.Random
    ) -> None:
        self.rps = rps
        self._routing, self._kubelet, self._chance = routing, kubelet, chance
        self._headed = headed  # the share of users who send `canary: true`
        # By namespace, service, version, workload and status, as the router of a mesh counts.
        self.routed: Counter[tuple[str, str, str, str, int]] = Counter()

    def tick(self, now: datetime, seconds: float) -> None:
        """Let users do what they do in `seconds`."""
        entries = self._routing.table.entries
        hosts = Counter(entry.namespace for entry in entries)
        for entry in entries:
            n = poisson(self._chance, self.rps * seconds / hosts[entry.namespace])
            headed = binomial(self._chance, n, self._headed)
            self._users(entry.host, n - headed, {}, now)
            self._users(entry.host, headed, {"canary": "true"}, now)
        for process in self._kubelet.processes:
            process.counters.cpu_seconds += _IDLE_CPU * seconds

    def _users(self, host: str, n: int, headers: dict[str, str], now: datetime) -> None:
        for (method, path, _), count in zip(PATHS, spread(self._chance, n, _PATH_SHARES), strict=True):
            if count and (rule := self._routing.table.rule(host, Call(method, path, headers))):
                self._route(rule, method, path, count, now)

    def _route(self, rule: Rule, method: str, path: str, n: int, now: datetime) -> None:
        shares = list(accumulate(backend.weight for backend in rule.backends))
        for backend, count in zip(rule.backends, spread(self._chance, n, shares), strict=True):
            if not count:
                continue
            pods = [p for uid in self._routing.pods(backend) if (p := self._kubelet.process(uid)) is not None]
            if not pods:
                self.routed[backend.namespace, backend.service, "unknown", "unknown", 503] += count
                continue
            evenly = [float(index + 1) for index in range(len(pods))]
            for process, share in zip(pods, spread(self._chance, count, evenly), strict=True):
                self._serve(backend, process, method, path, share, now)

    def _serve(
        self, backend: Backend, process: Process, method: str, path: str, n: int, now: datetime
    ) -> None:
        if not n:
            return
        fault = self._kubelet.fault_of(process, now)
        status, rate = failing_share(fault, path)
        failed = binomial(self._chance, n, rate)
        self._count(backend, process, fault, (method, path, 200), n - failed)
        self._count(backend, process, fault, (method, path, status), failed)
        good = n - failed
        conversion = CONVERSION if fault.conversion_rate is None else fault.conversion_rate
        orders = binomial(self._chance, good, conversion)
        business(process, good, orders, orders * self._chance.uniform(20, 80))
        for _ in range(min(failed, _LINES_PER_TICK)):
            log_failure(process, now, method, path, status, self._chance)

    def _count(
        self, backend: Backend, process: Process, fault: Fault, key: tuple[str, str, int], n: int
    ) -> None:
        if not n:
            return
        shares, mean = bucket_shares(fault.latency_ms / 1000)
        seen = durations(process, *key)
        for index, count in enumerate(spread(self._chance, n, shares)):
            seen.counts[index] += count
        seen.total += n * mean
        process.counters.cpu_seconds += n * _CPU_PER_REQUEST
        self.routed[backend.namespace, backend.service, process.version, process.workload, key[2]] += n

    def count_real(
        self, backend: Backend, process: Process | None, key: tuple[str, str, int], took: float
    ) -> None:
        """Count one request that really came, in the same figures."""
        if process is None:
            self.routed[backend.namespace, backend.service, "unknown", "unknown", key[2]] += 1
            return
        durations(process, *key).observe(took)
        process.counters.cpu_seconds += _CPU_PER_REQUEST
        if key[2] < 500:
            business(process, 1, int(self._chance.random() < CONVERSION), 0.0)
        self.routed[backend.namespace, backend.service, process.version, process.workload, key[2]] += 1

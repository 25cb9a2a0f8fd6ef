"""The cluster's way in for real requests: by `Host`, answered by a simulated pod, counted like any other."""

import random
from datetime import timedelta

from aiohttp import web

from bot.ports import Clock
from bot.sim.cluster import application
from bot.sim.cluster.kubelet import Kubelet
from bot.sim.cluster.processes import Process
from bot.sim.cluster.routing import Backend, Call, Routing, Rule
from bot.sim.cluster.traffic import Traffic


class Router:
    """Knows whether a host is one of the cluster's, and answers requests to it."""

    def __init__(
        self, routing: Routing, kubelet: Kubelet, traffic: Traffic, clock: Clock, chance: random.Random
    ) -> None:
        self._routing, self._kubelet, self._traffic = routing, kubelet, traffic
        self._clock, self._chance = clock, chance

    def knows(self, host: str) -> bool:
        return _without_port(host) in self._routing.table.rules

    async def handle(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        call = Call(request.method, request.path, headers)
        rule = self._routing.table.rule(_without_port(request.host), call)
        if rule is None or not rule.backends:
            return web.Response(status=404, text=f"no route for host {request.host}\n")
        backend = self._choose(rule)
        process = self._pod(backend)
        if process is None:
            self._traffic.count_real(backend, None, (request.method, request.path, 503), 0.0)
            return web.Response(status=503, text="no healthy upstream\n")
        return await self._answered(request, backend, process)

    async def _answered(self, request: web.Request, backend: Backend, process: Process) -> web.Response:
        fault = self._kubelet.fault_of(process, self._clock.now())
        answer = application.answer(process, fault, request.method, request.path, self._chance)
        if request.path in application.MEASURED:
            took = application.duration(fault, self._chance)
            await self._clock.sleep(timedelta(seconds=took))
            key = (request.method, request.path, answer.status)
            self._traffic.count_real(backend, process, key, took)
            if answer.status >= 500:
                application.log_failure(process, self._clock.now(), *key, self._chance)
        return web.Response(
            status=answer.status,
            text=answer.body,
            content_type=answer.content_type,
            headers={"X-Version": process.version, "X-Pod": process.pod},
        )

    def _choose(self, rule: Rule) -> Backend:
        weights = [backend.weight for backend in rule.backends]
        if not any(weights):
            return rule.backends[0]
        return self._chance.choices(rule.backends, weights)[0]

    def _pod(self, backend: Backend) -> Process | None:
        uids = self._routing.pods(backend)
        return self._kubelet.process(self._chance.choice(uids)) if uids else None


def _without_port(host: str) -> str:
    return host.lower().partition(":")[0].removesuffix(".cluster.local").removesuffix(".svc")

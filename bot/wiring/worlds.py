"""What a run may look at and touch, built from its plan and its application's settings."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from bot.clients import process
from bot.clients.git import Git
from bot.clients.kube import KubeClient, connect
from bot.clients.redaction import redact
from bot.config import Application, S3Place, Settings
from bot.domain.plan import Plan, Target
from bot.gates.runner import LocalGates
from bot.gates.tools import Tools
from bot.platforms.kubernetes import KubernetesPlatform, router
from bot.ports import Clock, MetricSource, World
from bot.sources.health import HTTPHealth
from bot.sources.prometheus import PrometheusSource
from bot.sources.repository import RepositoryVersions
from bot.sources.server import PrometheusServer


class Worlds:
    """The outside systems of one bot process, each connected to once."""

    def __init__(self, settings: Settings, clock: Clock, clusters: Mapping[str | None, KubeClient]) -> None:
        self._settings = settings
        self._clock = clock
        self._clusters = clusters
        self._metrics: dict[str, PrometheusSource] = {}
        self._servers: dict[str, PrometheusServer] = {}
        self._gates: dict[str, LocalGates] = {}
        self._versions: dict[str, RepositoryVersions] = {}

    def __call__(self, plan: Plan) -> World:
        staging, there = plan.staging, None
        # Production is driven, and taken home, whatever has become of staging since the plan was made.
        if staging is not None and staging.target.context in self._clusters:
            there = self._world(plan, staging.target)
        return replace(self._world(plan, plan.target), staging=there)

    def _world(self, plan: Plan, target: Target) -> World:
        name = plan.request.application
        application = self._settings.application(name)
        return World(
            platform=self.platform(target),
            traffic=router(self._clusters[target.context], target),
            health=HTTPHealth(target),
            metrics=self.metrics(name, application),
            gates=self.gates(name, application),
        )

    def platform(self, target: Target) -> KubernetesPlatform:
        return KubernetesPlatform(self._clusters[target.context], target)

    def versions(self, application: str) -> RepositoryVersions:
        if application not in self._versions:
            settings = self._settings.application(application)
            self._versions[application] = RepositoryVersions(
                application, settings.repository.path, settings.tag
            )
        return self._versions[application]

    def metrics(self, name: str, application: Application) -> MetricSource:
        if name not in self._metrics:
            metrics = application.metrics
            self._metrics[name] = PrometheusSource(
                self._server(metrics.url),
                metrics.queries.model_dump(),
                self._clock,
                business={figure: business.query for figure, business in metrics.business.items()},
                selector=metrics.selector,
                pods=metrics.pods,
                window=metrics.window,
                stale_after=metrics.stale_after,
                where=f"applications.{name}.metrics.queries",
            )
        return self._metrics[name]

    def gates(self, name: str, application: Application) -> LocalGates:
        if name not in self._gates:
            path = application.repository.path
            artifacts = self._settings.storage.artifacts
            self._gates[name] = LocalGates(
                repository=path,
                github=application.repository.github,
                settings=application.gates,
                artifacts=Path("artifacts") if isinstance(artifacts, S3Place) else artifacts,
                tools=Tools(run=process.run, repository=Git, redact=redact),
            )
        return self._gates[name]

    def _server(self, url: str) -> PrometheusServer:
        if url not in self._servers:
            self._servers[url] = PrometheusServer(url)
        return self._servers[url]

    async def close(self) -> None:
        for server in self._servers.values():
            server.close()
        await asyncio.gather(*(cluster.close() for cluster in self._clusters.values()))


async def connect_clusters(
    targets: tuple[Target, ...], kubeconfig: str | None
) -> dict[str | None, KubeClient]:
    """One client per kubeconfig context that is named.

    Raises:
        Unauthorized: a context cannot be used.
    """
    file = Path(kubeconfig) if kubeconfig else None
    contexts = dict.fromkeys(target.context for target in targets)
    return {context: await connect(file, context) for context in contexts}

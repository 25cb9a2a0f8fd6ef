"""The real bot in front of stand-ins: simulated cluster and metrics in this process, the local workspace.

For tests that need a whole bot but no real control plane. Time runs as it is, so what is measured here is
real time.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import aiohttp

from bot.clients.clock import RealClock
from bot.sim import cluster as simulated_cluster
from bot.sim import sample
from bot.sim import workspace as local_workspace
from bot.sim.cluster import ClusterServer
from bot.sim.workspace import Command, Tokens, WorkspaceServer
from tests.support.bot_process import BotProcess
from tests.support.person import Person

IMAGE = "registry.example.com/checkout"

Settings = dict[str, Any]


@dataclass(frozen=True)
class StandIns:
    """A workspace, a cluster and a bot that is not started yet."""

    workspace: WorkspaceServer
    cluster: ClusterServer
    bots: tuple[BotProcess, ...]
    session: aiohttp.ClientSession

    @property
    def bot(self) -> BotProcess:
        return self.bots[0]

    async def person(self, name: str) -> Person:
        return await Person.named(self.session, self.workspace.url, name)

    def shifts(self) -> list[tuple[datetime, int]]:
        """When each change of the canary's weight was accepted, and what it was."""
        found: list[tuple[datetime, int]] = []
        for entry in self.cluster.audit.entries:
            if entry.verb != "patch" or "virtualservices" not in entry.path or entry.code != 200:
                continue
            weight = _canary_weight(entry.response)
            if weight != (found[-1][1] if found else 0):
                found.append((entry.at, weight))
        return found


@asynccontextmanager
async def stand_ins(
    folder: Path,
    *,
    people: int = 0,
    rps: float = 50,
    request_url: str | None = None,
    slack: Mapping[str, Any] | None = None,
    databases: tuple[str, ...] = ("sqlite:///slackwater.db",),
    environment: Mapping[str, Any] | None = None,
    tokens: Tokens | None = None,
    variables: Mapping[str, str] | None = None,
    **application: Any,
) -> AsyncIterator[StandIns]:
    """Ada and `people` more may deploy, Bo approves; `application` replaces parts of its settings, and
    `environment` adds to those of production.

    There is a process of the bot for each of the `databases`; several may lead to the same one. `tokens` are
    what the workspace takes, `variables` are added to the process's environment.
    """
    crowd = [{"name": f"dev{number}", "groups": ["engineers"]} for number in range(people)]
    told = [{"name": "ada", "groups": ["engineers"]}, {"name": "bo", "groups": ["oncall"]}, *crowd]
    workspace = await local_workspace.serve(
        people=local_workspace.people_from({"people": told, "channels": ["deploys", "releases"]}),
        commands=[Command("/deploy", "", "")],
        request_url=request_url,
        tokens=tokens,
    )
    cluster = await simulated_cluster.serve(
        clock=RealClock(), rps=rps, apply=simulated_cluster.STARTER, kubeconfig=folder / "kubeconfig"
    )
    repository = await sample.create(folder)
    settings = settings_for(cluster.url, repository, slack or {}, application, environment or {})
    bots = tuple(
        BotProcess(
            _folder(folder, number),
            {**settings, "storage": {"url": url}},
            slack=workspace.api_url,
            kubeconfig=folder / "kubeconfig",
            variables=variables,
        )
        for number, url in enumerate(databases)
    )
    try:
        async with aiohttp.ClientSession() as session:
            yield StandIns(workspace, cluster, bots, session)
    finally:
        for bot in bots:
            await bot.kill()
        await cluster.close()
        await workspace.close()


def _folder(parent: Path, number: int) -> Path:
    """The first bot lives where everything is."""
    if number == 0:
        return parent
    folder = parent / f"bot-{number + 1}"
    folder.mkdir()
    return folder


def settings_for(
    cluster: str,
    repository: Path,
    slack: Mapping[str, Any],
    application: Mapping[str, Any],
    environment: Mapping[str, Any] = MappingProxyType({}),
) -> Settings:
    platform = {
        "kind": "kubernetes",
        "namespace": "production",
        "workload": "checkout",
        "container": "checkout",
        "services": {"main": "checkout", "stable": "checkout-stable", "canary": "checkout-canary"},
        "traffic": {"kind": "istio", "virtual_service": "checkout"},
    }
    production = {"platform": platform, "url": cluster, "host_header": "checkout.example.com"}
    production |= environment
    checkout = {
        "repository": {"path": str(repository)},
        "image": IMAGE,
        "environments": {"production": production},
        "canary": {"stages": [{"weight": w, "bake": "3s"} for w in (5, 10, 25, 50, 100)]},
        "metrics": {"kind": "prometheus", "url": f"{cluster}/prometheus"},
        "analysis": {"min_requests": 20, "skip_first": "1s"},
    }
    return {
        "version": 1,
        "slack": {"channels": {"deploys": "#deploys", "stakeholders": ["#releases"]}, **slack},
        "roles": {"deployer": ["@engineers"], "approver": ["@oncall"]},
        "storage": {"url": "sqlite:///slackwater.db"},
        "applications": {"checkout": checkout | dict(application)},
    }


def _canary_weight(virtual_service: dict[str, Any]) -> int:
    weights = {
        part["destination"]["host"]: part.get("weight", 100)
        for route in virtual_service["spec"]["http"]
        if not any("headers" in match for match in route.get("match") or [])
        for part in route["route"]
    }
    return int(weights.get("checkout-canary", 0))

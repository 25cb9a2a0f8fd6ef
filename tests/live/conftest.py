"""A whole world of real parts around the real bot: control plane, Prometheus, workspace, people."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.domain.traffic import ByColour, ByService, ByVirtualService, Traffic
from bot.sim import sample
from bot.sim import workspace as local_workspace
from bot.sim.workspace import WorkspaceServer
from tests.support.bot_identity import (
    install_rights,
    kubeconfig_of_the_bot,
    rules_for,
    token_of_the_bot,
)
from tests.support.bot_process import BotProcess
from tests.support.eventually import eventually
from tests.support.person import Person
from tests.support.shop import NGINX, Shop, Team
from tests.support.testcluster import Change, RealCluster

_ROUTES = {"virtualservices", "httproutes", "ingresses"}
PEOPLE = local_workspace.people_from(
    {
        "people": [
            {"name": "ada", "groups": ["engineers"]},
            {"name": "bo", "groups": ["oncall"]},
            {"name": "cy"},
        ],
        "channels": ["deploys", "releases"],
    }
)


@dataclass
class Stage:
    """Everything a live run is played on."""

    cluster: RealCluster
    prometheus: str
    shop: Shop
    workspace: WorkspaceServer
    folder: Path
    kubeconfig: Path
    session: aiohttp.ClientSession
    repository: Path
    bots: list[BotProcess] = field(default_factory=list)

    async def bot(self, *, bake: timedelta, **changes: Any) -> BotProcess:
        """A running bot for this shop; `changes` replace parts of the application's settings."""
        settings = self._settings(bake, changes)
        bot = BotProcess(self.folder, settings, slack=self.workspace.api_url, kubeconfig=self.kubeconfig)
        self.bots.append(bot)
        await bot.start()
        return bot

    async def person(self, name: str) -> Person:
        return await Person.named(self.session, self.workspace.url, name)

    async def canary(self) -> dict[str, Any] | None:
        path = f"/apis/apps/v1/namespaces/{self.shop.namespace}/deployments/checkout-canary"
        return await self.shop.team.find(path)

    def weights(self) -> list[int]:
        """The canary's weight after each change of the route, as the audit log has it."""
        return [canary_weight(change.response) for change in self.route_changes()]

    def route_changes(self) -> list[Change]:
        """What the API server took from the bot for the object that shares the traffic out."""
        return [
            change
            for change in self.cluster.audit(self.shop.namespace, "slackwater")
            if change.resource in _ROUTES and change.is_write and change.code == 200
        ]

    def _settings(self, bake: timedelta, changes: dict[str, Any]) -> dict[str, Any]:
        seconds = f"{bake.total_seconds():g}s"
        shop = {
            "repository": {"path": str(self.repository)},
            "image": "shop/checkout",
            "environments": {"production": self._production()},
            "canary": {"stages": [{"weight": w, "bake": seconds} for w in (5, 10, 25, 50, 100)]},
            "metrics": {"kind": "prometheus", "url": self.prometheus},
            "analysis": {"min_requests": 20, "skip_first": "1s", "p95_margin": "500%"},
        }
        return {
            "version": 1,
            "slack": {"channels": {"deploys": "#deploys", "stakeholders": ["#releases"]}},
            "roles": {"deployer": ["@engineers"], "approver": ["@oncall"]},
            "storage": {"url": "sqlite:///slackwater.db"},
            "applications": {"checkout": shop | changes},
        }

    def _production(self) -> dict[str, Any]:
        traffic = self.shop.traffic
        platform = {
            "kind": "kubernetes",
            "namespace": self.shop.namespace,
            "workload": "checkout",
            "container": "checkout",
            "services": {"main": "checkout", "stable": "checkout-stable", "canary": "checkout-canary"},
            "traffic": (
                {"kind": "service"} if isinstance(traffic, ByService | ByColour) else traffic.model_dump()
            ),
        }
        return {"platform": platform, "url": self.cluster.router, "host_header": self.shop.host}


def canary_weight(routed: dict[str, Any]) -> int:
    """By everybody's route, the last one."""
    if routed["kind"] == "Ingress":
        return int(routed["metadata"]["annotations"].get(f"{NGINX}canary-weight", "0"))
    spec = routed["spec"]
    if routed["kind"] == "VirtualService":
        shares = {d["destination"]["host"]: d["weight"] for d in spec["http"][-1]["route"]}
    else:
        shares = {d["name"]: d["weight"] for d in spec["rules"][-1]["backendRefs"]}
    return int(shares["checkout-canary"])


@pytest.fixture
def traffic() -> Traffic:
    """A test may be parametrized with another."""
    return ByVirtualService(virtual_service="checkout")


@pytest.fixture
async def stage(
    testcluster: RealCluster, real_prometheus: str, tmp_path: Path, traffic: Traffic
) -> AsyncIterator[Stage]:
    team = await Team.of(testcluster.kubeconfig)
    shop = Shop(team)
    shop.traffic = traffic
    if isinstance(traffic, ByColour):
        shop.in_colours(testcluster.router)
    shop.stable["spec"]["replicas"] = 2
    await shop.open()
    await install_rights(team, shop.namespace, rules_for(traffic))
    kubeconfig = kubeconfig_of_the_bot(testcluster, await token_of_the_bot(team), tmp_path / "kubeconfig")
    workspace = await local_workspace.serve(
        people=PEOPLE, commands=[local_workspace.Command("/deploy", "", "")]
    )
    async with aiohttp.ClientSession() as session:
        made = Stage(
            cluster=testcluster,
            prometheus=real_prometheus,
            shop=shop,
            workspace=workspace,
            folder=tmp_path,
            kubeconfig=kubeconfig,
            session=session,
            repository=await sample.create(tmp_path),
        )
        await _until_open(made)
        yield made
        for bot in made.bots:
            await bot.kill()
    await workspace.close()
    await shop.close()
    await team.close()


async def _until_open(stage: Stage) -> None:
    """Until the router serves the shop."""

    async def look() -> int:
        headers = {"Host": stage.shop.host}
        async with stage.session.get(f"{stage.cluster.router}/", headers=headers) as answer:
            return answer.status

    await eventually(look, lambda status: status == 200)

"""The Kubernetes manifests on a real API server: taken as they are, and each right needed and enough."""

import asyncio
import copy
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.clients.kube import KubeClient, connect
from bot.domain.actions import Side
from bot.domain.errors import Permanent, Unauthorized
from bot.platforms.kubernetes import KubernetesPlatform, router
from tests.support.bot_identity import (
    OBJECTS,
    USER,
    install_rights,
    kubeconfig_of_the_bot,
    the,
    token_of_the_bot,
)
from tests.support.builders import RUN
from tests.support.eventually import eventually
from tests.support.shop import NEW, Shop, Team, image
from tests.support.testcluster import RealCluster

pytestmark = pytest.mark.live

RULES = the("Role")["rules"]

# Every single right: which rule, which verb, and for which resource or name it is taken away.
RIGHTS = [
    pytest.param(at, verb, resource, name, id=f"{verb} {resource} {name or ''}".strip())
    for at, rule in enumerate(RULES)
    for resource in rule["resources"]
    for name in rule.get("resourceNames", [None])
    for verb in rule["verbs"]
]


@pytest.fixture
async def team(testcluster: RealCluster) -> AsyncIterator[Team]:
    admin = await Team.of(testcluster.kubeconfig)
    yield admin
    await admin.close()


@pytest.fixture
async def shop(team: Team) -> AsyncIterator[Shop]:
    fresh = Shop(team)
    await fresh.open()
    yield fresh
    await fresh.close()


@pytest.fixture
async def bot(testcluster: RealCluster, shop: Shop, tmp_path: Path) -> AsyncIterator[KubeClient]:
    """The bot's client, with the token of its ServiceAccount."""
    client = await connect(
        kubeconfig_of_the_bot(testcluster, await token_of_the_bot(shop.team), tmp_path / "bot")
    )
    yield client
    await client.close()


async def grant(shop: Shop, rules: list[dict[str, Any]], bot: KubeClient) -> None:
    """Exactly these rights in the shop's namespace, once the API server goes by them."""
    marker = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}
    await install_rights(shop.team, shop.namespace, [*rules, marker])
    await eventually(lambda: may(bot, shop, "get", "", "configmaps"), bool)


async def may(bot: KubeClient, shop: Shop, verb: str, group: str, resource: str, name: str = "") -> bool:
    where = {"namespace": shop.namespace, "verb": verb, "group": group, "resource": resource, "name": name}
    kind = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview"}
    review = {**kind, "spec": {"resourceAttributes": where}}
    answer = await bot._call("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
    return bool(answer["status"]["allowed"])


async def do_everything(bot: KubeClient, shop: Shop) -> None:
    """Each verb of both ports, as a run and its way back use them."""
    platform, traffic = KubernetesPlatform(bot, shop.target()), router(bot, shop.target())
    recorded = await platform.recorded_stable()
    await platform.deploy_canary(image(NEW), NEW, run=RUN, on=await platform.canary())
    canary = await eventually(
        platform.canary, lambda seen: seen and seen.ready
    )  # while it is not, events are read
    await traffic.route_header(Side.CANARY, on=await traffic.split())
    await traffic.shift(25, on=await traffic.split())
    await platform.promote_stable(image(NEW), NEW, on=await platform.stable())
    await traffic.all_to_stable(on=await traffic.split(), mark="checkout-1")
    await platform.restore_stable(recorded, on=await platform.stable(), mark="checkout-1")
    await traffic.split()
    await platform.stable()
    await platform.remove_canary(on=canary)


async def test_the_api_server_takes_every_object_as_it_is(shop: Shop) -> None:
    for namespace in ("production", "slackwater"):
        await shop.team.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})

    for obj in OBJECTS:
        taken = await shop.team.put(obj, dry_run=True)
        assert taken["metadata"]["name"] == obj["metadata"]["name"]


async def test_the_strictest_standard_for_pods_is_met(shop: Shop) -> None:
    await token_of_the_bot(shop.team)  # a pod needs its account to exist
    template = the("Deployment")["spec"]["template"]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "bot"}, "spec": template["spec"]}
    path = "/api/v1/namespaces/slackwater/pods?dryRun=All"

    taken = await shop.team.create(path, pod)
    careless = copy.deepcopy(pod)
    del careless["spec"]["containers"][0]["securityContext"]

    assert taken["spec"]["securityContext"]["runAsNonRoot"]
    with pytest.raises(Unauthorized, match="violates PodSecurity"):
        await shop.team.create(path, careless)


async def test_the_rights_are_enough(testcluster: RealCluster, shop: Shop, bot: KubeClient) -> None:
    await grant(shop, RULES, bot)

    await do_everything(bot, shop)

    seen = [c for c in testcluster.audit(shop.namespace) if c.user == USER]
    assert seen
    assert [c for c in seen if c.code == 403] == []
    used = {(c.group, c.resource, c.verb, c.name) for c in seen}
    print(f"\n{len(seen)} requests, {len(used)} different ones; the Role grants {len(RIGHTS)} rights")


@pytest.mark.parametrize(("at", "verb", "resource", "name"), RIGHTS)
async def test_each_right_is_needed(
    shop: Shop, bot: KubeClient, at: int, verb: str, resource: str, name: str | None
) -> None:
    await grant(shop, [*RULES[:at], *without(RULES[at], verb, resource, name), *RULES[at + 1 :]], bot)
    group = RULES[at]["apiGroups"][0]
    assert not await may(bot, shop, verb, group, resource, name or "")

    with pytest.raises((Unauthorized, Permanent)) as refused:
        await asyncio.wait_for(do_everything(bot, shop), 30)

    assert "forbidden" in str(refused.value), refused.value


def without(rule: dict[str, Any], verb: str, resource: str, name: str | None) -> list[dict[str, Any]]:
    """The rule without one right, as the rules that are left of it."""
    left = []
    for one in rule["resources"]:
        for who in rule.get("resourceNames", [None]):
            verbs = [v for v in rule["verbs"] if (v, one, who) != (verb, resource, name)]
            if verbs:
                names = {} if who is None else {"resourceNames": [who]}
                left.append({"apiGroups": rule["apiGroups"], "resources": [one], "verbs": verbs, **names})
    return left

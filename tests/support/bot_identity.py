"""Who the bot is in a cluster by its own manifests: its ServiceAccount, its rights, a token."""

import copy
from pathlib import Path
from typing import Any

import yaml

from bot.domain.traffic import ByColour, ByHTTPRoute, ByIngress, ByService, Traffic
from tests.support.shop import Team
from tests.support.testcluster import RealCluster

Object = dict[str, Any]

FOLDER = Path(__file__).parents[2] / "manifests" / "kubernetes"
OBJECTS: list[Object] = [
    obj
    for name in yaml.safe_load((FOLDER / "kustomization.yaml").read_text())["resources"]
    for obj in yaml.safe_load_all((FOLDER / name).read_text())
]
USER = "system:serviceaccount:slackwater:slackwater"


def the(kind: str) -> Object:
    """The one object of that kind."""
    (found,) = [obj for obj in OBJECTS if obj["kind"] == kind]
    return found


async def install_rights(team: Team, namespace: str, rules: list[Object] | None = None) -> None:
    """The manifests' Role and RoleBinding in a namespace; other rules in their place if given."""
    role, binding = copy.deepcopy(the("Role")), copy.deepcopy(the("RoleBinding"))
    if rules is not None:
        role["rules"] = rules
    for obj in (role, binding):
        obj["metadata"]["namespace"] = namespace
        await team.put(obj)


def rules_for(traffic: Traffic) -> list[Object]:
    """The Role's rules for what shares the traffic out, as the manifest's own comment has them."""
    if isinstance(traffic, ByColour):
        return _rules_for_colours()
    rules: list[Object] = copy.deepcopy(the("Role")["rules"])
    if isinstance(traffic, ByHTTPRoute):
        (rule,) = [one for one in rules if one["resources"] == ["virtualservices"]]
        rule |= {"apiGroups": ["gateway.networking.k8s.io"], "resources": ["httproutes"]}
    if isinstance(traffic, ByService):
        rules = [one for one in rules if one["resources"] != ["virtualservices"]]
    if isinstance(traffic, ByIngress):
        (rule,) = [one for one in rules if one["resources"] == ["virtualservices"]]
        names = [traffic.ingress, traffic.canary_ingress]
        rule |= {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses"], "resourceNames": names}
    return rules


def _rules_for_colours() -> list[Object]:
    """As docs/blue-green.md has them."""
    page = (FOLDER.parents[1] / "docs" / "blue-green.md").read_text()
    (block,) = [part.partition("```")[0] for part in page.split("```yaml\n") if part.startswith("rules:")]
    rules: list[Object] = yaml.safe_load(block)["rules"]
    return rules


async def token_of_the_bot(team: Team) -> str:
    """A fresh token of the bot's ServiceAccount, which is made if it is not there."""
    await team.put(the("Namespace"))
    await team.put(the("ServiceAccount"))
    path = "/api/v1/namespaces/slackwater/serviceaccounts/slackwater/token"
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    return str((await team.create(path, request))["status"]["token"])


def kubeconfig_of_the_bot(cluster: RealCluster, token: str, file: Path) -> Path:
    told = yaml.safe_load(cluster.kubeconfig.read_text())
    told["users"][0]["user"] = {"token": token}
    file.write_text(yaml.safe_dump(told))
    file.chmod(0o600)
    return file

"""The bot's own Kubernetes manifests, read as a careful reviewer reads them."""

from pathlib import Path
from typing import Any

import yaml

from bot.config import load
from tests.support.bot_identity import FOLDER, OBJECTS, the


def pod() -> dict[str, Any]:
    return the("Deployment")["spec"]["template"]["spec"]


def test_every_file_is_applied() -> None:
    listed = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())["resources"]

    assert {file.name for file in FOLDER.glob("*.yaml")} == {*listed, "kustomization.yaml"}


def test_the_configuration_is_one_that_the_bot_reads(tmp_path: Path) -> None:
    file = tmp_path / "slackwater.yaml"
    file.write_text(the("ConfigMap")["data"]["slackwater.yaml"])

    assert list(load(file).applications) == ["checkout"]


def test_the_rights_are_for_the_objects_that_the_configuration_names() -> None:
    settings = yaml.safe_load(the("ConfigMap")["data"]["slackwater.yaml"])
    platform = settings["applications"]["checkout"]["environments"]["production"]["platform"]
    role = the("Role")

    named = {name for rule in role["rules"] for name in rule.get("resourceNames", [])}

    services = platform["services"]
    assert role["metadata"]["namespace"] == platform["namespace"]
    assert named == {
        platform["workload"],
        f"{platform['workload']}-canary",
        services["stable"],
        services["canary"],
        platform["traffic"]["virtual_service"],
    }


def test_no_right_is_for_everything() -> None:
    for rule in the("Role")["rules"]:
        assert "*" not in [*rule["verbs"], *rule["resources"], *rule["apiGroups"]]
        assert "resourceNames" in rule or rule["verbs"] == ["list"]


def test_the_bot_is_not_root_and_writes_only_to_its_volumes() -> None:
    (container,) = pod()["containers"]
    security = container["securityContext"]

    assert pod()["securityContext"]["runAsNonRoot"]
    assert security["readOnlyRootFilesystem"]
    assert not security["allowPrivilegeEscalation"]
    assert security["capabilities"] == {"drop": ["ALL"]}


def test_the_probes_ask_the_port_that_the_bot_is_told_to_listen_on() -> None:
    (container,) = pod()["containers"]
    told = {one["name"]: one["value"] for one in container["env"]}
    (port,) = container["ports"]

    assert told["SLACKWATER_HEALTH"] == f"0.0.0.0:{port['containerPort']}"
    for probe, path in (("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")):
        assert container[probe]["httpGet"] == {"path": path, "port": port["name"]}


def test_one_volume_has_one_bot_at_a_time() -> None:
    spec = the("Deployment")["spec"]

    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})


def test_no_secret_stands_in_a_file() -> None:
    assert all(obj["kind"] != "Secret" for obj in OBJECTS)
    assert pod()["containers"][0]["envFrom"] == [{"secretRef": {"name": "slackwater-slack"}}]


def test_policies_and_budget_are_about_the_bots_pods() -> None:
    labels = the("Deployment")["spec"]["template"]["metadata"]["labels"]

    assert the("NetworkPolicy")["spec"]["podSelector"] == {"matchLabels": labels}
    assert the("PodDisruptionBudget")["spec"]["selector"] == {"matchLabels": labels}
    assert the("NetworkPolicy")["spec"]["ingress"] == []

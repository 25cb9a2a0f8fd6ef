"""What the canary's Deployment looks like, derived from the stable one that runs. Pure."""

import copy
from typing import Any

from bot.domain.errors import Permanent
from bot.domain.plan import Target
from bot.platforms.kubernetes.status import container_of, version_of

Object = dict[str, Any]

MANAGED_BY = "app.kubernetes.io/managed-by=slackwater"
_MANAGED_KEY, _, _MANAGED_VALUE = MANAGED_BY.partition("=")

# Labels of the pods that may name the version; a derived or promoted template names the new one.
_VERSION_LABELS = ("version", "app.kubernetes.io/version")


def is_ours(deployment: Object) -> bool:
    labels = deployment.get("metadata", {}).get("labels") or {}
    return bool(labels.get(_MANAGED_KEY) == _MANAGED_VALUE)


def canary_of(stable: Object, service: Object, target: Target, image: str, version: str) -> Object:
    """The canary's Deployment: stable's, with the new image and the labels that its Service selects.

    It has stable's own size, because at weight 100 it serves everything.

    Raises:
        Permanent: the declared objects do not tell the two sides apart.
    """
    selector = service.get("spec", {}).get("selector") or {}
    own = stable["spec"]["selector"].get("matchLabels") or {}
    if not selector:
        raise Permanent(f"the Service {target.canary_service} selects no pods by label")
    if all(selector.get(key) == value for key, value in own.items()):
        message = (
            f"the Service {target.canary_service} selects the pods of {target.workload} too; give the two "
            "sides a label that tells them apart"
        )
        raise Permanent(message)
    if not container_of(stable, target.container):
        raise Permanent(f"{target.workload} has no container called {target.container}")
    template = copy.deepcopy(stable["spec"]["template"])
    template["metadata"].pop("creationTimestamp", None)
    labels = {**(template["metadata"].get("labels") or {}), **selector}
    running = version_of(container_of(stable, target.container).get("image", ""))
    template["metadata"]["labels"] = _with_version(labels, running, version)
    container_of({"spec": {"template": template}}, target.container)["image"] = image
    spec = {
        key: copy.deepcopy(value)
        for key, value in stable["spec"].items()
        if key in {"replicas", "strategy", "minReadySeconds", "progressDeadlineSeconds"}
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": target.canary_workload,
            "namespace": target.namespace,
            "labels": {_MANAGED_KEY: _MANAGED_VALUE},
            "annotations": {"slackwater/version": version},
        },
        "spec": {**spec, "selector": {"matchLabels": dict(selector)}, "template": template},
    }


def template_for(deployment: Object, container: str, image: str | None, version: str | None) -> Object:
    """The part of stable's template that Slackwater sets: the image, and the version's labels if it has any.

    Without `image` and `version` it is what runs now, for the way back.
    """
    current = container_of(deployment, container).get("image", "")
    labels = deployment["spec"]["template"].get("metadata", {}).get("labels") or {}
    if version is not None:
        labels = _with_version(labels, version_of(current), version)
    kept = {key: labels[key] for key in _VERSION_LABELS if key in labels}
    template: Object = {"spec": {"containers": [{"name": container, "image": image or current}]}}
    if kept:
        template["metadata"] = {"labels": kept}
    return template


def _with_version(labels: Object, running: str | None, version: str) -> Object:
    """Labels that name the running version name the new one."""
    return {
        key: version if key in _VERSION_LABELS and value == running else value
        for key, value in labels.items()
    }

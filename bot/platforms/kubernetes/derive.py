"""What the canary's Deployment looks like, derived from the stable one that runs. Pure."""

import copy
from typing import Any

from bot.domain.errors import Permanent
from bot.domain.plan import Target
from bot.platforms.kubernetes.status import container_of, version_of

Object = dict[str, Any]

MANAGED_BY = "app.kubernetes.io/managed-by=slackwater"
_MANAGED_KEY, _, _MANAGED_VALUE = MANAGED_BY.partition("=")

VERSION = "slackwater/version"

# What a Deployment beside stable has as stable has it, besides its pods.
CARRIED_OVER = ("replicas", "strategy", "minReadySeconds", "progressDeadlineSeconds")

# Labels of the pods that may name the version; a derived or promoted template names the new one.
_VERSION_LABELS = ("version", "app.kubernetes.io/version")


def is_ours(deployment: Object) -> bool:
    labels = deployment.get("metadata", {}).get("labels") or {}
    return bool(labels.get(_MANAGED_KEY) == _MANAGED_VALUE)


def canary_of(
    stable: Object, services: tuple[Object, Object], target: Target, image: str, version: str
) -> Object:
    """The canary's Deployment: stable's, with the new image and the labels that its Service selects.

    `services` are those of stable and of the canary. It has stable's own size, because at weight 100 it
    serves everything.

    Raises:
        Permanent: the declared objects do not tell the two sides apart.
    """
    selector = _selector(services[1])
    if not selector:
        raise Permanent(f"the Service {target.canary_service} selects no pods by label")
    if not container_of(stable, target.container):
        raise Permanent(f"{target.workload} has no container called {target.container}")
    template = renewed_template(stable, target.container, image, version)
    labels = {**template["metadata"]["labels"], **selector}
    own = stable["spec"]["template"]["metadata"].get("labels") or {}
    _check_sides(own, labels, stable, services, target)
    template["metadata"]["labels"] = labels
    return beside(stable, target, dict(selector), template, version)


def beside(stable: Object, target: Target, selector: Object, template: Object, version: str) -> Object:
    """The Deployment of the new version with these pods: of stable's size, and rolled out as stable is."""
    carried = {key: copy.deepcopy(stable["spec"][key]) for key in CARRIED_OVER if key in stable["spec"]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": target.canary_workload,
            "namespace": target.namespace,
            "labels": {_MANAGED_KEY: _MANAGED_VALUE},
            "annotations": {VERSION: version},
        },
        "spec": {**carried, "selector": {"matchLabels": selector}, "template": template},
    }


def renewed_template(stable: Object, container: str, image: str, version: str) -> Object:
    """A copy of stable's whole template with the new image, and with the version's labels if it has any."""
    template: Object = copy.deepcopy(stable["spec"]["template"])
    own = template["metadata"].get("labels") or {}
    running = version_of(container_of(stable, container).get("image", ""))
    template["metadata"].pop("creationTimestamp", None)
    template["metadata"]["labels"] = _with_version(own, running, version)
    container_of({"spec": {"template": template}}, container)["image"] = image
    return template


def template_for(deployment: Object, container: str, image: str | None, version: str | None) -> Object:
    """The part of stable's template that Slackwater sets: the image, and the version's labels if it has any.

    Without `image` and `version` it is what runs now, for the way back. A label that the Deployment selects
    its pods by cannot be changed, so it is left alone even where it names a version.
    """
    current = container_of(deployment, container).get("image", "")
    labels = deployment["spec"]["template"].get("metadata", {}).get("labels") or {}
    if version is not None:
        labels = _with_version(labels, version_of(current), version)
    fixed = deployment["spec"]["selector"].get("matchLabels") or {}
    kept = {key: labels[key] for key in _VERSION_LABELS if key in labels and key not in fixed}
    template: Object = {"spec": {"containers": [{"name": container, "image": image or current}]}}
    if kept:
        template["metadata"] = {"labels": kept}
    return template


def _check_sides(
    stable_pods: Object, canary_pods: Object, stable: Object, services: tuple[Object, Object], target: Target
) -> None:
    """Each side's pods are found by that side alone; else weights would be words without an effect."""
    stable_service, canary_service = (_selector(service) for service in services)
    own = stable["spec"]["selector"].get("matchLabels") or {}
    mixed = (
        (canary_service, stable_pods, f"the Service {target.canary_service} selects stable's pods too"),
        (
            stable_service,
            canary_pods,
            f"the Service {target.stable_service} would select the canary's pods too",
        ),
        (own, canary_pods, f"{target.workload} would take the canary's pods for its own"),
    )
    for selector, labels, what in mixed:
        if selector.items() <= labels.items():
            raise Permanent(f"{what}; give the two sides a label that tells them apart")


def _selector(service: Object) -> Object:
    return service.get("spec", {}).get("selector") or {}


def _with_version(labels: Object, running: str | None, version: str) -> Object:
    """Labels that name the running version name the new one."""
    return {
        key: version if key in _VERSION_LABELS and value == running else value
        for key, value in labels.items()
    }

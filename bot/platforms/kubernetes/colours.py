"""Blue-green: which colour a Service selects, and the Deployment of the colour that does not serve. Pure."""

from typing import Any, get_args

from bot.domain.errors import Permanent, Unreadable
from bot.domain.plan import Target
from bot.domain.traffic import ByColour, Colour
from bot.platforms.kubernetes.derive import CARRIED_OVER, VERSION, beside, renewed_template
from bot.platforms.kubernetes.marks import LEFT_BY, OWNER, escaped, note_operations, owner_of
from bot.platforms.kubernetes.status import container_of

Object = dict[str, Any]

_COLOURS: tuple[Colour, ...] = get_args(Colour)


def colour_of(service: Object, label: str) -> Colour | None:
    """The colour that a Service selects; None if it selects by none, or by something else."""
    found = (service.get("spec", {}).get("selector") or {}).get(label)
    return next((colour for colour in _COLOURS if colour == found), None)


def selected(service: Object, traffic: ByColour) -> Colour:
    """The colour that a Service of this run selects.

    Raises:
        Unreadable: it selects neither.
    """
    colour = colour_of(service, traffic.label)
    if colour is None:
        name = service["metadata"]["name"]
        found = (service.get("spec", {}).get("selector") or {}).get(traffic.label)
        by = f"by {traffic.label}={found}" if found else f"without {traffic.label}"
        why = f"the Service {name} selects {by}, so it leads to neither blue nor green"
        raise Unreadable("Kubernetes", why)
    return colour


def selector_operation(traffic: ByColour, colour: Colour) -> Object:
    # To add is to replace what is there, and to mend a selector that has lost its label.
    return {"op": "add", "path": f"/spec/selector/{escaped(traffic.label)}", "value": colour}


def lagging(slices: list[Object], target: Target, wanted: str) -> str:
    """What the Service still leads to, though it selects another colour; empty if it does not.

    `wanted` is the Deployment whose pods are meant. Which pod is whose is told by its name.
    """
    ready = [
        str((endpoint.get("targetRef") or {}).get("name") or "")
        for one in slices
        for endpoint in one.get("endpoints") or []
        if (endpoint.get("conditions") or {}).get("ready", True)
    ]
    old = target.workload if wanted == target.canary_workload else target.canary_workload
    left = sum(name.startswith(f"{old}-") for name in ready)
    if left:
        return f"{left} of {len(ready)} endpoints are still pods of {old}"
    if not any(name.startswith(f"{wanted}-") for name in ready):
        return f"no ready pod of {wanted} is among the endpoints yet"
    return ""


def other_colour(serving: Object, target: Target, traffic: ByColour, image: str, version: str) -> Object:
    """The Deployment beside the one that serves: the same, in the other colour and with the new image.

    Raises:
        Permanent: the Deployment that serves does not tell its pods by the colour.
    """
    own = serving["spec"]["selector"].get("matchLabels") or {}
    if own.get(traffic.label) != traffic.serving:
        message = (
            f"{target.workload} does not select its pods by {traffic.label}={traffic.serving}, so those of "
            f"{traffic.other} would be its own too"
        )
        raise Permanent(message)
    if serving["spec"]["selector"].get("matchExpressions"):
        message = (
            f"{target.workload} selects its pods by expressions; two colours are told apart by labels alone"
        )
        raise Permanent(message)
    if not container_of(serving, target.container):
        raise Permanent(f"{target.workload} has no container called {target.container}")
    template = renewed_template(serving, target.container, image, version)
    template["metadata"]["labels"][traffic.label] = traffic.other
    return beside(serving, target, {**own, traffic.label: traffic.other}, template, version)


def check_selects(service: Object, traffic: ByColour, green: Object) -> None:
    """Raises `Permanent` if a Service would not find the pods of the other colour by its colour alone."""
    selector = {**(service.get("spec", {}).get("selector") or {}), traffic.label: traffic.other}
    labels = green["spec"]["template"]["metadata"]["labels"]
    missing = {key: value for key, value in selector.items() if labels.get(key) != value}
    if missing:
        by = ", ".join(f"{key}={value}" for key, value in sorted(missing.items()))
        message = (
            f"the Service {service['metadata']['name']} also selects by {by}, which the pods of "
            f"{green['metadata']['name']} will not bear"
        )
        raise Permanent(message)


def take_over(existing: Object, wanted: Object, run: str) -> list[Object]:
    """The JSON patch that gives the colour at rest what is wanted of it, whole: nothing of its past stays.

    Raises:
        Permanent: its pods are told by other labels, which cannot be changed.
    """
    name, spec = existing["metadata"]["name"], existing["spec"]
    if spec["selector"] != wanted["spec"]["selector"]:
        message = (
            f"{name} selects its pods by other labels than the colour that serves, and that cannot be "
            "changed; delete it, and it is made anew"
        )
        raise Permanent(message)
    labels = existing["metadata"].get("labels") or {}
    managed = {**labels, **wanted["metadata"]["labels"]}
    keys = (*CARRIED_OVER, "template")
    return [
        *(
            {"op": "add", "path": f"/spec/{key}", "value": wanted["spec"][key]}
            for key in keys
            if key in wanted["spec"]
        ),
        *(
            {"op": "remove", "path": f"/spec/{key}"}
            for key in keys
            if key in spec and key not in wanted["spec"]
        ),
        *([] if labels == managed else [{"op": "add", "path": "/metadata/labels", "value": managed}]),
        *note_operations(existing, {OWNER: run, VERSION: wanted["metadata"]["annotations"][VERSION]}),
    ]


def left(deployment: Object, run: str) -> list[Object]:
    """The JSON patch that notes which run has left it."""
    return note_operations(deployment, {LEFT_BY: run})


def kept(deployment: Object, run: str, *, serves: bool) -> list[Object]:
    """The JSON patch that takes the run's name off; what serves is nothing that an earlier run has left."""
    if owner_of(deployment) != run:
        return []
    return note_operations(deployment, {OWNER: None, LEFT_BY: None} if serves else {OWNER: None})

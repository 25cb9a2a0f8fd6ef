"""What a canary does to the cluster, read from the API server's log, and what it should have been."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from bot.platforms.kubernetes.marks import ANNOTATION
from tests.crash.directions import DIRECTIONS
from tests.crash.settings import NEW, OLD
from tests.crash.strategy import JSON, Effect, Strategy
from tests.support.routing import GATEWAY, ISTIO, NGINX, Routing, split_of

UP = ("canary deployed", "header to canary")
HALF, ALL = "weight 50", "weight 100"
HOME = "weight 0, header to stable"
GONE = "canary removed"
_FORWARD = (*UP, HALF, ALL, f"stable gets {NEW}", HOME, GONE)

# By direction, every story that is right. A stage that a crash cut short may have seen too little to find the
# version worse; then people are asked, with that verdict before them, and the next stage finds it.
STORIES: dict[str, tuple[tuple[str, ...], ...]] = {
    "forward": (_FORWARD,),
    "rollback": ((*UP, HALF, HOME, GONE),),
    "worse": ((*UP, HALF, HOME, GONE), (*UP, HALF, ALL, HOME, GONE)),
    "promoted": (
        (*_FORWARD, f"stable gets {OLD}"),
        # It is seen while the canary still serves.
        (*_FORWARD[:5], f"stable gets {OLD}", HOME, GONE),
        (*_FORWARD[:6], f"stable gets {OLD}", GONE),
    ),
}

# What is not named here moves no traffic forward.
APPROVED_BY = {
    HALF: "canary/50/weight",
    ALL: "canary/100/weight",
    f"stable gets {NEW}": "promote/stable",
}


def effects(audit: Sequence[JSON]) -> tuple[Effect, ...]:
    """Every change of what is deployed or who gets traffic, in order."""
    return tuple(_effects(audit))


def is_at_rest(routes: JSON) -> bool:
    """Whether all traffic goes to stable, the header's too."""
    weight, header = split_of(routes)
    return weight == 0 and header != "canary"


def _effects(audit: Sequence[JSON]) -> Iterator[Effect]:
    split, serves = (0, ""), OLD
    for entry in audit:
        if entry["code"] >= 300:
            continue
        at, path = datetime.fromisoformat(entry["at"]), entry["path"].partition("?")[0]
        if path in {ISTIO.path, GATEWAY.path, NGINX.path}:
            old, split = split, split_of(entry["response"])
            # What the way back finds at rest gets its mark, which moves nothing.
            if split != old or not any(map(_is_mark, entry["request"])):
                yield Effect(at, _said(old, split))
        elif path.endswith("/deployments/checkout-canary"):
            yield Effect(at, _of_canary(entry))
        elif path.endswith("/deployments/checkout"):
            before, serves = serves, _version(entry["request"])
            if serves != before or ANNOTATION not in entry["request"]["metadata"].get("annotations", {}):
                yield Effect(at, f"stable gets {serves}{' again' if serves == before else ''}")
        else:
            yield Effect(at, f"{entry['verb']} {path}")


def _is_mark(change: JSON) -> bool:
    return ANNOTATION in change["path"].replace("~1", "/") or ANNOTATION in str(change.get("value"))


def _said(before: tuple[int, str], after: tuple[int, str]) -> str:
    if before == after:
        return f"weight {after[0]} and header to {after[1]} again"
    if before[0] == after[0]:
        return f"header to {after[1]}"
    if before[1] == after[1]:
        return f"weight {after[0]}"
    return f"weight {after[0]}, header to {after[1]}"


def _of_canary(entry: JSON) -> str:
    if entry["verb"] == "delete":
        return GONE
    return "canary deployed" if entry["code"] == 201 else "canary deployed again"


def _version(deployment: JSON) -> str:
    image: str = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
    return image.rpartition(":")[2]


def _settings(direction: str) -> JSON:
    # Most are too short for a picture, which takes longer to draw than all else; one direction has one. To be
    # found worse takes some windows of figures.
    bakes = {"forward": ("40s", "9s"), "worse": ("60s", "60s")}.get(direction, ("9s", "9s"))
    stages = [{"weight": weight, "bake": bake} for weight, bake in zip((50, 100), bakes, strict=True)]
    return {"canary": {"stages": stages}}


def _canary(name: str, routing: Routing) -> Strategy:
    return Strategy(
        name=name,
        command="canary",
        routing=routing,
        directions=DIRECTIONS,
        settings=_settings,
        effects=effects,
        stories=STORIES,
        approved_by=APPROVED_BY,
        is_at_rest=is_at_rest,
    )


CANARY = _canary("canary", ISTIO)
CANARY_BY_GATEWAY = _canary("canary-by-gateway", GATEWAY)
CANARY_BY_NGINX = _canary("canary-by-nginx", NGINX)

"""What a blue-green deploy does to the cluster, by the API server's log, and what it should have been."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from bot.platforms.kubernetes.marks import left_by, owner_of
from tests.crash.directions import (
    DIRECTIONS,
    Direction,
    finds_it_bad_once_it_serves,
    removes_what_it_had_kept_longer,
    takes_it_back_once_it_serves,
)
from tests.crash.settings import NEW, OLD
from tests.crash.strategy import JSON, Effect, Strategy
from tests.support.routing import COLOURS

UP = ("green made", "preview to green")
SWITCHED, NOTED, KEPT, REMOVED = "all to green", "blue is left", "green is nobody's", "blue removed"
_THERE = (*UP, SWITCHED, NOTED, KEPT)
_BACK = (*UP, SWITCHED, "all to blue", "preview to blue", "green removed")
STORIES: dict[str, tuple[tuple[str, ...], ...]] = {
    "forward": (_THERE,),
    "cared for": ((*_THERE, REMOVED),),
    "rollback": (_BACK,),
    "worse": (_BACK,),
}

# To make green and to lead the preview there moves no user, and neither does the way back.
APPROVED_BY = {SWITCHED: "blue-green/switch", KEPT: "blue-green/keep"}

_DIRECTIONS = (
    DIRECTIONS["forward"],
    Direction(
        "cared for",
        removes_what_it_had_kept_longer,
        "finished",
        NEW,
        last="after/decommission",
        wakes=2,
    ),
    Direction("rollback", takes_it_back_once_it_serves, "rolled back", OLD, remind="90s", is_reminded=True),
    Direction("worse", finds_it_bad_once_it_serves, "rolled back", OLD),
)
_SERVICES = {"checkout": "all", "checkout-preview": "preview"}


def effects(audit: Sequence[JSON]) -> tuple[Effect, ...]:
    """Every change of what is deployed or whom a Service leads to, in order."""
    return tuple(_effects(audit))


def is_at_rest(routes: JSON) -> bool:
    """Either colour may serve, and nothing else."""
    return routes["spec"]["selector"]["color"] in {"blue", "green"}


def _effects(audit: Sequence[JSON]) -> Iterator[Effect]:
    colours = dict.fromkeys(_SERVICES, "blue")
    has_owner = False
    for entry in audit:
        if entry["code"] >= 300:
            continue
        at, path = datetime.fromisoformat(entry["at"]), entry["path"].partition("?")[0]
        kind, _, name = path.rpartition("/")
        if kind.endswith("/services") and name in _SERVICES:
            before, colours[name] = colours[name], entry["response"]["spec"]["selector"]["color"]
            again = " again" if colours[name] == before else ""
            yield Effect(at, f"{_SERVICES[name]} to {colours[name]}{again}")
        elif path.endswith("/deployments/checkout-green"):
            had, has_owner = has_owner, entry["verb"] != "delete" and owner_of(entry["response"]) is not None
            yield Effect(at, _of_green(entry, had=had, has=has_owner))
        elif path.endswith("/deployments/checkout-blue"):
            yield Effect(at, _of_blue(entry))
        else:
            yield Effect(at, f"{entry['verb']} {path}")


def _of_blue(entry: JSON) -> str:
    if entry["verb"] == "delete":
        return REMOVED
    return NOTED if left_by(entry["response"]) is not None else "blue changed"


def _of_green(entry: JSON, *, had: bool, has: bool) -> str:
    if entry["verb"] == "delete":
        return "green removed"
    if entry["code"] == 201:
        return "green made"
    return KEPT if had and not has else "green changed"


def _settings(direction: str) -> JSON:
    # Where people or figures end it, the new version is watched for as long as they may need.
    bake = {"rollback": "20m", "worse": "5m"}.get(direction, "40s")
    preview = {"service": "checkout-preview", "host_header": "checkout-preview.production"}
    warm_up = {"requests": 30, "path": "/api/users"}
    # Blue is removed where somebody wants it now; by itself it would be after all that is looked at.
    colours = {"preview": preview, "bake": bake, "warm_up": warm_up, "keep_blue": "7d"}
    # It cannot be worse than what it is held to in the few requests of a short stage.
    return {"blue_green": colours | {"error_rate": "1%"}}


BLUE_GREEN = Strategy(
    name="blue-green",
    command="blue-green",
    routing=COLOURS,
    directions={direction.name: direction for direction in _DIRECTIONS},
    settings=_settings,
    effects=effects,
    stories=STORIES,
    approved_by=APPROVED_BY,
    is_at_rest=is_at_rest,
    keeps_old=True,
)

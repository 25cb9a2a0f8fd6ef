"""What a rolling update does to the cluster, read from the API server's log, and what it should have been."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from bot.platforms.kubernetes.marks import owner_of
from tests.crash.canary import is_at_rest
from tests.crash.directions import (
    DIRECTIONS,
    Direction,
    finds_it_bad_later,
    takes_back_what_is_paused,
    takes_it_back_midway,
)
from tests.crash.settings import NEW, OLD
from tests.crash.strategy import JSON, Effect, Strategy
from tests.support.routing import ISTIO, PLAIN, Routing

# How the starter's team has it, as the API server tells it, and what the run makes of that.
_TEAMS = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
_SURGE = 2

ROLLED = f"stable gets {NEW}, is the run's, has the run's pace"
PAUSED = "is paused"
KEPT = "is the team's, has the team's pace"
BACK = f"stable gets {OLD}, has the team's pace"
LET_GO = "is the team's"

_BACK = (ROLLED, BACK, LET_GO)
STORIES: dict[str, tuple[tuple[str, ...], ...]] = {
    "forward": ((ROLLED, KEPT),),
    "rollback": (_BACK,),
    "worse": (_BACK,),
    # Pods go on being replaced while the bot is dead, so there may be nothing left to pause.
    "paused": (_BACK, (ROLLED, PAUSED, f"stable gets {OLD}, goes on, has the team's pace", LET_GO)),
}

# To pause it moves no traffic, and neither does the way back.
APPROVED_BY = {ROLLED: "rolling/rollout", KEPT: "rolling/keep"}

_DIRECTIONS = (
    DIRECTIONS["forward"],
    Direction("rollback", takes_it_back_midway, "rolled back", OLD, remind="90s", is_reminded=True),
    Direction("worse", finds_it_bad_later, "rolled back", OLD),
    Direction("paused", takes_back_what_is_paused, "rolled back", OLD, faults={NEW: {"error_rate": 0.5}}),
)


def effects(audit: Sequence[JSON]) -> tuple[Effect, ...]:
    """Every change of what is deployed, in order."""
    return tuple(_effects(audit))


@dataclass(frozen=True)
class _Stable:
    """The Deployment that serves, as far as a rollout changes it."""

    version: str
    is_paused: bool = False
    has_owner: bool = False
    has_own_pace: bool = False

    @classmethod
    def read(cls, deployment: JSON) -> Self:
        spec = deployment["spec"]
        image: str = spec["template"]["spec"]["containers"][0]["image"]
        return cls(
            version=image.rpartition(":")[2],
            is_paused=bool(spec.get("paused")),
            has_owner=owner_of(deployment) is not None,
            has_own_pace=json.dumps(spec["strategy"], sort_keys=True) != json.dumps(_TEAMS, sort_keys=True),
        )

    def became(self, after: "_Stable") -> Iterator[str]:
        if after.version != self.version:
            yield f"stable gets {after.version}"
        if after.is_paused != self.is_paused:
            yield PAUSED if after.is_paused else "goes on"
        if after.has_owner != self.has_owner:
            yield "is the run's" if after.has_owner else LET_GO
        if after.has_own_pace != self.has_own_pace:
            yield f"has the {'run' if after.has_own_pace else 'team'}'s pace"


def _effects(audit: Sequence[JSON]) -> Iterator[Effect]:
    stable = _Stable(OLD)
    for entry in audit:
        if entry["code"] >= 300:
            continue
        at, path = datetime.fromisoformat(entry["at"]), entry["path"].partition("?")[0]
        if not path.endswith("/deployments/checkout"):
            yield Effect(at, f"{entry['verb']} {path}")
            continue
        before, stable = stable, _Stable.read(entry["response"])
        yield Effect(at, ", ".join(before.became(stable)) or "the same again")


def _settings(direction: str) -> JSON:
    # Where people or figures end it, the new version is watched for as long as they may need.
    bake = {"forward": "40s", "rollback": "20m", "worse": "5m", "paused": "5m"}[direction]
    return {"rolling": {"max_surge": _SURGE, "check_every": "5s", "bake": bake}}


def _rolling(name: str, routing: Routing) -> Strategy:
    return Strategy(
        name=name,
        command="rolling",
        routing=routing,
        directions={direction.name: direction for direction in _DIRECTIONS},
        settings=_settings,
        effects=effects,
        stories=STORIES,
        approved_by=APPROVED_BY,
        is_at_rest=is_at_rest,
    )


ROLLING = _rolling("rolling", ISTIO)
ROLLING_BY_SERVICE = _rolling("rolling-by-service", PLAIN)

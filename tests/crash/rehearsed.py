"""A canary that is rehearsed on staging: what it does there, beside what every canary does in production."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime

from bot.platforms.kubernetes.marks import owner_of
from tests.crash import canary
from tests.crash.directions import DIRECTIONS, Direction, says_yes
from tests.crash.settings import NEW, OLD
from tests.crash.strategy import JSON, Effect, Strategy
from tests.support.routing import ISTIO, split_of

# As the API server completes what the starter leaves out.
_TEAMS = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}}

ROLLED = f"staging: {NEW}, the run's, at the run's pace"
KEPT = f"staging: {NEW}, the team's, at the team's pace"
BACK = f"staging: {OLD}, the run's, at the team's pace"
HOME = f"staging: {OLD}, the team's, at the team's pace"

STORIES: dict[str, tuple[tuple[str, ...], ...]] = {
    "forward": ((ROLLED, KEPT, *canary.STORIES["forward"][0]),),
    "rollback": ((ROLLED, KEPT, *canary.STORIES["rollback"][0], HOME),),
    "unwell": ((ROLLED, BACK, HOME),),
}

_DIRECTIONS = {
    "forward": DIRECTIONS["forward"],
    "rollback": DIRECTIONS["rollback"],
    "unwell": Direction("unwell", says_yes, "stopped", OLD, faults={NEW: {"error_rate": 0.5}}),
}


def effects(audit: Sequence[JSON]) -> tuple[Effect, ...]:
    """Every change of either place, in order."""
    elsewhere = [entry for entry in audit if not _is_there(entry)]
    found = [*canary.effects(elsewhere), *_on_staging([entry for entry in audit if _is_there(entry)])]
    return tuple(sorted(found, key=lambda effect: effect.at))


def _is_there(entry: JSON) -> bool:
    return "/namespaces/staging/" in entry["path"]


def _on_staging(audit: Sequence[JSON]) -> Iterator[Effect]:
    for entry in audit:
        if entry["code"] >= 300:
            continue
        deployment = entry["response"]
        version = deployment["spec"]["template"]["spec"]["containers"][0]["image"].rpartition(":")[2]
        whose = "run" if owner_of(deployment) is not None else "team"
        pace = json.dumps(deployment["spec"]["strategy"], sort_keys=True)
        of = "team" if pace == json.dumps(_TEAMS, sort_keys=True) else "run"
        said = f"staging: {version}, the {whose}'s, at the {of}'s pace"
        yield Effect(datetime.fromisoformat(entry["at"]), said)


def _settings(direction: str) -> JSON:
    stages = [{"weight": weight, "bake": "9s"} for weight in (50, 100)]
    staging = {
        "platform": {"namespace": "staging", "workload": "checkout", "container": "checkout"},
        "host_header": "checkout.staging",
        "smoke": {"run": "python -c pass"},
        "journeys": [{"name": "look around", "steps": [{"path": "/health"}]}],
        "watch": {"for": "5m" if direction == "unwell" else "20s"},
    }
    return {"canary": {"stages": stages}, "staging": staging}


REHEARSED = Strategy(
    name="canary-rehearsed",
    command="canary",
    routing=ISTIO,
    directions=_DIRECTIONS,
    settings=_settings,
    effects=effects,
    stories=STORIES,
    approved_by=canary.APPROVED_BY,
    is_at_rest=lambda routes: split_of(routes)[0] == 0,
)

"""What the suite makes of the API server's log of a rolling update."""

from typing import Any

import pytest

from bot.platforms.kubernetes.marks import OWNER
from tests.crash.rolling import BACK, KEPT, LET_GO, PAUSED, ROLLED, effects
from tests.crash.settings import NEW, OLD
from tests.support.builders import MORNING, RUN

JSON = dict[str, Any]

_TEAMS = {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}, "type": "RollingUpdate"}
_OURS = {"rollingUpdate": {"maxSurge": 2, "maxUnavailable": 0}, "type": "RollingUpdate"}


def after(
    version: str, *, pace: JSON, paused: bool = False, owner: str | None = RUN, code: int = 200
) -> JSON:
    """What a change of the Deployment left there."""
    spec: JSON = {
        "strategy": pace,
        "template": {"spec": {"containers": [{"image": f"registry.example.com/checkout:{version}"}]}},
        **({"paused": True} if paused else {}),
    }
    notes = {} if owner is None else {OWNER: owner}
    return {
        "at": MORNING.isoformat(),
        "verb": "patch",
        "path": "/apis/apps/v1/namespaces/production/deployments/checkout",
        "code": code,
        "response": {"metadata": {"annotations": notes}, "spec": spec},
    }


ROLL = after(NEW, pace=_OURS)
KEEP = after(NEW, pace=_TEAMS, owner=None)


@pytest.mark.parametrize(
    ("audit", "story"),
    [
        ((ROLL, KEEP), (ROLLED, KEPT)),
        ((ROLL, after(OLD, pace=_TEAMS), after(OLD, pace=_TEAMS, owner=None)), (ROLLED, BACK, LET_GO)),
        ((ROLL, after(NEW, pace=_OURS, paused=True)), (ROLLED, PAUSED)),
        ((ROLL, after(NEW, pace=_OURS, paused=True), ROLL), (ROLLED, PAUSED, "goes on")),
        ((ROLL, after(NEW, pace=_OURS, code=409)), (ROLLED,)),
        ((ROLL, ROLL), (ROLLED, "the same again")),
        ((ROLL, after(NEW, pace=_OURS, owner=None)), (ROLLED, LET_GO)),
        ((after(NEW, pace=_TEAMS, owner=None),), (f"stable gets {NEW}",)),
    ],
)
def test_each_change_is_told(audit: tuple[JSON, ...], story: tuple[str, ...]) -> None:
    assert tuple(effect.what for effect in effects(audit)) == story


def test_nothing_but_the_deployment_may_be_changed() -> None:
    routed = {**ROLL, "path": "/apis/networking.istio.io/v1/namespaces/production/virtualservices/checkout"}

    assert [effect.what for effect in effects([routed])] == [f"patch {routed['path']}"]

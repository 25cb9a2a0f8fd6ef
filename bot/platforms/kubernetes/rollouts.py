"""JSON patches for a rollout within the Deployment that serves. Pure.

They replace what is there and own nothing: after the run the Deployment belongs to its team as before, with
another image.
"""

import json
from typing import Any

from bot.domain.actions import RollOut
from bot.domain.errors import Permanent
from bot.platforms.kubernetes.derive import template_for
from bot.platforms.kubernetes.marks import (
    ANNOTATION,
    OWNER,
    PAUSED_BY,
    escaped,
    note_operations,
    owner_of,
    paused_by,
)

Object = dict[str, Any]


def settings_of(deployment: Object) -> str:
    """How pods are replaced, as JSON."""
    return json.dumps(deployment["spec"].get("strategy") or {}, sort_keys=True)


def roll_out(deployment: Object, container: str, action: RollOut, run: str) -> list[Object]:
    rolling = {"maxSurge": action.max_surge, "maxUnavailable": action.max_unavailable}
    template = template_for(deployment, container, action.image, action.version)
    return [
        _strategy({"type": "RollingUpdate", "rollingUpdate": rolling}),
        *_template(deployment, container, template),
        *note_operations(deployment, {ANNOTATION: None, OWNER: run, PAUSED_BY: None}),
    ]


def pause(deployment: Object, run: str) -> list[Object]:
    paused = {"op": "add", "path": "/spec/paused", "value": True}
    return [paused, *note_operations(deployment, {PAUSED_BY: run})]


def go_on(deployment: Object) -> list[Object]:
    return [*_let_go(deployment), *note_operations(deployment, {PAUSED_BY: None})]


def keep(deployment: Object, settings: str, run: str) -> list[Object]:
    is_ours, is_paused = owner_of(deployment) == run, paused_by(deployment) == run
    notes: dict[str, str | None] = {
        **({OWNER: None} if is_ours else {}),
        **({PAUSED_BY: None} if is_paused else {}),
    }
    return [
        *([] if settings_of(deployment) == settings else [_strategy(json.loads(settings))]),
        *(_let_go(deployment) if is_paused else []),
        *note_operations(deployment, notes),
    ]


def restore(deployment: Object, container: str, template: Object, settings: str, mark: str) -> list[Object]:
    """Turn round, at the team's pace unless that takes every pod away first; `keep` puts back all of it."""
    return [
        _strategy(_gentle(json.loads(settings), int(deployment["spec"].get("replicas", 1)))),
        *_template(deployment, container, template),
        *_let_go(deployment),
        *note_operations(deployment, {PAUSED_BY: None, ANNOTATION: mark}),
    ]


def _gentle(before: Object, replicas: int) -> Object:
    rolling = (before.get("rollingUpdate") or {}) if before.get("type") == "RollingUpdate" else {}
    surge, unavailable = rolling.get("maxSurge", 1), rolling.get("maxUnavailable", 0)
    takes_all = _number_of(unavailable, replicas) >= replicas
    pace = {"maxSurge": 1 if surge in {0, "0%"} else surge, "maxUnavailable": 0 if takes_all else unavailable}
    return {"type": "RollingUpdate", "rollingUpdate": pace}


def _number_of(pods: Any, replicas: int) -> int:
    """A share is rounded down, as Kubernetes does for what may be unavailable."""
    return replicas * int(pods.removesuffix("%")) // 100 if isinstance(pods, str) else int(pods)


def _let_go(deployment: Object) -> list[Object]:
    return [{"op": "remove", "path": "/spec/paused"}] if "paused" in deployment["spec"] else []


def _strategy(value: Object) -> Object:
    return {"op": "replace", "path": "/spec/strategy", "value": value}


def _template(deployment: Object, container: str, template: Object) -> list[Object]:
    """What `template_for` sets, put into the Deployment's own template."""
    found = deployment["spec"]["template"]
    names = [one.get("name") for one in found["spec"]["containers"]]
    if container not in names:
        raise Permanent(f"{deployment['metadata']['name']} has no container called {container}")
    (wanted,) = template["spec"]["containers"]
    place = f"/spec/template/spec/containers/{names.index(container)}/image"
    labels = template.get("metadata", {}).get("labels") or {}
    return [
        {"op": "replace", "path": place, "value": wanted["image"]},
        *(
            {"op": "add", "path": f"/spec/template/metadata/labels/{escaped(key)}", "value": value}
            for key, value in labels.items()
        ),
    ]

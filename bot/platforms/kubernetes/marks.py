"""The mark that a way back leaves on what it took home, and the revisions that it moves. Pure.

A request of a step forward can land long after the run has turned back: it was under way, or its process was
frozen. It names the revision of what was seen before its intent. Where the way back has something to change,
that revision is gone; where the object was at rest, the mark is the change. Everything that came before fits
no more.
"""

from typing import Any

ANNOTATION = "slackwater/way-back"
# The signature of the run that made a canary, or that rolls a Deployment out.
OWNER = "slackwater/run"
# On a Deployment: the signature of the run that has finished beside it and left it as it was.
LEFT_BY = "slackwater/left-by"
# On a Deployment: the signature of the run that paused its rollout.
PAUSED_BY = "slackwater/paused-by"

_LONGEST = 200  # what somebody else writes there goes into every entry of the journal

Object = dict[str, Any]


def mark_of(obj: Object) -> str | None:
    """The newest run whose way back came by this object."""
    found = (obj["metadata"].get("annotations") or {}).get(ANNOTATION)
    return str(found) if found else None


def owner_of(obj: Object) -> str | None:
    """The signature of the run that made this object, or rolls it out."""
    return _signature(obj, OWNER)


def left_by(obj: Object) -> str | None:
    """The signature of the newest run that has left this Deployment behind."""
    return _signature(obj, LEFT_BY)


def paused_by(obj: Object) -> str | None:
    """The signature of the run that paused this Deployment, if one did."""
    return _signature(obj, PAUSED_BY)


def mark_operations(obj: Object, run: str) -> list[Object]:
    """The JSON patch that leaves the mark of the run."""
    return [] if mark_of(obj) == run else note_operations(obj, {ANNOTATION: run})


def note_operations(obj: Object, notes: dict[str, str | None]) -> list[Object]:
    """The JSON patch that writes these annotations; None takes one away."""
    found = obj["metadata"].get("annotations") or {}
    written = {key: value for key, value in notes.items() if value is not None}
    if not found:
        whole = {"op": "add", "path": "/metadata/annotations", "value": written}
        return [whole] if written else []
    removed = [key for key, value in notes.items() if value is None and key in found]
    return [
        *({"op": "add", "path": _path(key), "value": value} for key, value in written.items()),
        *({"op": "remove", "path": _path(key)} for key in removed),
    ]


def escaped(key: str) -> str:
    """As a part of a JSON pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")


def _path(key: str) -> str:
    return f"/metadata/annotations/{escaped(key)}"


def _signature(obj: Object, annotation: str) -> str | None:
    found = (obj["metadata"].get("annotations") or {}).get(annotation)
    return str(found)[:_LONGEST] if found else None


def revision_of(obj: Object) -> str:
    """Of an object whose status is seldom written: every change counts."""
    return str(obj["metadata"]["resourceVersion"])


def generation_of(obj: Object) -> str:
    """Of a Deployment: its status is written all the time, so only changes of what is wanted count.

    The API server raises a Deployment's generation for its annotations too, which is what a mark relies on.
    The uid tells it from one of the same name that was made anew.
    """
    return f"{obj['metadata'].get('uid', '')}/{obj['metadata'].get('generation', 0)}"

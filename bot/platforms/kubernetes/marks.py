"""The mark that a way back leaves on what it took home, and the revisions that it moves. Pure.

A request of a step forward can land long after the run has turned back: it was under way, or its process was
frozen. It names the revision of what was seen before its intent. Where the way back has something to change,
that revision is gone; where the object was at rest, the mark is the change. Everything that came before fits
no more.
"""

from typing import Any

ANNOTATION = "slackwater/way-back"
# On a canary: the signature of the run that made it.
OWNER = "slackwater/run"

_LONGEST = 200  # what somebody else writes there goes into every entry of the journal

Object = dict[str, Any]


def mark_of(obj: Object) -> str | None:
    """The newest run whose way back came by this object."""
    found = (obj["metadata"].get("annotations") or {}).get(ANNOTATION)
    return str(found) if found else None


def owner_of(obj: Object) -> str | None:
    """The signature of the run that made this object."""
    found = (obj["metadata"].get("annotations") or {}).get(OWNER)
    return str(found)[:_LONGEST] if found else None


def mark_operations(obj: Object, run: str) -> list[Object]:
    """The JSON patch that leaves the mark of the run."""
    if mark_of(obj) == run:
        return []
    if not obj["metadata"].get("annotations"):
        return [{"op": "add", "path": "/metadata/annotations", "value": {ANNOTATION: run}}]
    key = ANNOTATION.replace("~", "~0").replace("/", "~1")
    return [{"op": "add", "path": f"/metadata/annotations/{key}", "value": run}]


def revision_of(obj: Object) -> str:
    """Of an object whose status is seldom written: every change counts."""
    return str(obj["metadata"]["resourceVersion"])


def generation_of(obj: Object) -> str:
    """Of a Deployment: its status is written all the time, so only changes of what is wanted count.

    The API server raises a Deployment's generation for its annotations too, which is what a mark relies on.
    The uid tells it from one of the same name that was made anew.
    """
    return f"{obj['metadata'].get('uid', '')}/{obj['metadata'].get('generation', 0)}"

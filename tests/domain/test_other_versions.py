"""What another version wrote and this one does not know stops loudly, instead of being passed over."""

import json
from typing import Any

import pytest

from bot.domain.errors import UnknownEvent
from bot.domain.events import Planned, event_from_json
from bot.domain.plan import SCHEMA_VERSION, plan_from_json
from tests.support.builders import a_plan


def changed(**changes: Any) -> dict[str, Any]:
    """A plan as it is stored, with something in it that this version does not know."""
    return json.loads(a_plan().model_dump_json()) | changes


NEWER = {
    "a newer schema": changed(schema_version=SCHEMA_VERSION + 1),
    "a kind of step": changed(
        steps=[
            changed()["steps"][0] | {"action": {"kind": "teleport", "to": "mars"}},
            *changed()["steps"][1:],
        ]
    ),
    "a property": changed(canaries=["tweety"]),
    "a step of ten thousand years": changed(
        steps=[changed()["steps"][0] | {"estimate": 3.2e11}, *changed()["steps"][1:]]
    ),
    "a time without a zone": changed(request=changed()["request"] | {"at": "2026-11-26T02:00:00"}),
    "a time that no calendar adds to": changed(request=changed()["request"] | {"at": "9999-12-31T23:59:59Z"}),
    "more steps than can be": changed(steps=changed()["steps"] * 100),
}


@pytest.mark.parametrize("what", NEWER)
def test_a_plan_with_something_unknown_is_not_read(what: str):
    with pytest.raises(UnknownEvent):
        plan_from_json(json.dumps(NEWER[what]))
    with pytest.raises(UnknownEvent):
        event_from_json("planned", {"plan": NEWER[what]})


def test_a_plan_of_this_version_is_read_as_it_was_stored():
    assert plan_from_json(a_plan().model_dump_json()) == a_plan()
    assert event_from_json("planned", {"plan": changed()}) == Planned(plan=a_plan())

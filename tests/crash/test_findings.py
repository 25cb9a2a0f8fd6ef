"""The crash suite's own judgement: it finds nothing where all went well, and each thing that may go wrong."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bot.domain.events import Approved, Entry, Intended, StepDone
from bot.domain.plan import ApprovalPolicy
from bot.views.items import Place, Setting
from bot.views.messages import messages
from strategies import canary
from strategies.settings import CanarySettings, CanaryStage
from tests.crash.canary import CANARY
from tests.crash.directions import DIRECTIONS
from tests.crash.findings import findings, message_keys
from tests.crash.outside import Seen, Timer
from tests.crash.people import RUN, key_of
from tests.crash.settings import NEW, OLD
from tests.support.builders import MORNING, a_request, a_target
from tests.support.routing import ISTIO
from tests.support.story import Story, minutes

JSON = dict[str, Any]
Damage = Callable[[Seen], Seen]

_FORWARD = DIRECTIONS["forward"]
_DEPLOYMENTS = "/apis/apps/v1/namespaces/production/deployments"


def test_a_run_that_went_well_has_no_findings():
    seen = _a_forward_run()

    assert findings(seen, CANARY, _FORWARD, message_keys(seen)) == []


def _message(key: str, times: int) -> Damage:
    """A message of the thread, gone or repeated."""

    def damage(seen: Seen) -> Seen:
        thread = [m for m in seen.thread for _ in range(times if key_of(m) == f"{RUN}/{key}" else 1)]
        return replace(seen, thread=thread)

    return damage


def _again(number: int) -> Damage:
    """A change that reached the API server twice."""

    def damage(seen: Seen) -> Seen:
        return replace(seen, audit=[*seen.audit[: number + 1], *seen.audit[number:]])

    return damage


def _entry(kind: type, step: str, times: int) -> Damage:
    """An entry of the journal, gone or repeated."""

    def damage(seen: Seen) -> Seen:
        entries = [
            entry
            for entry in seen.journal
            for _ in range(times if isinstance(entry.event, kind) and entry.step == step else 1)
        ]
        return replace(seen, journal=_numbered(entries))

    return damage


def _late_approval(seen: Seen) -> Seen:
    approval = next(e for e in seen.journal if e.step == "canary/50/weight" and e.kind == "approved")
    others = [entry for entry in seen.journal if entry is not approval]
    return replace(seen, journal=_numbered([*others[:-1], approval, others[-1]]))


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (_message("plan", 0), f"{RUN}/plan is missing in Slack"),
        (_message("stage/50", 2), f"{RUN}/stage/50 was posted 2 times"),
        (_again(0), "canary deployed, canary deployed, header to canary"),
        (_again(2), "weight 50, weight 50 and header to canary again"),
        (_again(4), f"stable gets {NEW}, stable gets {NEW} again"),
        (lambda seen: replace(seen, audit=seen.audit[:-1]), "the API server saw .*header to stable$"),
        (_entry(Approved, "canary/100/weight", 2), "canary/100/weight was approved 2 times"),
        (_entry(Approved, "promote/stable", 0), "promote/stable was approved 0 times"),
        (_entry(StepDone, "canary/50/bake", 2), "canary/50/bake was done 2 times"),
        (_late_approval, "canary/50/weight began before it was approved"),
        (lambda seen: replace(seen, pressed={}), "and nobody pressed that"),
        (lambda seen: replace(seen, runs=(RUN, "checkout-2")), "where one was asked for"),
        (lambda seen: replace(seen, stable=_deployment(OLD)), f"stable runs .*:{OLD} at the end"),
        (lambda seen: replace(seen, canary=_deployment(NEW)), "the canary is still there"),
        (lambda seen: replace(seen, routes=_routes(50, "canary")), "traffic is not at rest"),
        (lambda seen: replace(seen, timers=(_timer(has_fired=False),)), "was due at .* and never fired"),
        (lambda seen: replace(seen, timers=(_timer(interrupts=2),)), "fired True, 2 interrupts"),
        (lambda seen: replace(seen, endings=(-9, -9)), "the bot ended 2 times"),
        (lambda seen: replace(seen, logged=('{"event": "bug", "level": "error"}',)), "log says bug"),
        (lambda seen: replace(seen, journal=seen.journal[:-1]), "0 entries say ended"),
        (lambda seen: replace(seen, journal=seen.journal[1:]), "the journal has gaps"),
    ],
)
def test_what_is_lost_or_done_twice_is_found(damage: Damage, sentence: str):
    seen = _a_forward_run()

    found = findings(damage(seen), CANARY, _FORWARD, message_keys(seen))

    assert any(re.search(sentence, finding) for finding in found), found


def _a_forward_run() -> Seen:
    story = _told()
    wanted = messages(story.run, Setting())
    thread = [_posted(item.key, item.text) for item in wanted if item.place is not Place.STAKEHOLDERS]
    return Seen(
        runs=(RUN,),
        journal=tuple(story.entries),
        audit=_audit(story),
        stable=_deployment(NEW),
        canary=None,
        routes=_routes(0, "stable"),
        thread=thread,
        releases=[_posted(i.key, i.text) for i in wanted if i.place is Place.STAKEHOLDERS],
        timers=(_timer(),),
        pressed={f"q:question-{weight}-1": "approve" for weight in (50, 100)},
        logged=('{"event": "connected", "level": "info"}',),
        endings=(-9,),
    )


def _told() -> Story:
    stages = tuple(CanaryStage(weight=weight, bake=minutes(5)) for weight in (50, 100))
    request = a_request().with_(version=NEW)
    plan = canary.plan(request, a_target(), CanarySettings(stages=stages), ApprovalPolicy(), gates=("build",))
    return Story(plan).through_gates().up().stage(50).stage(100).promoted()


def _audit(story: Story) -> list[JSON]:
    """What the API server would have logged, each change right after its intent."""

    def change(step: str, verb: str, path: str, request: Any, response: JSON, code: int = 200) -> JSON:
        intent = next(e for e in story.entries if e.step == step and isinstance(e.event, Intended))
        at = intent.at.isoformat()
        return {"at": at, "verb": verb, "path": path, "code": code, "request": request, "response": response}

    def routed(step: str, weight: int, header: str) -> JSON:
        return change(step, "patch", ISTIO.path, [{"path": "/spec/http/0/route"}], _routes(weight, header))

    new = _deployment(NEW)
    return [
        change("canary/deploy", "patch", f"{_DEPLOYMENTS}/checkout-canary", new, new, code=201),
        routed("canary/header", 0, "canary"),
        routed("canary/50/weight", 50, "canary"),
        routed("canary/100/weight", 100, "canary"),
        change("promote/stable", "patch", f"{_DEPLOYMENTS}/checkout", new, new),
        routed("promote/traffic", 0, "stable"),
        change("promote/cleanup", "delete", f"{_DEPLOYMENTS}/checkout-canary", {}, {}),
    ]


def _routes(weight: int, header: str) -> JSON:
    def part(side: str, share: int) -> JSON:
        return {"destination": {"host": f"checkout-{side}"}, "weight": share}

    headed = {"match": [{"headers": {"canary": {"exact": "true"}}}], "route": [part(header, 100)]}
    return {"spec": {"http": [headed, {"route": [part("stable", 100 - weight), part("canary", weight)]}]}}


def _deployment(version: str) -> JSON:
    containers = [{"image": f"registry.example.com/checkout:{version}"}]
    return {"metadata": {}, "spec": {"template": {"spec": {"containers": containers}}}}


def _posted(key: str, text: str) -> JSON:
    payload = {"event_payload": {"key": f"{RUN}/{key}"}}
    return {"ts": key, "text": text, "metadata": payload, "blocks": []}


def _timer(*, has_fired: bool = True, interrupts: int = 1) -> Timer:
    return Timer("bake:canary/50/bake", MORNING, has_fired, interrupts)


def _numbered(entries: list[Entry]) -> tuple[Entry, ...]:
    return tuple(entry.with_(seq=number) for number, entry in enumerate(entries, 1))

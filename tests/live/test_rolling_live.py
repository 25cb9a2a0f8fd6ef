"""Whole rolling updates in front of real parts: control plane, Prometheus, load, and the bot as a process."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.domain.events import Ending
from bot.domain.run import Run, RunState
from bot.domain.traffic import ByService, ByVirtualService
from tests.live.acting import approve_next, current, ended, ending_of
from tests.live.conftest import Stage
from tests.support.bot_process import BotProcess
from tests.support.eventually import eventually
from tests.support.load import Load, StartLoad
from tests.support.person import Message, Person
from tests.support.shop import NEW, RUNNING, image, path_of

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]

PACE = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "100%", "maxUnavailable": 1}}
# So that errors are looked at between one pod and the next.
SLOWLY = {"replicas": 3, "minReadySeconds": 6, "strategy": PACE}


async def opened(stage: Stage, **spec: Any) -> dict[str, Any]:
    """The Deployment as its team has it, settled; and that as it is read."""
    await stage.shop.team.merge(path_of(stage.shop.stable), {"spec": spec}, manager="the-team")

    async def look() -> dict[str, Any]:
        return await stage.shop.read("Deployment")

    found = await eventually(
        look, lambda seen: seen["status"].get("availableReplicas") == spec["replicas"], within=60
    )
    told: dict[str, Any] = found["spec"]
    return told


async def bot_of(stage: Stage, **rolling: Any) -> BotProcess:
    return await stage.bot(bake=timedelta(0), rolling={"check_every": "2s", "bake": "10s"} | rolling)


async def busy(stage: Stage, load: StartLoad, seconds: int) -> Load:
    """A shop that has been in use for longer than the window its new version is compared with (`bot_of`)."""
    users = load(stage.shop.host, rps=50, seconds=seconds)
    await asyncio.sleep(15)
    return users


async def starts(ada: Person) -> Message:
    answer = await ada.types(f"{NEW} rolling")
    assert answer["ok"], answer
    return await ada.root(NEW)


def left_over(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """What is different, by its path."""
    found: dict[str, Any] = {}

    def walk(path: str, old: Any, new: Any) -> None:
        if isinstance(old, dict) and isinstance(new, dict):
            for key in sorted({*old, *new}):
                walk(f"{path}.{key}", old.get(key), new.get(key))
        elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
            for index, pair in enumerate(zip(old, new, strict=True)):
                walk(f"{path}[{index}]", *pair)
        elif old != new:
            found[path] = (old, new)

    walk("spec", before, after)
    return found


async def spec_of(stage: Stage) -> dict[str, Any]:
    told: dict[str, Any] = (await stage.shop.read("Deployment"))["spec"]
    return told


@pytest.mark.parametrize(
    "traffic",
    [ByVirtualService(virtual_service="checkout"), ByService(service="checkout")],
    ids=lambda traffic: traffic.kind,
)
async def test_a_good_version_replaces_every_pod_and_loses_no_request(stage: Stage, load: StartLoad) -> None:
    before = await opened(stage, replicas=3, strategy=PACE)
    bot = await bot_of(stage)
    ada, bo = await stage.person("ada"), await stage.person("bo")
    users = await busy(stage, load, seconds=60)

    root = await starts(ada)
    await approve_next(bo, root, set())
    run = await ended(bot)

    totals, changed = users.totals(), left_over(before, await spec_of(stage))
    print(f"\nrolling: {totals}; left in the cluster: {json.dumps(changed)}")
    assert ending_of(run) is Ending.FINISHED
    assert totals.failed == 0, totals.raw
    assert totals.by_version.keys() == {RUNNING, NEW}
    place = "spec.template.spec.containers[0].image"
    assert changed == {place: (image(RUNNING), image(NEW))}
    assert [c.uri for c in stage.cluster.audit(stage.shop.namespace) if c.code == 403] == []


async def test_a_bad_version_stands_still_and_a_person_takes_it_back(stage: Stage, load: StartLoad) -> None:
    before = await opened(stage, **SLOWLY | {"replicas": 4, "minReadySeconds": 15})
    bot = await bot_of(stage)
    ada, bo = await stage.person("ada"), await stage.person("bo")
    stage.cluster.break_version(f"{stage.shop.namespace}/{NEW}", errorRate=0.2)
    users = load(stage.shop.host, rps=50, seconds=60)

    root = await starts(ada)
    await approve_next(bo, root, set())
    held = await eventually(lambda: current(bot), lambda run: run.state is RunState.HELD, within=60)
    renewed = _renewed(held)
    answer = await bo.types("rollback")
    pressed = datetime.now(UTC)
    run = await ended(bot)

    totals = users.totals()
    lasted = (totals.last_seen[NEW] - pressed).total_seconds()
    print(
        f"\nheld with {renewed} of 4 pods renewed: {held.held_why}\n{totals}\n"
        f"rollback typed to last response of {NEW}: {lasted:.1f} s"
    )
    assert answer["ok"], answer
    assert 0 < renewed < 4, "it was stopped before the last pod, and it is told how far it came"
    assert f"{renewed} of 4 pods of checkout run {NEW}, and the rollout is paused" in held.held_why
    assert ending_of(run) is Ending.ROLLED_BACK
    assert totals.failed == totals.failed_by_version[NEW], "the rollout itself cost nobody a request"
    assert left_over(before, await spec_of(stage)) == {}


async def test_a_bot_that_is_killed_in_the_middle_brings_the_rollout_to_its_end(
    stage: Stage, load: StartLoad
) -> None:
    before = await opened(stage, **SLOWLY)
    bot = await bot_of(stage)
    ada, bo = await stage.person("ada"), await stage.person("bo")
    users = await busy(stage, load, seconds=75)

    root = await starts(ada)
    await approve_next(bo, root, set())
    await bot.restart_after_a_crash()
    await eventually(lambda: current(bot), lambda run: _renewed(run) >= 1, within=60)
    await bot.restart_after_a_crash()
    run = await ended(bot)

    totals = users.totals()
    print(f"\nkilled twice while it rolled: {totals}")
    assert ending_of(run) is Ending.FINISHED
    assert totals.failed == 0, totals.raw
    assert list(left_over(before, await spec_of(stage))) == ["spec.template.spec.containers[0].image"]


def _renewed(run: Run) -> int:
    seen = run.record("rolling/rollout").evidence.workload
    return seen.renewed(image(NEW)) if seen is not None else 0

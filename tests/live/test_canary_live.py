"""Whole canaries in front of real parts: control plane, Prometheus, load, and the bot as a process."""

import asyncio
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.events import Approved, Ending, Entry
from bot.domain.run import RunState
from bot.platforms.kubernetes import router as router_of
from tests.live.acting import approve_next, current, ended, ending_of
from tests.live.conftest import Stage, canary_weight
from tests.support.eventually import eventually
from tests.support.load import StartLoad
from tests.support.person import Message, Person
from tests.support.shop import EACH_TRAFFIC, NEW, RUNNING, image, path_of
from tests.support.testcluster import Change

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]

WEIGHTS = [5, 10, 25, 50, 100]
# The header route is made at weight 0 first; at the end everything goes home in one change.
SEEN = [0, *WEIGHTS, 0]


async def started(ada: Person, version: str = NEW) -> Message:
    answer = await ada.types(f"{version} canary")
    assert answer["ok"], answer
    return await ada.root(version)


def shifts(stage: Stage) -> list[tuple[Change, int]]:
    """Each change of the weight as the API server's audit log has it, and the weight."""
    found: list[tuple[Change, int]] = []
    for change in stage.route_changes():
        weight = canary_weight(change.response)
        if weight != (found[-1][1] if found else 0):
            found.append((change, weight))
    return found


def assert_approved_before(entries: tuple[Entry, ...], at: datetime, step: str) -> None:
    approvals = [e for e in entries if isinstance(e.event, Approved) and e.step == step]
    assert approvals, f"{step} was never approved"
    assert approvals[0].at < at, f"{step} was shifted at {at}, approved at {approvals[0].at}"


async def assert_nothing_twice(stage: Stage, ada: Person, root: Message) -> None:
    """No message stands there twice, and no weight was set twice."""
    assert stage.weights() == SEEN
    messages = [*await ada.reads(), *await ada.reads("releases"), *await ada.reads(thread=root["ts"])]
    # A reply that is shown in the channel too is one message with one timestamp.
    own = {
        (m["channel"], m["metadata"]["event_payload"]["key"], m["ts"]) for m in messages if m.get("metadata")
    }
    keys = Counter((channel, key) for channel, key, _ in own)
    assert len(keys) > len(WEIGHTS)
    assert [key for key, count in keys.items() if count > 1] == []


async def assert_promoted(stage: Stage) -> None:
    stable = await stage.shop.read("Deployment")
    router = router_of(stage.shop.team, stage.shop.target())
    split = await router.split()
    assert (split.canary, split.header_to == "canary") == (0, False)
    assert stable["spec"]["template"]["spec"]["containers"][0]["image"] == image(NEW)
    assert stable["status"]["readyReplicas"] == 2
    assert await stage.canary() is None


BY_EACH = pytest.mark.parametrize("traffic", EACH_TRAFFIC, ids=lambda traffic: traffic.kind)


@BY_EACH
async def test_a_whole_canary_loses_no_request_and_shifts_nothing_unapproved(
    stage: Stage, load: StartLoad
) -> None:
    bot = await stage.bot(bake=timedelta(seconds=20))
    ada, bo = await stage.person("ada"), await stage.person("bo")
    users = load(stage.shop.host, rps=50, seconds=160)
    began = time.monotonic()

    root = await started(ada)
    answered: set[str] = set()
    pressed = [await approve_next(bo, root, answered) for _ in WEIGHTS]
    run = await ended(bot)

    took = time.monotonic() - began
    assert took < 160, "the load ended before the run did"
    entries = await bot.journal(run.id)
    totals = users.totals()
    moved = shifts(stage)
    delays = [
        (change.settled - at).total_seconds() * 1000 for at, (change, _) in zip(pressed, moved, strict=False)
    ]
    print(f"\nstarted in {bot.starts[0]:.2f} s, whole canary {took:.0f} s; {totals}")
    print(f"press to accepted patch: {', '.join(f'{ms:.0f} ms' for ms in delays)}")
    assert ending_of(run) is Ending.FINISHED
    assert [weight for _, weight in moved] == [*WEIGHTS, 0]
    for change, weight in moved:
        step = f"canary/{weight}/weight" if weight else "promote/traffic"
        assert_approved_before(entries, change.at, step)
    assert totals.failed == 0, totals.raw
    assert totals.by_version.keys() == {RUNNING, NEW}
    assert [c.uri for c in stage.cluster.audit(stage.shop.namespace) if c.code == 403] == []
    await assert_promoted(stage)
    await assert_nothing_twice(stage, ada, root)


@BY_EACH
async def test_a_version_with_5_percent_errors_at_weight_25_is_taken_off_traffic(
    stage: Stage, load: StartLoad
) -> None:
    bakes = {5: "3s", 10: "3s", 25: "60s", 100: "60s"}
    stages = [{"weight": weight, "bake": bake} for weight, bake in bakes.items()]
    bot = await stage.bot(bake=timedelta(0), canary={"stages": stages})
    ada, bo = await stage.person("ada"), await stage.person("bo")
    users = load(stage.shop.host, rps=100, seconds=75)
    answered: set[str] = set()

    root = await started(ada)
    for _ in (5, 10, 25):
        await approve_next(bo, root, answered)
    await eventually(lambda: asyncio.to_thread(stage.weights), lambda seen: seen[-1:] == [25])
    stage.cluster.break_version(f"{stage.shop.namespace}/{NEW}", errorRate=0.05)
    broken = datetime.now(UTC)
    run = await ended(bot)

    moved = shifts(stage)
    home, end = moved[-1][0].settled, run.ended
    assert end is not None
    since = run.first_seen or home
    totals = users.totals()
    print(
        f"\n5 % errors: broken to weight 0 {(home - broken).total_seconds():.1f} s, first figure that "
        f"shows it to accepted patch {(home - since).total_seconds():.1f} s: {end.sentence}\n{totals}"
    )
    assert ending_of(run) is Ending.ROLLED_BACK
    assert [weight for _, weight in moved] == [5, 10, 25, 0]
    assert totals.failed == totals.failed_by_version[NEW], (
        "stable and the shifts themselves cost nobody a request"
    )
    assert await stage.canary() is None
    stable = await stage.shop.read("Deployment")
    assert stable["spec"]["template"]["spec"]["containers"][0]["image"] == image(RUNNING)


async def test_a_bot_that_is_killed_in_every_phase_brings_the_run_to_its_end(
    stage: Stage, load: StartLoad
) -> None:
    bot = await stage.bot(bake=timedelta(seconds=5))
    ada, bo = await stage.person("ada"), await stage.person("bo")
    users = load(stage.shop.host, rps=50, seconds=120)
    answered: set[str] = set()

    root = await started(ada)
    await bot.restart_after_a_crash()  # while the canary comes up
    for weight in WEIGHTS:
        await approve_next(bo, root, answered)
        if weight == 5:
            await bot.restart_after_a_crash()  # right after the press
        elif weight == 25:
            await asyncio.sleep(2)
            await bot.restart_after_a_crash()  # while it bakes
        elif weight == 50:
            await bo.asked(root["ts"])
            await bot.restart_after_a_crash()  # while it asks
    await until_promoting(stage)
    await bot.restart_after_a_crash()
    run = await ended(bot)

    totals = users.totals()
    print(f"\nstarts: {', '.join(f'{one:.2f} s' for one in bot.starts)}; {totals}")
    assert ending_of(run) is Ending.FINISHED
    assert totals.failed == 0, totals.raw
    await assert_promoted(stage)
    await assert_nothing_twice(stage, ada, root)


async def until_promoting(stage: Stage) -> None:
    async def look() -> str:
        stable = await stage.shop.read("Deployment")
        return str(stable["spec"]["template"]["spec"]["containers"][0]["image"])

    await eventually(look, lambda seen: seen == image(NEW), within=60)


async def test_a_bot_that_is_killed_while_it_goes_back_brings_traffic_home(stage: Stage) -> None:
    bot = await stage.bot(bake=timedelta(seconds=60))
    ada, bo = await stage.person("ada"), await stage.person("bo")
    root = await started(ada)
    await approve_next(bo, root, set())
    await eventually(lambda: asyncio.to_thread(stage.weights), lambda seen: seen[-1:] == [5])

    answer = await bo.types("rollback")
    await bot.restart_after_a_crash()
    run = await ended(bot)

    assert answer["ok"], answer
    assert ending_of(run) is Ending.ROLLED_BACK
    assert stage.weights() == [0, 5, 0]
    assert await stage.canary() is None


async def test_no_more_traffic_leaves_a_stable_that_an_autoscaler_has_shrunk(
    stage: Stage, load: StartLoad
) -> None:
    """Played by scaling it by hand: the test cluster knows no load of pods."""
    bot = await stage.bot(bake=timedelta(seconds=10))
    ada, bo = await stage.person("ada"), await stage.person("bo")
    users = load(stage.shop.host, rps=50, seconds=60)
    root = await started(ada)
    answered: set[str] = set()
    await approve_next(bo, root, answered)
    # Any earlier, and the run may be held before the first shift instead.
    await eventually(lambda: asyncio.to_thread(stage.weights), lambda seen: seen[-1:] == [5], within=60)
    await stage.shop.team.merge(path_of(stage.shop.stable), {"spec": {"replicas": 1}}, manager="autoscaler")
    await approve_next(bo, root, answered)

    held = await eventually(lambda: current(bot), lambda run: run.state is RunState.HELD, within=60)
    assert "checkout is down to 1 of the 2 pods" in held.held_why
    assert stage.weights() == [0, 5]
    answer = await bo.types("rollback")
    run = await ended(bot)

    totals = users.totals()
    print(f"\nstable shrunk at 5 %, held, and taken back: {totals}")
    assert answer["ok"], answer
    assert ending_of(run) is Ending.ROLLED_BACK
    assert (await stage.shop.read("Deployment"))["spec"]["replicas"] == 1, "what somebody set stays"
    assert totals.failed == 0, totals.raw

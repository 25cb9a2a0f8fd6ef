"""Whole blue-green runs in front of real parts: control plane, Prometheus, load, and the bot as a process."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.domain.events import Ending
from bot.domain.reasons import Reason
from bot.domain.run import Run
from bot.domain.traffic import ByColour, Traffic
from tests.live.acting import approve_next, current, ended, ending_of
from tests.live.conftest import Stage
from tests.support.bot_process import BotProcess
from tests.support.eventually import eventually
from tests.support.load import Load, StartLoad
from tests.support.person import Message, Person, button_on
from tests.support.shop import NEW, RUNNING, image

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]

WATCHED = "blue-green/watch"
LEFT = "after/decommission"


@pytest.fixture
def traffic() -> Traffic:
    return ByColour(service="checkout", label="color")


async def bot_of(stage: Stage, *, bake: str = "10s", keep: str = "24h") -> BotProcess:
    preview = {
        "service": "checkout-preview",
        "url": stage.cluster.router,
        "host_header": f"checkout-preview.{stage.shop.namespace}",
    }
    warm_up = {"requests": 60, "path": "/api/users"}
    colours = {"preview": preview, "bake": bake, "warm_up": warm_up, "keep_blue": keep}
    return await stage.bot(bake=timedelta(0), blue_green=colours)


async def busy(stage: Stage, load: StartLoad, seconds: int) -> Load:
    """A shop that has been in use for a while: the old version has a past to compare the new one with."""
    users = load(stage.shop.host, rps=50, seconds=seconds)
    await asyncio.sleep(15)
    return users


async def starts(ada: Person) -> Message:
    answer = await ada.types(f"{NEW} blue-green")
    assert answer["ok"], answer
    return await ada.root(NEW)


async def undone(bot: BotProcess, ada: Person, bo: Person, first: Run) -> Run:
    """The run that takes the first one back, at its end."""
    answer = await ada.types("undo")
    assert answer["ok"], answer
    await approve_next(bo, await ada.root(f"`{RUNNING}`   blue-green"), set())
    return await eventually(
        lambda: current(bot), lambda run: run.id != first.id and run.is_terminal, within=120
    )


async def is_watched(bot: BotProcess) -> Run:
    def begun(run: Run) -> bool:
        assert not run.is_terminal, run.ended
        return run.record(WATCHED).began is not None

    return await eventually(lambda: current(bot), begun, within=60)


async def what_is_there(stage: Stage) -> dict[str, Any]:
    """The specs of everything that a run may touch; None for what is not there."""
    found: dict[str, Any] = {}
    for kind, names in {
        "Deployment": ("checkout-blue", "checkout-green"),
        "Service": ("checkout", "checkout-preview"),
    }.items():
        for name in names:
            seen = await stage.shop.find(kind, name)
            found[f"{kind} {name}"] = seen and seen["spec"]
    return found


def selects(there: dict[str, Any], name: str) -> str:
    colour: str = there[f"Service {name}"]["selector"]["color"]
    return colour


async def test_a_good_version_takes_all_traffic_at_once_and_loses_no_request(
    stage: Stage, load: StartLoad
) -> None:
    bot = await bot_of(stage)
    ada, bo = await stage.person("ada"), await stage.person("bo")
    users = await busy(stage, load, seconds=50)
    before = await what_is_there(stage)

    root = await starts(ada)
    await approve_next(bo, root, set())
    run = await ended(bot)

    totals, after = users.totals(), await what_is_there(stage)
    print(f"\nblue-green: {totals}; left: {json.dumps({k: v for k, v in after.items() if v != before[k]})}")
    assert ending_of(run) is Ending.FINISHED
    assert totals.failed == 0, totals.raw
    assert totals.by_version.keys() == {RUNNING, NEW}
    assert (selects(after, "checkout"), selects(after, "checkout-preview")) == ("green", "green")
    assert after["Deployment checkout-blue"] == before["Deployment checkout-blue"]
    green = after["Deployment checkout-green"]
    assert green["template"]["spec"]["containers"][0]["image"] == image(NEW)
    assert green["replicas"] == before["Deployment checkout-blue"]["replicas"]
    assert [c.uri for c in stage.cluster.audit(stage.shop.namespace) if c.code == 403] == []


async def test_what_is_undone_comes_back_in_the_colour_of_before(stage: Stage, load: StartLoad) -> None:
    bot = await bot_of(stage)
    ada, bo = await stage.person("ada"), await stage.person("bo")
    users = await busy(stage, load, seconds=75)
    before = await what_is_there(stage)
    await approve_next(bo, await starts(ada), set())
    first = await ended(bot)

    second = await undone(bot, ada, bo, first)

    totals, after = users.totals(), await what_is_there(stage)
    print(f"\nblue-green and undone: {totals}")
    assert (ending_of(first), ending_of(second)) == (Ending.FINISHED, Ending.FINISHED)
    assert totals.failed == 0, totals.raw
    assert (selects(after, "checkout"), selects(after, "checkout-preview")) == ("blue", "blue")
    assert after["Deployment checkout-blue"] == before["Deployment checkout-blue"], "no pod had to start"


async def test_a_bad_version_is_switched_back_by_itself(stage: Stage, load: StartLoad) -> None:
    bot = await bot_of(stage, bake="60s")
    ada, bo = await stage.person("ada"), await stage.person("bo")
    # It warms up well, and falls ill when it serves.
    stage.cluster.break_version(f"{stage.shop.namespace}/{NEW}", errorRate=0.2, afterSec=20)
    users = await busy(stage, load, seconds=75)
    before = await what_is_there(stage)

    await approve_next(bo, await starts(ada), set())
    run = await ended(bot)

    totals, after = users.totals(), await what_is_there(stage)
    print(f"\n{totals}\n{run.turn and run.turn.sentence}")
    assert run.ended is not None
    assert (run.ended.ending, run.ended.reason) == (Ending.ROLLED_BACK, Reason.WORSE_THAN_STABLE)
    assert totals.failed == totals.failed_by_version[NEW], "the switches themselves cost nobody a request"
    assert after == before


async def test_a_version_that_fails_while_it_is_warmed_up_meets_no_user(
    stage: Stage, load: StartLoad
) -> None:
    bot = await bot_of(stage)
    ada = await stage.person("ada")
    stage.cluster.break_version(f"{stage.shop.namespace}/{NEW}", errorRate=0.5)
    users = await busy(stage, load, seconds=30)
    before = await what_is_there(stage)

    await starts(ada)
    run = await ended(bot)

    totals, after = users.totals(), await what_is_there(stage)
    print(f"\n{totals}\n{run.turn and run.turn.sentence}")
    assert run.ended is not None
    assert (run.ended.ending, run.ended.reason) == (Ending.ROLLED_BACK, Reason.HEALTH)
    assert "is not warm" in run.ended.sentence
    assert (totals.failed, totals.by_version.keys()) == (0, {RUNNING})
    assert after == before


async def test_a_press_switches_back(stage: Stage, load: StartLoad) -> None:
    bot = await bot_of(stage, bake="5m")
    ada, bo = await stage.person("ada"), await stage.person("bo")
    users = await busy(stage, load, seconds=45)
    before = await what_is_there(stage)
    await approve_next(bo, await starts(ada), set())
    await is_watched(bot)

    pressed = datetime.now(UTC)
    answer = await bo.types("rollback")
    run = await ended(bot)

    totals, after = users.totals(), await what_is_there(stage)
    lasted = (totals.last_seen[NEW] - pressed).total_seconds()
    print(f"\n{totals}\nrollback typed to last response of {NEW}: {lasted:.2f} s")
    assert answer["ok"], answer
    assert ending_of(run) is Ending.ROLLED_BACK
    assert totals.failed == 0, totals.raw
    assert after == before


async def test_a_bot_that_is_killed_around_the_switch_brings_it_to_its_end(
    stage: Stage, load: StartLoad
) -> None:
    bot = await bot_of(stage)
    ada, bo = await stage.person("ada"), await stage.person("bo")
    users = await busy(stage, load, seconds=60)

    await approve_next(bo, await starts(ada), set())
    await bot.restart_after_a_crash()
    await is_watched(bot)
    await bot.restart_after_a_crash()
    run = await ended(bot)

    totals, after = users.totals(), await what_is_there(stage)
    print(f"\nkilled twice around the switch: {totals}")
    assert ending_of(run) is Ending.FINISHED
    assert totals.failed == 0, totals.raw
    assert selects(after, "checkout") == "green"


async def is_closed(bot: BotProcess, within: float = 60) -> Run:
    return await eventually(lambda: current(bot), lambda run: run.is_closed, within)


async def test_what_served_before_is_kept_removed_in_its_time_and_nobody_minds(
    stage: Stage, load: StartLoad
) -> None:
    bot = await bot_of(stage, keep="10s")
    ada, bo = await stage.person("ada"), await stage.person("bo")
    users = await busy(stage, load, seconds=100)
    before = await what_is_there(stage)
    root = await starts(ada)
    await approve_next(bo, root, set())
    finished = await ended(bot)

    card = await eventually(lambda: ada.root(NEW), lambda found: button_on(found, "put_off") is not None)
    await ada.presses("put_off", card)
    kept = await eventually(lambda: current(bot), lambda run: run.care[LEFT].put_off_by is not None)
    await bot.restart_after_a_crash()
    run = await is_closed(bot)

    totals, after = users.totals(), await what_is_there(stage)
    print(f"\nblue-green, kept longer, removed: {totals}")
    done = run.record(LEFT)
    assert finished.ended_at is not None
    assert kept.care[LEFT].due_at - finished.ended_at == timedelta(seconds=20)
    assert done.evidence.sentence == "checkout-blue is removed"
    assert done.began is not None
    assert done.began >= kept.care[LEFT].due_at
    assert after["Deployment checkout-blue"] is None
    assert after["Deployment checkout-green"]["replicas"] == before["Deployment checkout-blue"]["replicas"]
    assert selects(after, "checkout") == "green"
    assert totals.failed == 0, totals.raw
    assert [c.uri for c in stage.cluster.audit(stage.shop.namespace) if c.code == 403] == []


async def test_what_is_removed_at_once_comes_back_when_it_is_undone(stage: Stage, load: StartLoad) -> None:
    bot = await bot_of(stage)
    ada, bo = await stage.person("ada"), await stage.person("bo")
    users = await busy(stage, load, seconds=120)
    before = await what_is_there(stage)
    await approve_next(bo, await starts(ada), set())
    await ended(bot)
    card = await eventually(lambda: bo.root(NEW), lambda found: button_on(found, "do_now") is not None)
    await bo.presses("do_now", card)
    first = await is_closed(bot)
    assert (await what_is_there(stage))["Deployment checkout-blue"] is None

    second = await undone(bot, ada, bo, first)

    totals, after = users.totals(), await what_is_there(stage)
    print(f"\nblue-green, blue removed at once, and undone: {totals}")
    assert ending_of(second) is Ending.FINISHED
    assert selects(after, "checkout") == "blue"
    assert after["Deployment checkout-blue"] == before["Deployment checkout-blue"]
    assert totals.failed == 0, totals.raw

"""The two figures that count, in front of a real control plane and a real Prometheus."""

import asyncio
import random
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.events import Ending
from tests.bench import test_detection as detection
from tests.bench import test_press as press
from tests.live.conftest import Stage, canary_weight
from tests.support.eventually import eventually
from tests.support.load import StartLoad
from tests.support.presses import approve_all, ended, start
from tests.support.shop import NEW
from tests.support.timed_road import timed

pytestmark = [pytest.mark.bench, pytest.mark.timeout(600)]

_TIMES = 3
_LOAD_SECONDS = 80


def _shifts(stage: Stage) -> list[tuple[datetime, int]]:
    """When the API server answered each change of the weight, and what it was."""
    found: list[tuple[datetime, int]] = []
    for change in stage.cluster.audit(stage.shop.namespace, "slackwater"):
        if change.resource == "virtualservices" and change.verb == "patch" and change.code == 200:
            weight = canary_weight(change.response)
            if weight != (found[-1][1] if found else 0):
                found.append((change.settled, weight))
    return found


async def test_a_press_on_the_real_control_plane(stage: Stage, load: StartLoad) -> None:
    stage.workspace.put_faults({"rates": "lifted"})
    road = timed(stage.workspace)
    bot = await stage.bot(bake=timedelta(0), canary=press.STAGES, analysis={"min_requests": 1})
    # Without users there are no figures, and a stage without figures waits a minute for them.
    users = load(stage.shop.host, rps=50, seconds=_LOAD_SECONDS * 2)
    root = await start(await stage.person("ada"), f"{NEW} canary")
    await approve_all(await stage.person("bo"), root, len(press.WEIGHTS))
    run = await press.at_the_last_weight(bot)

    presses = [one for one in road.deliveries if one.kind == "interactive"]
    press.report("real API server", presses, await bot.journal(run.id), _shifts(stage))
    users.stop()


@pytest.mark.parametrize("number", range(1, _TIMES + 1))
async def test_errors_in_the_canary_in_front_of_real_parts(
    stage: Stage, load: StartLoad, number: int
) -> None:
    stage.workspace.put_faults({"rates": "lifted"})
    bot = await stage.bot(bake=timedelta(0), canary=detection.STAGES)
    users = load(stage.shop.host, rps=detection.RPS, seconds=_LOAD_SECONDS)
    root = await start(await stage.person("ada"), f"{NEW} canary")
    await approve_all(await stage.person("bo"), root, 3)

    await eventually(lambda: asyncio.to_thread(stage.weights), lambda seen: seen[-1:] == [25])
    await asyncio.sleep(detection.WELL + random.Random(number).uniform(0, detection.SCRAPE))
    broken = datetime.now(UTC)
    stage.cluster.break_version(f"{stage.shop.namespace}/{NEW}", errorRate=0.05)
    run = await ended(bot)
    stage.cluster.break_version(f"{stage.shop.namespace}/{NEW}")

    assert run.ended is not None
    assert run.ended.ending is Ending.ROLLED_BACK, run.ended
    assert run.first_seen is not None
    home, last = _shifts(stage)[-1]
    assert last == 0
    print(
        f"\n5 % errors at weight 25, real parts, {number} of {_TIMES}: fault → weight 0 accepted "
        f"{(home - broken).total_seconds():.1f} s (aim {detection.AIM}), of which after the first figure "
        f"that shows it {(home - run.first_seen).total_seconds():.1f} s"
    )
    users.stop()

"""A rehearsal on a real control plane: staging in a namespace of its own, production under load meanwhile."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.events import Ending
from bot.domain.reasons import Reason
from bot.domain.traffic import ByService
from tests.live.acting import approve_next, current, ended, ending_of
from tests.live.conftest import Stage
from tests.live.test_rolling_live import left_over
from tests.support.bot_identity import install_rights, rules_for
from tests.support.bot_process import BotProcess
from tests.support.eventually import eventually
from tests.support.load import StartLoad
from tests.support.person import Message, Person
from tests.support.shop import NEW, Shop, image

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]

JOURNEY = {"name": "look around", "steps": [{"path": "/", "expect": {"within": "2s"}}]}


@pytest.fixture
async def staging(stage: Stage) -> AsyncIterator[Shop]:
    """Served by its Service alone, with the rights of the manifests."""
    shop = Shop(stage.shop.team)
    shop.traffic = ByService(service="checkout")
    shop.stable["spec"]["replicas"] = 2
    await shop.open()
    await install_rights(stage.shop.team, shop.namespace, rules_for(shop.traffic))

    async def look() -> Any:
        return (await shop.read("Deployment")).get("status", {}).get("availableReplicas")

    await eventually(look, lambda ready: ready == 2, within=60)
    yield shop
    await shop.close()


async def bot_of(stage: Stage, staging: Shop, watch: str) -> BotProcess:
    settings = stage._settings(timedelta(seconds=10), {})["applications"]["checkout"]
    there = {
        "platform": {"namespace": staging.namespace, "workload": "checkout", "container": "checkout"},
        "url": stage.cluster.router,
        "host_header": staging.host,
        "smoke": {"run": "python -c pass"},
        "journeys": [JOURNEY],
        "watch": {"for": watch},
    }
    health = {"path": "/health", "database": None, "dependencies": None}
    environments = settings["environments"] | {"staging": there}
    return await stage.bot(bake=timedelta(seconds=10), environments=environments, health=health)


async def starts(ada: Person) -> Message:
    answer = await ada.types(f"{NEW} canary")
    assert answer["ok"], answer
    return await ada.root(NEW)


def writes(stage: Stage, shop: Shop) -> list[str]:
    return [
        change.resource for change in stage.cluster.audit(shop.namespace, "slackwater") if change.is_write
    ]


async def test_a_good_version_is_rehearsed_and_taken_back_with_the_release(
    stage: Stage, staging: Shop, load: StartLoad
) -> None:
    before = (await staging.read("Deployment"))["spec"]
    bot = await bot_of(stage, staging, watch="30s")
    ada, bo = await stage.person("ada"), await stage.person("bo")
    users, testers = load(stage.shop.host, rps=50, seconds=90), load(staging.host, rps=10, seconds=80)
    root = await starts(ada)

    async def rehearsing() -> Any:
        return (await current(bot)).record("staging/watch").began

    await eventually(rehearsing, lambda began: began is not None, within=60)
    touched_too_early = writes(stage, stage.shop)
    assert (await staging.read("Deployment"))["spec"]["template"]["spec"]["containers"][0]["image"] == image(
        NEW
    )
    await approve_next(bo, root, set())
    watched = (await current(bot)).record("staging/watch").evidence.sentence
    answer = await bo.types("rollback")
    run = await ended(bot)

    after = (await staging.read("Deployment"))["spec"]
    left = left_over(before, after)
    print(f"\nrehearsed: {watched}; left on staging: {left or 'nothing'}")
    print(f"production {users.totals()}; staging {testers.totals()}")
    assert answer["ok"], answer
    assert touched_too_early == []
    assert ending_of(run) is Ending.ROLLED_BACK
    assert watched.startswith("watched for ")
    assert left == {}
    assert run.record("back/staging/restore").evidence.sentence == "2 of 2 pods of checkout are ready"
    assert users.totals().failed == 0, users.totals().raw
    assert testers.totals().failed == 0, testers.totals().raw


async def test_a_version_that_fails_on_staging_never_comes_near_production(
    stage: Stage, staging: Shop, load: StartLoad
) -> None:
    before = (await staging.read("Deployment"))["spec"]
    stage.cluster.break_version(f"{staging.namespace}/{NEW}", errorRate=0.2)
    bot = await bot_of(stage, staging, watch="60s")
    ada = await stage.person("ada")
    users = load(stage.shop.host, rps=50, seconds=45)
    load(staging.host, rps=10, seconds=45)
    await starts(ada)
    run = await ended(bot)

    left = left_over(before, (await staging.read("Deployment"))["spec"])
    totals = users.totals()
    assert run.ended is not None
    print(f"\nbad on staging: {run.ended.sentence}; left there: {left or 'nothing'}; production {totals}")
    assert ending_of(run) is Ending.STOPPED
    assert run.ended.reason in {Reason.UNWELL_ON_STAGING, Reason.JOURNEY_FAILED}
    assert writes(stage, stage.shop) == []
    assert left == {}
    assert totals.failed == 0, totals.raw

"""Any story of presses, faults, waits and crashes: nothing moves unapproved, and the run ends somewhere safe.

Each example is a whole story in virtual time. After it, all faults are gone and people answer, so the run has
to end; `Scenario.invariants` then judges the journal and the shop.
"""

import asyncio

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bot.domain.interrupts import InterruptKind
from bot.domain.run import RunState
from tests.support.builders import BO, CY
from tests.support.scenario import Scenario, When, minutes, seconds
from tests.support.virtual import VirtualLoop
from tests.support.world import Faults

NEW, OLD = "v2.5.0", "v2.4.1"

DEEDS = [
    *["wait", "yes", "long wait"] * 2,
    "rest",
    "hold",
    "resume",
    "rollback",
    "abort",
    "crash",
    "kill at the next entry",
    "api down",
    "api up",
    "metrics down",
    "answers lost",
    "errors",
    "unhealthy",
    "stable crashes",
    "slow landing",
    "somebody shifts",
    "freeze",
]


async def do(deed: str, scenario: Scenario, when: When) -> None:
    shop = scenario.shop
    match deed:
        case "wait":
            await when.passes(seconds(7.3))
        case "long wait":
            await when.passes(minutes(2))
        case "yes" | "rest":
            question = scenario.state().question
            if question is not None:
                await when.pressed(question.id, BO, rest=deed == "rest")
        case "hold" | "resume" | "rollback" | "abort":
            await when.says(InterruptKind(deed), CY, "So be it.")
        case "crash":
            await when.dies()
        case "kill at the next entry":
            scenario.process.dies_before = scenario.state().seq + 1
        case "api down" | "api up":
            shop.faults.api_down = deed == "api down"
        case "metrics down":
            shop.faults.metrics_down = True
        case "answers lost":
            shop.faults.lost_answers = 2
        case "errors":
            shop.faults.error_rate[NEW] = 0.1
        case "unhealthy":
            shop.faults.unhealthy.add(NEW)
        case "stable crashes":
            shop.faults.crashing.add(OLD)
        case "slow landing":
            shop.landing_takes = seconds(4)
        case "somebody shifts":
            if shop.canary is not None:
                shop.somebody_sets(33)
        case "freeze":
            scenario.process.cannot_renew = True
    await when.passes(seconds(0.3))
    if not scenario.process.is_alive:
        await when.restarts()


async def end_well(scenario: Scenario, when: When) -> None:
    """All is mended, somebody answers, and whoever is down is started again."""
    scenario.shop.faults = Faults()
    scenario.process.cannot_renew = False
    scenario.process.dies_before = None
    limit = scenario.clock.now() + minutes(240)
    while not scenario.state().is_terminal:
        assert scenario.clock.now() < limit, when._where()
        run = scenario.state()
        if run.question is not None:
            await when.pressed(run.question.id)
        elif run.state is RunState.HELD:
            await when.says(InterruptKind.RESUME)
        await when.passes(seconds(2))
    await when.passes(minutes(1))


async def tell(deeds: list[str]) -> None:
    scenario = Scenario()
    when = When(scenario)
    await when.started()
    for deed in deeds:
        if scenario.state().is_terminal:
            break
        await do(deed, scenario, when)
    await end_well(scenario, when)
    await scenario.close()
    scenario.invariants()


@given(st.lists(st.sampled_from(DEEDS), min_size=3, max_size=25))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_story_ends_well(deeds: list[str]) -> None:
    with capture_logs(), asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(tell(["wait", "long wait", "yes", *deeds]))

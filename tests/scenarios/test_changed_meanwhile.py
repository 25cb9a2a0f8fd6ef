"""What people do by hand while no bot is there to see it: no step that was begun is carried out over it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bot.domain.events import Draft, Entry, Intended
from bot.domain.run import RunState
from bot.ports import Claim
from tests.support.scenario import Given, Scenario, Then, When, minutes, seconds


def dies_as_it_begins(scenario: Scenario, step: str) -> None:
    """The bot is killed when the step's intent is committed and nothing was sent yet."""
    append = scenario.journal.append

    async def append_and_die(
        claim: Claim, after: int, drafts: Sequence[Draft], timers: Any = ()
    ) -> tuple[Entry, ...]:
        entries = await append(claim, after, drafts, timers)
        if any(draft.step == step and isinstance(draft.event, Intended) for draft in drafts):
            vars(scenario.journal).pop("append")
            scenario.process.kill()
        return entries

    vars(scenario.journal)["append"] = append_and_die


async def test_traffic_that_people_took_off_a_canary_while_the_bot_was_dead_stays_off(
    scenario: Scenario, when: When, then: Then
) -> None:
    await when.started()
    await when.bakes_at(5)
    dies_as_it_begins(scenario, "canary/10/weight")
    await when.approved(10)
    await when.begun("canary/10/weight")
    when.shop.somebody_sets(0)

    await when.restarts()
    await when.until(lambda: then.run.state is RunState.HELD)
    await when.passes(minutes(5))

    assert "the canary has 0 % instead of 5 %" in then.run.held_why
    then.traffic(canary=0).weights_were(5)
    await when.aborts()
    await when.is_over()


async def test_what_was_held_for_that_goes_on_when_a_person_resumes_it(
    scenario: Scenario, when: When, then: Then
) -> None:
    await when.started()
    await when.bakes_at(5)
    dies_as_it_begins(scenario, "canary/10/weight")
    await when.approved(10)
    await when.begun("canary/10/weight")
    when.shop.somebody_sets(0)
    await when.restarts()
    await when.until(lambda: then.run.state is RunState.HELD)

    await when.resumes()
    await when.begun("canary/10/bake")

    then.traffic(canary=10).weights_were(5, 10)


async def test_a_version_that_people_deployed_while_the_bot_was_dead_is_not_rolled_over(
    scenario: Scenario, given: Given, when: When, then: Then
) -> None:
    given.stages(50, 100)
    await when.started()
    dies_as_it_begins(scenario, "promote/stable")
    await when.bakes_at(100)
    await when.begun("promote/stable")
    hotfix = "registry.example/checkout:v2.4.2"
    when.shop.stable = replace(when.shop.stable, image=hotfix, version="v2.4.2", generation=2)

    await when.restarts()
    await when.until(lambda: then.run.state is RunState.HELD)
    await when.passes(seconds(30))

    assert f"it runs {hotfix}" in then.run.held_why
    assert when.shop.stable.image == hotfix
    assert "promote" not in then.effects()

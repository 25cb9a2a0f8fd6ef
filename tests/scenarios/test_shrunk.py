"""What serves is scaled down during a run, as an autoscaler does when its share of traffic falls."""

import pytest

from bot.domain.events import Ending
from bot.domain.interrupts import InterruptKind
from bot.domain.reasons import Reason
from bot.domain.run import RunState
from tests.scenarios.test_changed_meanwhile import dies_as_it_begins
from tests.support.scenario import Given, Scenario, Then, When, minutes, seconds


async def shrinks_to(pods: int, when: When, then: Then, *, asked_for: int) -> str:
    """What the run is held for, once the next shift is approved."""
    when.shop.faults.scaled_down["checkout"] = pods
    await when.approved(asked_for)
    return await is_held(when, then)


async def is_held(when: When, then: Then) -> str:
    await when.until(lambda: then.run.state is RunState.HELD)
    return then.run.held_why


async def test_no_more_traffic_leaves_a_stable_that_has_shrunk(when: When, then: Then) -> None:
    await when.started()
    await when.bakes_at(5)
    why = await shrinks_to(1, when, then, asked_for=10)

    assert "checkout is down to 1 of the 3 pods that it had before" in why
    assert "raise its minReplicas" in why
    then.traffic(canary=5).weights_were(5)
    when.shop.faults.scaled_down.clear()
    await when.resumes()
    await when.begun("canary/10/bake")
    then.traffic(canary=10)


async def test_what_people_go_on_with_is_not_asked_about_again(
    given: Given, when: When, then: Then, scenario: Scenario
) -> None:
    given.stages(5, 25, 100)
    await when.started()
    await when.bakes_at(5)
    await shrinks_to(2, when, then, asked_for=25)
    await when.resumes()
    await when.begun("canary/25/bake")
    await when.approves_all()

    then.ended(Ending.FINISHED, Reason.FINISHED).weights_were(5, 25, 100, 0)
    assert len(scenario.state().holds) == 1


async def test_what_shrinks_further_is_asked_about_again(given: Given, when: When, then: Then) -> None:
    given.stages(5, 25, 100)
    await when.started()
    await when.bakes_at(5)
    await shrinks_to(2, when, then, asked_for=25)
    await when.resumes()
    await when.begun("canary/25/bake")

    assert "down to 1 of the 2 pods" in await shrinks_to(1, when, then, asked_for=100)
    then.traffic(canary=25)


async def test_stable_is_not_promoted_while_it_is_too_small_to_serve_everybody(
    given: Given, when: When, then: Then
) -> None:
    given.stages(50, 100)
    await when.started()
    await when.bakes_at(100)
    when.shop.faults.scaled_down["checkout"] = 1
    why = await is_held(when, then)

    assert "down to 1 of the 3 pods" in why
    then.traffic(canary=100)
    assert "promote" not in then.effects()
    when.shop.faults.scaled_down.clear()
    await when.resumes()
    await when.is_over()
    then.ended(Ending.FINISHED, Reason.FINISHED)


async def test_traffic_does_not_go_to_a_stable_that_shrank_while_it_was_promoted(
    given: Given, when: When, then: Then
) -> None:
    given.stages(50, 100)
    await when.started()
    await when.bakes_at(100)
    await when.begun("promote/stable")
    await when.until(lambda: "promote" in then.effects())
    when.shop.faults.scaled_down["checkout"] = 1
    await is_held(when, then)

    then.traffic(canary=100)
    when.shop.faults.scaled_down.clear()
    await when.resumes()
    await when.is_over()
    then.ended(Ending.FINISHED, Reason.FINISHED)


async def test_going_back_waits_for_nobody_who_shrank(scenario: Scenario, when: When, then: Then) -> None:
    """A bad version is worse than a small one."""
    await when.started()
    await when.bakes_at(5)
    when.shop.faults.scaled_down["checkout"] = 1
    pressed = scenario.clock.now()
    await when.rolls_back()
    await when.is_over(minutes(5))

    (home,) = [effect for effect in when.shop.effects if effect.what == "home"]
    assert home.at - pressed < seconds(1)
    then.ended(Ending.ROLLED_BACK, Reason.ROLLED_BACK_BY_PERSON).traffic(canary=0)


async def test_nobody_is_switched_away_from_a_blue_that_has_shrunk(
    given: Given, when: When, then: Then
) -> None:
    given.in_colours()
    await when.started()
    question = await when.asked("blue-green/switch")
    when.shop.faults.scaled_down["checkout-blue"] = 1
    await when.pressed(question)

    assert "checkout-blue is down to 1 of the 3 pods that it had before" in await is_held(when, then)
    then.traffic(canary=0)
    await when.resumes()
    await when.is_over()
    then.ended(Ending.FINISHED, Reason.FINISHED)


@pytest.mark.parametrize(
    ("before", "step", "then_begins"),
    [(5, "canary/10/weight", "canary/10/bake"), (100, "promote/stable", "promote/traffic")],
)
async def test_what_a_person_held_meanwhile_goes_on_once_stable_has_its_pods_again(
    scenario: Scenario, given: Given, when: When, then: Then, before: int, step: str, then_begins: str
) -> None:
    """The bot dies as the step begins; before it is back, stable shrinks and somebody holds the run."""
    given.stages(5, 10, 100)
    await when.started()
    dies_as_it_begins(scenario, step)
    await when.bakes_at(before)
    if before < 100:
        await when.approved(10)
    await when.begun(step)
    when.shop.faults.scaled_down["checkout"] = 1
    await when.says(InterruptKind.HOLD)
    await when.restarts()
    await when.until(lambda: "down to 1 of the 3 pods" in then.run.record(step).awaiting)
    when.shop.faults.scaled_down.clear()
    await when.passes(minutes(1))
    await when.resumes()
    await when.begun(then_begins)

    intents = [entry for entry in scenario.entries() if entry.step == step and entry.kind == "intended"]
    assert len(intents) <= 3, "it acts anew once, and does not fight"

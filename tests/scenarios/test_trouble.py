"""Outages, other people's hands, triggers, and versions of the bot that lack a step."""

import pytest

from bot.domain.events import Ending, Held
from bot.domain.interrupts import InterruptKind
from bot.domain.reasons import Reason
from bot.domain.run import RunState, StepStatus
from tests.support.builders import BO, MORNING
from tests.support.scenario import Given, Scenario, Then, When, minutes, seconds
from tests.support.world import Deployed

NEW, OLD = "v2.5.0", "v2.4.1"


def holds_by_the_bot(scenario: Scenario) -> list[str]:
    events = [(entry.person, entry.event) for entry in scenario.entries()]
    return [event.sentence for person, event in events if person is None and isinstance(event, Held)]


@pytest.mark.parametrize("step", ["canary/deploy", "canary/header", "canary/25/weight", "promote/cleanup"])
async def test_a_short_outage_of_the_api_is_waited_out(when: When, then: Then, step: str) -> None:
    when.shop.landing_takes = seconds(0.3)
    await when.started()
    await _yes_until_begun(when, then, step)
    when.shop.faults.api_down = True
    await when.passes(seconds(40))
    when.shop.faults.api_down = False
    await when.approves_all()

    then.ended(Ending.FINISHED, Reason.FINISHED).weights_were(5, 10, 25, 50, 100, 0)


@pytest.mark.parametrize("what", ["undeployable", "unroutable"])
async def test_objects_that_cannot_carry_a_canary_stop_the_run_before_it_touches_anything(
    when: When, then: Then, what: str
) -> None:
    setattr(when.shop.faults, what, "the Service checkout-canary selects stable's pods too")
    await when.started()
    await when.is_over()

    then.ended(Ending.STOPPED, Reason.STEP_FAILED)
    assert then.effects() == []
    assert "selects stable's pods too" in then.run.ended.sentence
    await then.is_quarantined(expected=False)


@pytest.mark.parametrize("weight", [0, 25])
async def test_of_two_slackwaters_the_second_refuses(when: When, then: Then, weight: int) -> None:
    when.shop.canary, when.shop.weight = another_slackwaters(), weight
    await when.started()
    await when.is_over()

    then.ended(Ending.STOPPED, Reason.STEP_FAILED)
    assert then.effects() == []
    assert "belongs to run checkout-9" in then.run.ended.sentence


async def test_a_canary_that_another_slackwater_made_meanwhile_is_not_removed(when: When, then: Then) -> None:
    when.shop.api_takes = seconds(1)
    await when.started()
    await when.until(lambda: then.run.record("canary/check").status is StepStatus.DONE)
    when.shop.canary = another_slackwaters()
    await when.is_over()

    then.ended(Ending.ROLLED_BACK, Reason.ANOTHER_RUNS)
    await then.is_quarantined(expected=False)
    assert "deploy" not in then.effects()
    assert "remove" not in then.effects()
    assert "is left alone" in then.run.record("back/canary").evidence.sentence


def another_slackwaters() -> Deployed:
    owner = "checkout-9 of 2026-11-23 08:00:00.000000 UTC"
    return Deployed("checkout-canary", "registry.example/checkout:v2.6.0", "v2.6.0", MORNING, owner=owner)


async def test_an_outage_that_outlives_a_shift_turns_the_run_back(when: When, then: Then) -> None:
    await when.started()
    await when.bakes_at(5)
    question = await when.asked_for(10)
    when.shop.faults.api_down = True
    await when.pressed(question)
    await when.until(lambda: then.run.state is RunState.GOING_BACK, minutes(6))
    when.shop.faults.api_down = False
    await when.is_over()

    then.rolled_back(Reason.STEP_TIMED_OUT).weights_were(5, 0)


async def test_a_bake_goes_on_comparing_while_the_platform_does_not_answer(when: When, then: Then) -> None:
    await when.started()
    await when.bakes_at(25)
    when.shop.faults.api_down = True
    when.shop.faults.error_rate[NEW] = 0.2
    await when.until(lambda: then.run.state is RunState.GOING_BACK, minutes(1))
    when.shop.faults.api_down = False
    await when.is_over()

    then.rolled_back(Reason.WORSE_THAN_STABLE)


@pytest.mark.parametrize("what", ["deploy", "header", "shift", "promote", "home", "remove"])
async def test_an_answer_that_is_lost_is_found_out_by_looking(when: When, then: Then, what: str) -> None:
    steps = {
        "deploy": "canary/check",
        "header": "canary/deploy",
        "shift": "canary/10/bake",
        "promote": "canary/100/bake",
        "home": "promote/stable",
        "remove": "promote/traffic",
    }
    await when.started()
    await _yes_until_begun(when, then, steps[what])
    when.shop.faults.lost_answers = 1
    await when.approves_all()

    assert when.shop.faults.lost_answers == 0
    assert then.effects() == ["deploy", "header", *["shift"] * 5, "promote", "home", "remove"]
    then.ended(Ending.FINISHED, Reason.FINISHED)


async def test_a_route_changed_by_somebody_else_during_a_bake_is_held(
    scenario: Scenario, when: When, then: Then
) -> None:
    await when.started()
    await when.bakes_at(25)
    when.shop.somebody_sets(40)
    await when.until(lambda: then.run.state is RunState.HELD)
    await when.passes(minutes(1))

    then.traffic(canary=40)
    assert "40 % instead of 25 %" in holds_by_the_bot(scenario)[0]
    when.shop.weight = 0
    await when.rolls_back()
    await when.is_over()


async def test_a_hold_by_the_bot_that_nobody_answers_ends_on_stable(when: When, then: Then) -> None:
    await when.started()
    await when.bakes_at(25)
    when.shop.somebody_sets(40)
    await when.is_over()

    then.ended(Ending.ABORTED, Reason.APPROVAL_EXPIRED).traffic(canary=0)
    assert minutes(59) < then.run.ended_at - then.run.record("canary/25/bake").began < minutes(62)


async def test_resuming_accepts_what_somebody_else_changed(
    scenario: Scenario, when: When, then: Then
) -> None:
    await when.started()
    await when.bakes_at(25)
    when.shop.somebody_sets(40)
    await when.until(lambda: then.run.state is RunState.HELD)
    await when.resumes()
    await when.asked_for(50)

    then.traffic(canary=40)
    assert len(holds_by_the_bot(scenario)) == 1


async def test_a_route_changed_before_a_shift_is_not_overrun(
    scenario: Scenario, when: When, then: Then
) -> None:
    await when.started()
    await when.bakes_at(5)
    question = await when.asked_for(10)
    when.shop.somebody_sets(30)
    await when.pressed(question)
    await when.until(lambda: then.run.state is RunState.HELD)
    then.traffic(canary=30)
    await when.resumes()
    await when.begun("canary/10/bake")

    then.traffic(canary=10)
    assert "30 % instead of 5 %" in holds_by_the_bot(scenario)[0]


async def test_a_change_made_while_a_person_holds_is_seen_after_the_hold(
    scenario: Scenario, when: When, then: Then
) -> None:
    await when.started()
    await when.bakes_at(25)
    await when.holds()
    when.shop.somebody_sets(40)
    await when.passes(minutes(1))
    await when.says(InterruptKind.RESUME, BO)
    await when.until(lambda: bool(holds_by_the_bot(scenario)))

    assert then.run.held_by is None


async def test_a_canary_deleted_while_a_person_holds_does_not_end_the_driver(
    scenario: Scenario, when: When, then: Then
) -> None:
    when.shop.ready_after = minutes(2)
    await when.started()
    await when.until(lambda: "deploy" in then.effects())
    await when.holds()
    when.shop.canary = None
    await when.passes(minutes(1))
    assert scenario.process.heard == []
    await when.says(InterruptKind.RESUME, BO)
    await when.until(lambda: bool(holds_by_the_bot(scenario)))

    assert "is gone" in holds_by_the_bot(scenario)[0]


@pytest.mark.parametrize("standing", ["held", "asked", "held by the bot"])
async def test_failing_health_takes_the_version_off_whatever_the_run_waits_for(
    when: When, then: Then, standing: str
) -> None:
    await when.started()
    await when.bakes_at(25)
    if standing == "held":
        await when.holds()
    elif standing == "asked":
        await when.asked_for(50)
    else:
        when.shop.somebody_sets(26)
        await when.until(lambda: then.run.state is RunState.HELD)
    when.shop.faults.unhealthy.add(NEW)
    failing_since = when.shop.clock.now()
    await when.is_over()

    then.rolled_back(Reason.HEALTH)
    assert minutes(2.9) < then.run.turn.at - failing_since < minutes(3.5)
    await then.is_quarantined()


async def test_memory_close_to_its_limit_takes_the_version_off(when: When, then: Then) -> None:
    await when.started()
    await when.bakes_at(25)
    await when.asked_for(50)
    when.shop.faults.memory[NEW] = 0.97
    await when.is_over()

    then.rolled_back(Reason.MEMORY)


async def test_errors_that_begin_at_a_question_fire_after_five_minutes(when: When, then: Then) -> None:
    await when.started()
    await when.bakes_at(25)
    await when.asked_for(50)
    when.shop.faults.error_rate[NEW] = 0.02
    since = when.shop.clock.now()
    await when.is_over()

    then.rolled_back(Reason.ERROR_RATE)
    assert minutes(5) <= then.run.turn.at - since < minutes(6)


async def test_health_is_watched_while_the_metrics_are_down(when: When, then: Then) -> None:
    await when.started()
    await when.bakes_at(25)
    when.shop.faults.metrics_down = True
    await when.asked_for(50)
    when.shop.faults.unhealthy.add(NEW)
    await when.is_over()

    then.rolled_back(Reason.HEALTH)


async def test_a_step_that_this_version_lacks_is_said_aloud_and_nothing_is_done(
    scenario: Scenario, given: Given, when: When, then: Then
) -> None:
    given.unknown_kind("deploy-canary")

    await when.started()
    await when.until(lambda: bool(scenario.process.heard))

    assert "deploy-canary" in scenario.process.heard[0]
    assert then.effects() == []
    await when.rolls_back()
    await when.is_over()
    then.ended(Ending.STOPPED, Reason.ROLLED_BACK_BY_PERSON)


async def test_a_run_whose_triggers_cannot_be_watched_does_not_go_on(
    scenario: Scenario, when: When, then: Then
) -> None:
    await when.started()
    await when.bakes_at(5)
    scenario.breaks_the_watch()
    await when.until(lambda: bool(scenario.process.heard))

    assert "a bug in reading the metrics" in scenario.process.heard[0]
    assert not then.run.is_terminal
    await when.rolls_back()
    await when.is_over()
    then.rolled_back(Reason.ROLLED_BACK_BY_PERSON)


async def _yes_until_begun(when: When, then: Then, step: str) -> None:
    while then.run.record(step).status.value == "pending":
        if then.run.question is not None:
            await when.pressed(then.run.question.id)
        await when.passes(seconds(0.05))

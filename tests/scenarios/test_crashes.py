"""The process dies, at every entry of the journal, and another one goes on as if nothing had happened.

A crash right after an entry was written is one thing; a crash right before, when what the entry tells has
already happened outside, is the other. Both are tried at every entry of a run forward and of one that goes
back. That no weight was set without approval, no gate was run twice and nothing was left behind is checked
after every scenario.
"""

import pytest

from bot.domain.events import Ending
from bot.domain.reasons import Reason
from tests.support.scenario import Given, Scenario, Then, When, minutes, seconds

NEW = "v2.5.0"
FORWARD = 66  # more than a run forward writes; the test says so if that changes
BACK = 34
UP = ["deploy", "header"]


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("seq", range(2, FORWARD))
async def test_a_run_survives_a_crash_at_every_entry(
    scenario: Scenario, when: When, then: Then, seq: int, moment: str
) -> None:
    await when.dies_at(seq, moment)
    await when.started()
    await when.goes_on()

    then.ended(Ending.FINISHED, Reason.FINISHED).weights_were(5, 10, 25, 50, 100, 0)
    assert then.effects() == ["deploy", "header", *["shift"] * 5, "promote", "home", "remove"]


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("seq", range(2, BACK))
async def test_a_way_back_survives_a_crash_at_every_entry(
    scenario: Scenario, when: When, then: Then, seq: int, moment: str
) -> None:
    when.shop.faults.error_rate[NEW] = 0.1

    await when.dies_at(seq, moment)
    await when.started()
    await when.goes_on()

    # A bake that was cut off may have too little to judge by; then people were asked, and said yes.
    then.rolled_back(Reason.WORSE_THAN_STABLE)
    assert then.effects() in ([*UP, "shift", "home", "remove"], [*UP, "shift", "shift", "home", "remove"])
    await then.is_quarantined()


async def test_the_entries_tried_are_all_there_are(scenario: Scenario, when: When, then: Then) -> None:
    await when.started()
    await when.approves_all()

    assert len(then.kinds()) < FORWARD


async def test_a_promotion_that_is_cut_off_can_still_be_taken_back(
    scenario: Scenario, when: When, then: Then
) -> None:
    await when.started()
    await when.bakes_at(100)
    await when.until(lambda: "promote" in then.effects())
    await when.dies()
    await when.rolls_back()
    await when.passes(seconds(10))
    await when.restarts()
    await when.is_over()

    then.rolled_back(Reason.ROLLED_BACK_BY_PERSON)
    assert then.effects()[-4:] == ["promote", "restore", "home", "remove"]


async def test_a_question_that_expired_while_the_bot_was_away_ends_the_run(when: When, then: Then) -> None:
    await when.started()
    await when.bakes_at(5)
    await when.asked_for(10)
    await when.dies()
    await when.passes(minutes(90))
    await when.restarts()
    await when.is_over(minutes(1))

    then.ended(Ending.ABORTED, Reason.APPROVAL_EXPIRED).traffic(canary=0)


async def test_an_approval_given_while_the_bot_was_away_counts(when: When, then: Then) -> None:
    await when.started()
    await when.bakes_at(5)
    question = await when.asked_for(10)
    await when.dies()
    await when.pressed(question)
    await when.restarts()
    await when.begun("canary/10/bake")

    then.traffic(canary=10)


async def test_a_driver_that_lost_its_lease_writes_nothing_more(
    scenario: Scenario, when: When, then: Then
) -> None:
    await when.started()
    await when.bakes_at(5)
    old = scenario.process
    old.cannot_renew = True
    await when.restarts()
    await when.approves_all()

    # Each process claims what the other may have dropped; the invariants see to it that no one writes late.
    then.ended(Ending.FINISHED, Reason.FINISHED).weights_were(5, 10, 25, 50, 100, 0)
    assert scenario.entries()[-1].lease > 1


async def test_a_process_that_was_frozen_goes_on_with_its_own_run(
    scenario: Scenario, when: When, then: Then
) -> None:
    await when.started()
    question = await when.asked_for(5)
    scenario.process.cannot_renew = True
    await when.until(lambda: then.kinds().count("claimed") == 2)
    scenario.process.cannot_renew = False
    await when.passes(seconds(20))
    await when.pressed(question)
    await when.until(lambda: then.run.weight == 5, minutes(1))

    then.traffic(canary=5)


@pytest.mark.parametrize("point", ["gates/tests", "canary/deploy", "canary/5/bake", "canary/10/weight"])
async def test_a_run_goes_on_when_the_database_is_back(
    scenario: Scenario, when: When, then: Then, point: str
) -> None:
    await when.started()
    while then.run.record(point).status.value == "pending":
        if then.run.question is not None:
            await when.pressed(then.run.question.id)
        await when.passes(seconds(0.05))

    scenario.database_is_down = True
    await when.passes(seconds(40))
    scenario.database_is_down = False
    await when.approves_all()

    then.ended(Ending.FINISHED, Reason.FINISHED).weights_were(5, 10, 25, 50, 100, 0)


async def test_runs_are_claimed_again_once_the_database_is_back(
    scenario: Scenario, when: When, then: Then
) -> None:
    scenario.database_is_down = True
    await scenario.start_process()
    await when.passes(minutes(1))
    scenario.database_is_down = False
    await when.started()
    await when.passes(seconds(1))

    assert "claimed" in then.kinds()


async def test_a_trigger_that_fires_while_the_database_is_away_is_not_lost(
    scenario: Scenario, when: When, then: Then
) -> None:
    await when.started()
    await when.bakes_at(25)
    await when.asked_for(50)
    when.shop.faults.unhealthy.add(NEW)
    await when.passes(minutes(2.5))
    scenario.database_is_down = True
    await when.passes(minutes(2))
    scenario.database_is_down = False
    await when.until(lambda: then.run.turn is not None, minutes(1))

    assert then.run.turn.reason is Reason.HEALTH
    await when.is_over()


async def test_a_stopped_process_lets_go_at_once(scenario: Scenario, when: When, then: Then) -> None:
    await when.started()
    await when.bakes_at(5)
    await scenario.process.engine.stop()
    await when.restarts()
    await when.passes(seconds(1))

    assert then.kinds().count("claimed") == 2
    await when.approves_all()


async def test_what_is_usual_for_latency_is_not_forgotten_when_stable_serves_nobody(
    scenario: Scenario, given: Given, when: When, then: Then
) -> None:
    """At 100 % nothing is left to compare with; what stable was like before is in the journal."""
    given.stages(25, 100, bake=minutes(40))
    scenario.limits = scenario.limits.with_(p95_margin=100.0)
    await when.started()
    await when.bakes_at(100)
    await when.passes(minutes(1))

    await when.dies()
    await when.restarts()
    when.shop.faults.slow.add(NEW)
    await when.is_over()

    then.rolled_back(Reason.LATENCY).weights_were(25, 100, 0)

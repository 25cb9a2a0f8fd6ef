"""Who drives a run when processes die, freeze, are cut off or leave in good order."""

from datetime import timedelta

import pytest

from bot.domain.events import Ending
from bot.domain.reasons import Reason
from tests.support.scenario import Scenario, Then, When, minutes, seconds

PROMISED = seconds(15)


async def claimed_anew(scenario: Scenario, when: When, then: Then) -> timedelta:
    """Until there is another claim, and how long that took."""
    began, claims = scenario.clock.now(), then.kinds().count("claimed")
    await when.until(lambda: then.kinds().count("claimed") > claims, PROMISED)
    return scenario.clock.now() - began


async def test_a_run_whose_process_was_killed_is_taken_over_in_time(
    scenario: Scenario, when: When, then: Then
) -> None:
    await when.started()
    await when.asked_for(5)
    await when.restarts()
    scenario.processes[0].kill()

    took = await claimed_anew(scenario, when, then)

    assert took <= PROMISED
    await when.approves_all()
    then.ended(Ending.FINISHED, Reason.FINISHED)


async def test_a_process_that_is_cut_off_from_the_database_stops_by_its_own_watch(
    scenario: Scenario, when: When, then: Then
) -> None:
    await when.started()
    await when.bakes_at(5)
    cut_off = scenario.process
    await when.restarts()
    cut_off.is_cut_off = True

    took = await claimed_anew(scenario, when, then)

    assert took <= PROMISED
    assert not cut_off.engine.holds(scenario.run), "it let go before another one could have the run"
    assert scenario.process.engine.holds(scenario.run)
    await when.approves_all()
    then.ended(Ending.FINISHED, Reason.FINISHED)


async def test_two_processes_never_hold_a_run_at_the_same_time(
    scenario: Scenario, when: When, then: Then
) -> None:
    await when.started()
    await when.asked_for(5)
    await when.restarts()
    first, second = scenario.processes
    for cut_off in (first, second, first):
        cut_off.is_cut_off = True
        claims = then.kinds().count("claimed")
        while then.kinds().count("claimed") == claims:
            await when.passes(seconds(0.1))
            assert not (first.engine.holds(scenario.run) and second.engine.holds(scenario.run))
        cut_off.is_cut_off = False
        await when.passes(seconds(5))


async def test_what_is_lost_under_an_old_lease_does_not_end_the_driver_under_the_new_one(
    scenario: Scenario, when: When, then: Then
) -> None:
    await when.started()
    question = await when.asked_for(5)
    scenario.process.cannot_renew = True
    await claimed_anew(scenario, when, then)  # by itself: its watch says that nobody has renewed

    scenario.process.cannot_renew = False
    await when.passes(minutes(1))
    claims = then.kinds().count("claimed")
    await when.pressed(question)
    await when.until(lambda: then.run.weight == 5, minutes(1))

    assert then.kinds().count("claimed") == claims
    assert scenario.process.engine.holds(scenario.run)


async def test_a_process_that_leaves_keeps_its_runs_until_it_has_said_everything(
    scenario: Scenario, when: When, then: Then
) -> None:
    await when.started()
    await when.asked_for(5)
    leaving = scenario.process
    await when.restarts()

    await leaving.engine.park()
    await when.passes(seconds(30))
    assert then.kinds().count("claimed") == 1, "it still speaks of the run"
    await leaving.engine.release()
    took = await claimed_anew(scenario, when, then)

    assert took <= seconds(1)
    await when.approves_all()


async def test_what_an_ended_run_still_has_to_say_is_said_by_another_process(
    scenario: Scenario, when: When, then: Then
) -> None:
    await when.started()
    scenario.process.is_mute = True
    await when.rolls_back()
    await when.is_over()
    await when.passes(minutes(1))
    scenario.process.kill()

    await when.restarts()
    await when.passes(PROMISED)

    assert scenario.process.told == [scenario.run]
    await when.restarts()
    await when.passes(PROMISED)
    assert scenario.process.told == [], "it is said once"


@pytest.mark.parametrize("seen_for", [minutes(2), minutes(2.5)])
async def test_the_minutes_of_a_trigger_are_not_forgotten_with_the_process(
    scenario: Scenario, when: When, then: Then, seen_for: timedelta
) -> None:
    await when.started()
    await when.bakes_at(25)
    await when.asked_for(50)
    when.shop.faults.unhealthy.add("v2.5.0")
    await when.passes(seen_for)
    await when.dies()
    await when.restarts()

    began = scenario.clock.now()
    await when.until(lambda: then.run.turn is not None, minutes(3))

    assert then.run.turn.reason is Reason.HEALTH
    assert scenario.clock.now() - began < minutes(2), "not all three minutes again"
    await when.is_over()


async def test_a_blip_is_not_worth_a_line_in_the_journal(scenario: Scenario, when: When, then: Then) -> None:
    await when.started()
    await when.bakes_at(25)
    await when.asked_for(50)
    when.shop.faults.unhealthy.add("v2.5.0")
    await when.passes(seconds(15))
    when.shop.faults.unhealthy.clear()
    await when.passes(minutes(5))

    assert "watched" not in then.kinds()
    await when.approves_all()

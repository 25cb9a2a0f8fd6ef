"""Blue-green: the new version in the other colour, all traffic at once, and one change to go back."""

import pytest

from bot.domain.events import Approved, Ending
from bot.domain.interrupts import InterruptKind
from bot.domain.plan import ApprovalPolicy
from bot.domain.reasons import Reason
from bot.domain.run import RunState
from tests.support.builders import BO
from tests.support.scenario import Given, Scenario, Then, When, minutes, seconds
from tests.support.world import Deployed

NEW, OLD = "v2.5.0", "v2.4.1"
FORWARD = ["deploy", "header", "shift", "leave", "keep"]
BACK = ["deploy", "header", "shift", "home", "remove"]
WHOLE = 40  # more entries than a run writes; the test says so if that changes


@pytest.fixture(autouse=True)
async def colours(given: Given) -> None:
    given.in_colours()


async def people_think(when: When) -> str:
    """The open question about the switch."""
    await when.started()
    question = await when.asked("blue-green/switch")
    await when.passes(minutes(2))
    return question


async def switches(when: When) -> None:
    """After so long that the source knows what the old version is like."""
    question = await people_think(when)
    await when.pressed(question)
    await when.begun("blue-green/watch")


async def test_a_good_version_serves_from_the_other_colour(
    scenario: Scenario, when: When, then: Then
) -> None:
    await switches(when)
    assert scenario.state().weight == 100
    await when.is_over()

    then.ended(Ending.FINISHED, Reason.FINISHED)
    assert then.effects() == FORWARD
    given = [entry for entry in scenario.entries() if isinstance(entry.event, Approved)]
    assert [(entry.step, entry.event.basis.value) for entry in given] == [
        ("blue-green/switch", "person"),
        ("blue-green/keep", "covered"),
    ]


async def test_it_is_compared_with_what_the_old_version_was_like(scenario: Scenario, when: When) -> None:
    await switches(when)
    await when.is_over()

    evidence = scenario.state().record("blue-green/watch").evidence
    assert evidence.stable is not None
    assert evidence.stable.requests > 1_000
    assert evidence.verdict is not None
    assert evidence.verdict.is_healthy
    assert evidence.verdict.stable_requests == int(evidence.stable.requests)


async def test_a_source_that_knows_nothing_of_the_old_version_does_not_keep_the_run_for_ever(
    scenario: Scenario, when: When, then: Then
) -> None:
    when.shop.faults.forgotten.add(OLD)

    await switches(when)
    question = await when.asked("blue-green/keep")

    verdict = scenario.state().verdict
    assert verdict is not None
    assert "Too few requests on v2.4.1: 0 of 50" in verdict.sentence
    then.traffic(canary=100)
    await when.pressed(question)
    await when.is_over()
    then.ended(Ending.FINISHED, Reason.FINISHED)


async def test_a_source_that_is_down_at_the_switch_tells_of_the_past_once_it_is_back(
    scenario: Scenario, when: When, then: Then
) -> None:
    question = await people_think(when)
    when.shop.faults.metrics_down = True
    await when.pressed(question)
    await when.begun("blue-green/watch")
    await when.passes(seconds(10))
    when.shop.faults.metrics_down = False
    await when.is_over()

    then.ended(Ending.FINISHED, Reason.FINISHED)
    stable = scenario.state().record("blue-green/watch").evidence.stable
    assert stable is not None
    assert stable.requests > 1_000


async def test_nothing_is_switched_before_the_approval(when: When, then: Then) -> None:
    await when.started()
    await when.asked("blue-green/switch")
    await when.is_over()

    then.ended(Ending.ABORTED, Reason.APPROVAL_EXPIRED).traffic(canary=0)
    assert then.effects() == ["deploy", "header", "home", "remove"]


async def test_errors_above_the_limit_switch_back(when: When, then: Then) -> None:
    when.shop.faults.error_rate |= {NEW: 0.01, OLD: 0.009}  # no worse than before, and more than may be

    await switches(when)
    await when.is_over()

    then.rolled_back(Reason.WORSE_THAN_STABLE).traffic(canary=0)
    assert then.effects() == BACK
    assert "more than the 0.1 % that are allowed" in then.run.turn.sentence
    await then.is_quarantined()


async def test_a_slow_version_is_switched_back(when: When, then: Then) -> None:
    when.shop.faults.slow.add(NEW)
    when.shop.faults.error_rate |= {NEW: 0.0}

    await switches(when)
    await when.is_over()

    then.rolled_back(Reason.WORSE_THAN_STABLE)
    assert "p95" in then.run.turn.sentence


async def test_a_press_switches_back_at_once(scenario: Scenario, when: When, then: Then) -> None:
    await switches(when)
    pressed = scenario.clock.now()
    await when.rolls_back()
    await when.is_over()

    (home,) = [effect for effect in when.shop.effects if effect.what == "home"]
    assert home.at - pressed < seconds(1)
    then.rolled_back(Reason.ROLLED_BACK_BY_PERSON)


async def test_green_that_never_gets_ready_takes_nothing_along(when: When, then: Then) -> None:
    when.shop.faults.never_ready.add(NEW)

    await when.started()
    await when.is_over()

    then.rolled_back(Reason.NOT_READY).traffic(canary=0)
    assert then.effects() == ["deploy", "home", "remove"]


async def test_a_cold_start_is_counted_and_no_reason_to_stop(scenario: Scenario, when: When) -> None:
    when.shop.faults.cold_answers = 7

    await when.started()
    await when.asked("blue-green/switch")

    warmth = scenario.state().record("blue-green/warm-up").evidence.warmth
    assert warmth is not None
    assert (warmth.sent, warmth.failed, warmth.lately_failed) == (100, 7, 0)


@pytest.mark.parametrize("requests", [101, 20, 7])
async def test_the_last_twenty_decide_however_many_are_sent(
    scenario: Scenario, given: Given, when: When, then: Then, requests: int
) -> None:
    given.in_colours(warm_up_requests=requests)
    when.shop.faults.cold_answers = requests - 1

    await when.started()
    await when.is_over()

    warmth = scenario.state().record("blue-green/warm-up").evidence.warmth
    assert warmth is not None
    assert warmth.sent == requests
    assert warmth.lately_failed == min(requests, 20) - 1
    then.rolled_back(Reason.HEALTH)


async def test_a_version_that_stays_cold_never_serves(when: When, then: Then) -> None:
    when.shop.faults.cold_answers = 1_000

    await when.started()
    await when.is_over()

    then.rolled_back(Reason.HEALTH).traffic(canary=0)
    assert "is not warm: 100 of 100 requests failed" in then.run.turn.sentence


async def test_a_switch_by_hand_stops_the_run(scenario: Scenario, when: When, then: Then) -> None:
    await switches(when)
    when.shop.somebody_sets(0)
    await when.until(lambda: scenario.state().state is RunState.HELD)

    why = "Somebody else changed the Service checkout: it leads to checkout-blue instead of checkout-green."
    assert why in then.run.held_why
    assert then.effects() == FORWARD[:3]
    await when.rolls_back(BO)
    await when.is_over()
    then.traffic(canary=0)


async def test_a_version_that_does_not_serve_is_not_said_to(
    scenario: Scenario, when: When, then: Then
) -> None:
    """Somebody switches back while people are asked whether to keep it."""
    when.shop.faults.forgotten.add(OLD)
    await switches(when)
    question = await when.asked("blue-green/keep")
    when.shop.somebody_sets(0)
    await when.pressed(question)
    await when.until(lambda: scenario.state().state is RunState.HELD)

    assert "it leads to checkout-blue. The run does not end like that." in then.run.held_why
    await when.rolls_back()
    await when.is_over()
    then.rolled_back(Reason.ROLLED_BACK_BY_PERSON)


async def test_the_colour_that_somebody_lets_serve_gets_no_other_version(
    scenario: Scenario, when: When, then: Then
) -> None:
    """Green runs an older version, and is switched to by hand after the check."""
    shop = when.shop
    image = "registry.example/checkout:v2.3.0"
    shop.canary = Deployed("checkout-green", image, "v2.3.0", shop.clock.now() - minutes(60))
    shop.faults.crashing.add(OLD)
    await when.started()
    await when.begun("blue-green/check")
    await when.holds()
    shop.faults.crashing.clear()
    await when.done("blue-green/check")
    shop.somebody_sets(100)
    await when.says(InterruptKind.RESUME)
    await when.until(lambda: then.run.state is RunState.HELD and then.run.held_by is None)

    assert "it leads to checkout-green, so that is left alone" in then.run.held_why
    assert then.effects() == []
    assert shop.canary.version == "v2.3.0"


async def test_the_latency_of_before_is_remembered_by_a_bot_that_starts_again(
    scenario: Scenario, when: When, then: Then
) -> None:
    """People are asked whether to keep it, and it gets slow meanwhile."""
    scenario.approvals = ApprovalPolicy(remind=minutes(60), escalate=minutes(90), expire=minutes(120))
    when.shop.rps = 1.0  # too little for a verdict
    await switches(when)
    await when.asked("blue-green/keep")
    await when.passes(minutes(2))  # the source has forgotten by then
    when.shop.faults.slow.add(NEW)
    await when.dies()
    await when.restarts()
    await when.is_over(minutes(30))

    then.rolled_back(Reason.LATENCY).traffic(canary=0)


async def test_too_few_pods_get_no_users(scenario: Scenario, when: When, then: Then) -> None:
    """Somebody scales green down while people think."""
    await when.started()
    question = await when.asked("blue-green/switch")
    when.shop.faults.scaled_down["checkout-green"] = 1
    await when.pressed(question)
    await when.until(lambda: scenario.state().state is RunState.HELD)

    assert "Somebody else scaled checkout-green: 1 pods instead of 3." in then.run.held_why
    then.traffic(canary=0)


async def test_a_pod_that_is_missing_at_the_press_is_waited_for(when: When, then: Then) -> None:
    question = await people_think(when)
    when.shop.faults.crashing.add(NEW)
    await when.pressed(question)
    await when.passes(seconds(40))
    then.traffic(canary=0)
    when.shop.faults.crashing.clear()
    await when.is_over()

    then.ended(Ending.FINISHED, Reason.FINISHED)


async def test_more_pods_of_the_old_version_are_no_reason_to_stop(when: When, then: Then) -> None:
    """An autoscaler has raised blue meanwhile."""
    question = await people_think(when)
    when.shop.faults.scaled_down["checkout-blue"] = 5
    await when.pressed(question)
    await when.is_over()

    then.ended(Ending.FINISHED, Reason.FINISHED)


async def test_a_bot_that_was_away_at_the_switch_does_not_count_that_time_against_it(
    scenario: Scenario, when: When, then: Then
) -> None:
    when.shop.faults.lag = seconds(2)
    question = await people_think(when)
    when.shop.faults.api_down = True
    await when.pressed(question)
    await when.begun("blue-green/switch")
    await when.passes(seconds(60))
    when.shop.faults.api_down = False
    await when.is_over()

    then.ended(Ending.FINISHED, Reason.FINISHED)
    assert then.effects() == FORWARD


async def test_a_switch_that_nobody_follows_goes_back_soon(when: When, then: Then) -> None:
    when.shop.faults.lag = minutes(60)
    await when.started()
    await when.pressed(await when.asked("blue-green/switch"))
    await when.until(lambda: then.run.turn is not None, minutes(1))

    assert "Nobody follows the switch: 2 of 3 endpoints are still those of before." in then.run.turn.sentence
    when.shop.faults.lag = seconds(0)
    await when.is_over()
    then.rolled_back(Reason.VERIFY_FAILED).traffic(canary=0)


async def test_a_switch_by_hand_while_people_think_is_told_to_them(
    scenario: Scenario, when: When, then: Then
) -> None:
    question = await people_think(when)
    when.shop.somebody_sets(100)
    await when.pressed(question)
    await when.until(lambda: scenario.state().state is RunState.HELD)

    assert "it leads to checkout-green instead of checkout-blue" in then.run.held_why
    await when.resumes()
    await when.is_over()
    then.ended(Ending.FINISHED, Reason.FINISHED)


async def test_an_endpoint_that_is_away_for_a_moment_is_nobodys_hand(
    scenario: Scenario, when: When, then: Then
) -> None:
    when.shop.faults.forgotten.add(OLD)
    await switches(when)
    question = await when.asked("blue-green/keep")
    when.shop.faults.unserved = "no ready pod of checkout-green is among the endpoints yet"
    await when.pressed(question)
    await when.passes(seconds(20))
    assert scenario.state().state is RunState.RUNNING
    when.shop.faults.unserved = ""
    await when.is_over()

    then.ended(Ending.FINISHED, Reason.FINISHED)


async def test_a_version_that_came_up_in_two_attempts_is_taken_away_all_the_same(
    scenario: Scenario, when: When, then: Then
) -> None:
    """The bot is killed while it waits for the pods, and finds its own version there."""
    when.shop.faults.never_ready.add(NEW)
    await when.started()
    await when.begun("blue-green/deploy")
    await when.until(lambda: when.shop.canary is not None)
    await when.dies()
    await when.restarts()
    await when.is_over()

    then.rolled_back(Reason.NOT_READY)
    assert then.effects() == ["deploy", "home", "remove"]
    assert when.shop.canary is None


async def test_health_is_asked_for_the_version_that_served_not_for_that_of_the_other_colour(
    scenario: Scenario, when: When, then: Then
) -> None:
    """Green runs an older version from the second release on."""
    shop = when.shop
    image = "registry.example/checkout:v2.3.0"
    shop.canary = Deployed("checkout-green", image, "v2.3.0", shop.clock.now() - minutes(60))
    await when.started()
    await when.asked("blue-green/switch")
    await when.rolls_back()
    await when.is_over(minutes(3))

    then.rolled_back(Reason.ROLLED_BACK_BY_PERSON)
    assert scenario.state().record("back/health").evidence.is_healthy is True


async def test_an_abort_while_nothing_is_switched_does_not_wait_for_pods_that_it_never_took_away(
    scenario: Scenario, when: When, then: Then
) -> None:
    when.shop.faults.never_ready.add(NEW)
    await when.started()
    await when.begun("blue-green/deploy")
    await when.until(lambda: when.shop.canary is not None)
    when.shop.faults.unserved = "no ready pod of checkout-blue is among the endpoints yet"
    when.shop.faults.unhealthy.add(OLD)
    await when.aborts()
    await when.is_over(minutes(10))

    assert when.shop.canary is None


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("seq", range(2, WHOLE))
async def test_a_crash_at_any_entry_changes_nothing(
    scenario: Scenario, when: When, then: Then, seq: int, moment: str
) -> None:
    await when.dies_at(seq, moment)
    await when.started()
    await when.goes_on()

    then.ended(Ending.FINISHED, Reason.FINISHED)
    assert then.effects() == FORWARD
    assert len([e for e in scenario.entries() if e.kind != "claimed"]) < WHOLE


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("seq", range(20, WHOLE))
async def test_a_crash_on_the_way_back_goes_all_the_way(
    scenario: Scenario, when: When, then: Then, seq: int, moment: str
) -> None:
    when.shop.faults.error_rate[NEW] = 0.05

    await when.dies_at(seq, moment)
    await when.started()
    await when.goes_on()

    then.ended(Ending.ROLLED_BACK, Reason.WORSE_THAN_STABLE).traffic(canary=0)
    assert then.effects() == BACK

"""What takes a version off again, from wherever the run stands."""

import pytest

from bot.domain.events import Ending
from bot.domain.interrupts import InterruptKind
from bot.domain.reasons import Reason
from bot.domain.run import RunState
from tests.support.builders import BO
from tests.support.scenario import Scenario, Then, When, minutes, seconds

NEW, OLD = "v2.5.0", "v2.4.1"

# Every point of the plan at which somebody may change their mind, and how far traffic is then.
POINTS = [
    "gates/tests",
    "canary/check",
    "canary/deploy",
    "canary/header",
    "canary/health",
    "canary/5/bake",
    "canary/25/weight",
    "canary/25/bake",
    "canary/100/bake",
    "promote/stable",
    "promote/traffic",
    "promote/cleanup",
    "finish/health",
]


async def test_a_canary_worse_than_stable_is_taken_off_traffic(when: When, then: Then) -> None:
    await when.started()
    await when.bakes_at(25)
    when.shop.faults.error_rate[NEW] = 0.05
    await when.is_over()

    then.rolled_back(Reason.WORSE_THAN_STABLE).weights_were(5, 10, 25, 0)
    assert "errors against" in then.run.ended.sentence
    await then.is_quarantined()


async def test_a_slow_canary_is_taken_off_traffic(when: When, then: Then) -> None:
    await when.started()
    when.shop.faults.slow.add(NEW)
    await when.bakes_at(5)
    await when.is_over()

    then.rolled_back(Reason.WORSE_THAN_STABLE).weights_were(5, 0)


async def test_a_failing_gate_stops_the_run_before_anything_is_touched(when: When, then: Then) -> None:
    when.shop.faults.failing_gates.add("tests")

    await when.started()
    await when.is_over()

    then.ended(Ending.STOPPED, Reason.GATE_FAILED)
    assert then.effects() == []
    await then.is_quarantined(expected=False)


async def test_both_gates_are_answered_even_if_one_fails(when: When, then: Then) -> None:
    when.shop.faults.failing_gates.add("code-review")

    await when.started()
    await when.is_over()

    assert sorted(when.shop.gates_run) == ["code-review", "tests"]


async def test_a_version_that_never_gets_ready_is_removed(when: When, then: Then) -> None:
    when.shop.faults.never_ready.add(NEW)

    await when.started()
    await when.is_over()

    then.rolled_back(Reason.NOT_READY).weights_were()
    assert then.effects() == ["deploy", "remove"]


async def test_stable_that_does_not_take_the_new_version_gets_the_old_one_back(
    when: When, then: Then
) -> None:
    await when.started()
    await when.bakes_at(100)
    await when.done("canary/100/bake")
    when.shop.ready_after = minutes(60)
    when.shop.canary.since -= minutes(120)
    await when.begun("promote/stable")
    await when.until(lambda: then.run.state is RunState.GOING_BACK)
    when.shop.ready_after = seconds(20)
    await when.is_over()

    then.rolled_back(Reason.NOT_READY).weights_were(5, 10, 25, 50, 100, 0)
    assert then.effects()[-4:] == ["promote", "restore", "home", "remove"]


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("kind", [InterruptKind.ROLLBACK, InterruptKind.ABORT])
async def test_a_person_can_turn_the_run_back_at_any_point(
    when: When, then: Then, point: str, kind: InterruptKind
) -> None:
    when.shop.landing_takes = seconds(0.2)
    when.shop.faults.unhealthy.update({NEW} if point == "canary/health" else set())
    await when.started()
    await _yes_until(when, then, "promote/cleanup" if point == "finish/health" else point)
    if point == "finish/health":
        when.shop.faults.unhealthy.add(NEW)
        await when.begun(point)

    await when.says(kind, BO, "No.")
    await when.is_over()

    touched = then.run.has_touched_production
    if kind is InterruptKind.ABORT:
        then.ended(Ending.ABORTED, Reason.ABORTED)
    else:
        ending = Ending.ROLLED_BACK if touched else Ending.STOPPED
        then.ended(ending, Reason.ROLLED_BACK_BY_PERSON)
    assert when.shop.stable.version == OLD
    await then.is_quarantined(expected=kind is InterruptKind.ROLLBACK)


async def test_going_back_at_a_question_closes_it(when: When, then: Then) -> None:
    await when.started()
    await when.asked_for(5)

    await when.aborts()
    await when.is_over()

    assert [closed.answer for closed in then.run.closed] == ["Aborted by Bo"]


async def test_a_second_rollback_changes_nothing(scenario: Scenario, when: When, then: Then) -> None:
    await when.started()
    await when.bakes_at(5)
    await when.rolls_back()
    await when.aborts()
    await when.is_over()

    then.rolled_back(Reason.ROLLED_BACK_BY_PERSON)
    assert then.kinds().count("turned-back") == 1


@pytest.mark.parametrize("delay", [0.1, 0.5, 1.0, 3.0, 6.0])
async def test_a_shift_in_flight_cannot_overrun_the_way_back(when: When, then: Then, delay: float) -> None:
    await when.started()
    await when.bakes_at(5)
    when.shop.landing_takes = seconds(5)
    await when.approved(10)
    await when.begun("canary/10/weight")
    await when.passes(seconds(delay))

    await when.rolls_back()
    await when.is_over()
    await when.passes(minutes(1))

    then.traffic(canary=0)


@pytest.mark.parametrize("point", ["canary/deploy", "promote/stable"])
async def test_a_change_in_flight_is_undone_even_if_it_lands_late(when: When, then: Then, point: str) -> None:
    await when.started()
    if point == "promote/stable":
        await when.bakes_at(100)
    when.shop.landing_takes = seconds(4)
    await when.begun(point)
    await when.passes(seconds(0.1))
    when.shop.landing_takes = seconds(0.5)

    await when.rolls_back()
    await when.is_over()
    await when.passes(minutes(2))

    assert when.shop.stable.version == OLD
    assert when.shop.canary is None


async def test_a_way_back_that_is_stuck_says_so_and_keeps_trying(when: When, then: Then) -> None:
    await when.started()
    await when.bakes_at(25)
    when.shop.faults.api_down = True
    await when.rolls_back()
    await when.passes(minutes(10))
    assert then.run.state is RunState.GOING_BACK
    when.shop.faults.api_down = False
    await when.is_over(minutes(1))

    then.rolled_back(Reason.ROLLED_BACK_BY_PERSON)
    assert any("The way back is stuck" in sentence for sentence in then.said_aloud())


async def test_a_stuck_way_back_says_so_now_and_then(when: When, then: Then) -> None:
    await when.started()
    await when.bakes_at(25)
    when.shop.faults.crashing.add(OLD)
    await when.rolls_back()
    await when.passes(minutes(60))
    said = then.said_aloud()
    when.shop.faults.crashing.clear()
    await when.is_over()

    assert 10 <= len(said) <= 15


async def test_traffic_stays_off_a_stable_without_ready_pods(when: When, then: Then) -> None:
    await when.started()
    await when.bakes_at(25)
    when.shop.faults.crashing.add(OLD)
    await when.rolls_back()
    await when.passes(minutes(5))
    then.traffic(canary=25)
    assert any("no ready pod" in sentence for sentence in then.said_aloud())
    when.shop.faults.crashing.clear()
    await when.is_over()

    then.traffic(canary=0).rolled_back(Reason.ROLLED_BACK_BY_PERSON)


async def test_a_way_back_that_somebody_undoes_is_done_again(when: When, then: Then) -> None:
    await when.started()
    await when.bakes_at(25)
    when.shop.api_takes = seconds(2)
    await when.rolls_back()
    await when.until(lambda: "home" in then.effects())
    when.shop.somebody_sets(25)
    when.shop.header = "canary"
    await when.is_over(minutes(30))

    then.traffic(canary=0)


async def test_a_production_that_stays_unhealthy_after_the_way_back_is_said_aloud(
    when: When, then: Then
) -> None:
    await when.started()
    await when.bakes_at(25)
    when.shop.faults.unhealthy.add(OLD)
    await when.rolls_back()
    await when.is_over(minutes(15))

    assert any("health" in sentence for sentence in then.said_aloud())
    assert then.run.record("back/health").evidence.is_healthy is False


async def test_stable_is_restored_even_if_the_api_failed_when_it_was_to_be_recorded(
    scenario: Scenario, when: When, then: Then
) -> None:
    await when.started()
    await when.bakes_at(100)
    scenario.fails_at_the_look_of("promote/stable", for_=seconds(5))
    await when.until(lambda: "promote" in then.effects())

    await when.rolls_back()
    await when.is_over()

    then.rolled_back(Reason.ROLLED_BACK_BY_PERSON)
    assert when.shop.stable.version == OLD


async def _yes_until(when: When, then: Then, point: str) -> None:
    """Until the step has begun, saying yes to every question before."""
    while then.run.record(point).status.value == "pending":
        question = then.run.question
        if question is not None:
            await when.pressed(question.id)
        await when.passes(seconds(0.05))

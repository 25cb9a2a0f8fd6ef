"""A rolling update: pod by pod within the deployment that serves, stopped by errors, blindness and people."""

import pytest

from bot.domain.actions import RollOut
from bot.domain.events import Approved, Ending
from bot.domain.interrupts import InterruptKind
from bot.domain.outcome import Recorded
from bot.domain.reasons import Reason
from bot.domain.run import RunState
from tests.support.builders import BO
from tests.support.scenario import Given, Scenario, Then, When, minutes, seconds

NEW = "v2.5.0"
FORWARD = ["roll", "keep"]
WHOLE = 40  # more entries than a rolling update writes; the test says so if that changes
BACK = 30


@pytest.fixture(autouse=True)
async def rolling(given: Given, when: When) -> None:
    given.rolling(check_every=seconds(5))
    when.shop.ready_after = seconds(30)


async def rolls(when: When) -> None:
    await when.started()
    await when.pressed(await when.asked("rolling/rollout"))
    await when.begun("rolling/rollout")


async def stands_still(scenario: Scenario, when: When) -> None:
    await when.until(lambda: scenario.state().state is RunState.HELD, minutes(10))


async def test_a_good_version_replaces_pod_after_pod(scenario: Scenario, when: When, then: Then) -> None:
    await rolls(when)
    await when.passes(seconds(45))
    assert scenario.state().weight == 33
    await when.is_over()

    then.ended(Ending.FINISHED, Reason.FINISHED)
    assert then.effects() == FORWARD


async def test_one_approval_is_asked_for_and_it_covers_what_is_healthy(
    scenario: Scenario, when: When
) -> None:
    await rolls(when)
    await when.is_over()

    given = [entry for entry in scenario.entries() if isinstance(entry.event, Approved)]
    assert [(entry.step, entry.event.basis.value) for entry in given] == [
        ("rolling/rollout", "person"),
        ("rolling/keep", "covered"),
    ]


async def test_nothing_is_touched_before_the_approval(when: When, then: Then) -> None:
    await when.started()
    await when.asked("rolling/rollout")
    await when.until(lambda: then.run.is_terminal)

    then.ended(Ending.ABORTED, Reason.APPROVAL_EXPIRED)
    assert then.effects() == []


async def test_errors_pause_the_rollout_and_ask(scenario: Scenario, when: When, then: Then) -> None:
    when.shop.faults.error_rate[NEW] = 0.05

    await rolls(when)
    await stands_still(scenario, when)

    run = scenario.state()
    assert then.effects() == ["roll", "pause"]
    assert run.held_by is None
    assert "v2.5.0 has 5 % errors, more than the 1 % that are allowed" in run.held_why
    assert "1 of 3 pods of checkout run v2.5.0, and the rollout is paused" in run.held_why
    renewed = when.shop.renewed(when.shop.stable)
    await when.passes(minutes(3))
    assert when.shop.renewed(when.shop.stable) == renewed
    await when.rolls_back()
    await when.is_over()
    then.rolled_back(Reason.ROLLED_BACK_BY_PERSON)
    assert then.effects() == ["roll", "pause", "restore", "keep"]


async def test_who_resumes_accepts_the_errors_once(scenario: Scenario, when: When, then: Then) -> None:
    when.shop.faults.error_rate[NEW] = 0.05
    await rolls(when)
    await stands_still(scenario, when)

    await when.resumes()
    await when.until(lambda: then.effects()[-1] == "go on")
    await stands_still(scenario, when)

    assert then.effects() == ["roll", "pause", "go on", "pause"]


async def test_nobody_answers_and_it_goes_back(scenario: Scenario, when: When, then: Then) -> None:
    when.shop.faults.error_rate[NEW] = 0.05
    await rolls(when)
    await stands_still(scenario, when)
    when.shop.faults.error_rate[NEW] = 0.0  # else a trigger is faster

    await when.is_over(minutes(70))

    then.ended(Ending.ABORTED, Reason.APPROVAL_EXPIRED)
    assert then.effects() == ["roll", "pause", "restore", "keep"]


async def test_a_trigger_undoes_what_people_leave_standing(
    scenario: Scenario, when: When, then: Then
) -> None:
    when.shop.faults.error_rate[NEW] = 0.05
    await rolls(when)
    await stands_still(scenario, when)

    await when.is_over(minutes(20))

    then.rolled_back(Reason.ERROR_RATE)


async def test_errors_that_come_late_are_found_in_comparison(when: When, then: Then) -> None:
    await rolls(when)
    await when.begun("rolling/watch")
    when.shop.faults.error_rate[NEW] = 0.05
    await when.is_over()

    then.rolled_back(Reason.WORSE_THAN_STABLE)
    assert then.effects() == ["roll", "restore", "keep"]


async def test_a_person_holds_it_between_two_pods(scenario: Scenario, when: When, then: Then) -> None:
    await rolls(when)
    await when.passes(seconds(45))
    await when.holds()
    await when.until(lambda: then.effects() == ["roll", "pause"])
    await when.passes(minutes(30))

    assert when.shop.renewed(when.shop.stable) == 1
    await when.resumes()
    await when.is_over()
    then.ended(Ending.FINISHED, Reason.FINISHED)
    assert then.effects() == ["roll", "pause", "go on", "keep"]


async def test_a_hold_before_the_first_pod_holds_it(when: When, then: Then) -> None:
    await when.started()
    question = await when.asked("rolling/rollout")
    await when.pressed(question)
    await when.says(InterruptKind.HOLD, BO)
    await when.until(lambda: then.run.state is RunState.HELD)
    await when.passes(minutes(5))

    assert then.effects() in ([], ["roll", "pause"])


async def test_without_figures_no_further_pod_is_replaced(scenario: Scenario, when: When, then: Then) -> None:
    when.shop.ready_after = minutes(2)
    await rolls(when)
    await when.passes(seconds(20))
    when.shop.faults.metrics_down = True
    await stands_still(scenario, when)

    assert "There are no figures of v2.4.1 since" in scenario.state().held_why
    when.shop.faults.metrics_down = False
    await when.resumes()
    await when.is_over()
    then.ended(Ending.FINISHED, Reason.FINISHED)


async def test_a_version_that_nobody_can_judge_is_kept_by_people_only(
    scenario: Scenario, when: When, then: Then
) -> None:
    await rolls(when)
    await when.begun("rolling/watch")
    when.shop.faults.metrics_down = True

    question = await when.asked("rolling/keep")
    when.shop.faults.metrics_down = False
    await when.pressed(question)
    await when.is_over()

    then.ended(Ending.FINISHED, Reason.FINISHED)


async def test_pods_that_never_get_ready_leave_the_old_ones_alone(when: When, then: Then) -> None:
    when.shop.faults.never_ready.add(NEW)

    await rolls(when)
    await when.passes(minutes(1))
    await when.aborts()
    await when.is_over()

    then.ended(Ending.ABORTED, Reason.ABORTED)
    assert when.shop.stable.version == "v2.4.1"


async def test_somebody_else_who_deploys_meanwhile_holds_it(
    scenario: Scenario, when: When, then: Then
) -> None:
    await rolls(when)
    await when.passes(seconds(10))
    when.shop.stable.image, when.shop.stable.generation = "registry.example/checkout:v9", 9
    await stands_still(scenario, when)

    assert "Somebody else changed checkout: it runs registry.example/checkout:v9" in scenario.state().held_why
    when.shop.stable.image = "registry.example/checkout:v2.5.0"
    await when.rolls_back()
    await when.is_over()


async def test_what_cannot_be_rolled_out_is_found_before_anything_is_touched(when: When, then: Then) -> None:
    when.shop.faults.undeployable = "checkout cannot be rolled out: its rollout is paused"

    await when.started()
    await when.is_over()

    then.ended(Ending.STOPPED, Reason.STEP_FAILED)
    await then.is_quarantined(expected=False)


async def test_who_comes_second_leaves_the_others_rollout_alone(
    scenario: Scenario, when: When, then: Then
) -> None:
    await when.started()
    question = await when.asked("rolling/rollout")
    brings = RollOut(image="registry.example/checkout:v2.5.0", version=NEW)
    other = when.shop.ports().platform
    await other.roll_out(brings, run="checkout-7 of another", on=await other.stable())
    await when.pressed(question)
    await when.until(lambda: then.run.is_terminal)

    then.rolled_back(Reason.ANOTHER_RUNS)
    await then.is_quarantined(expected=False)
    assert then.effects() == ["roll"], "the other's"
    assert when.shop.stable.version == NEW
    scenario.run = ""  # what is at rest now is another's


async def test_how_pods_were_replaced_is_recorded_before_it_is_changed(
    scenario: Scenario, when: When
) -> None:
    await rolls(when)
    await when.is_over()

    before: Recorded = scenario.state().record("rolling/rollout").before
    assert before.settings == "the team's"
    assert before.workload is not None
    assert before.workload.version == "v2.4.1"


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("seq", range(2, WHOLE))
async def test_a_rollout_survives_a_crash_at_every_entry(
    scenario: Scenario, when: When, then: Then, seq: int, moment: str
) -> None:
    await when.dies_at(seq, moment)
    await when.started()
    await when.goes_on()

    then.ended(Ending.FINISHED, Reason.FINISHED)
    assert then.effects() == FORWARD


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("seq", range(2, BACK))
async def test_a_rollout_that_stands_still_survives_a_crash_at_every_entry(
    scenario: Scenario, when: When, then: Then, seq: int, moment: str
) -> None:
    when.shop.faults.error_rate[NEW] = 0.05

    await when.dies_at(seq, moment)
    await when.started()
    await when.goes_on()

    run = scenario.state()
    assert run.state is RunState.ROLLED_BACK
    assert then.effects() in (["roll", "pause", "restore", "keep"], ["roll", "restore", "keep"])


async def test_the_entries_tried_are_all_there_are(scenario: Scenario, when: When, then: Then) -> None:
    await rolls(when)
    await when.is_over()

    assert len(then.kinds()) < WHOLE

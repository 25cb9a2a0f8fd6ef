"""A rolling update: pod by pod within the deployment that serves, stopped by errors, blindness and people."""

from dataclasses import replace

import pytest

from bot.domain.actions import RollOut
from bot.domain.errors import Rejected, Unreachable
from bot.domain.events import Approved, Ending
from bot.domain.interrupts import InterruptKind
from bot.domain.outcome import Recorded
from bot.domain.reasons import Reason
from bot.domain.run import RunState
from bot.views.card import serves
from tests.support.builders import BO
from tests.support.scenario import Given, Scenario, Then, When, minutes, seconds
from tests.support.world import ShopPlatform

NEW, OLD = "v2.5.0", "v2.4.1"
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


def somebody_deploys(when: When, version: str) -> None:
    """By hand, all pods at once."""
    shop = when.shop
    shop.stable = replace(
        shop.stable,
        image=f"registry.example/checkout:{version}",
        version=version,
        was=None,
        since=shop.clock.now() - minutes(60),
        generation=shop.stable.generation + 1,
    )


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
    seen = run.record("rolling/rollout").evidence.workload
    assert seen is not None
    assert seen.is_paused, "what it was held on is journaled with it"
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
    somebody_deploys(when, "v9")
    await stands_still(scenario, when)

    assert "Somebody else changed checkout: it runs registry.example/checkout:v9" in scenario.state().held_why
    somebody_deploys(when, NEW)
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


async def test_a_rollout_that_somebody_undoes_by_hand_is_not_done_again(
    scenario: Scenario, when: When, then: Then
) -> None:
    await rolls(when)
    await when.passes(seconds(45))
    somebody_deploys(when, OLD)
    await stands_still(scenario, when)

    assert f"Somebody else changed checkout: it runs registry.example/checkout:{OLD}" in then.run.held_why
    await when.passes(minutes(10))
    assert then.effects() == ["roll"]
    await when.resumes()
    await when.passes(seconds(10))
    assert then.effects() == ["roll", "roll"], "it was resumed in full view of that"
    somebody_deploys(when, OLD)
    await stands_still(scenario, when)
    await when.aborts()
    await when.is_over()


async def test_who_accepts_errors_has_not_accepted_somebody_elses_version(
    scenario: Scenario, when: When, then: Then
) -> None:
    when.shop.faults.error_rate[NEW] = 0.05
    await rolls(when)
    await stands_still(scenario, when)
    await when.resumes()
    await when.until(lambda: then.effects()[-1] == "go on")
    somebody_deploys(when, "v9")
    await stands_still(scenario, when)

    assert "it runs registry.example/checkout:v9" in then.run.held_why
    assert then.effects() == ["roll", "pause", "go on"]
    somebody_deploys(when, NEW)
    await when.rolls_back()
    await when.is_over()


async def test_who_resumes_without_figures_goes_on_without_them(
    scenario: Scenario, when: When, then: Then
) -> None:
    when.shop.ready_after = minutes(2)
    await rolls(when)
    await when.passes(seconds(20))
    when.shop.faults.metrics_down = True
    await stands_still(scenario, when)
    assert "resume goes on without them" in then.run.held_why

    await when.resumes()
    await when.asked("rolling/keep")

    assert then.effects() == ["roll", "pause", "go on"]
    assert when.shop.renewed(when.shop.stable) == 3
    await when.aborts()
    await when.is_over()


async def test_a_version_that_came_while_people_were_asked_is_left_and_the_run_ends(
    scenario: Scenario, when: When, then: Then
) -> None:
    await when.started()
    question = await when.asked("rolling/rollout")
    somebody_deploys(when, "v9")
    await when.pressed(question)
    await stands_still(scenario, when)
    await when.rolls_back()
    await when.until(lambda: then.run.is_terminal, minutes(10))

    assert when.shop.stable.version == "v9"
    assert then.run.record("back/health").evidence.is_healthy
    assert serves(then.run) == "v9 serves everything"
    scenario.run = ""  # what runs now is neither the run's nor what it began with


async def test_a_clock_that_is_set_back_does_not_blind_it(scenario: Scenario, when: When) -> None:
    when.shop.ready_after = minutes(2)
    await rolls(when)
    await when.passes(minutes(1))
    await when.dies()
    scenario.clock._origin -= minutes(60)
    when.shop._counted_at -= minutes(60)
    when.shop.stable.since -= minutes(60)
    when.shop.faults.error_rate[NEW] = 0.05

    await when.restarts()
    await stands_still(scenario, when)

    assert "v2.5.0 has 5 % errors" in scenario.state().held_why
    await when.rolls_back()
    await when.is_over()


async def test_what_was_seen_is_not_forgotten_where_a_change_is_rejected(
    scenario: Scenario, when: When, then: Then, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def rejects(*_: object, **__: object) -> None:
        raise Rejected("Kubernetes", "denied by an admission webhook")

    monkeypatch.setattr(ShopPlatform, "pause", rejects)
    await rolls(when)
    await when.passes(seconds(65))
    when.shop.landing_takes = minutes(1)
    await when.holds()
    await when.until(lambda: then.run.turn is not None)

    assert then.run.weight == 66, "two of three pods are new, and the way back has only begun"
    when.shop.landing_takes = seconds(0)
    await when.is_over()
    then.rolled_back(Reason.STEP_FAILED)


async def test_nothing_is_said_of_the_new_version_before_it_is_there(
    scenario: Scenario, when: When, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object, **__: object) -> None:
        raise Unreachable("Kubernetes", "HTTP 500")

    await when.started()
    question = await when.asked("rolling/rollout")
    when.shop.faults.pulled["checkout"] = ("sha256:a", "sha256:b")
    with monkeypatch.context() as patched:
        patched.setattr(ShopPlatform, "roll_out", fails)
        await when.pressed(question)
        await when.begun("rolling/rollout")
        await when.holds()
        await when.passes(minutes(1))
    run = scenario.state()

    assert (run.state, run.weight, run.digest) == (RunState.HELD, 0, None)
    when.shop.faults.pulled.clear()
    await when.aborts()
    await when.is_over()


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

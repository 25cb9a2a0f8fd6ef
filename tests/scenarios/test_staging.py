"""The rehearsal on staging: before production, at nobody's cost, and taken back when the run is."""

import pytest

from bot.domain.events import Ending
from bot.domain.interrupts import InterruptKind
from bot.domain.outcome import Workload
from bot.domain.reasons import Reason
from bot.domain.run import RunState, StepStatus
from bot.domain.verdict import VerdictKind
from tests.scenarios.test_changed_meanwhile import dies_as_it_begins
from tests.support.scenario import Given, Scenario, Then, When, minutes, seconds

FORWARD = ("check", "rollout", "health", "smoke", "journeys", "watch", "keep")


def runs_there(scenario: Scenario) -> Workload:
    return scenario.rehearsal.describe(scenario.rehearsal.stable)


async def test_a_good_release_is_rehearsed_before_production_is_touched(
    given: Given, when: When, then: Then, scenario: Scenario
) -> None:
    given.stages(5, 100).staging(watch=minutes(15))
    await when.started()
    await when.asked_for(5)

    assert [effect.what for effect in scenario.rehearsal.effects] == ["roll", "keep"]
    assert [e.what for e in scenario.shop.effects if e.what != "header"] == ["deploy"]
    assert all(then.run.record(f"staging/{name}").status is StepStatus.DONE for name in FORWARD)
    watched = then.run.record("staging/watch")
    assert watched.evidence.sentence == (
        "watched for 15 min: every health path well; 0 of 901 requests failed; memory +0 % an hour"
    )
    assert then.run.verdict is None, "a good rehearsal says nothing of production"
    await when.approves_all()
    then.ended(Ending.FINISHED, Reason.FINISHED)
    assert runs_there(scenario).version == "v2.5.0"


async def test_gates_come_first(given: Given, when: When, then: Then, scenario: Scenario) -> None:
    given.staging()
    when.shop.faults.failing_gates.add("tests")
    await when.started()
    await when.is_over()

    then.ended(Ending.STOPPED, Reason.GATE_FAILED)
    assert scenario.rehearsal.effects == []


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("never_ready", Reason.NOT_READY),
        ("unhealthy", Reason.HEALTH),
        ("smoke", Reason.SMOKE_FAILED),
        ("journey", Reason.JOURNEY_FAILED),
        ("errors", Reason.UNWELL_ON_STAGING),
    ],
)
async def test_what_is_bad_on_staging_never_comes_near_production(
    fault: str, reason: Reason, given: Given, when: When, then: Then, scenario: Scenario
) -> None:
    given.staging(watch=minutes(15))
    faults = scenario.rehearsal.faults
    match fault:
        case "smoke":
            faults.failing_gates.add("smoke")
        case "journey":
            faults.broken_journeys.add("buy")
        case "errors":
            faults.error_rate["v2.5.0"] = 0.05
        case _:
            getattr(faults, fault).add("v2.5.0")
    await when.started()
    await when.is_over()

    then.ended(Ending.STOPPED, reason)
    assert then.run.ended is not None
    assert "staging" in then.run.ended.sentence
    assert scenario.shop.effects == []
    assert runs_there(scenario).version == "v2.4.1", "and staging is as it was"
    await then.is_quarantined(expected=False)


async def test_what_falls_ill_while_it_is_watched_is_noticed(
    given: Given, when: When, then: Then, scenario: Scenario
) -> None:
    given.staging(watch=minutes(15))
    await when.started()
    await when.begun("staging/watch")
    await when.passes(minutes(3))
    scenario.rehearsal.faults.crashing.add("v2.5.0")
    began = scenario.clock.now()
    await when.until(lambda: then.run.turn is not None)

    assert then.run.turn is not None
    assert then.run.turn.reason is Reason.HEALTH
    assert seconds(30) <= then.run.turn.at - began < seconds(45)
    assert "0 of 3 pods of checkout are ready" in then.run.turn.sentence
    await when.is_over()


async def test_a_moment_of_trouble_is_none(given: Given, when: When, then: Then, scenario: Scenario) -> None:
    given.stages(100).staging(watch=minutes(10))
    await when.started()
    await when.begun("staging/watch")
    await when.passes(minutes(3))
    scenario.rehearsal.faults.unhealthy.add("v2.5.0")
    await when.passes(seconds(20))
    scenario.rehearsal.faults.unhealthy.clear()

    await when.done("staging/watch")
    watched = then.run.record("staging/watch").evidence
    assert watched.verdict is not None, "people see it before any traffic moves"
    assert "it was unwell in " in watched.sentence


@pytest.mark.parametrize(
    ("silence", "kind"),
    [
        ("metrics_down", VerdictKind.NO_DATA),
        ("nobody", VerdictKind.INCONCLUSIVE),
        ("leak", VerdictKind.INCONCLUSIVE),
    ],
)
async def test_what_was_not_to_be_learnt_asks_people_even_where_nobody_is_asked_else(
    silence: str, kind: VerdictKind, given: Given, when: When, then: Then, scenario: Scenario
) -> None:
    given.stages(5, 100).staging(watch=minutes(15)).approvals(required="none")
    if silence == "nobody":
        scenario.rehearsal.rps = 0.0
    elif silence == "leak":
        scenario.rehearsal.faults.leak["v2.5.0"] = 0.5
    else:
        scenario.rehearsal.faults.metrics_down = True
    await when.started()
    await when.asked_for(5)

    assert then.run.verdict is not None
    assert then.run.verdict.kind is kind
    assert then.run.verdict.sentence.startswith("On staging v2.5.0 was watched for 15 min")
    await when.approves_all()
    then.ended(Ending.FINISHED, Reason.FINISHED)


async def test_production_comes_home_before_staging_does(
    given: Given, when: When, then: Then, scenario: Scenario
) -> None:
    given.staging()
    await when.started()
    await when.bakes_at(5)
    await when.rolls_back()
    await when.is_over()

    then.rolled_back(Reason.ROLLED_BACK_BY_PERSON).traffic(canary=0)
    home = next(e.at for e in scenario.shop.effects if e.what == "home")
    restored = next(e.at for e in scenario.rehearsal.effects if e.what == "restore")
    gone = next(e.at for e in scenario.shop.effects if e.what == "remove")
    assert home < gone < restored
    assert runs_there(scenario).version == "v2.4.1"


@pytest.mark.parametrize("trouble", ["down", "never ready"])
async def test_production_does_not_wait_for_staging_for_ever(
    trouble: str, given: Given, when: When, then: Then, scenario: Scenario
) -> None:
    given.staging()
    await when.started()
    await when.bakes_at(5)
    if trouble == "down":
        scenario.rehearsal.faults.api_down = True
    else:
        scenario.rehearsal.faults.never_ready.add("v2.4.1")
    await when.rolls_back()
    await when.is_over(minutes(30))

    then.rolled_back(Reason.ROLLED_BACK_BY_PERSON).traffic(canary=0)
    left = then.run.record("back/staging/restore")
    assert left.evidence.sentence.startswith("Staging is left as it is: ")
    scenario.staging_may_be_left = True


async def test_what_somebody_has_deployed_to_staging_since_is_left_alone(
    given: Given, when: When, then: Then, scenario: Scenario
) -> None:
    given.staging()
    await when.started()
    await when.bakes_at(5)
    scenario.rehearsal.stable.image, scenario.rehearsal.stable.version = "shop:v2.6.0", "v2.6.0"
    await when.rolls_back()
    await when.is_over(minutes(5))

    assert runs_there(scenario).version == "v2.6.0"
    said = then.run.record("back/staging/restore").evidence.sentence
    assert said == (
        "Staging is left as it is: checkout runs shop:v2.6.0 by now, which this run has not brought"
    )
    scenario.staging_may_be_left = True


async def test_another_release_on_staging_while_it_is_watched_is_asked_about(
    given: Given, when: When, then: Then, scenario: Scenario
) -> None:
    given.staging(watch=minutes(15))
    await when.started()
    await when.begun("staging/watch")
    scenario.rehearsal.stable.image, scenario.rehearsal.stable.version = "shop:v2.6.0", "v2.6.0"
    await when.until(lambda: then.run.state is RunState.HELD)

    assert "checkout runs shop:v2.6.0 instead of" in then.run.held_why
    await when.resumes()
    await when.asked_for(5)
    assert then.run.verdict is not None
    assert "not watched to its end: checkout runs shop:v2.6.0" in then.run.verdict.sentence
    await when.aborts()
    await when.is_over()
    assert runs_there(scenario).version == "v2.6.0"
    scenario.staging_may_be_left = True


async def test_held_time_is_not_watched_time(
    given: Given, when: When, then: Then, scenario: Scenario
) -> None:
    given.staging(watch=minutes(2))
    await when.started()
    await when.begun("staging/watch")
    await when.passes(minutes(1))
    await when.holds()
    await when.passes(minutes(30))
    await when.resumes()
    await when.done("staging/watch")

    record = then.run.record("staging/watch")
    assert record.began is not None
    assert record.ended is not None
    assert minutes(32) <= record.ended - record.began < minutes(33)


@pytest.mark.parametrize("step", [f"staging/{name}" for name in FORWARD[:-1]])
async def test_a_person_ends_the_rehearsal_anywhere(
    step: str, given: Given, when: When, then: Then, scenario: Scenario
) -> None:
    given.staging()
    await when.started()
    await when.begun(step)
    await when.says(InterruptKind.ABORT, sentence="Aborted by Bo.")
    await when.is_over(minutes(30))

    assert then.run.ended is not None
    assert then.run.ended.ending is Ending.ABORTED
    assert scenario.shop.effects == []
    assert runs_there(scenario).version == "v2.4.1"


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("seq", range(8, 30))
async def test_a_rehearsal_survives_a_crash_at_any_entry(
    seq: int, moment: str, given: Given, when: When, then: Then, scenario: Scenario
) -> None:
    given.stages(100).staging()
    await when.dies_at(seq, moment)
    await when.started()
    await when.goes_on()

    then.ended(Ending.FINISHED, Reason.FINISHED)
    rolls = [effect for effect in scenario.rehearsal.effects if effect.what == "roll"]
    assert len(rolls) == 1


@pytest.mark.parametrize("step", ["back/staging/restore", "back/staging/settings"])
async def test_its_way_back_survives_a_crash(
    step: str, given: Given, when: When, then: Then, scenario: Scenario
) -> None:
    given.staging()
    scenario.rehearsal.faults.failing_gates.add("smoke")
    dies_as_it_begins(scenario, step)
    await when.started()
    await when.until(lambda: not scenario.process.is_alive)
    await when.restarts()
    await when.is_over()

    then.ended(Ending.STOPPED, Reason.SMOKE_FAILED)


async def test_what_others_deploy_to_staging_while_gates_are_answered_is_no_surprise(
    given: Given, when: When, then: Then, scenario: Scenario
) -> None:
    given.stages(100).staging()
    there = scenario.rehearsal.stable
    await when.started()
    there.image, there.version = "registry.example/checkout:v2.4.7", "v2.4.7"
    await when.done("staging/rollout")
    await when.aborts()
    await when.is_over()

    assert then.run.holds == ()
    assert runs_there(scenario).version == "v2.4.7", "and it is what they get back"
    scenario.staging_may_be_left = True


async def test_what_is_unwell_again_and_again_is_unwell(
    given: Given, when: When, then: Then, scenario: Scenario
) -> None:
    given.staging(watch=minutes(5))
    await when.started()
    await when.begun("staging/watch")
    while not then.run.is_terminal and then.run.turn is None:
        scenario.rehearsal.faults.unhealthy.add("v2.5.0")
        await when.passes(seconds(10))
        scenario.rehearsal.faults.unhealthy.clear()
        await when.passes(seconds(20))
    await when.is_over()

    then.ended(Ending.STOPPED, Reason.HEALTH)
    assert then.run.ended is not None
    assert "v2.5.0 was unwell in " in then.run.ended.sentence


async def test_a_staging_that_does_not_answer_for_a_while_is_watched_on(
    given: Given, when: When, then: Then, scenario: Scenario
) -> None:
    given.stages(100).staging(watch=minutes(15))
    await when.started()
    await when.begun("staging/watch")
    await when.passes(minutes(2))
    scenario.rehearsal.faults.api_down = True
    await when.passes(minutes(10))
    assert "connection refused" in then.run.record("staging/watch").awaiting
    scenario.rehearsal.faults.api_down = False
    await when.asked_for(100)

    assert then.run.verdict is not None
    assert "the platform did not answer in " in then.run.verdict.sentence


async def test_a_bot_that_was_away_takes_staging_home_all_the_same(
    given: Given, when: When, then: Then, scenario: Scenario
) -> None:
    given.staging()
    scenario.rehearsal.faults.failing_gates.add("smoke")
    dies_as_it_begins(scenario, "back/staging/restore")
    await when.started()
    await when.until(lambda: not scenario.process.is_alive)
    await when.passes(minutes(40))
    await when.restarts()
    await when.is_over()

    assert runs_there(scenario).version == "v2.4.1"


async def test_a_staging_that_is_not_configured_any_more_keeps_no_release_from_going_back(
    given: Given, when: When, then: Then, scenario: Scenario
) -> None:
    given.staging()
    await when.started()
    await when.bakes_at(5)
    await when.dies()
    scenario.staging_is_gone = True
    await when.restarts()
    await when.rolls_back()
    await when.is_over(minutes(60))

    then.rolled_back(Reason.ROLLED_BACK_BY_PERSON).traffic(canary=0)
    said = then.run.record("back/staging/restore").evidence.sentence
    assert said == "Staging is left as it is: staging is not configured any more"
    scenario.staging_may_be_left = True


async def test_what_somebody_tries_there_while_the_run_is_held_ends_no_watch(
    given: Given, when: When, then: Then, scenario: Scenario
) -> None:
    given.staging(watch=minutes(15))
    there = scenario.rehearsal.stable
    await when.started()
    await when.begun("staging/watch")
    await when.passes(minutes(5))
    there = scenario.rehearsal.stable
    ours = (there.image, there.version)
    await when.holds()
    there.image, there.version = "shop:v2.6.0", "v2.6.0"
    await when.passes(minutes(1))
    there.image, there.version = ours
    await when.resumes()
    await when.passes(minutes(5))

    assert then.run.record("staging/watch").status is StepStatus.INTENDED
    await when.done("staging/watch")
    assert then.run.record("staging/watch").evidence.sentence.startswith("watched for 15 min")


async def test_what_somebody_deploys_under_the_watch_is_not_taken_back(
    given: Given, when: When, then: Then, scenario: Scenario
) -> None:
    """The run's own note still stands on it."""
    given.staging(watch=minutes(15))
    await when.started()
    await when.begun("staging/watch")
    scenario.rehearsal.stable.image, scenario.rehearsal.stable.version = "shop:v2.6.0", "v2.6.0"
    await when.until(lambda: then.run.state is RunState.HELD)
    assert scenario.rehearsal.stable.owner == then.run.signature
    await when.aborts()
    await when.is_over(minutes(30))

    assert runs_there(scenario).version == "v2.6.0"
    assert scenario.rehearsal.stable.owner is None
    scenario.staging_may_be_left = True


async def test_a_platform_that_stays_silent_holds_nobody_up_and_is_said(
    given: Given, when: When, then: Then, scenario: Scenario
) -> None:
    given.stages(100).staging(watch=minutes(5))
    await when.started()
    await when.begun("staging/watch")
    await when.passes(minutes(1))
    scenario.rehearsal.faults.api_down = True
    await when.done("staging/watch")
    scenario.rehearsal.faults.api_down = False
    await when.asked_for(100)

    assert then.run.verdict is not None
    assert "the platform did not answer in " in then.run.verdict.sentence

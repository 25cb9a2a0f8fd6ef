"""Who is asked when, and what silence does."""

from datetime import timedelta

import pytest

from bot.domain.events import Approved, Basis, Ending
from bot.domain.reasons import Reason
from bot.domain.run import RunState
from bot.ports import Decision
from tests.support.builders import BO, CY
from tests.support.scenario import Given, Scenario, Then, When, minutes, seconds

NEW = "v2.5.0"


def bases(scenario: Scenario) -> dict[str, Basis]:
    """On what each approval of the journal rests."""
    events = [(entry.step, entry.event) for entry in scenario.entries()]
    return {step: event.basis for step, event in events if step and isinstance(event, Approved)}


async def test_silence_reminds_escalates_and_then_aborts(scenario: Scenario, when: When, then: Then) -> None:
    await when.started()
    await when.bakes_at(5)
    await when.asked_for(10)
    asked_at = then.run.question.asked_at
    await when.is_over()

    then.ended(Ending.ABORTED, Reason.APPROVAL_EXPIRED).weights_were(5, 0)
    after = {entry.kind: entry.at - asked_at for entry in scenario.entries() if entry.at > asked_at}
    assert after["reminded"] == minutes(15)
    assert after["escalated"] == minutes(30)
    assert after["turned-back"] == minutes(60)
    await then.is_quarantined(expected=False)


async def test_two_people_are_needed_where_two_are_asked_for(given: Given, when: When, then: Then) -> None:
    given.approvals(people=2)
    await when.started()
    question = await when.asked_for(5)

    assert await when.pressed(question, BO) is Decision.COUNTED
    assert await when.pressed(question, BO) is Decision.REPEATED
    await when.passes(minutes(1))
    then.traffic(canary=0)
    assert await when.pressed(question, CY) is Decision.DECIDED
    await when.begun("canary/5/bake")

    then.traffic(canary=5)


async def test_one_of_two_cannot_approve_the_rest_alone(given: Given, when: When, then: Then) -> None:
    given.approvals(people=2)
    await when.started()
    question = await when.asked_for(5)
    await when.pressed(question, BO, rest=True)
    await when.pressed(question, CY)
    await when.asked_for(10)

    then.traffic(canary=5)


async def test_two_of_two_can_approve_the_rest(given: Given, when: When, then: Then) -> None:
    given.approvals(people=2)
    await when.started()
    question = await when.asked_for(5)
    await when.pressed(question, BO, rest=True)
    await when.pressed(question, CY, rest=True)
    await when.is_over()

    then.ended(Ending.FINISHED, Reason.FINISHED)


async def test_the_rest_is_approved_as_long_as_all_is_healthy(
    scenario: Scenario, when: When, then: Then
) -> None:
    await when.started()
    await when.approved(5, rest=True)
    await when.is_over()

    then.ended(Ending.FINISHED, Reason.FINISHED)
    assert bases(scenario) == {
        "canary/5/weight": Basis.PERSON,
        "canary/10/weight": Basis.GRANT,
        "canary/25/weight": Basis.GRANT,
        "canary/50/weight": Basis.GRANT,
        "canary/100/weight": Basis.GRANT,
        "promote/stable": Basis.COVERED,
        "promote/traffic": Basis.COVERED,
    }


async def test_too_little_traffic_asks_even_if_the_rest_was_approved(when: When, then: Then) -> None:
    await when.started()
    await when.approved(5, rest=True)
    await when.begun("canary/25/bake")
    when.shop.rps = 0.5
    await when.asked_for(50)
    assert then.run.verdict.kind.value == "inconclusive"
    when.shop.rps = 100.0
    await when.approved(50)
    await when.is_over()

    then.ended(Ending.FINISHED, Reason.FINISHED)


async def test_an_inconclusive_last_stage_asks_before_stable_is_promoted(
    scenario: Scenario, when: When, then: Then
) -> None:
    await when.started()
    await when.approved(5, rest=True)
    await when.begun("canary/100/bake")
    when.shop.rps = 0.5
    await when.asked("promote/stable")
    assert "promote" not in then.effects()
    await when.approves_all()

    then.ended(Ending.FINISHED, Reason.FINISHED)
    assert bases(scenario)["promote/traffic"] is Basis.COVERED


async def test_a_metrics_outage_never_moves_traffic_forward_by_itself(when: When, then: Then) -> None:
    await when.started()
    await when.approved(5, rest=True)
    await when.begun("canary/10/bake")
    when.shop.faults.metrics_down = True
    await when.asked_for(25)
    assert then.run.verdict.kind.value == "no data"
    await when.is_over()

    then.ended(Ending.ABORTED, Reason.APPROVAL_EXPIRED).weights_were(5, 10, 0)


async def test_a_person_may_go_on_without_metrics(when: When, then: Then) -> None:
    await when.started()
    await when.bakes_at(10)
    when.shop.faults.metrics_down = True
    await when.approved(25)
    await when.begun("canary/25/bake")

    then.traffic(canary=25)


async def test_no_approval_is_needed_where_none_is_required(given: Given, when: When, then: Then) -> None:
    given.approvals(required="none")
    await when.started()
    await when.is_over()

    then.ended(Ending.FINISHED, Reason.FINISHED)
    assert "asked" not in then.kinds()


@pytest.mark.parametrize("required", ["none", "once"])
async def test_doubt_asks_whatever_is_required(given: Given, when: When, then: Then, required: str) -> None:
    given.approvals(required=required)
    await when.started()
    if required == "once":
        await when.approved(5)
    await when.begun("canary/10/bake")
    when.shop.faults.metrics_down = True
    await when.asked_for(25)

    then.traffic(canary=10)


async def test_one_approval_is_enough_where_one_is_required(given: Given, when: When, then: Then) -> None:
    given.approvals(required="once")
    await when.started()
    await when.approved(5)
    await when.is_over()

    then.ended(Ending.FINISHED, Reason.FINISHED)
    assert then.kinds().count("asked") == 1


async def test_a_hold_at_a_question_closes_it_and_it_is_asked_anew(when: When, then: Then) -> None:
    await when.started()
    old = await when.asked_for(5)
    await when.holds()
    assert await when.pressed(old) is Decision.CLOSED
    await when.resumes()
    new = await when.asked_for(5)

    assert new != old
    assert then.run.question.attempt == 2
    assert await when.pressed(old) is Decision.CLOSED
    then.traffic(canary=0)


async def test_the_old_questions_timers_say_nothing_of_the_new_one(when: When, then: Then) -> None:
    await when.started()
    await when.asked_for(5)
    await when.passes(minutes(14))
    await when.holds()
    await when.passes(minutes(5))
    await when.resumes()
    await when.asked_for(5)
    await when.passes(minutes(14))
    assert then.run.question.reminded_at is None
    await when.passes(minutes(2))

    assert then.run.question.reminded_at is not None


async def test_held_time_does_not_count_as_bake_time(when: When, then: Then) -> None:
    await when.started()
    await when.bakes_at(5)
    await when.passes(seconds(10))
    await when.holds()
    await when.passes(minutes(20))
    assert then.run.state is RunState.HELD
    looked_at = then.run.record("canary/5/bake").evidence.looked_at
    assert when.shop.clock.now() - looked_at < minutes(1), "the bake keeps watching"
    await when.resumes()
    resumed_at = when.shop.clock.now()
    await when.asked_for(10)

    assert seconds(15) < when.shop.clock.now() - resumed_at < seconds(25)


async def test_a_worse_version_is_taken_off_even_while_held(when: When, then: Then) -> None:
    await when.started()
    await when.bakes_at(5)
    await when.holds()
    when.shop.faults.error_rate[NEW] = 0.2
    await when.is_over()

    then.rolled_back(Reason.WORSE_THAN_STABLE)


async def test_a_forgotten_hold_is_reminded_more_than_once(when: When, then: Then) -> None:
    await when.started()
    await when.asked_for(5)
    await when.holds()
    await when.passes(timedelta(hours=9))

    assert then.kinds().count("reminded") == 5


async def test_an_earlier_holds_reminder_says_nothing_of_a_later_hold(when: When, then: Then) -> None:
    await when.started()
    await when.asked_for(5)
    await when.holds()
    await when.passes(minutes(5))
    await when.resumes()
    await when.passes(minutes(5))
    await when.holds()
    await when.passes(minutes(25))

    assert "reminded" not in then.kinds()

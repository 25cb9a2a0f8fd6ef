"""What was committed before somebody was answered is heard, however late it came."""

import pytest

from bot.domain.events import Ended, Ending, Intended
from bot.domain.interrupts import Interrupt, InterruptKind
from bot.domain.reasons import Reason
from bot.domain.run import RunState
from tests.support.builders import BO
from tests.support.scenario import Scenario, Then, When, seconds


def _speaks_just_before(scenario: Scenario, kind: InterruptKind, event: type, step: str | None) -> None:
    """The press is committed when the entry is on its way to the journal, and not yet in it."""
    append = scenario.journal.append

    async def interrupted_append(claim, after, drafts, timers=()):
        if any(isinstance(draft.event, event) and draft.step == step for draft in drafts):
            scenario.journal.append = append
            press = Interrupt(
                run=claim.run, kind=kind, at=scenario.clock.now(), person=BO, sentence="Rolled back by Bo."
            )
            await scenario.journal.interrupt(press)
            scenario.process.engine.nudge(claim.run)
        return await append(claim, after, drafts, timers)

    scenario.journal.append = interrupted_append


async def test_a_rollback_committed_before_the_end_is_not_swallowed_by_it(
    when: When, then: Then, scenario: Scenario
) -> None:
    _speaks_just_before(scenario, InterruptKind.ROLLBACK, Ended, None)
    await when.started()
    await when.approves_all()

    then.rolled_back(Reason.ROLLED_BACK_BY_PERSON)
    await then.is_quarantined()


@pytest.mark.parametrize("kind", [InterruptKind.HOLD, InterruptKind.ROLLBACK])
async def test_no_shift_begins_after_a_committed_press_that_forbids_it(
    when: When, then: Then, scenario: Scenario, kind: InterruptKind
) -> None:
    _speaks_just_before(scenario, kind, Intended, "canary/5/weight")
    await when.started()
    await when.approved(5)
    wanted = {InterruptKind.HOLD: RunState.HELD, InterruptKind.ROLLBACK: RunState.ROLLED_BACK}[kind]
    await when.until(lambda: then.run.state is wanted)
    await when.passes(seconds(30))

    assert "shift" not in then.effects()
    assert scenario.process.heard == []


async def test_a_hold_while_a_step_still_looks_is_no_bug(when: When, then: Then, scenario: Scenario) -> None:
    await when.started()
    question = await when.asked_for(5)
    when.shop.api_takes = seconds(3)
    await when.pressed(question)
    await when.passes(seconds(1))
    await when.holds()
    await when.passes(seconds(20))
    assert scenario.process.heard == []
    then.traffic(canary=0)

    await when.resumes()
    await when.done("canary/5/weight")
    then.traffic(canary=5)


async def test_a_header_route_that_is_late_does_not_fit_what_the_way_back_has_marked(
    when: When, then: Then
) -> None:
    await when.started()
    await when.begun("canary/deploy")
    await when.passes(seconds(5))
    when.shop.landing_takes = seconds(5)
    await when.begun("canary/header")
    await when.passes(seconds(0.5))
    when.shop.landing_takes = seconds(0)
    await when.rolls_back()
    await when.is_over()

    then.rolled_back(Reason.ROLLED_BACK_BY_PERSON)
    assert when.shop.weight == 0
    assert when.shop.header == "stable"
    assert then.effects() == ["deploy", "home", "remove"]
    assert then.said_aloud() == []


async def test_a_second_press_on_resume_does_not_accept_what_happened_since(
    when: When, then: Then, scenario: Scenario
) -> None:
    """Bo pressed Resume twice; between the two presses the bot itself has found a reason to hold."""
    await when.started()
    await when.bakes_at(5)
    await when.holds()
    held = then.run
    await when.resumes()
    when.shop.somebody_sets(50)
    await when.until(lambda: then.run.state is RunState.HELD and then.run.held_by is None)
    late = Interrupt(
        run=held.id, kind=InterruptKind.RESUME, at=scenario.clock.now(), person=BO, purpose=str(held.held_seq)
    )
    await scenario.journal.interrupt(late)
    scenario.process.engine.nudge(held.id)
    await when.passes(seconds(20))

    assert then.run.state is RunState.HELD


async def test_a_hotfix_that_stable_got_meanwhile_is_not_promoted_over(
    when: When, then: Then, scenario: Scenario
) -> None:
    await when.started()
    await when.bakes_at(100)
    when.shop.stable.image, when.shop.stable.version = "registry.example/checkout:v2.4.2", "v2.4.2"
    await when.until(lambda: then.run.state in {RunState.HELD, RunState.WAITING})
    if then.run.question is not None:
        await when.pressed(then.run.question.id)
    await when.until(lambda: then.run.state is RunState.HELD)

    assert then.run.held_by is None
    assert "v2.4.2" in then.run.held_why
    assert "promote" not in then.effects()
    when.shop.stable.image, when.shop.stable.version = scenario.request.running_image, "v2.4.1"
    await when.resumes()
    await when.approves_all()
    then.ended(Ending.FINISHED, Reason.FINISHED)

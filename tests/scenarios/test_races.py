"""What was committed before somebody was answered is heard, however late it came."""

import pytest

from bot.domain.events import Ended, Intended
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

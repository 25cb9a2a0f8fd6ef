"""What a finished run leaves: the colour of before, kept for a while and removed, unless it has a use."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.errors import Rejected, UnknownThing
from bot.domain.events import Due, Ended, Ending, PutOff, StepDone
from bot.domain.interrupts import InterruptKind
from bot.domain.reasons import Reason
from bot.domain.run import RunState, StepStatus
from tests.support.builders import BO, CY
from tests.support.scenario import Given, Process, Scenario, Then, When, minutes, seconds
from tests.support.world import ShopPlatform

NEW, OLD = "v2.5.0", "v2.4.1"
LEFT = "after/decommission"
KEPT = minutes(30)
WHOLE = 44  # more entries than a run with its aftercare writes; the test says so if that changes


@pytest.fixture(autouse=True)
async def colours(given: Given) -> None:
    given.in_colours(keep_old=KEPT)


async def finishes(when: When) -> None:
    await when.started()
    await when.pressed(await when.asked("blue-green/switch"))
    await when.approves_all()


def hours(number: int) -> timedelta:
    return timedelta(hours=number)


def removed(when: When) -> list[str]:
    return [effect.detail for effect in when.shop.effects if effect.what == "decommission"]


async def test_what_served_before_is_removed_in_its_time(scenario: Scenario, when: When, then: Then) -> None:
    await finishes(when)
    assert scenario.state().state is RunState.FINISHED
    assert not scenario.state().is_closed
    await when.passes(KEPT - seconds(10))
    assert removed(when) == []

    await when.is_closed()

    (effect,) = [effect for effect in when.shop.effects if effect.what == "decommission"]
    ended = scenario.state().ended_at
    assert ended is not None
    assert KEPT + seconds(30) <= effect.at - ended < KEPT + seconds(40)
    assert scenario.state().record(LEFT).evidence.sentence == "checkout-blue is removed"
    then.traffic(canary=100)


async def test_the_lock_is_free_while_something_is_left(scenario: Scenario, when: When) -> None:
    await finishes(when)

    assert await scenario.journal.active() == ()


async def test_who_keeps_it_longer_has_it_as_long_again(scenario: Scenario, when: When) -> None:
    await finishes(when)
    ended = scenario.state().ended_at
    assert ended is not None
    await when.passes(minutes(10))
    await when.speaks_of_what_is_left(InterruptKind.PUT_OFF)
    await when.until(lambda: scenario.state().care[LEFT].put_off_by == BO)
    assert scenario.state().care[LEFT].due_at == ended + 2 * KEPT

    await when.passes(KEPT)
    assert removed(when) == []
    await when.is_closed()

    assert removed(when) == [OLD]
    assert when.shop.effects[-1].at - ended >= 2 * KEPT


async def test_two_people_who_press_at_once_keep_it_once_longer(scenario: Scenario, when: When) -> None:
    await finishes(when)
    await when.speaks_of_what_is_left(InterruptKind.PUT_OFF)
    await when.speaks_of_what_is_left(InterruptKind.PUT_OFF, CY)
    await when.until(lambda: scenario.state().care[LEFT].put_off_by is not None)
    await when.passes(seconds(5))

    assert len([entry for entry in scenario.entries() if isinstance(entry.event, PutOff)]) == 1


async def test_who_wants_it_gone_does_not_wait(scenario: Scenario, when: When) -> None:
    await finishes(when)
    pressed = scenario.clock.now()
    await when.speaks_of_what_is_left(InterruptKind.DO_NOW)
    await when.is_closed()

    assert removed(when) == [OLD]
    assert seconds(30) <= when.shop.effects[-1].at - pressed < seconds(40)
    assert scenario.state().care[LEFT].called_by == BO


async def test_a_press_while_the_bot_is_away_is_heard_when_it_is_back(scenario: Scenario, when: When) -> None:
    await finishes(when)
    await when.dies()
    await when.speaks_of_what_is_left(InterruptKind.DO_NOW)
    await when.passes(minutes(5))
    assert removed(when) == []
    await when.restarts()
    await when.is_closed()

    assert removed(when) == [OLD]


async def test_a_time_that_passed_while_the_bot_was_away_is_made_up_for(when: When) -> None:
    await finishes(when)
    await when.dies()
    await when.passes(KEPT + minutes(10))
    await when.restarts()
    await when.is_closed(minutes(1))

    assert removed(when) == [OLD]


async def test_what_serves_again_stays(scenario: Scenario, when: When) -> None:
    await finishes(when)
    when.shop.somebody_sets(0)
    await when.is_closed()

    assert removed(when) == []
    sentence = scenario.state().record(LEFT).evidence.sentence
    assert sentence == "checkout-blue stays: production is served from it again"
    when.shop.somebody_sets(100)  # as the run had left it, for what is asked of every scenario


async def test_what_somebody_else_has_deployed_there_stays(scenario: Scenario, when: When) -> None:
    await finishes(when)
    before = when.shop.stable
    when.shop.stable = replace(before, image="registry.example/checkout:v3.0.0", version="v3.0.0")
    await when.is_closed()
    when.shop.stable = before  # for what is asked of every scenario

    assert removed(when) == []
    assert scenario.state().record(LEFT).evidence.sentence == "checkout-blue stays: it runs v3.0.0 now"


async def test_what_a_newer_run_has_left_is_its_business(scenario: Scenario, when: When) -> None:
    await finishes(when)
    when.shop.stable = replace(when.shop.stable, left_by="checkout-9 of tomorrow")
    await when.is_closed()

    assert removed(when) == []
    assert "left by run checkout-9 of tomorrow" in scenario.state().record(LEFT).evidence.sentence


@pytest.mark.parametrize("side", ["stable", "canary"])
async def test_what_a_run_under_way_may_need_is_not_removed_before_it_is_over(
    scenario: Scenario, when: When, side: str
) -> None:
    """Its way back leads there, whichever of the two it has in its hands."""
    await finishes(when)
    _owns(when, side, "checkout-9 of tomorrow")
    await when.until(lambda: bool(scenario.state().care[LEFT].delays), 2 * KEPT)
    assert removed(when) == []
    delay = scenario.state().care[LEFT].delays[0]
    assert "Run checkout-9 of tomorrow is under way" in delay.why
    assert (delay.until - delay.at, delay.by) == (hours(1), None)
    _owns(when, side, None)
    await when.is_closed(hours(2))

    assert removed(when) == [OLD]


async def test_a_way_back_is_not_taken_from_a_version_that_is_not_well(
    scenario: Scenario, when: When
) -> None:
    await finishes(when)
    when.shop.faults.crashing.add(NEW)
    await when.until(lambda: len(scenario.state().care[LEFT].delays) == 2, hours(3))

    assert removed(when) == []
    first, second = scenario.state().care[LEFT].delays
    assert "0 of 3 pods of checkout-green are ready" in first.why
    assert (first.until - first.at, second.until - second.at) == (hours(1), hours(2))
    when.shop.faults.crashing.clear()
    await when.speaks_of_what_is_left(InterruptKind.DO_NOW)
    await when.is_closed(minutes(1))
    assert removed(when) == [OLD]


async def test_a_version_that_crashes_again_and_again_is_never_well_enough(
    scenario: Scenario, when: When
) -> None:
    """It is ready for ten seconds of each twenty."""
    await finishes(when)
    await when.passes(KEPT - minutes(1))

    async def flaps() -> None:
        while True:
            when.shop.faults.crashing ^= {NEW}
            await when.passes(seconds(10))

    flapping = asyncio.create_task(flaps())
    try:
        await when.passes(hours(10))
    finally:
        flapping.cancel()

    assert removed(when) == []
    assert len(scenario.state().care[LEFT].delays) >= 3
    when.shop.faults.crashing.clear()


async def test_a_timer_of_before_does_not_undo_what_was_put_off(scenario: Scenario, when: When) -> None:
    """Somebody wants it now, it cannot be, and its own time comes meanwhile."""
    await finishes(when)
    _owns(when, "canary", "checkout-9 of tomorrow")
    await when.passes(KEPT - minutes(5))
    await when.speaks_of_what_is_left(InterruptKind.DO_NOW)
    await when.until(lambda: bool(scenario.state().care[LEFT].delays))
    (delay,) = scenario.state().care[LEFT].delays
    assert delay.until - delay.at == hours(1)
    _owns(when, "canary", None)
    await when.passes(minutes(50))
    assert removed(when) == []
    await when.is_closed(hours(1))

    assert removed(when) == [OLD]
    assert len([entry for entry in scenario.entries() if isinstance(entry.event, Due)]) == 2


async def test_who_keeps_it_longer_while_it_is_looked_at_keeps_it(scenario: Scenario, when: When) -> None:
    await finishes(when)
    await when.until(lambda: scenario.state().record(LEFT).status is StepStatus.INTENDED, 2 * KEPT)
    await when.passes(seconds(10))
    await when.speaks_of_what_is_left(InterruptKind.PUT_OFF)
    await when.passes(KEPT - minutes(5))
    assert removed(when) == []
    assert scenario.state().record(LEFT).status is StepStatus.PENDING
    await when.is_closed()

    assert removed(when) == [OLD]


async def test_what_takes_no_note_is_left_for_good_and_the_version_stays(
    scenario: Scenario, when: When, then: Then, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object, **__: object) -> None:
        raise Rejected("Kubernetes", "admission webhook denied the request")

    monkeypatch.setattr(ShopPlatform, "leave_stable", refuse)
    await finishes(when)
    then.ended(Ending.FINISHED, Reason.FINISHED)
    await when.is_closed()

    assert removed(when) == []
    assert "took no note" in scenario.state().record("blue-green/leave").evidence.sentence
    assert "left by nobody" in scenario.state().record(LEFT).evidence.sentence


async def test_what_somebody_has_deleted_is_not_claimed_to_be_removed(scenario: Scenario, when: When) -> None:
    await finishes(when)
    when.shop.is_decommissioned = True
    await when.is_closed()

    assert scenario.state().record(LEFT).evidence.sentence == "checkout-blue is gone already"
    when.shop.is_decommissioned = False  # for what is asked of every scenario


async def test_an_api_that_is_away_is_asked_again(when: When) -> None:
    await finishes(when)
    when.shop.faults.api_down = True
    await when.passes(KEPT + minutes(5))
    when.shop.faults.api_down = False
    await when.is_closed(minutes(2))

    assert removed(when) == [OLD]


async def test_what_is_changed_right_before_it_is_removed_is_looked_at_again(
    scenario: Scenario, when: When
) -> None:
    await finishes(when)
    when.shop.landing_takes = seconds(5)
    await when.speaks_of_what_is_left(InterruptKind.DO_NOW)
    await when.until(lambda: scenario.state().record(LEFT).attempt == 2)
    await when.passes(seconds(2))
    stable = when.shop.stable
    when.shop.stable = replace(stable, left_by="checkout-9", generation=stable.generation + 1)
    await when.is_closed()

    assert removed(when) == []


async def test_a_run_that_went_back_leaves_nothing(scenario: Scenario, when: When, then: Then) -> None:
    await when.started()
    await when.pressed(await when.asked("blue-green/switch"))
    await when.begun("blue-green/watch")
    await when.rolls_back()
    await when.is_over()

    assert scenario.state().care == {}
    assert scenario.state().is_closed
    assert scenario.state().ended is not None
    assert scenario.state().ended.ending is Ending.ROLLED_BACK


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("seq", range(32, WHOLE))
async def test_a_crash_at_any_entry_removes_it_all_the_same_and_once(
    scenario: Scenario, when: When, seq: int, moment: str
) -> None:
    await when.dies_at(seq, moment)
    await when.started()
    await when.goes_on()
    while not scenario.state().is_closed:
        if not scenario.process.is_alive:
            await when.restarts()
        await when.passes(seconds(20))

    assert removed(when) == [OLD]
    entries = scenario.entries()
    kinds = [entry.event for entry in entries if entry.step == LEFT]
    assert [type(event) for event in kinds if isinstance(event, Due | StepDone)] == [Due, StepDone]
    assert len([entry for entry in entries if isinstance(entry.event, Ended)]) == 1
    assert len([entry for entry in entries if entry.kind != "claimed"]) < WHOLE


def _owns(when: When, side: str, run: str | None) -> None:
    shop = when.shop
    if side == "stable":
        shop.stable = replace(shop.stable, owner=run)
    elif shop.canary is not None:
        shop.canary = replace(shop.canary, owner=run)


async def test_who_cannot_tell_slack_of_the_end_hears_of_what_is_left_all_the_same(
    scenario: Scenario, when: When
) -> None:
    """A channel that refuses one message must not make a finished run deaf."""
    await when.started()
    scenario.process.is_mute = True
    await when.pressed(await when.asked("blue-green/switch"))
    await when.approves_all()
    await when.passes(minutes(1))
    await when.speaks_of_what_is_left(InterruptKind.DO_NOW)
    await when.is_closed(minutes(2))

    assert removed(when) == [OLD]
    assert scenario.process.told == []


async def test_what_is_not_configured_any_more_is_left_and_said(
    scenario: Scenario, when: When, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The application was renamed while blue was kept: nobody drives in circles for it."""
    await finishes(when)

    def unknown(*_: object) -> object:
        raise UnknownThing("There is no application called checkout.")

    monkeypatch.setattr(Process, "_world", unknown)
    await when.until(lambda: bool(scenario.state().care[LEFT].delays), 2 * KEPT)
    await when.passes(minutes(5))

    (delay,) = scenario.state().care[LEFT].delays
    assert "not configured any more" in delay.why
    assert removed(when) == []
    assert scenario.process.heard == []
    monkeypatch.undo()
    await when.is_closed(hours(2))
    assert removed(when) == [OLD]


async def test_a_removal_of_which_nobody_heard_is_a_removal(scenario: Scenario, when: When) -> None:
    await finishes(when)
    await when.speaks_of_what_is_left(InterruptKind.DO_NOW)
    await when.passes(seconds(20))
    when.shop.faults.lost_answers = 1
    await when.is_closed(minutes(2))

    assert removed(when) == [OLD]
    assert when.shop.faults.lost_answers == 0
    assert scenario.state().record(LEFT).evidence.sentence == "checkout-blue is removed"


async def test_what_is_kept_for_no_time_goes_at_once_unless_somebody_keeps_it(
    given: Given, scenario: Scenario, when: When
) -> None:
    given.in_colours(keep_old=minutes(0))
    await finishes(when)
    await when.until(lambda: scenario.state().record(LEFT).status is StepStatus.INTENDED, seconds(10))
    await when.speaks_of_what_is_left(InterruptKind.PUT_OFF)
    await when.passes(minutes(50))
    assert removed(when) == []
    await when.is_closed(hours(1))

    assert removed(when) == [OLD]

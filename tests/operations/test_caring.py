"""What people decide about what a finished run has left: who may, and what is refused."""

from datetime import timedelta

import pytest

from bot import operations
from bot.domain.actions import Decommission
from bot.domain.errors import NotAllowed, StaleButton
from bot.domain.events import Draft, Due, Ended, Ending, Intended, PutOff, StepDone
from bot.domain.interrupts import InterruptKind
from bot.domain.outcome import Evidence
from bot.domain.plan import Phase, Step
from bot.domain.reasons import Reason
from bot.domain.run import Run
from tests.operations.test_operations import World
from tests.support.builders import ADA, BO, CY, MORNING, a_plan

LEFT = "after/decommission"
SHOWN = f"{LEFT}:2"
STEP = Step(
    id=LEFT, title="Remove v2.4.1", action=Decommission(), phase=Phase.FINISH, due=timedelta(hours=24)
)


async def finished(world: World, *then: Draft) -> Run:
    run = await world.journal.create(a_plan().with_(aftercare=(STEP,)), ADA)
    (claim,) = await world.journal.claim("one", ttl=timedelta(seconds=8))
    ended = Draft(event=Ended(ending=Ending.FINISHED, reason=Reason.FINISHED, sentence="Done."))
    await world.journal.append(claim, 1, [ended, *then])
    return await world.journal.load(run.id)


def says(event: object) -> Draft:
    return Draft(event=event, step=LEFT, person=BO)


async def test_a_deployer_may_keep_it_longer_and_an_approver_may_have_it_now() -> None:
    world = World()
    run = await finished(world)

    await operations.put_off(world.desk, run, SHOWN, ADA)
    await operations.do_now(world.desk, run, SHOWN, BO)

    assert world.results == [("put_off", "committed"), ("do_now", "committed")]
    assert world.nudged == [run.id, run.id]
    waiting = world.journal._of(run.id).waiting
    assert [(one.kind, one.person, one.purpose) for one in waiting] == [
        (InterruptKind.PUT_OFF, ADA, SHOWN),
        (InterruptKind.DO_NOW, BO, SHOWN),
    ]


@pytest.mark.parametrize(
    ("operation", "by"), [(operations.put_off, CY), (operations.do_now, CY), (operations.do_now, ADA)]
)
async def test_others_may_not(operation: object, by: object) -> None:
    world = World()
    run = await finished(world)

    with pytest.raises(NotAllowed):
        await operation(world.desk, run, SHOWN, by)

    assert world.journal._of(run.id).waiting == []


@pytest.mark.parametrize("said", ["", "after/decommission", "after/something:2", "canary/25/weight:2"])
async def test_what_the_run_does_not_have_is_refused(said: str) -> None:
    world = World()
    run = await finished(world)

    with pytest.raises(StaleButton, match=r"nothing like this|put off"):
        await operations.do_now(world.desk, run, said, BO)


async def test_a_button_that_shows_an_older_time_says_which_holds_now() -> None:
    world = World()
    run = await finished(world, says(PutOff(until=MORNING + timedelta(hours=48))))

    with pytest.raises(StaleButton, match="put off by Bo until 2026-11-25 09:00 UTC"):
        await operations.put_off(world.desk, run, SHOWN, ADA)


async def test_what_is_being_done_may_be_put_off_and_what_is_done_may_not() -> None:
    world = World()
    run = await finished(world, says(Due()), says(Intended()))
    with pytest.raises(StaleButton, match="it is being done already"):
        await operations.do_now(world.desk, run, SHOWN, BO)
    await operations.put_off(world.desk, run, SHOWN, ADA)
    assert [one.kind for one in world.journal._of(run.id).waiting] == [InterruptKind.PUT_OFF]

    world = World()
    done = StepDone(evidence=Evidence(sentence="checkout-blue is removed"))
    run = await finished(world, says(Due()), says(Intended()), says(done))
    for operation in (operations.put_off, operations.do_now):
        with pytest.raises(StaleButton, match=r"that is over\. checkout-blue is removed"):
            await operation(world.desk, run, SHOWN, BO)


async def test_a_run_under_way_has_left_nothing_yet() -> None:
    world = World()
    run = await world.journal.create(a_plan().with_(aftercare=(STEP,)), ADA)

    with pytest.raises(StaleButton, match="nothing like this left"):
        await operations.do_now(world.desk, run, f"{LEFT}:1", BO)

"""Going back to the version before: which one that is, and when there is none."""

from datetime import timedelta

import pytest

from bot import operations
from bot.domain.errors import Locked, NotAllowed, NotUnderstood, UnknownRun, UnknownThing
from bot.domain.events import Draft, Ended, Ending
from bot.domain.outcome import Workload
from bot.domain.reasons import Reason
from bot.domain.run import Run
from bot.operations import Wish
from tests.operations.test_operations import World
from tests.support.builders import ADA, BO, CY

PINNED = "registry.example:5000/checkout:v2.4.1@sha256:0123"


async def ended(world: World, wish: Wish, ending: Ending = Ending.FINISHED) -> Run:
    """A run that is over; the version that it brought runs now if it has finished."""
    run = await operations.start(world.desk, wish, ADA)
    await over(world, run, ending)
    return run


async def over(world: World, run: Run, ending: Ending) -> None:
    (claim,) = await world.journal.claim("another", ttl=timedelta(seconds=8))
    event = Ended(ending=ending, reason=Reason.FINISHED, sentence="over")
    await world.journal.append(claim, run.seq, [Draft(event=event)])
    await world.journal.told(claim)
    if ending is Ending.FINISHED:
        runs_now(world, run.plan.request.image)


def runs_now(world: World, image: str) -> None:
    world.platform.answer = Workload(name="checkout", image=image)


async def test_it_is_a_new_run_to_what_the_run_before_replaced():
    world = World()
    done = await ended(world, Wish(version="v2.5.0", environment="production"))

    run = await operations.undo(world.desk, BO, why="refunds fail")

    request = run.plan.request
    assert (request.version, request.running_version) == ("v2.4.1", "v2.5.0")
    assert (request.undoes, request.reason, request.strategy) == (done.id, "refunds fail", "canary")
    assert run.id != done.id
    assert world.nudged[-1] == run.id
    assert run.plan.shifts, "it asks people like any other run"


async def test_what_ran_is_put_back_exactly_and_not_reviewed_again():
    world = World(gates=("code-review", "tests"))
    runs_now(world, PINNED)
    await ended(world, Wish(version="v2.5.0"))

    plan = (await operations.undo(world.desk, BO)).plan

    assert (plan.request.image, plan.request.version) == (PINNED, "v2.4.1")
    assert world.gates_asked_for[-1] == ("tests",)
    assert plan.findings[-1].startswith("No code review: v2.4.1 served here before checkout-1")


async def test_a_tag_that_was_moved_since_names_something_else():
    world = World()
    await ended(world, Wish(version="v2.5.0"))
    world.versions.commits["v2.4.1"] = "0dd0dd0dd0dd"

    with pytest.raises(UnknownThing, match=r"v2\.4\.1 names commit 0dd0dd0dd0 now, and c0ffee1 when"):
        await operations.undo(world.desk, BO)


async def test_an_undo_is_undone_only_by_its_name():
    world = World()
    await ended(world, Wish(version="v2.5.0"))
    undone = await operations.undo(world.desk, ADA)
    await over(world, undone, Ending.FINISHED)

    with pytest.raises(UnknownThing, match=f"{undone.id} is an undo itself: undoing it would bring v2.5.0"):
        await operations.undo(world.desk, ADA)
    again = await operations.undo(world.desk, ADA, undone.id)

    assert again.plan.request.version == "v2.5.0"


async def test_what_came_by_hand_is_nobodys_to_undo():
    """Two runs have finished, and somebody has gone back to the first one's version by hand."""
    world = World()
    world.versions.commits["v2.6.0"] = "c0ffee2"
    await ended(world, Wish(version="v2.5.0"))
    await ended(world, Wish(version="v2.6.0"))
    runs_now(world, "registry.example/checkout:v2.5.0")

    with pytest.raises(UnknownThing, match=r"No run of mine brought v2\.5\.0"):
        await operations.undo(world.desk, ADA)


async def test_a_run_of_another_environment_is_not_undone():
    world = World()
    done = await ended(world, Wish(version="v2.5.0"))

    with pytest.raises(NotUnderstood, match=f"{done.id} was in production"):
        await operations.undo(world.desk, ADA, done.id, env="staging")


async def test_a_run_that_named_a_pinned_image_by_its_digest_is_undone_all_the_same():
    """As an older version of the bot stored it."""
    world = World()
    runs_now(world, PINNED)
    write = world.desk.strategies["canary"]

    def as_it_was(request, deployable):
        return write(request.with_(running_version="0123", running_commit=None), deployable)

    world.desk.strategies["canary"] = as_it_was
    await ended(world, Wish(version="v2.5.0"))
    world.desk.strategies["canary"] = write

    run = await operations.undo(world.desk, ADA)

    assert (run.plan.request.version, run.plan.request.image) == ("v2.4.1", PINNED)


async def test_the_run_itself_may_be_named():
    world = World()
    done = await ended(world, Wish(version="v2.5.0"))

    run = await operations.undo(world.desk, ADA, done.id)

    assert run.plan.request.undoes == done.id


async def test_what_was_rolled_back_since_is_passed_over():
    world = World()
    done = await ended(world, Wish(version="v2.5.0"))
    runs_now(world, "registry.example/checkout:v2.4.1")
    await ended(world, Wish(version="v2.5.0"), Ending.ABORTED)
    runs_now(world, "registry.example/checkout:v2.5.0@sha256:0123")

    run = await operations.undo(world.desk, ADA, "checkout")

    assert run.plan.request.undoes == done.id


@pytest.mark.parametrize(
    ("name", "running", "error", "says"),
    [
        (None, "v2.6.0", UnknownThing, "No run of mine brought v2.6.0"),
        ("checkout-1", "v2.6.0", UnknownThing, "brought v2.5.0, but v2.6.0 runs now"),
        ("checkout-2", "v2.5.0", UnknownThing, "ended as aborted"),
        ("payments", "v2.5.0", UnknownRun, "no run"),
    ],
)
async def test_what_was_before_is_never_guessed(name, running, error, says):
    world = World()
    await ended(world, Wish(version="v2.5.0"))
    runs_now(world, "registry.example/checkout:v2.4.1")
    await ended(world, Wish(version="v2.5.0"), Ending.ABORTED)
    runs_now(world, f"registry.example/checkout:{running}")
    known = await world.journal.recent()

    with pytest.raises(error, match=says):
        await operations.undo(world.desk, ADA, name)

    assert await world.journal.recent() == known
    assert world.results[-1][1].startswith("refused: ")


async def test_a_run_that_is_under_way_is_aborted_instead():
    world = World()
    await ended(world, Wish(version="v2.5.0"))
    run = await operations.start(world.desk, Wish(version="v2.4.1"), ADA)

    with pytest.raises(Locked, match=f"{run.id} is under way") as refused:
        await operations.undo(world.desk, BO)

    assert f"/deploy abort {run.id}" in refused.value.remedy


async def test_who_may_not_deploy_may_not_undo():
    world = World()
    await ended(world, Wish(version="v2.5.0"))

    with pytest.raises(NotAllowed):
        await operations.undo(world.desk, CY)


async def test_of_several_applications_one_is_named():
    with pytest.raises(NotUnderstood, match="Which application"):
        await operations.undo(World("checkout", "payments").desk, ADA)

"""The API server refuses, hangs, lies or loses its answers: around a run's shift, and on its way back."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from bot.clients import kube as kube_room
from bot.domain.run import Run, RunState
from tests.faults.conftest import Observed
from tests.faults.registry import Edge, fault
from tests.faults.small_run import HOME, SHIFT, WATCH, SmallRun, small_run
from tests.support.bad_weather import Trouble

# The client's own patience is 10 s; what is shown does not depend on how long it is (real seconds).
_PATIENCE = 0.5

Impatient = Callable[[], None]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Impatient:
    """From now on the client waits for a shorter time."""
    return lambda: monkeypatch.setattr(kube_room, "_TIMEOUT", _PATIENCE)


async def shifts_once(run: SmallRun) -> Run:
    """The shift is made, by one change only, and what comes next begins."""
    done = await run.is_done(SHIFT)
    await run.until(lambda now: now.record(WATCH).began is not None)
    assert run.weights == [25]
    assert run.troubles == []
    return done


def tells(done: Run, run: SmallRun) -> str:
    return (
        f"{run.road.met} met it, the canary's weight changed {len(run.weights)} time, to {run.weights[-1]} %"
    )


@fault(Edge.KUBERNETES, "409 Conflict on a change")
async def test_a_shift_that_conflicts_is_looked_at_anew_and_made_once(
    tmp_path: Path, observed: Observed
) -> None:
    async with small_run(tmp_path) as run:
        run.at(SHIFT, lambda: run.road.troubles.append(Trouble("PATCH", status=409)))

        done = await shifts_once(run)

        observed(tells(done, run))


@fault(Edge.KUBERNETES, "410 Gone on a watch")
async def test_no_watch_is_used_so_none_can_end(tmp_path: Path, observed: Observed) -> None:
    async with small_run(tmp_path) as run:
        await run.is_done(SHIFT)
        await run.is_rolled_back_by_a_person()
        await run.is_over()

        watches = [path for _, path in run.road.asked if "watch" in path or "resourceVersion=" in path]
        assert watches == []
        observed(f"{len(run.road.asked)} requests of a run forward and back, none of them a watch")


@fault(Edge.KUBERNETES, "429 with Retry-After")
async def test_a_limit_is_heeded_for_as_long_as_the_server_says(tmp_path: Path, observed: Observed) -> None:
    async with small_run(tmp_path) as run:
        limited = Trouble("PATCH", status=429, headers={"Retry-After": "40"})
        run.at(SHIFT, lambda: run.road.troubles.append(limited))

        await shifts_once(run)

        intents = [e.at for e in await run.entries() if e.step == SHIFT and e.kind == "intended"]
        waited = intents[1] - intents[0]
        assert timedelta(seconds=40) <= waited < timedelta(seconds=80)
        observed("asked to wait 40 s, it tried again after that, once")


@fault(Edge.KUBERNETES, "500 on everything, for a while")
async def test_a_short_outage_is_waited_out_and_the_shift_made_once(
    tmp_path: Path, observed: Observed
) -> None:
    async with small_run(tmp_path) as run:
        run.at(SHIFT, lambda: setattr(run.road, "lasting", Trouble("*", status=500)))
        await run.world_is(lambda: run.road.met >= 4)
        assert run.weights == []
        run.road.lasting = None

        done = await shifts_once(run)

        observed(tells(done, run))


@fault(Edge.KUBERNETES, "500 for longer than the shift may take")
async def test_an_outage_that_outlives_a_shift_turns_the_run_back(tmp_path: Path, observed: Observed) -> None:
    async with small_run(tmp_path, patience=timedelta(seconds=20)) as run:
        run.at(SHIFT, lambda: setattr(run.road, "lasting", Trouble("*", status=500)))

        back = await run.goes_back()
        run.road.lasting = None
        over = await run.is_over()

        assert back.turn is not None
        assert over.state is RunState.ROLLED_BACK
        assert 25 not in run.weights
        observed(f"no traffic moved; the run went back: {back.turn.reason.value}")


@fault(Edge.KUBERNETES, "500 on everything during a rollback")
async def test_a_way_back_keeps_trying_aloud_until_the_server_is_there_again(
    tmp_path: Path, observed: Observed
) -> None:
    async with small_run(tmp_path) as run:
        await run.is_done(SHIFT)
        run.road.lasting = Trouble("*", status=500)
        await run.is_rolled_back_by_a_person()
        stuck = await run.until(lambda now: any(remark.loud for remark in now.remarks))
        assert run.weight == 25
        run.road.lasting = None

        over = await run.is_over()

        assert over.state is RunState.ROLLED_BACK
        assert run.weight == 0
        said = next(remark.sentence for remark in stuck.remarks if remark.loud)
        observed(f"“{said.partition('.')[0]}.”, and weight 0 once it answered")


@fault(Edge.KUBERNETES, "connection refused")
async def test_a_server_that_is_gone_is_waited_for_and_the_shift_made_once(
    tmp_path: Path, observed: Observed
) -> None:
    async with small_run(tmp_path) as run:
        shut: list[asyncio.Task[None]] = []
        run.at(SHIFT, lambda: shut.append(asyncio.ensure_future(run.cable.shut())))
        waiting = await run.until(lambda now: "connect" in now.record(SHIFT).awaiting.lower())
        await run.cable.open()

        await shifts_once(run)

        observed(f"waited (“{waiting.record(SHIFT).awaiting.partition(':')[0]}: …”), then shifted once")


@fault(Edge.KUBERNETES, "a connection that hangs")
async def test_a_server_that_hangs_costs_the_time_limit_and_the_shift_is_made_once(
    tmp_path: Path, observed: Observed, impatient: Impatient
) -> None:
    async with small_run(tmp_path) as run:

        def hangs() -> None:
            impatient()
            run.cable.is_silent = True

        run.at(SHIFT, hangs)
        waiting = await run.until(lambda now: "no answer in time" in now.record(SHIFT).awaiting)
        run.cable.is_silent = False
        run.cable.cut()

        await shifts_once(run)

        observed(
            f"gave up waiting (“{waiting.record(SHIFT).awaiting.rpartition(': ')[2]}”), then shifted once"
        )


@fault(Edge.KUBERNETES, "time-out before the change was made")
async def test_a_change_that_was_never_made_is_made_again(
    tmp_path: Path, observed: Observed, impatient: Impatient
) -> None:
    async with small_run(tmp_path) as run:

        def hangs() -> None:
            impatient()
            run.road.troubles.append(Trouble("PATCH", unheard=3 * _PATIENCE))

        run.at(SHIFT, hangs)

        done = await shifts_once(run)

        assert done.record(SHIFT).attempt > 1
        observed(tells(done, run))


@fault(Edge.KUBERNETES, "time-out after the change was made")
async def test_a_change_that_was_made_unheard_is_found_and_not_made_twice(
    tmp_path: Path, observed: Observed, impatient: Impatient
) -> None:
    async with small_run(tmp_path) as run:

        def hangs() -> None:
            impatient()
            run.road.troubles.append(Trouble("PATCH", silent=3 * _PATIENCE))

        run.at(SHIFT, hangs)

        done = await shifts_once(run)

        patches = [path for method, path in run.road.asked if method == "PATCH" and "virtual" in path]
        assert len(patches) == 1
        observed(f"{tells(done, run)}; one change was sent")


@fault(Edge.KUBERNETES, "a change that is carried out long after its sender gave up, during a rollback")
async def test_a_late_shift_cannot_land_once_the_way_back_has_passed(
    tmp_path: Path, observed: Observed, impatient: Impatient
) -> None:
    async with small_run(tmp_path) as run:

        def is_late() -> None:
            impatient()
            run.road.troubles.append(Trouble("PATCH", late=True))

        run.at(SHIFT, is_late)
        await run.world_is(lambda: run.road.met >= 1)
        await run.is_rolled_back_by_a_person()
        over = await run.is_over()
        answers = await run.road.lets_the_late_ones_through()

        assert over.state is RunState.ROLLED_BACK
        assert answers == [409]
        assert 25 not in run.weights
        observed(f"it came after the end of the run and was refused ({answers[0]}); weight {run.weight}")


@fault(Edge.KUBERNETES, "a connection that breaks after the change was made")
async def test_a_change_whose_answer_is_lost_is_found_and_not_made_twice(
    tmp_path: Path, observed: Observed
) -> None:
    async with small_run(tmp_path) as run:
        run.at(SHIFT, lambda: run.road.troubles.append(Trouble("PATCH", lost=True)))

        done = await shifts_once(run)

        patches = [path for method, path in run.road.asked if method == "PATCH" and "virtual" in path]
        assert len(patches) == 1
        observed(f"{tells(done, run)}; one change was sent")


@fault(Edge.KUBERNETES, "an answer that breaks off in the middle")
async def test_a_truncated_answer_counts_as_none_and_the_shift_is_made_once(
    tmp_path: Path, observed: Observed
) -> None:
    async with small_run(tmp_path) as run:
        cut = [Trouble("GET", cut_after=100), Trouble("GET", cut_after=1), Trouble("PATCH", cut_after=20)]
        run.at(SHIFT, lambda: run.road.troubles.extend(cut))

        done = await shifts_once(run)

        assert run.road.met == len(cut)
        observed(tells(done, run))


@fault(Edge.KUBERNETES, "an answer that is no JSON")
async def test_an_answer_that_cannot_be_read_moves_nothing_and_turns_the_run_back(
    tmp_path: Path, observed: Observed
) -> None:
    async with small_run(tmp_path) as run:
        page = Trouble("GET", says=b"<html>sign in to continue</html>")
        run.at(SHIFT, lambda: setattr(run.road, "lasting", page))

        back = await run.goes_back()
        run.road.lasting = None
        over = await run.is_over()

        assert back.turn is not None
        assert "the answer is not JSON" in back.turn.sentence
        assert over.state is RunState.ROLLED_BACK
        assert 25 not in run.weights
        observed("no traffic moved; the run went back and says that the answer is not JSON")


@fault(Edge.KUBERNETES, "JSON without what an object has to have")
@pytest.mark.parametrize("body", [b"{}", b'{"metadata": 7, "spec": [], "status": "ok"}', b"[1]", b"null"])
async def test_an_object_that_lacks_everything_moves_nothing_and_turns_the_run_back(
    tmp_path: Path, observed: Observed, body: bytes
) -> None:
    async with small_run(tmp_path) as run:
        run.at(SHIFT, lambda: setattr(run.road, "lasting", Trouble("GET", says=body)))

        back = await run.goes_back()
        run.road.lasting = None
        over = await run.is_over()

        assert back.turn is not None
        assert over.state is RunState.ROLLED_BACK
        assert 25 not in run.weights
        assert run.troubles == []
        observed(f"no traffic moved; the run went back: {back.turn.reason.value}")


@fault(Edge.KUBERNETES, "an answer that cannot be read, during a rollback")
async def test_garbage_on_the_way_back_is_outlasted(tmp_path: Path, observed: Observed) -> None:
    async with small_run(tmp_path) as run:
        await run.is_done(SHIFT)
        run.road.lasting = Trouble("GET", says=b"{}")
        await run.is_rolled_back_by_a_person()
        await run.until(lambda now: any(remark.loud for remark in now.remarks))
        run.road.lasting = None

        over = await run.is_over()

        assert over.state is RunState.ROLLED_BACK
        assert (run.weight, run.troubles) == (0, [])
        observed("it kept trying, said so aloud, and weight 0 once the answers could be read")


@fault(Edge.KUBERNETES, "401 and 403: a token or a right is taken away")
@pytest.mark.parametrize("status", [401, 403])
async def test_a_bot_without_rights_moves_nothing_and_goes_back_when_it_has_them_again(
    tmp_path: Path, observed: Observed, status: int
) -> None:
    async with small_run(tmp_path) as run:
        run.at(SHIFT, lambda: setattr(run.road, "lasting", Trouble("*", status=status)))
        await run.goes_back()
        await run.until(lambda now: now.record(HOME).began is not None)
        run.road.lasting = None

        over = await run.is_over()

        assert over.state is RunState.ROLLED_BACK
        assert 25 not in run.weights
        observed("no traffic moved; the run went back, and to its end once the rights were there")

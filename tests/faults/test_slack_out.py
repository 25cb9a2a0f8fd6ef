"""What the publisher does when Slack limits, fails, hangs, loses answers or shuts the bot out."""

import asyncio
import time
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from bot.domain.run import RunState
from bot.views.messages import messages
from tests.faults.conftest import Observed
from tests.faults.registry import Edge, fault
from tests.faults.small_run import SHIFT, WATCH, small_run
from tests.slack.conftest import DEPLOYS, RELEASES, Stage, a_run, notice, reply, root, until
from tests.support.rough_road import RoughRoad

Log = list[dict[str, object]]


def breaks(stage: Stage, **methods: object) -> None:
    """From now on these methods, their dots written as `__`, and every other one goes well."""
    told = {name.replace("__", "."): how for name, how in methods.items()}
    stage.server.put_faults({"rates": "lifted", **told})


@fault(Edge.SLACK, "429 with Retry-After")
async def test_a_limit_is_heeded_for_as_long_as_slack_says_and_nothing_is_said_twice(
    stage: Stage, observed: Observed
) -> None:
    run = await a_run()
    stage.items[run.id] = (root(), reply("plan"))
    breaks(stage, chat__postMessage={"status": 429, "retry_after": 1, "times": 1})

    stage.publisher().changed(run)
    await until(lambda: len(stage.said()) == 2)

    refused, taken = (datetime.fromisoformat(call["at"]) for call in stage.calls("chat.postMessage")[:2])
    assert taken - refused >= timedelta(seconds=0.9)
    assert stage.said() == ["checkout v2.5.0", "plan"]
    observed("asked to wait 1 s, it waited; every message once")


@fault(Edge.SLACK, "5xx")
@pytest.mark.parametrize("status", [500, 502, 503])
async def test_slacks_own_trouble_is_outlasted_and_every_message_comes_once(
    stage: Stage, observed: Observed, status: int
) -> None:
    run = await a_run()
    stage.items[run.id] = (root(), reply("plan"), notice("start"))
    breaks(stage, chat__postMessage={"status": status, "times": 3})

    stage.publisher().changed(run)
    await until(lambda: len(stage.said()) == 2 and stage.said(RELEASES))

    assert stage.said() == ["checkout v2.5.0", "plan"]
    assert stage.said(RELEASES) == ["start"]
    observed("three failures, then every message once")


@fault(Edge.SLACK, "no answer at all, for longer than the time limit")
async def test_a_silent_slack_holds_nobody_up_and_is_told_everything_later(
    stage: Stage, observed: Observed
) -> None:
    run = await a_run()
    stage.items[run.id] = (root(), reply("plan"))
    async with RoughRoad.to(stage.server.api_url) as road:
        publisher = stage.publisher(timeout=1, api_url=f"{road.url}/api/")
        road.is_silent = True

        began = time.thread_time()
        for _ in range(1_000):
            publisher.changed(run)
        took = time.thread_time() - began
        await until(lambda: publisher._threads)
        await asyncio.sleep(0)
        assert stage.said() == []
        road.is_silent = False
        road.cut()
        await until(lambda: len(stage.said()) == 2, seconds=15)
        await publisher.stop()

    assert took < 1.0
    assert stage.said() == ["checkout v2.5.0", "plan"]
    observed("whoever told it of a thousand changes was not held up; then every message once")


@fault(Edge.SLACK, "a post whose answer is lost")
async def test_a_post_whose_answer_is_lost_is_found_and_not_repeated(
    stage: Stage, observed: Observed
) -> None:
    run = await a_run()
    stage.items[run.id] = (root(), reply("plan"), notice("start"))
    breaks(stage, chat__postMessage={"lost": True, "times": 2})

    stage.publisher().changed(run)
    await until(lambda: len(stage.said()) == 2 and stage.said(RELEASES))

    lost = [call for call in stage.calls("chat.postMessage") if call["status"] == 0]
    assert len(lost) == 2
    assert (stage.said(), stage.said(RELEASES)) == (["checkout v2.5.0", "plan"], ["start"])
    observed("2 answers lost; the messages were found by their metadata, each is there once")


@fault(Edge.SLACK, "message_not_found")
async def test_a_message_that_was_deleted_is_not_forced_back_and_the_others_go_on(
    stage: Stage, observed: Observed
) -> None:
    run = await a_run()
    stage.items[run.id] = (root(), reply("gate", "running"))
    publisher = stage.publisher()
    publisher.changed(run)
    await until(lambda: len(stage.said()) == 2)
    stage.remove(DEPLOYS, stage.messages()[1]["ts"])

    stage.items[run.id] = (root("later"), reply("gate", "passed"), reply("more"))
    publisher.changed(run)
    await until(lambda: stage.said() == ["later", "more"] and refused(stage))
    await publisher.stop()

    assert refused(stage) == ["message_not_found"]
    observed("the edit was refused once and not tried again; the next messages came")


def refused(stage: Stage) -> list[str]:
    return [call["error"] for call in stage.calls("chat.update") if not call["ok"]]


@fault(Edge.SLACK, "channel_not_found")
async def test_a_channel_that_cannot_be_seen_is_said_in_the_log_and_used_when_it_is_there(
    stage: Stage, observed: Observed, log: Log
) -> None:
    run = await a_run()
    stage.items[run.id] = (root(), notice("start"))
    breaks(stage, chat__postMessage={"error": "channel_not_found", "times": 3})

    stage.publisher().changed(run)
    await until(lambda: stage.said() and stage.said(RELEASES))

    loud = [line for line in log if line["event"] == "slack-refuses-the-bot"]
    assert {line["log_level"] for line in loud} == {"error"}
    assert (stage.said(), stage.said(RELEASES)) == (["checkout v2.5.0"], ["start"])
    observed(f"said aloud in the log {len(loud)} times; posted once the channel was there")


@fault(Edge.SLACK, "the token is revoked")
async def test_a_revoked_token_is_said_in_the_log_and_everything_is_told_when_it_counts_again(
    stage: Stage, observed: Observed, log: Log
) -> None:
    run = await a_run()
    stage.items[run.id] = (root(), reply("plan"))
    stage.server.put_faults({"rates": "lifted", "*": {"error": "token_revoked"}})

    stage.publisher().changed(run)
    await until(lambda: any(line["event"] == "slack-refuses-the-bot" for line in log))
    assert stage.said() == []
    breaks(stage)
    await until(lambda: len(stage.said()) == 2)

    assert stage.said() == ["checkout v2.5.0", "plan"]
    observed("“slack-refuses-the-bot” in the log as an error; then every message once")


@fault(Edge.SLACK, "no answer at all, while a run shifts and is rolled back")
async def test_a_silent_slack_delays_neither_a_shift_nor_a_rollback(
    stage: Stage, tmp_path: Path, observed: Observed
) -> None:
    async with RoughRoad.to(stage.server.api_url) as road, small_run(tmp_path) as run:
        publisher = stage.publisher(timeout=30, api_url=f"{road.url}/api/")
        publisher._delivery._views = partial(messages)
        road.is_silent = True
        run.publisher = publisher

        await run.is_done(SHIFT)
        await run.until(lambda now: now.record(WATCH).began is not None)
        await run.is_rolled_back_by_a_person()
        over = await run.is_over()

        assert over.state is RunState.ROLLED_BACK
        assert run.weights == [25, 0]
        assert stage.said() == []
        assert over.turn is not None
        home = over.record("back/traffic").ended
        assert home is not None
        took = home - over.turn.at
        observed(f"weights {run.weights}, Slack has heard nothing; all traffic home {_about(took)}")
        road.is_silent = False
        road.cut()
        await publisher.stop()


def _about(took: timedelta) -> str:
    return "within a minute of the cluster's time" if took < timedelta(minutes=1) else f"after {took}"

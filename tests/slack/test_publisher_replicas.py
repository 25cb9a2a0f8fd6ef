"""Several processes, one after the other or at once: each message is there once, and the newest stays."""

import asyncio
from typing import Any

import pytest

from bot.domain.errors import Unreachable
from bot.domain.run import Run
from bot.ports import StoredMessage
from bot.slack import Tempo
from tests.slack.conftest import DEPLOYS, MemoryMessages, Stage, a_run, picture, reply, root, until

OTHERS = 9  # entries of a journal that somebody else has written to


def standing(stage: Stage) -> list[StoredMessage]:
    """What the memory takes to stand in Slack, the words left about what is to go apart."""
    return [message for key, message in stage.memory.kept.items() if not key[-1].startswith("twice/")]


async def a_taken_over_run() -> Run:
    return (await a_run()).with_(seq=OTHERS)


async def test_a_memory_that_is_older_than_slack_takes_what_is_there_for_its_own(stage: Stage) -> None:
    run = await a_taken_over_run()
    stage.items[run.id] = (root(), reply("plan"), reply("gate/tests"), reply("stage", picture=picture()))
    await _says_all(stage, run)
    before = stage.messages()
    stage.memory = MemoryMessages()  # restored from a backup of before the run

    stage.items[run.id] = (*stage.items[run.id], reply("end"))
    await _says_all(stage, run)

    assert [message["ts"] for message in stage.messages()][:-1] == [message["ts"] for message in before]
    assert stage.said()[-1] == "end"


async def test_what_is_there_is_read_once_for_each_place(stage: Stage) -> None:
    run = await a_taken_over_run()
    stage.items[run.id] = (root(), *(reply(f"note/{number}") for number in range(5)))

    await _says_all(stage, run)

    assert len(stage.calls("conversations.history")) == 1
    assert len(stage.calls("conversations.replies")) == 1


async def test_a_new_run_needs_no_look(stage: Stage) -> None:
    run = await a_run()
    stage.items[run.id] = (root(), reply("plan"))

    await _says_all(stage, run)

    assert stage.calls("conversations.history") == stage.calls("conversations.replies") == []


async def test_what_two_processes_have_posted_is_there_once_in_the_end(stage: Stage) -> None:
    run = await a_run()
    stage.items[run.id] = (root(),)
    stage.server.put_faults({"rates": "lifted", "chat.postMessage": {"delay": 0.5, "times": 1}})
    frozen = stage.publisher()
    frozen.changed(run)
    await until(lambda: stage.memory.kept)
    await asyncio.sleep(0.1)  # its post is under way

    await _says_all(stage, run.with_(seq=OTHERS))
    await until(lambda: stage.calls("chat.delete"))

    assert stage.said() == ["checkout v2.5.0"]
    (kept,) = standing(stage)
    assert [message["ts"] for message in stage.messages()] == [kept.ts]


async def test_who_is_dropped_while_a_post_is_under_way_still_removes_it_if_its_place_is_taken(
    stage: Stage,
) -> None:
    """As a process is that thaws: its post goes out, and then it hears that its lease is gone."""
    run = await a_run()
    stage.items[run.id] = (root(),)
    stage.server.put_faults({"rates": "lifted", "chat.postMessage": {"delay": 0.5, "times": 1}})
    frozen = stage.publisher()
    frozen.changed(run)
    await until(lambda: stage.memory.kept)
    await asyncio.sleep(0.1)
    frozen.dropped(run.id)

    await _says_all(stage, run.with_(seq=OTHERS))
    await until(lambda: stage.calls("chat.delete"))

    assert stage.said() == ["checkout v2.5.0"]
    (kept,) = standing(stage)
    assert [message["ts"] for message in stage.messages()] == [kept.ts]


async def test_a_post_of_which_the_memory_could_not_be_told_at_once_is_told_again(stage: Stage) -> None:
    """As of a process that thaws while the database is away: nobody else would ever take its post away."""
    run = await a_run()
    stage.items[run.id] = (root(),)
    stage.server.put_faults({"rates": "lifted", "chat.postMessage": {"delay": 1.5, "times": 1}})
    frozen = stage.publisher()
    frozen.changed(run)
    await until(lambda: stage.memory.kept)
    await asyncio.sleep(0.1)
    frozen.dropped(run.id)
    await _says_all(stage, run.with_(seq=OTHERS))

    posted, told = stage.memory.posted, []

    async def is_away_at_first(*args: Any) -> bool:
        told.append(args[1])
        if len(told) == 1:
            raise Unreachable("the database", "the connection broke")
        return await posted(*args)

    stage.memory.posted = is_away_at_first  # type: ignore[method-assign]
    await until(lambda: stage.calls("chat.delete"))

    assert told[:2] == ["root", "root"]
    assert stage.said() == ["checkout v2.5.0"]


async def test_a_removal_that_slack_does_not_take_is_tried_again_and_holds_up_nothing(stage: Stage) -> None:
    run = await a_run()
    stage.items[run.id] = (root(),)
    stage.server.put_faults(
        {
            "rates": "lifted",
            "chat.postMessage": {"delay": 0.5, "times": 1},
            "chat.delete": {"error": "internal_error", "times": 1},
        }
    )
    frozen = stage.publisher()
    frozen.changed(run)
    await until(lambda: stage.memory.kept)
    await asyncio.sleep(0.1)
    await _says_all(stage, run.with_(seq=OTHERS))
    await until(lambda: stage.calls("chat.delete"))

    stage.items[run.id] = (root(), reply("question"))
    frozen.changed(run)
    await until(lambda: "question" in stage.said())
    assert len(stage.calls("chat.delete")) == 1, "the question did not wait for it"
    await until(lambda: len(stage.calls("chat.delete")) == 2)

    assert sorted(stage.said()) == ["checkout v2.5.0", "question"]


async def test_a_stop_waits_for_no_post_that_slack_does_not_answer(stage: Stage) -> None:
    run = await a_run()
    stage.items[run.id] = (root(),)
    stage.server.put_faults({"rates": "lifted", "chat.postMessage": {"delay": 60, "times": 1}})
    publisher = stage.publisher(timeout=30)
    publisher.changed(run)
    await until(lambda: stage.memory.kept)
    await asyncio.sleep(0.1)

    async with asyncio.timeout(10):
        await publisher.stop()


async def test_who_ends_while_a_post_is_under_way_removes_it_if_another_has_posted_meanwhile(
    stage: Stage,
) -> None:
    run = await a_run()
    stage.items[run.id] = (root(),)
    stage.server.put_faults({"rates": "lifted", "chat.postMessage": {"delay": 0.5, "times": 1}})
    ending = stage.publisher(tempo=Tempo(last_words=0.1))
    ending.changed(run)
    await until(lambda: stage.memory.kept)
    await asyncio.sleep(0.1)
    await ending.hush()

    await _says_all(stage, run.with_(seq=OTHERS))
    await ending.close()

    assert stage.said() == ["checkout v2.5.0"]
    (kept,) = standing(stage)
    assert [message["ts"] for message in stage.messages()] == [kept.ts]


async def test_what_an_ending_process_could_not_remove_its_successor_does(stage: Stage) -> None:
    run = await a_run()
    stage.items[run.id] = (root(),)
    faults = {"chat.postMessage": {"delay": 0.5, "times": 1}, "chat.delete": {"error": "internal_error"}}
    stage.server.put_faults({"rates": "lifted", **faults})
    ending = stage.publisher(tempo=Tempo(last_words=0.1))
    ending.changed(run)
    await until(lambda: stage.memory.kept)
    await asyncio.sleep(0.1)
    await ending.hush()
    successor = stage.publisher()
    successor.changed(run.with_(seq=OTHERS))
    await successor.said(run.id)
    await until(lambda: stage.calls("chat.delete"))
    await ending.close()
    assert stage.said() == ["checkout v2.5.0"] * 2

    stage.server.put_faults({"rates": "lifted"})
    successor.changed(run.with_(seq=OTHERS + 1))
    await successor.said(run.id)
    await until(lambda: stage.said() == ["checkout v2.5.0"])

    (kept,) = standing(stage)
    assert [message["ts"] for message in stage.messages()] == [kept.ts]


async def test_what_slack_refuses_to_remove_is_asked_for_once_at_a_time(stage: Stage) -> None:
    """Two hands look after a thread, and each looks at what is left."""
    run = await a_run()
    stage.items[run.id] = (root(),)
    stage.server.put_faults({"rates": "lifted"})
    publisher = stage.publisher()
    publisher.changed(run)
    await publisher.said(run.id)
    (kept,) = standing(stage)
    await stage.memory.reserve(run.id, "twice/17.0", kept.channel)
    await stage.memory.posted(run.id, "twice/17.0", "17.0", "unknown")
    stage.server.put_faults({"rates": "lifted", "chat.delete": {"error": "internal_error"}})

    for seq in range(2, 8):
        stage.items[run.id] = (root(), reply(f"note/{seq}"))
        publisher.changed(run.with_(seq=run.seq + seq))
        await publisher.said(run.id)

    assert len(stage.calls("chat.delete")) <= 2, "one series of attempts, with its pauses"


async def test_a_picture_that_two_processes_have_posted_is_there_once_in_the_end(stage: Stage) -> None:
    run = await a_run()
    stage.items[run.id] = (root(),)
    first = stage.publisher()
    first.changed(run)
    await first.said(run.id)
    stage.items[run.id] = (root(), reply("stage", picture=picture()))
    stage.server.put_faults({"rates": "lifted", "files.completeUploadExternal": {"delay": 0.5, "times": 1}})
    first.changed(run)
    await until(lambda: stage.calls("files.getUploadURLExternal"))
    await asyncio.sleep(0.1)

    await _says_all(stage, run.with_(seq=OTHERS))
    await until(lambda: stage.calls("files.delete"))

    files = [file["name"] for message in stage.messages() for file in message.get("files", ())]
    assert files == ["checkout-1-canary-25.png"]


async def test_a_picture_that_another_process_has_found_is_not_taken_away(stage: Stage) -> None:
    run = await a_run()
    stage.items[run.id] = (root(),)
    first = stage.publisher()
    first.changed(run)
    await first.said(run.id)
    posted, told = stage.memory.posted, []

    async def is_away_at_first(*args: Any) -> bool:
        told.append(args[1])
        if len(told) == 1:
            raise Unreachable("the database", "the connection broke")
        return await posted(*args)

    stage.memory.posted = is_away_at_first  # type: ignore[method-assign]
    stage.items[run.id] = (root(), reply("stage", picture=picture()))
    first.changed(run)
    await until(lambda: told)
    first.dropped(run.id)
    await _says_all(stage, run.with_(seq=OTHERS))
    await until(lambda: len(told) == 3)
    await asyncio.sleep(0.2)

    assert stage.calls("files.delete") == []
    files = [file["name"] for message in stage.messages() for file in message.get("files", ())]
    assert files == ["checkout-1-canary-25.png"]


async def test_who_was_dropped_says_nothing_more(stage: Stage) -> None:
    run = await a_run()
    stage.items[run.id] = (root("running"),)
    publisher = stage.publisher()
    publisher.changed(run)
    await publisher.said(run.id)
    calls = len(stage.calls("chat.update"))

    stage.items[run.id] = (root("something older"),)
    publisher.dropped(run.id)
    await asyncio.sleep(0.1)

    assert stage.said() == ["running"]
    assert len(stage.calls("chat.update")) == calls


async def test_who_does_not_hold_the_run_neither_posts_nor_edits(stage: Stage) -> None:
    run = await a_run()
    stage.items[run.id] = (root("running"),)
    holds = {run.id: True}
    publisher = stage.publisher(speaks_for=lambda name: holds[name])
    publisher.changed(run)
    await publisher.said(run.id)

    holds[run.id] = False
    stage.items[run.id] = (root("something older"), reply("plan"))
    publisher.changed(run)
    await asyncio.sleep(0.2)

    assert stage.said() == ["running"]


@pytest.mark.parametrize("has_card", [True, False])
async def test_a_run_that_cannot_be_read_is_spoken_of_once(stage: Stage, has_card: bool) -> None:
    run = await a_run()
    card = None
    if has_card:
        stage.items[run.id] = (root(),)
        await _says_all(stage, run)
        (card,) = (message["ts"] for message in stage.messages())
    publisher = stage.publisher()

    for _ in range(3):
        publisher.trouble(run.id, "its journal holds what this version cannot read")
        await until(lambda: any("cannot read" in text for text in stage.said()))
        await until(lambda: not publisher._crying)

    (found,) = (message for message in stage.messages() if "cannot read" in message["text"])
    assert run.id in found["text"]
    assert found.get("thread_ts") == card
    assert stage.said(DEPLOYS).count(found["text"]) == 1


async def test_said_waits_until_nothing_is_left_to_say(stage: Stage) -> None:
    run = await a_run()
    stage.items[run.id] = (root(), *(reply(f"note/{number}") for number in range(8)))
    stage.server.put_faults({"rates": "lifted", "chat.postMessage": {"error": "internal_error", "times": 3}})
    publisher = stage.publisher()

    publisher.changed(run)
    await publisher.said(run.id)

    assert len(stage.said()) == 9


async def _says_all(stage: Stage, run: Run) -> None:
    """A process of its own, until it has nothing left to say."""
    publisher = stage.publisher()
    publisher.changed(run)
    await publisher.said(run.id)
    await publisher.stop()

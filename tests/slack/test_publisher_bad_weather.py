"""The publisher when Slack limits, fails, hangs, loses answers or shuts it out, and after a crash."""

import asyncio
import time

import pytest
from structlog.testing import capture_logs

from bot.slack import Tempo, delivery
from bot.slack.pace import Pace
from storage import Database, SQLRuns
from storage import Messages as SQLMessages
from tests.slack.conftest import DEPLOYS, QUICK, RELEASES, a_run, notice, picture, reply, root, until
from tests.support.builders import ADA, a_plan
from tests.support.clocks import HandClock


@pytest.fixture(params=["memory", "sqlite"])
async def memories(request, stage, tmp_path):
    """The same stories on the memory that a process keeps and on the one that survives it."""
    if request.param == "memory":
        yield stage.memory
        return
    database = Database(f"sqlite:///{tmp_path / 'slackwater.db'}")
    await database.migrate()
    # Messages belong to a run.
    await SQLRuns(database, HandClock()).create(a_plan(), ADA)
    stage.memory = SQLMessages(database)
    yield stage.memory
    for publisher in stage.publishers:
        await publisher.stop()
    await database.close()


@pytest.mark.parametrize("method", ["chat.postMessage", "chat.update"])
async def test_a_limit_is_heeded_for_as_long_as_slack_says(stage, method):
    run = await a_run()
    stage.items[run.id] = (root("running"),)
    publisher = stage.publisher()
    if method == "chat.update":
        publisher.changed(run)
        await until(stage.said)
        stage.items[run.id] = (root("done", is_urgent=True),)
    stage.server.put_faults({"rates": "lifted", method: {"status": 429, "retry_after": 1, "times": 1}})

    publisher.changed(run)
    await until(lambda: stage.calls(method) and stage.calls(method)[-1]["status"] == 429)
    limited = time.monotonic()
    await until(lambda: stage.calls(method)[-1]["ok"])

    assert 0.9 < time.monotonic() - limited < 1.6
    assert len(stage.calls(method)) == 2
    assert not stage.calls("conversations.history"), "a refused post is not there, so it is not looked for"


async def test_a_limit_on_edits_does_not_hold_up_a_question(stage):
    run = await a_run()
    stage.items[run.id] = (root("running"),)
    publisher = stage.publisher()
    publisher.changed(run)
    await until(stage.said)
    stage.server.put_faults({"rates": "lifted", "chat.update": {"status": 429, "retry_after": 30}})
    stage.items[run.id] = (root("waiting", is_urgent=True), reply("question", "May it?", is_urgent=True))

    publisher.changed(run)

    await until(lambda: "May it?" in stage.said(), seconds=1.0)


async def test_a_limit_that_one_run_met_is_heeded_by_all(stage):
    runs = [await a_run(name) for name in ("checkout", "payments", "search")]
    stage.server.put_faults(
        {"rates": "lifted", "chat.postMessage": {"status": 429, "retry_after": 1, "times": 1}}
    )
    publisher = stage.publisher()

    for run in runs:
        stage.items[run.id] = (root(run.id),)
        publisher.changed(run)
    await until(lambda: len(stage.said()) == 3)

    calls = stage.calls("chat.postMessage")
    assert [call["status"] for call in calls].count(429) == 1


@pytest.mark.parametrize(
    "fault", [{"status": 503}, {"error": "internal_error"}, {"error": "service_unavailable", "status": 500}]
)
async def test_slacks_own_trouble_is_outlasted(stage, fault):
    run = await a_run()
    stage.items[run.id] = (root(), reply("plan"), notice("start"))
    stage.server.put_faults({"rates": "lifted", "chat.postMessage": fault | {"times": 3}})

    stage.publisher().changed(run)

    await until(lambda: len(stage.said()) == 2 and stage.said(RELEASES))
    assert stage.said() == ["checkout v2.5.0", "plan"]


async def test_a_slack_that_hangs_blocks_nobody_and_gets_everything_later(stage):
    run = await a_run()
    stage.items[run.id] = (root("running"), reply("plan"))
    stage.server.put_faults({"rates": "lifted", "*": {"delay": 30}})
    publisher = stage.publisher(timeout=1)

    started = time.monotonic()
    for _ in range(1_000):
        publisher.changed(run)
        publisher.trouble(run.id, "the database is away")
    took = time.monotonic() - started
    await until(lambda: publisher._threads)
    await asyncio.sleep(1.2)
    stage.items[run.id] = (root("done"), reply("plan"))
    publisher.changed(run)
    stage.server.put_faults({"rates": "lifted"})
    await until(lambda: len(stage.said()) == 3)

    assert took < 1.0
    assert stage.said()[0] == "done"
    assert sorted(stage.said()[1:])[1] == "plan"


async def test_a_stop_does_not_wait_for_a_slack_that_hangs(stage):
    run = await a_run()
    stage.items[run.id] = (root(),)
    stage.server.put_faults({"rates": "lifted", "*": {"delay": 30}})
    publisher = stage.publisher(timeout=30, tempo=Tempo(last_words=0.2))
    publisher.changed(run)
    await asyncio.sleep(0.1)

    started = time.monotonic()
    await publisher.hush()

    assert time.monotonic() - started < 1.0


async def test_a_post_whose_answer_was_lost_is_found_and_not_repeated(stage, memories):
    run = await a_run()
    stage.items[run.id] = (root(), reply("plan"), notice("start"))
    stage.server.put_faults({"rates": "lifted", "chat.postMessage": {"lost": True, "times": 1}})
    publisher = stage.publisher()

    publisher.changed(run)
    await until(lambda: len(stage.said()) == 2 and stage.said(RELEASES))
    stage.server.put_faults({"rates": "lifted", "chat.postMessage": {"lost": True, "times": 2}})
    stage.items[run.id] = (*stage.items[run.id], reply("gate/tests"), notice("end"))
    publisher.changed(run)
    await until(lambda: len(stage.said()) == 3 and len(stage.said(RELEASES)) == 2)
    await publisher.stop()

    assert stage.said() == ["checkout v2.5.0", "plan", "gate/tests"]
    assert stage.said(RELEASES) == ["start", "end"]
    assert all(message.ts for message in await memories.all_of(run.id))


async def test_a_picture_whose_answer_was_lost_is_found_by_its_file(stage):
    run = await a_run()
    stage.items[run.id] = (root(), reply("picture/25", picture=picture()))
    stage.server.put_faults({"rates": "lifted", "files.completeUploadExternal": {"lost": True, "times": 1}})
    publisher = stage.publisher()

    publisher.changed(run)
    await until(lambda: stage.memory.kept.get((run.id, "picture/25")) and _is_known(stage, run, "picture/25"))
    await publisher.stop()

    assert len([m for m in stage.messages() if m.get("files")]) == 1


async def test_after_a_crash_before_the_post_it_is_posted_once(stage, memories):
    run = await a_run()
    stage.items[run.id] = (root(), reply("plan"))
    await memories.reserve(run.id, "root", DEPLOYS)

    stage.publisher().changed(run)

    await until(lambda: stage.said() == ["checkout v2.5.0", "plan"])


async def test_after_a_crash_behind_the_post_it_is_adopted_and_brought_up_to_date(stage, memories):
    run = await a_run()
    stage.items[run.id] = (
        root("25 %"),
        reply("plan"),
        reply("picture/25", picture=picture()),
        notice("start"),
    )
    before = stage.publisher()
    before.changed(run)
    await until(lambda: len(stage.said()) == 3 and stage.said(RELEASES))
    await before.stop()
    for key, channel in (("root", DEPLOYS), ("plan", DEPLOYS), ("picture/25", DEPLOYS)):
        await _forget_post(stage, run.id, key, channel)
    await _forget_post(stage, run.id, f"start@{RELEASES}", RELEASES)

    stage.items[run.id] = (root("50 %"), *stage.items[run.id][1:])
    after = stage.publisher()
    after.changed(run)
    await until(lambda: stage.said()[0] == "50 %")
    await after.stop()

    assert stage.said()[:2] == ["50 %", "plan"]
    assert len(stage.said()) == 3
    assert stage.said(RELEASES) == ["start"]


async def test_a_message_that_a_person_deleted_is_not_forced_back(stage):
    run = await a_run()
    stage.items[run.id] = (root(), reply("gate/tests", "running"), reply("plan"))
    publisher = stage.publisher()
    publisher.changed(run)
    await until(lambda: len(stage.said()) == 3)
    stage.remove(DEPLOYS, stage.messages()[1]["ts"])

    stage.items[run.id] = (root("later"), reply("gate/tests", "passed"), reply("plan"), reply("more"))
    publisher.changed(run)
    await until(lambda: len(stage.said()) == 3 and stage.said()[0] == "later")
    await publisher.stop()

    assert stage.said() == ["later", "plan", "more"]


async def test_people_are_asked_under_a_new_card_when_the_old_one_is_deleted(stage):
    run = await a_run()
    stage.items[run.id] = (root(),)
    publisher = stage.publisher()
    publisher.changed(run)
    await until(stage.said)
    stage.remove(DEPLOYS, stage.messages()[0]["ts"])

    stage.items[run.id] = (root(), reply("question", "May it?", is_urgent=True))
    publisher.changed(run)

    await until(lambda: stage.said() == ["checkout v2.5.0", "May it?"])
    card, question = stage.messages()
    assert question["thread_ts"] == card["ts"]


async def test_a_bot_outside_the_channel_says_so_and_goes_on_when_it_is_invited(stage):
    run = await a_run()
    stage.items[run.id] = (root(), reply("plan"))
    stage.leave(DEPLOYS)

    with capture_logs() as logs:
        stage.publisher().changed(run)
        await until(lambda: len([log for log in logs if log["event"] == "slack-refuses-the-bot"]) > 1)
    stage.join(DEPLOYS)

    await until(lambda: stage.said() == ["checkout v2.5.0", "plan"])
    assert any("not_in_channel" in log.get("error", "") and log["log_level"] == "error" for log in logs)


async def test_a_stakeholder_channel_without_the_bot_holds_up_nothing_else(stage):
    run = await a_run()
    stage.items[run.id] = (notice("start"), root(), reply("plan"), notice("end"), reply("gate/tests"))
    stage.leave(RELEASES)

    stage.publisher().changed(run)

    await until(lambda: stage.said() == ["checkout v2.5.0", "plan", "gate/tests"], seconds=1.0)
    stage.join(RELEASES)
    await until(lambda: stage.said(RELEASES) == ["start", "end"])


async def test_a_revoked_token_is_loud_and_ends_nothing(stage):
    run = await a_run()
    stage.items[run.id] = (root(),)
    stage.server.put_faults({"rates": "lifted", "*": {"error": "token_revoked"}})

    with capture_logs() as logs:
        stage.publisher().changed(run)
        await until(lambda: len([log for log in logs if log["event"] == "slack-refuses-the-bot"]) > 1)
    stage.server.put_faults({"rates": "lifted"})

    await until(lambda: stage.said() == ["checkout v2.5.0"])


async def test_one_message_that_slack_never_takes_holds_up_no_other(stage):
    run = await a_run()
    stage.items[run.id] = (root(), reply("empty", "x", blocks=()).with_(text=""), reply("plan"))

    with capture_logs() as logs:
        stage.publisher().changed(run)
        await until(lambda: stage.said() == ["checkout v2.5.0", "plan"])

    assert any("no_text" in log.get("error", "") for log in logs)


async def test_a_bug_in_a_view_is_logged_and_outlived(stage):
    run = await a_run()
    publisher = stage.publisher()
    stage.items[run.id] = None

    with capture_logs() as logs:
        publisher.changed(run)
        await until(lambda: [log for log in logs if log["event"] == "publisher-failed"])
    stage.items[run.id] = (root(),)

    await until(lambda: stage.said() == ["checkout v2.5.0"])


async def test_a_memory_that_is_away_for_a_while_loses_nothing(stage):
    run = await a_run()
    stage.items[run.id] = (root(), reply("plan"))
    posted, failures = stage.memory.posted, []

    async def fails_twice(*args):
        if len(failures) < 2:
            failures.append(args)
            raise OSError("disk full")
        return await posted(*args)

    stage.memory.posted = fails_twice

    stage.publisher().changed(run)

    await until(lambda: _is_known(stage, run, "root") and _is_known(stage, run, "plan"))
    assert stage.said() == ["checkout v2.5.0", "plan"]


async def test_a_missing_link_costs_one_call_in_a_while(stage):
    run = await a_run()
    stage.items[run.id] = (root("running"),)
    stage.server.put_faults({"rates": "lifted", "chat.getPermalink": {"error": "internal_error"}})
    publisher = stage.publisher()

    for number in range(5):
        stage.items[run.id] = (root(f"{number}", is_urgent=True),)
        publisher.changed(run)
        await until(lambda number=number: stage.said() == [f"{number}"])

    assert len(stage.calls("chat.getPermalink")) == 1


async def test_a_link_that_is_known_later_is_put_into_what_stands(stage, monkeypatch):
    monkeypatch.setattr(delivery, "_LINK_PAUSE", 0.2)
    run = await a_run()
    stage.views = lambda _, setting: (root(f"running {setting.thread or 'somewhere'}"),)
    stage.server.put_faults({"rates": "lifted", "chat.getPermalink": {"error": "internal_error", "times": 2}})

    stage.publisher().changed(run)

    await until(lambda: stage.said() == ["running somewhere"])
    await until(lambda: "http" in stage.said()[0])
    assert len(stage.calls("chat.getPermalink")) == 3


async def test_a_card_without_a_link_that_is_deleted_is_not_asked_about_for_ever(stage, monkeypatch):
    """The moment to ask again had come and never went: a hand compared without a pause."""
    monkeypatch.setattr(delivery, "_LINK_PAUSE", 0.05)
    run = await a_run()
    items, looks = [root()], []
    stage.views = lambda run, _: looks.append(run.seq) or tuple(items)
    stage.server.put_faults({"rates": "lifted", "chat.getPermalink": {"error": "internal_error"}})
    publisher = stage.publisher()
    publisher.changed(run)
    await until(stage.said)

    stage.server.put_faults({"rates": "lifted", "chat.postMessage": {"error": "thread_not_found"}})
    stage.remove(DEPLOYS, stage.messages()[0]["ts"])
    items.append(reply("question", is_urgent=True))
    publisher.changed(run)
    await until(lambda: stage.memory.kept[run.id, "root"].ts == "")
    so_far = len(looks)
    await asyncio.sleep(0.5)

    assert len(looks) < so_far + 50


async def test_a_link_that_slack_refuses_is_no_link(stage):
    """A button without an address is refused, and the Home tab with it."""
    run = await a_run()
    stage.items[run.id] = (root(),)
    stage.server.put_faults({"rates": "lifted", "chat.getPermalink": {"error": "message_not_found"}})
    publisher = stage.publisher()

    publisher.changed(run)
    await until(stage.said)
    await until(lambda: stage.calls("chat.getPermalink"))
    await publisher.said(run.id)

    assert publisher.links() == {}


async def test_an_edit_whose_answer_was_lost_is_taken_back_when_the_old_words_count_again(stage, memories):
    """Slack shows the new words, and the memory never heard of it."""
    run = await a_run()
    stage.items[run.id] = (root("waiting"),)
    publisher = stage.publisher()
    publisher.changed(run)
    await until(lambda: stage.said() == ["waiting"])
    stage.server.put_faults({"rates": "lifted", "chat.update": {"lost": True, "times": 1}})
    stage.items[run.id] = (root("running", is_urgent=True),)
    publisher.changed(run)
    await until(lambda: stage.said() == ["running"])

    stage.items[run.id] = (root("waiting", is_urgent=True),)
    publisher.changed(run)

    await until(lambda: stage.said() == ["waiting"])


async def test_after_a_crash_in_mid_edit_the_old_words_are_put_back(stage, memories):
    run = await a_run()
    stage.items[run.id] = (root("waiting"),)
    stage.publisher().changed(run)
    await until(lambda: stage.said() == ["waiting"])
    stage.server.put_faults({"rates": "lifted", "chat.update": {"delay": 0.5}})
    stage.items[run.id] = (root("running", is_urgent=True),)
    before = stage.publishers[0]
    before.changed(run)
    await asyncio.sleep(0.2)
    before.dropped(run.id)
    await until(lambda: stage.said() == ["running"])

    stage.server.put_faults({"rates": "lifted"})
    stage.items[run.id] = (root("waiting"),)
    stage.publisher().changed(run)

    await until(lambda: stage.said() == ["waiting"])


async def test_a_thread_stays_where_it_began_when_the_channel_is_configured_anew(stage):
    run = await a_run()
    stage.items[run.id] = (root(),)
    first = stage.publisher()
    first.changed(run)
    await until(stage.said)
    await first.stop()
    stage.channels = stage.channels.with_(deploys=RELEASES)
    stage.items[run.id] = (root("later"), reply("plan"))

    stage.publisher().changed(run)

    await until(lambda: stage.said() == ["later", "plan"])
    assert stage.said(RELEASES) == []


async def test_the_workspaces_own_limits_are_never_met(stage):
    stage.server.workspace.rates.are_lifted = False
    run = await a_run()
    stage.items[run.id] = (root("0"),)
    publisher = stage.publisher(pace=Pace(), tempo=QUICK)
    publisher.changed(run)

    for number in range(1, 30):
        stage.items[run.id] = (root(f"{number}", is_urgent=True), reply("plan"))
        publisher.changed(run)
        await asyncio.sleep(0.1)
    await until(lambda: stage.said()[0] == "29")

    assert [call for call in stage.server.workspace.calls.newest(5_000) if call["status"] == 429] == []


def _is_known(stage, run, key):
    kept = stage.memory.kept.get((run.id, key))
    return kept is not None and bool(kept.ts)


async def _forget_post(stage, run, key, channel):
    """As if the process had died between Slack's answer and the note of it."""
    if isinstance(stage.memory, SQLMessages):
        await stage.memory._change("forgotten", run, key, ts=None, hash=None, state="reserved")
    else:
        stage.memory.kept[run, key] = stage.memory.kept[run, key].with_(ts=None, hash=None)
    assert channel

"""The publisher in front of a workspace: what stands there, once, in place and in order."""

import asyncio
import itertools

from bot.domain.events import Ended, Ending
from bot.domain.reasons import Reason
from bot.domain.run import RunState
from bot.slack import Tempo
from bot.slack.pace import Pace
from tests.slack.conftest import RELEASES, a_run, notice, picture, reply, root, until

BUTTON = {
    "type": "actions",
    "elements": [
        {
            "type": "button",
            "action_id": "hold",
            "text": {"type": "plain_text", "text": "Hold"},
            "value": "r:checkout-1",
        }
    ],
}


async def test_each_message_is_posted_once_and_the_thread_stands_under_the_card(stage):
    run = await a_run()
    stage.items[run.id] = (root(), reply("plan"), reply("gate/tests"), notice("start"))
    publisher = stage.publisher()

    publisher.changed(run)
    await until(lambda: len(stage.said()) == 3 and stage.said(RELEASES))
    for _ in range(5):
        publisher.changed(run)
    await publisher.stop()

    card, plan, gate = stage.messages()
    assert [card["text"], plan["text"], gate["text"]] == ["checkout v2.5.0", "plan", "gate/tests"]
    assert {plan["thread_ts"], gate["thread_ts"]} == {card["ts"]}
    assert stage.said(RELEASES) == ["start"]
    assert "thread_ts" not in stage.messages(RELEASES)[0]


async def test_a_state_is_drawn_once_for_both_hands(stage):
    """At a start there are hundreds; it is drawn again only when the card's link is known."""
    run, settings = await a_run(), []
    items = (root(), reply("plan"), reply("gate/tests"))
    stage.views = lambda run, setting: settings.append(setting) or items
    publisher = stage.publisher()

    publisher.changed(run)
    await until(lambda: len(stage.said()) == 3)
    await publisher.said(run.id)

    assert [bool(setting.thread) for setting in settings] == [False, True]


async def test_edits_merge_and_the_latest_wins(stage):
    run = await a_run()
    stage.items[run.id] = (root("0 %"),)
    publisher = stage.publisher()
    publisher.changed(run)
    await until(lambda: stage.said() == ["0 %"])

    for percent in range(1, 60):
        stage.items[run.id] = (root(f"{percent} %"),)
        publisher.changed(run)
        await asyncio.sleep(0.01)
    await until(lambda: stage.said() == ["59 %"])

    # 0.6 s of changes with 0.3 s of calm between edits.
    assert len(stage.calls("chat.update")) <= 4


async def test_a_message_of_which_nobody_knows_what_it_says_is_edited(stage):
    """As after a restore: what Slack shows may be newer than what is remembered."""
    run = await a_run()
    stage.items[run.id] = (root("approved by Bo"),)
    before = stage.publisher()
    before.changed(run)
    await until(lambda: stage.said() == ["approved by Bo"])
    await before.stop()
    for place, message in stage.memory.kept.items():
        stage.memory.kept[place] = message.with_(hash=None)
    stage.items[run.id] = (root("waits for an approval"),)

    stage.publisher().changed(run)

    await until(lambda: stage.said() == ["waits for an approval"])


async def test_a_card_is_edited_at_once_when_it_is_urgent(stage):
    run = await a_run()
    stage.items[run.id] = (root("running"),)
    publisher = stage.publisher()
    publisher.changed(run)
    await until(lambda: stage.said() == ["running"])
    stage.items[run.id] = (root("rolling back", is_urgent=True),)

    publisher.changed(run)

    await until(lambda: stage.said() == ["rolling back"], seconds=0.25)


async def test_a_calm_edit_gives_way_to_an_urgent_one_that_comes_meanwhile(stage):
    run = await a_run()
    stage.items[run.id] = (root("running"),)
    publisher = stage.publisher()
    publisher.changed(run)
    await until(lambda: stage.said() == ["running"])
    stage.items[run.id] = (root("a little further"),)
    publisher.changed(run)
    await asyncio.sleep(0.05)

    stage.items[run.id] = (root("rolling back", is_urgent=True),)
    publisher.changed(run)

    await until(lambda: stage.said() == ["rolling back"], seconds=0.2)
    assert len(stage.calls("chat.update")) == 1


async def test_what_is_urgent_is_posted_before_everything_else(stage):
    run = await a_run()
    stage.items[run.id] = (
        root(),
        *(reply(f"gate/{n}") for n in range(4)),
        reply("question/1", "May it?", is_urgent=True),
    )

    stage.publisher().changed(run)

    await until(lambda: len(stage.said()) == 6)
    assert stage.said()[:3] == ["checkout v2.5.0", "May it?", "gate/0"]


async def test_an_urgent_message_overtakes_those_that_wait_for_their_turn(stage):
    run = await a_run()
    stage.items[run.id] = (root(), reply("a"), reply("b"), reply("c"))
    publisher = stage.publisher(pace=Pace(post_every=0.2))
    publisher.changed(run)
    await until(lambda: len(stage.said()) == 2)

    stage.items[run.id] = (*stage.items[run.id], reply("rollback", is_urgent=True))
    publisher.changed(run)

    await until(lambda: len(stage.said()) == 5)
    assert stage.said() == ["checkout v2.5.0", "a", "rollback", "b", "c"]


async def test_a_channel_gets_one_message_a_second(stage):
    stage.server.workspace.rates.are_lifted = False
    run = await a_run()
    stage.items[run.id] = (root(), reply("plan"), reply("gate/tests"), reply("gate/build"))

    stage.publisher(pace=Pace()).changed(run)
    await until(lambda: len(stage.said()) == 4)

    at = stage.at("chat.postMessage")
    assert min(later - sooner for sooner, later in itertools.pairwise(at)) >= 1.0
    assert all(call["ok"] for call in stage.calls("chat.postMessage"))


async def test_a_picture_is_uploaded_into_the_thread_and_described(stage):
    run = await a_run()
    stage.items[run.id] = (root(), reply("picture/25", picture=picture()))
    publisher = stage.publisher()

    publisher.changed(run)
    shown = await until(lambda: [m for m in stage.messages() if m.get("files")])
    publisher.changed(run)
    await publisher.stop()

    assert shown[0]["thread_ts"] == stage.messages()[0]["ts"]
    assert shown[0]["files"][0]["name"] == "checkout-1-canary-25.png"
    assert shown[0]["files"][0]["alt_txt"] == "errors 0.04 %"
    assert stage.drawn == ["canary-25.png"]


async def test_a_picture_that_cannot_be_drawn_is_told_in_words(stage):
    def broken(_picture):
        raise ValueError("no such font")

    run = await a_run()
    stage.items[run.id] = (root(), reply("picture/25", "errors 0.04 %", picture=picture()), reply("after"))

    stage.publisher(draw=broken).changed(run)

    await until(lambda: stage.said() == ["checkout v2.5.0", "errors 0.04 %", "after"])


async def test_the_end_is_shown_in_the_channel_too(stage):
    run = await a_run()
    stage.items[run.id] = (root(), reply("end", "Finished", is_broadcast=True, is_urgent=True))

    stage.publisher().changed(run)

    await until(lambda: len(stage.said()) == 2)
    assert stage.messages()[1]["subtype"] == "thread_broadcast"


async def test_blocks_that_slack_refuses_leave_the_words(stage):
    run = await a_run()
    bad = ({"type": "section", "text": {"type": "mrkdwn", "text": "x" * 4_000}},)
    stage.items[run.id] = (
        root("The card", blocks=bad),
        reply("end", "The end", blocks=bad, is_broadcast=True),
    )
    publisher = stage.publisher()

    publisher.changed(run)
    await until(lambda: len(stage.said()) == 2)
    stage.items[run.id] = (root("The card, later", blocks=bad), stage.items[run.id][1])
    publisher.changed(run)
    await until(lambda: stage.said()[0] == "The card, later")
    await publisher.stop()

    assert stage.said() == ["The card, later", "The end"]
    assert stage.messages()[1]["subtype"] == "thread_broadcast"


async def test_an_edit_to_plain_words_takes_the_buttons_away(stage):
    run = await a_run()
    stage.items[run.id] = (root(blocks=(BUTTON,)),)
    publisher = stage.publisher()
    publisher.changed(run)
    await until(lambda: stage.messages() and "blocks" in stage.messages()[0])

    stage.items[run.id] = (root("Done", is_urgent=True),)
    publisher.changed(run)

    await until(lambda: stage.said() == ["Done"])
    assert "blocks" not in stage.messages()[0]


async def test_trouble_is_said_aloud_and_cannot_call_the_channel(stage):
    run = await a_run()
    stage.items[run.id] = (root(),)
    publisher = stage.publisher()
    publisher.changed(run)
    await until(stage.said)

    publisher.trouble(run.id, "KeyError: <!channel> & <@U123> " + "x" * 5_000)

    await until(lambda: len(stage.said()) == 2)
    text = stage.said()[1]
    assert "&lt;!channel&gt; &amp; &lt;@U123&gt;" in text
    assert "<!channel>" not in text
    assert len(text) < 1_000


async def test_trouble_that_is_over_is_told_as_over(stage):
    run = await a_run()
    stage.items[run.id] = (root(),)
    publisher = stage.publisher()
    publisher.changed(run)
    publisher.trouble(run.id, "the database is away")
    await until(lambda: "I keep trying" in stage.said()[-1] if stage.said() else False)

    publisher.changed(run)
    await asyncio.sleep(0.2)
    assert "I keep trying" in stage.said()[-1], "nothing new was journaled"
    publisher.changed(run.with_(seq=run.seq + 1, state=RunState.ROLLED_BACK))

    await until(lambda: stage.said()[-1].startswith("It goes on again."))
    assert "the database is away" in stage.said()[-1]


async def test_many_runs_at_once_are_served_in_turn(stage):
    runs = [await a_run(name) for name in ("checkout", "payments", "search", "users")]
    for run in runs:
        stage.items[run.id] = (root(run.id), *(reply(f"{run.id}/{n}") for n in range(4)))
    publisher = stage.publisher(pace=Pace(post_every=0.03))

    for run in runs:
        publisher.changed(run)
    await until(lambda: len(stage.said()) == 20)

    # Each run has its card before any has its second reply, and none is more than one message ahead.
    assert set(stage.said()[:4]) == {run.id for run in runs}
    for end in range(4, 21, 4):
        told = stage.said()[:end]
        counts = [sum(text.startswith(run.id) for text in told) for run in runs]
        assert max(counts) - min(counts) <= 1


async def test_a_run_that_is_over_is_forgotten_and_may_be_shown_again(stage):
    run = await a_run()
    stage.items[run.id] = (root("running"),)
    publisher = stage.publisher()
    publisher.changed(run)
    await until(stage.said)
    over = run.with_(
        state=RunState.FINISHED, ended=Ended(ending=Ending.FINISHED, reason=Reason.FINISHED, sentence="Done.")
    )
    stage.items[run.id] = (root("finished", is_urgent=True),)

    publisher.changed(over)
    await until(lambda: not [task for task in asyncio.all_tasks() if run.id in task.get_name()])
    assert stage.said() == ["finished"]
    assert not publisher._threads
    stage.items[run.id] = (root("finished, and looked at again"),)
    publisher.changed(over)

    await until(lambda: stage.said() == ["finished, and looked at again"])


async def test_a_graceful_stop_says_what_is_left(stage):
    run = await a_run()
    stage.items[run.id] = (root("running"),)
    publisher = stage.publisher()
    publisher.changed(run)
    await until(stage.said)
    stage.items[run.id] = (root("parked"), reply("last words"))

    publisher.changed(run)
    await publisher.stop()
    stage.items[run.id] = (root("too late"),)
    publisher.changed(run)
    await asyncio.sleep(0.05)

    assert stage.said() == ["parked", "last words"]
    assert not [task for task in asyncio.all_tasks() if run.id in task.get_name()]


async def test_news_at_the_very_moment_of_the_stop_does_not_keep_a_hand_going(stage):
    run = await a_run()
    stage.items[run.id] = (root("running"),)
    publisher = stage.publisher(tempo=Tempo(calm=60.0, last_words=0.0))
    publisher.changed(run)
    await until(stage.said)
    stage.items[run.id] = (root("later"),)
    publisher.changed(run)
    (thread,) = publisher._threads.values()
    _, edits = thread._hands
    await until(lambda: not edits._news.is_set() and not edits.idle.is_set() and edits._news._waiters)

    thread.nudge()
    edits.cancel()

    await until(edits._task.done)

"""What people read of a rolling update."""

from bot.domain.events import Ended, Ending, Held, StepDone, TurnedBack
from bot.domain.outcome import Evidence
from bot.domain.reasons import Reason
from bot.views.items import Place
from bot.views.messages import messages
from tests.support.builders import BO
from tests.support.rollout_story import ROLLOUT, a_rollout, finished, pods, under_way
from tests.support.story import Story, seconds
from tests.views.reading import ONCALL, SETTING, buttons, complaints, keys, read, shown

WHY = "1 of 3 pods of checkout run v2.5.0, and the rollout is paused. v2.5.0 has 5 % errors."


def back() -> Story:
    story = under_way(1).says(Held(sentence=WHY))
    turn = TurnedBack(
        ending=Ending.ROLLED_BACK,
        reason=Reason.ROLLED_BACK_BY_PERSON,
        sentence="Rolled back by Bo.",
        quarantine=True,
        first_seen=story.now - seconds(10),
    )
    story.says(turn, person=BO, after=seconds(30)).begins("back/restore")
    return story


def test_one_question_says_what_would_be_done() -> None:
    run = a_rollout().asked(100, step=ROLLOUT).run

    question = shown(run, "question/question-100-1")
    assert "May v2.5.0 replace v2.4.1 in production, pod by pod?" in read(question)
    assert buttons(question)["approve"]["text"]["text"] == "Approve"
    assert "Every pod gets v2.4.1" in str(buttons(question)["rollback"]["confirm"])


def test_the_card_follows_pod_by_pod() -> None:
    card = read(shown(under_way(1).run, "root"))

    assert "Replace v2.4.1 by v2.5.0, pod by pod (1 of 3 pods of checkout run v2.5.0)." in card
    assert "approvals: Bo the rollout" in card
    assert "checkout gets v2.4.1 again, pod by pod; not drilled on staging" in card


def test_the_thread_tells_how_far_it_is_and_how_it_ended() -> None:
    assert "is replacing v2.4.1, pod by pod: 1 of 3 pods" in read(shown(under_way(1).run, "deploy"))
    assert "v2.5.0 has replaced v2.4.1 in 2 min: 3 of 3 pods ready." in read(shown(finished().run, "deploy"))
    assert "v2.5.0 had come to 1 of 3 pods when the run turned back." in read(shown(back().run, "deploy"))


def test_a_rollout_that_stands_still_asks_and_says_why() -> None:
    story = under_way(1).says(Held(sentence=WHY))

    held = shown(story.run, f"held/{story.run.held_seq}")
    assert f"{ONCALL} Holding at about 33 % since" in read(held)
    assert WHY in read(held)
    assert "with about 33 % of traffic on v2.5.0" in read(shown(story.run, "root"))


def test_the_way_back_says_when_the_last_pod_was_replaced() -> None:
    story = back()
    assert "Give checkout v2.4.1 again, pod by pod" in read(shown(story.run, "rollback"))

    home = Evidence(workload=pods(3), accepted_at=story.now + seconds(50))
    story.says(StepDone(evidence=home), step="back/restore", after=seconds(50))
    story.does("back/settings").does("back/health")
    story.says(
        Ended(ending=Ending.ROLLED_BACK, reason=Reason.ROLLED_BACK_BY_PERSON, sentence="Rolled back by Bo.")
    )
    told = read(shown(story.run, "rollback"))
    assert "last pod replaced" in told
    assert "20 of 400 counted requests on v2.5.0 failed." in told
    assert "v2.4.1 serves everything" in told


def test_the_end_ticks_what_is_so() -> None:
    end = read(shown(finished().run, "end"))

    assert "✓ production finished: every pod of checkout runs v2.5.0" in end
    assert "✓ 1 comparison with stable, all healthy" in end


def test_stakeholders_read_three_messages_in_plain_words() -> None:
    run = finished().run

    told = [item.text for item in messages(run, SETTING) if item.place is Place.STAKEHOLDERS]
    assert keys(run, Place.STAKEHOLDERS) == [f"stakeholders/{k}" for k in ("start", "first-shift", "finish")]
    assert "All users have checkout v2.5.0 now; it is being watched." in told[1]


def test_slack_takes_all_of_it() -> None:
    for story in (a_rollout(), under_way(2), back(), finished()):
        for run in story.seen:
            for item in messages(run, SETTING):
                assert complaints(item.blocks) == []

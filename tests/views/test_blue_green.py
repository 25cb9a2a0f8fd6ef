"""What people read of a blue-green deploy."""

from datetime import timedelta

from bot.domain.events import Due, Ended, Ending, PutOff, StepDone, TurnedBack
from bot.domain.outcome import Evidence, Workload
from bot.domain.reasons import Reason
from bot.views import answers
from bot.views.items import Place
from bot.views.messages import messages
from tests.support.builders import BO, CY
from tests.support.colour_story import (
    LEFT,
    SWITCH,
    finished,
    kept_longer,
    not_removed,
    removed,
    switched,
    warmed_up,
)
from tests.support.story import Story, seconds
from tests.views.reading import SETTING, buttons, complaints, keys, read, shown


def back() -> Story:
    story = switched().begins("blue-green/watch")
    turn = TurnedBack(
        ending=Ending.ROLLED_BACK,
        reason=Reason.ROLLED_BACK_BY_PERSON,
        sentence="Rolled back by Bo.",
        quarantine=True,
    )
    story.says(turn, person=BO, after=seconds(30)).begins("back/traffic")
    story.says(StepDone(evidence=Evidence(accepted_at=story.now)), step="back/traffic")
    story.does("back/canary").does("back/health")
    return story.says(
        Ended(ending=Ending.ROLLED_BACK, reason=Reason.ROLLED_BACK_BY_PERSON, sentence="Rolled back by Bo.")
    )


def test_the_question_says_what_would_be_switched_and_how_the_warm_up_went() -> None:
    question = shown(warmed_up().asked(100, step=SWITCH).run, "question/question-100-1")

    assert "May all of production switch to v2.5.0, at once?" in read(question)
    assert "It was warmed up with 100 requests, of which 3 failed." in read(question)
    assert buttons(question)["approve"]["text"]["text"] == "Approve the switch"


def test_an_answered_question_still_says_what_it_was_about() -> None:
    question = read(shown(switched().run, "question/question-100-1"))

    assert "Switch all traffic from checkout-blue to checkout-green" in question
    assert "of which 3 failed" in question


def test_the_card_tells_who_switched_and_how_to_go_back() -> None:
    card = read(shown(switched().run, "root"))

    assert "approvals: Bo the switch" in card
    assert "all traffic to checkout-blue, then v2.5.0 removed; not drilled on staging" in card
    assert "100 % of traffic on v2.5.0" in card


def test_the_end_says_where_the_version_of_before_is() -> None:
    end = read(shown(finished().run, "end"))

    assert "checkout-green serves v2.5.0; checkout-blue keeps v2.4.1, without traffic" in end


def test_stakeholders_are_not_told_of_a_first_share() -> None:
    told = [item for item in messages(switched().run, SETTING) if item.place is Place.STAKEHOLDERS]

    assert any("All users have checkout v2.5.0 now; it is being watched." in item.text for item in told)


def test_stakeholders_are_told_that_all_get_it_at_once_and_since_when() -> None:
    told = [item.text for item in messages(finished().run, SETTING) if item.place is Place.STAKEHOLDERS]

    assert "It is tried first where no user is; then all users get it at once." in told[0]
    switched_at = finished().run.record(SWITCH).evidence.accepted_at
    assert switched_at is not None
    assert f"everyone has it since <!date^{int(switched_at.timestamp())}" in told[2]


def test_the_way_back_says_when_traffic_was_switched_back() -> None:
    rollback = read(shown(back().run, "rollback"))

    assert "switched back" in rollback
    assert "v2.4.1 serves everything" in rollback


def test_a_finished_card_says_until_when_blue_stays_and_who_may_change_that() -> None:
    run = finished().run
    card = shown(run, "root")

    due = int(run.care[LEFT].due_at.timestamp())
    assert f"*Next*  Remove v2.4.1 in checkout-blue, <!date^{due}^{{date_short_pretty}} {{time}}|" in read(
        card
    )
    assert buttons(card)["put_off"]["text"]["text"] == "Keep 24\u00a0h longer"
    assert buttons(card)["put_off"]["value"] == f"c:checkout-1:{LEFT}:{run.care[LEFT].seq}"
    asked = buttons(card)["do_now"]["confirm"]
    assert asked["title"]["text"] == "Remove v2.4.1?"
    assert "checkout-blue is deleted with its pods." in asked["text"]["text"]
    assert "v2.4.1 stays in checkout-blue, warm, for 24 h or until the next deploy takes its place." in read(
        shown(run, "end")
    )


def test_who_has_kept_it_longer_is_named() -> None:
    run = kept_longer().run
    card = shown(run, "root")

    assert "put off by Bo" in read(card)
    assert buttons(card)["put_off"]["value"].endswith(f":{run.seq}"), "a second press is another one"
    kept = read(shown(run, f"{LEFT}/kept/{run.seq}"))
    assert "Bo keeps v2.4.1 in checkout-blue until" in kept
    assert "or until the next deploy takes its place" in kept


def test_each_who_keeps_it_has_a_message_that_stays() -> None:
    story = kept_longer()
    until = story.run.care[LEFT].due_at + timedelta(hours=24)
    first = story.run.seq
    story.says(PutOff(until=until), step=LEFT, person=CY).says(Due(), step=LEFT, after=timedelta(days=3))

    kept = [key for key in keys(story.run) if "/kept/" in key]
    assert kept == [f"{LEFT}/kept/{first}", f"{LEFT}/kept/{first + 1}"]
    assert "Cy keeps" in read(shown(story.run, kept[1]))


def test_what_is_removed_has_no_buttons_left() -> None:
    run = removed().run

    ended = run.record(LEFT).ended
    assert ended is not None
    assert f"*After*  checkout-blue is removed, <!date^{int(ended.timestamp())}^" in read(shown(run, "root"))
    assert buttons(shown(run, "root")).keys() == {"open_thread"}
    assert read(shown(run, LEFT)) == "checkout-blue is removed."
    assert keys(run)[-1] == LEFT


def test_what_could_not_be_removed_says_why_and_when_it_is_tried_again() -> None:
    run = not_removed().run
    card = shown(run, "root")

    assert "Not yet: Kubernetes forbids it: &lt;nope&gt;." in read(card)
    assert buttons(card).keys() == {"put_off", "do_now", "open_thread"}
    assert [key for key in keys(run) if key.startswith(LEFT)] == [f"{LEFT}/later"]
    assert "I look again <!date^" in read(shown(run, f"{LEFT}/later"))


def test_what_was_removed_in_the_end_is_not_looked_at_again() -> None:
    story = not_removed().says(Due(), step=LEFT, after=timedelta(hours=4))
    run = story.does(LEFT, sentence="checkout-blue is removed").run

    later = read(shown(run, f"{LEFT}/later"))
    assert "Not at once: Kubernetes forbids it" in later
    assert "look again" not in later


def test_nothing_is_promised_of_what_is_not_there() -> None:
    run = finished(blue=None).run
    end = read(shown(run, "end"))

    assert "stays in checkout-blue" not in end
    assert "keeps v2.4.1" not in end
    assert buttons(shown(run, "root")).keys() == {"open_thread"}


def test_blue_without_a_ready_pod_is_not_called_warm() -> None:
    blue = Workload(name="checkout-blue", image="i", replicas=0, ready=0)
    end = read(shown(finished(blue=blue).run, "end"))

    assert "checkout-blue is left with no ready pod" in end
    assert "warm" not in end


def test_the_plan_says_what_comes_afterwards() -> None:
    plan = warmed_up().run.plan
    line = "Remove v2.4.1 in checkout-blue, 24 h after the end"

    assert f"*Afterwards*  {line}" in read(shown(warmed_up().run, "plan"))
    assert f"Afterwards\n     {LEFT}     {line}" in answers.plain(plan)
    preview = "\n".join(str(block) for block in answers.plan_preview(plan, SETTING).blocks)
    assert line in preview.replace("\\xa0", " ")


def test_slack_takes_all_of_it() -> None:
    stories = (finished(), back(), kept_longer(), removed(), not_removed())
    for story in (warmed_up().asked(100, step=SWITCH), *stories):
        for run in story.seen:
            for item in messages(run, SETTING):
                assert complaints(item.blocks) == []

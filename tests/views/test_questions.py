"""What the bot asks people, and what becomes of a question."""

from bot.domain.events import Ending
from bot.domain.plan import ApprovalPolicy
from bot.domain.reasons import Reason
from bot.views.items import Setting
from tests.support.builders import BO, CY
from tests.support.story import a_canary_plan, a_story
from tests.views.reading import BOSS, ONCALL, buttons, keys, read, shown


def test_a_question_mentions_the_approvers_and_shows_what_an_answer_rests_on():
    run = a_story().through_gates().up().stage(5).asked(10).run

    question = shown(run, "question/question-10-1")

    said = read(question)
    assert f"{ONCALL}  *May 10 % of production go to v2.5.0?*" in said
    assert "*✓ healthy*: 7,310 requests on v2.5.0" in said
    assert "errors 0.04 % against 0.05 % (−0.01 points, 95 % interval −0.04 to +0.02)" in said
    assert "p95 212 ms against 208 ms" in said
    assert "Image `sha256:9f2c1a07…`, step 10 of 21, attempt 1." in said
    assert "Without an answer: reminder" in said
    assert "back to v2.4.1 at" in said
    assert not question.is_urgent


def test_the_notice_of_a_question_tells_the_verdict_too():
    run = a_story().through_gates().up().stage(5).asked(10).run

    text = shown(run, "question/question-10-1").text

    assert text.startswith(f"{ONCALL} May 10 % of production go to v2.5.0? Healthy: 7,310 requests")


def test_the_first_question_says_that_nothing_was_compared_yet():
    run = a_story().through_gates().up().asked(5).run

    assert "this is the first traffic for the new version" in read(shown(run, "question/question-5-1"))


def test_every_button_of_a_question_is_bound_to_it():
    run = a_story().through_gates().up().asked(5).run

    pressed = buttons(shown(run, "question/question-5-1"))

    assert list(pressed) == ["approve", "approve_rest", "hold", "rollback"]
    assert {button["value"] for button in pressed.values()} == {"q:question-5-1"}
    assert pressed["approve"]["style"] == "primary"
    assert pressed["rollback"]["style"] == "danger"
    assert pressed["rollback"]["confirm"]["deny"]["text"] == "Keep going"


def test_an_answered_question_says_who_answered_and_has_no_buttons():
    run = a_story().through_gates().up().asked(5).approved(BO).run

    question = shown(run, "question/question-5-1")

    assert "Approved by Bo at" in question.text
    assert "(5 %, step 8 of 21)." in question.text
    assert ONCALL not in read(question) + question.text
    assert buttons(question) == {}


def test_a_question_that_nobody_answered_says_so():
    story = a_story().through_gates().up().asked(5)
    run = story.turned(Reason.APPROVAL_EXPIRED, "Nobody answered.", ending=Ending.ABORTED).run

    question = shown(run, "question/question-5-1")

    assert "nobody answered" in question.text
    assert buttons(question) == {}


def test_a_second_attempt_is_a_question_of_its_own():
    story = a_story().through_gates().up().asked(5).held("", BO).resumed()
    run = story.asked(5, attempt=2).run

    assert buttons(shown(run, "question/question-5-1")) == {}
    assert "attempt 2." in read(shown(run, "question/question-5-2"))


def test_where_several_have_to_approve_it_says_who_did():
    story = a_story(a_canary_plan(approvals=ApprovalPolicy(people=2))).through_gates().up().asked(5)
    nobody, one = story.run, story.voted(CY).run

    assert "2 people have to approve; so far: nobody yet." in read(shown(nobody, "question/question-5-1"))
    assert "2 people have to approve; so far: Cy." in read(shown(one, "question/question-5-1"))


def test_silence_is_reminded_of_and_then_escalated():
    story = a_story().through_gates().up().asked(5)
    reminded, escalated = story.reminded().run, story.escalated().run

    assert shown(reminded, "reminder/question-5-1").text.startswith(f"{ONCALL} Still waiting: May 5 %")
    assert "escalation/question-5-1" not in keys(reminded)
    assert shown(escalated, "escalation/question-5-1").text.startswith(f"{BOSS} Nobody has answered since")


def test_a_reminder_stays_as_it_was_sent_once_the_question_is_answered():
    story = a_story().through_gates().up().asked(5).reminded()
    before, after = story.run, story.approved(BO).run

    assert shown(before, "reminder/question-5-1") == shown(after, "reminder/question-5-1")


def test_without_approvers_the_question_says_that_nobody_may_answer():
    run = a_story().through_gates().up().asked(5).run

    assert "*Nobody is configured as approver.*" in read(shown(run, "question/question-5-1", Setting()))


def test_a_question_about_something_else_than_a_shift_names_it():
    story = a_story().through_gates().up()
    for weight in (5, 10, 25, 50, 100):
        story.stage(weight)
    run = story.asked(100, attempt=2, step="promote/stable").run

    question = shown(run, "question/question-100-2")

    assert "May I go on: Give stable v2.5.0 while the canary serves?" in read(question)
    assert buttons(question)["approve"]["text"]["text"] == "Approve"

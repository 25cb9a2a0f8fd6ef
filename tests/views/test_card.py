"""The root card: what stands, what happens next, who may act."""

from datetime import timedelta

import pytest

from bot.domain.events import Ending
from bot.domain.plan import ApprovalPolicy
from bot.domain.reasons import Reason
from bot.views.card import percent_done
from bot.views.items import Setting
from tests.support.builders import BO, CY
from tests.support.story import a_canary_plan, a_story, a_whole_canary, failed, passed, unknown
from tests.views.reading import ONCALL, SETTING, THREAD, buttons, read, shown


def test_the_first_line_tells_what_goes_where_how_and_how_it_is_going():
    run = a_story().run

    first = read(shown(run, "root")).splitlines()[0]

    assert first == "*checkout*  `v2.4.1` → `v2.5.0`   canary · production   ● *running*"


def test_an_undo_names_the_run_that_it_takes_back():
    run = a_story(a_canary_plan(undoes="checkout-7", reason="refunds fail")).run

    assert 'Ada · undoes `checkout-7` · "refunds fail"' in read(shown(run, "root"))


def test_only_the_phases_of_the_plan_are_shown():
    run = a_story().through_gates().up().run

    card = read(shown(run, "root"))

    assert "gates ✓ · production … · validation" in card
    assert "staging …" not in card
    assert "monitoring" not in card


def test_a_bake_says_since_when_and_until_when():
    run = a_story().through_gates().up().asked(5).approved(BO).shifted(5).baking(5).run

    card = read(shown(run, "root"))

    assert "5 % of traffic on v2.5.0 since" in card
    assert "|09:06 UTC>, baking until" in card
    assert "|09:36 UTC>" in card
    assert "errors 0.04 % (stable 0.05 %) · p95 212 ms (stable 208 ms) · 7,310 requests seen" in card
    assert "Shift 10 % of traffic to v2.5.0, after approval" in card


def test_held_time_moves_the_end_of_a_bake():
    story = a_story().through_gates().up().asked(5).approved(BO).shifted(5).baking(5)
    run = story.held("a log line", CY).resumed().run

    card = read(shown(run, "root"))

    assert "|09:39 UTC>" in card


def test_time_in_which_nobody_watched_moves_the_end_of_a_bake():
    story = a_story().through_gates().up().asked(5).approved(BO).shifted(5).baking(5)
    run = story.watched(5, unwatched=timedelta(minutes=20)).run

    card = read(shown(run, "root"))

    assert "|09:56 UTC>" in card


def test_a_waiting_card_says_what_is_asked_since_when_and_what_silence_does():
    run = a_story().through_gates().up().asked(5).run

    card = read(shown(run, "root"))

    assert "◆ *waiting for approval*" in card
    assert "waiting for approval since" in card
    assert "Without an answer back to v2.4.1 at" in card


def test_a_held_card_says_who_holds_and_why():
    run = a_story().through_gates().up().asked(5).held("looking at a log line", BO).run

    card = read(shown(run, "root"))

    assert "Held by Bo since" in card
    assert "(looking at a log line)" in card
    assert "goes on when an approver resumes it" in card


def test_the_card_never_mentions_anybody():
    for run in (*a_whole_canary().seen, *a_story().through_gates().up().asked(5).reminded().seen):
        card = shown(run, "root")
        assert ONCALL not in card.text + read(card)


def test_nobody_configured_to_approve_is_said_aloud():
    run = a_story().run

    card = read(shown(run, "root", Setting()))

    assert "after approval (nobody is configured to give it)" in card


def test_an_active_run_can_be_held_rolled_back_and_aborted():
    run = a_story().through_gates().run

    pressed = buttons(shown(run, "root"))

    assert list(pressed) == ["hold", "rollback", "abort", "open_thread"]
    assert {pressed[name]["value"] for name in ("hold", "rollback", "abort")} == {f"r:{run.id}"}
    assert pressed["rollback"]["style"] == "danger"
    assert "v2.4.1" in pressed["rollback"]["confirm"]["text"]["text"]
    assert "confirm" in pressed["abort"]
    assert pressed["open_thread"]["url"] == THREAD


def test_a_held_run_can_be_resumed_instead():
    run = a_story().through_gates().up().held("", BO).run

    assert list(buttons(shown(run, "root"))) == ["resume", "rollback", "abort", "open_thread"]


@pytest.mark.parametrize("ending", [Ending.ROLLED_BACK, Ending.ABORTED])
def test_a_run_on_its_way_back_or_over_has_no_buttons_but_the_link(ending):
    story = a_story().through_gates().up().turned(Reason.ABORTED, "Enough.", ending=ending, by=BO)

    back, over = story.run, story.went_back().run

    for run in (back, over):
        assert list(buttons(shown(run, "root"))) == ["open_thread"]
        assert buttons(shown(run, "root", Setting())) == {}


def test_percent_only_grows_and_stays_in_the_ranges_of_the_phases():
    seen = [percent_done(run) for run in a_whole_canary().seen]

    assert seen == sorted(seen)
    assert seen[0] == 0
    assert seen[-1] == 100
    after_gates = percent_done(a_story().through_gates().run)
    before_the_end = a_whole_canary().seen[-2]
    assert after_gates == 35
    assert percent_done(before_the_end) <= 85


def test_a_whole_card_has_at_most_twelve_blocks():
    assert all(len(shown(run, "root").blocks) <= 12 for run in a_whole_canary().seen)


def test_approvals_name_who_gave_them_and_for_what():
    story = a_story(a_canary_plan(approvals=ApprovalPolicy(people=2))).through_gates().up()
    run = story.asked(5).approved(BO, CY).shifted(5).run

    assert "approvals: Bo and Cy 5 %" in read(shown(run, "root"))


def test_a_stage_without_figures_says_why_and_not_that_it_is_healthy():
    run = a_story().through_gates().up().asked(5).approved(BO).shifted(5).baking(5, unknown()).run

    card = read(shown(run, "root"))

    assert "∅ no data" in card
    assert "connection refused" in card
    assert "healthy" not in card.partition("*Health*")[2].splitlines()[0]


def test_running_gates_are_named_and_a_failed_one_marks_its_phase():
    story = a_story().gates_begin()
    running = read(shown(story.run, "root"))
    story.gate(failed("tests")).gate(passed("build")).gate(passed("code-review"))

    over = read(shown(story.stopped("1 blocker.").run, "root"))

    assert "Gates are running: code-review, tests, build." in running
    assert "gates ✗ failed" in over
    assert "Stopped before production was touched" in over
    assert "v2.4.1 serves everything" in over


def test_the_notice_on_a_phone_is_a_whole_sentence():
    run = a_story().through_gates().up().asked(5).run

    text = shown(run, "root", SETTING).text

    assert text.startswith("checkout v2.4.1 → v2.5.0 (canary, production): 0 % of traffic on v2.5.0; waiting")


def test_approvals_of_one_person_stand_together():
    story = a_story().through_gates().up().stage(5, BO).stage(10, BO).stage(25, CY)

    assert "approvals: Bo 5 %, 10 %; Cy 25 %" in read(shown(story.run, "root"))


def test_a_new_run_says_what_comes_next():
    assert "0 % of traffic on v2.5.0; next: Gate: code review." in read(shown(a_story().run, "root"))

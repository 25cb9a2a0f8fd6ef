"""The thread reads as the story of the run: plan, gates, canary, stages, trouble, the way back, the end."""

import pytest

from bot.domain.events import Claimed, Ending, Noted
from bot.domain.figures import Tally
from bot.domain.gates import Finding, GateStatus, Severity
from bot.domain.reasons import Reason
from bot.domain.run import RunState
from bot.views.items import Place, Setting
from bot.views.messages import messages
from tests.support.builders import BO, CY
from tests.support.story import (
    a_canary_plan,
    a_story,
    a_whole_canary,
    failed,
    minutes,
    passed,
    seconds,
    unknown,
)
from tests.views.reading import BOSS, ONCALL, SETTING, THREAD, buttons, keys, read, shown


def test_the_first_reply_is_the_plan_with_its_approvals_and_the_way_back():
    run = a_story().run

    plan = read(shown(run, "plan"))

    assert keys(run)[0] == "plan"
    assert "21 steps, 5 approvals, about 1 h 51 min if every approval comes at once." in plan
    assert "1–3. Gate: code review · tests · build" in plan
    assert "8–9. Shift 5 % of traffic to v2.5.0 *(approval)*, then compare for 30 min" in plan
    assert "*Way back*  Give stable v2.4.1 again → Weight 0" in plan
    assert "There is no staging environment." in plan
    assert "Round totals half to even" in plan


def test_the_thread_is_in_the_order_in_which_things_happened():
    story = a_story().gates_begin()
    story.gate(passed("build")).gate(passed("tests")).gate(passed("code-review")).up()
    story.stage(5).stage(10).now += seconds(1)
    run = story.held("", BO).run

    assert keys(run) == [
        "plan",
        "gate/build",
        "gate/tests",
        "gate/code-review",
        "deploy",
        "question/question-5-1",
        "stage/5",
        "question/question-10-1",
        "picture/5",
        "stage/10",
        "picture/10",
        f"held/{run.held_seq}",
    ]


def test_no_message_of_a_thread_ever_goes_away():
    for story in (a_whole_canary(), _a_bad_day()):
        before: set[str] = set()
        for run in story.seen:
            now = set(keys(run))
            assert before <= now
            before = now


def test_what_is_shown_changes_with_the_run_and_not_by_itself():
    story = a_story().through_gates().up().stage(5).asked(10)
    before = messages(story.run, SETTING)

    claimed = story.says(Claimed(owner="other"), after=minutes(7)).run

    assert messages(claimed, SETTING) == before
    assert len({item.key for item in before}) == len(before)


def test_a_gate_is_told_when_it_ends_and_not_before():
    story = a_story().gates_begin()
    begun = story.run
    ended = story.gate(passed("tests")).run

    assert "gate/tests" not in keys(begun)
    said = read(shown(ended, "gate/tests"))
    assert "*Tests: ✓ passed* in 41 s" in said
    assert "42 tests, 3 skipped · coverage 91.2 % · pytest 9.2.0 · report `tests-report.md`" in said
    assert not shown(ended, "gate/tests").is_urgent


def test_a_gate_says_nothing_twice_and_cuts_digests_short():
    facts = ("built in 4.2 s", "0 warnings", "dist/app.js 1.2 MB, sha256:9f2c1a07" + "0" * 56)
    result = passed("build", headline="built in 4.2 s, 0 warnings", facts=facts)

    said = read(shown(a_story().gates_begin().gate(result).run, "gate/build"))

    assert said.count("4.2 s") == 1
    assert "dist/app.js 1.2 MB, sha256:9f2c1a07… · pytest" in said


def test_a_failed_gate_shows_the_gravest_findings_first_with_place_and_remedy():
    notes = tuple(Finding(severity=Severity.NOTE, rule="r", message=f"note {n}") for n in range(9))
    result = failed("code-review", 2)
    run = a_story().gates_begin().gate(result.with_(findings=(*notes, *result.findings))).run

    gate = shown(run, "gate/code-review")

    said = read(gate)
    assert "*Code review: ✗ failed*" in said
    assert "✗ blocker  `src/prefs.py:81` An error is swallowed (1). → Log it or let it rise" in said
    assert said.index("(2).") < said.index("note 0")
    assert "… and 6 more in the report" in said
    assert gate.is_urgent


@pytest.mark.parametrize(
    ("status", "word"), [(GateStatus.WAIVED, "✓ waived"), (GateStatus.SKIPPED, "– skipped")]
)
def test_a_gate_that_was_let_go_says_so(status, word):
    run = a_story().gates_begin().gate(passed("tests", status=status, headline="By Cy: known.")).run

    assert word in read(shown(run, "gate/tests"))
    assert "By Cy: known." in read(shown(run, "gate/tests"))


def test_the_canary_tells_its_pods_and_what_keeps_them_from_getting_ready():
    run = a_story().through_gates().coming_up(1, "ImagePullBackOff: no such image").run

    said = read(shown(run, "deploy"))

    assert "v2.5.0 is coming up: 1 of 3 pods ready." in said
    assert "• ImagePullBackOff: no such image" in said


def test_a_canary_that_is_up_tells_how_long_it_took_and_which_image_it_runs():
    run = a_story().through_gates().up().run

    assert read(shown(run, "deploy")) == (
        "v2.5.0 is up: 3 of 3 pods ready after 38 s, without traffic. Image `sha256:9f2c1a07…`."
    )


def test_a_stage_ends_with_its_verdict_and_a_table_of_new_stable_and_change():
    run = a_story().through_gates().up().stage(5).run

    stage = shown(run, "stage/5")

    (table,) = [block for block in stage.blocks if block["type"] == "table"]
    rows = [[cell["text"].replace("\u00a0", " ") for cell in row] for row in table["rows"]]
    assert rows[0] == ["figure", "v2.5.0", "v2.4.1", "change"]
    assert ["Errors", "0.04 %", "0.05 %", "−0.01"] in rows
    assert ["p95", "212 ms", "208 ms", "+4 ms"] in rows
    assert ["Throughput", "25.0/s", "75.0/s", "–"] in rows
    assert ["CPU, cores", "0.04", "0.09", "–"] in rows
    assert max(len("".join(row)) for row in rows) <= 30, "a phone is 360 points wide"
    assert "*5 % for 30 min: ✓ healthy.* 7,310 requests" in read(stage)
    assert "7,310 requests on v2.5.0, 66,020 on v2.4.1." in read(stage)


def test_at_100_percent_the_table_says_that_stables_figures_are_from_before():
    assert "its figures are from before" in read(shown(a_whole_canary().run, "stage/100"))


def test_a_picture_tells_its_figures_in_words_and_what_is_allowed():
    run = a_story().through_gates().up().stage(5).run

    picture = shown(run, "picture/5").picture

    assert picture is not None
    assert picture.title == "Errors and p95 at 5 %: v2.5.0 is no worse"
    assert "p95: 212 ms on v2.5.0, 208 ms on v2.4.1" in picture.alt
    assert picture.allowed == {"errors": 0.001, "p95": 0.0208}


def test_the_picture_of_a_bad_stage_names_what_is_worse():
    picture = shown(_a_bad_day().run, "picture/10").picture

    assert picture is not None
    assert picture.title == "Errors at 10 %: v2.5.0 is worse"


def test_a_stage_with_hardly_a_point_has_no_picture():
    story = a_story().through_gates().up().asked(5).approved(BO).shifted(5)

    assert "picture/5" not in keys(story.baked(5, points=()).run)


def test_a_stage_that_nobody_watched_for_a_while_says_so():
    story = a_story().through_gates().up().asked(5).approved(BO).shifted(5)
    watched = story.baked(5, unwatched=minutes(20)).run

    assert "For 20 min of it nobody watched, which does not count." in read(shown(watched, "stage/5"))


def test_an_outage_of_a_minute_is_told_with_since_when_and_what_happens_meanwhile():
    story = a_story().through_gates().up().asked(5).approved(BO).shifted(5)
    since = story.now + minutes(4)
    blind = {"canary": Tally(blind_since=since)}
    just_begun = story.baking(5, unknown(), **blind, looked_at=since + seconds(59)).run
    lasting = story.watched(5, unknown(), **blind, looked_at=since + seconds(60)).run

    assert "blind/canary/5/bake" not in keys(just_begun)
    told = shown(lasting, "blind/canary/5/bake")
    assert "No figures since" in told.text
    assert "holding at 5 %. Prometheus has not answered since" in told.text
    assert "Traffic stays as it is and health checks go on." in told.text


def test_a_hold_by_a_person_says_that_it_does_not_expire():
    run = a_story().through_gates().up().held("looking at a log line", BO).run

    text = shown(run, f"held/{run.held_seq}").text

    assert "Held by Bo since" in text
    assert "looking at a log line." in text
    assert "A hold does not expire" in text
    assert ONCALL not in text


def test_a_hold_by_the_bot_asks_the_approvers_and_says_what_silence_does():
    run = a_story().through_gates().up().held("Somebody else changed the route.").run

    text = shown(run, f"held/{run.held_seq}").text

    assert text.startswith(f"{ONCALL} Holding at 0 % since")
    assert "Without an answer the run goes back to stable." in text


def test_a_hold_that_ended_says_how_long_it_was_and_who_let_the_run_go_on():
    story = a_story().through_gates().up().held("looking at a log line", BO)
    key = f"held/{story.run.held_seq}"

    text = shown(story.resumed(CY).run, key).text

    assert text.startswith("Held by Bo from <!date^")
    assert text.endswith("UTC>, 3 min. looking at a log line. Resumed by Cy.")


def test_every_hold_keeps_its_own_message():
    story = a_story().through_gates().up().held("", BO)
    first = f"held/{story.run.held_seq}"
    story.resumed().held("Somebody else changed the route.")
    second = f"held/{story.run.held_seq}"

    run = story.turned_by(CY, "Rolled back by Cy.").run

    assert "Resumed by Bo." in shown(run, first).text
    assert "Held by Slackwater from" in shown(run, second).text
    assert shown(run, second).text.endswith("It ended with the way back to v2.4.1.")


def test_people_are_asked_between_a_stages_figures_and_its_picture():
    story = a_story().through_gates().up().stage(5)
    story.says(Noted(key="k", sentence="Odd."), after=seconds(1))
    story.now += seconds(1)

    assert keys(story.asked(10).run)[-4:] == ["stage/5", "trouble/k", "question/question-10-1", "picture/5"]


def test_only_what_cannot_wait_overtakes_the_story():
    urgent = {item.key.partition("/")[0] for run in a_whole_canary().seen for item in _urgent(run)}
    urgent_on_a_bad_day = {item.key for run in _a_bad_day().seen for item in _urgent(run)}

    assert urgent == {"root", "question"}
    answered = {"question/question-5-1", "question/question-10-1"}
    assert urgent_on_a_bad_day == {"root", *answered, "rollback"}


def test_the_card_waits_for_a_calm_moment_only_while_the_run_just_runs():
    urgent = {run.state for run in _a_bad_day().seen for item in _urgent(run) if item.key == "root"}

    assert RunState.RUNNING not in urgent
    assert {RunState.WAITING, RunState.GOING_BACK, RunState.ROLLED_BACK} <= urgent


def test_a_loud_remark_mentions_those_on_call_and_a_quiet_one_nobody():
    story = a_story().noted("quiet", "The tag of v2.4.1 is gone.")
    run = story.noted("loud", "The way back is stuck.", loud=True).run

    assert shown(run, "trouble/quiet").text == "The tag of v2.4.1 is gone."
    assert shown(run, "trouble/loud").text == f"{ONCALL} {BOSS} The way back is stuck."


def test_a_rollback_tells_why_and_when_it_was_seen_and_decided():
    story = a_story().through_gates().up().stage(5).asked(10).approved(BO).shifted(10).baking(10)
    run = story.found_worse(10).run

    told = shown(run, "rollback")

    said = read(told)
    assert said.startswith(f"{ONCALL} *Rolling back v2.5.0*: 4.8 % errors against 0.05 % on stable")
    assert "|09:45:51 UTC> first seen" in said
    assert "|09:45:56 UTC> decided" in said
    assert told.is_urgent


def test_a_rollback_that_is_done_tells_what_it_cost_and_who_serves_now():
    said = read(shown(_a_bad_day().run, "rollback"))

    assert "|09:45:57 UTC> weight 0 accepted" in said
    assert "34 of 7,950 counted requests on v2.5.0 failed. Users were affected for 6.0 s. " in said
    assert "v2.4.1 serves everything and is healthy." in said
    assert "Last figures of v2.5.0 against v2.4.1: errors 4.8 % against 0.05 % · p95 214 ms" in said
    assert "v2.5.0 is quarantined until an admin types `/deploy release v2.5.0`." in said


def test_card_and_end_of_a_bad_day_tell_what_it_cost():
    run = _a_bad_day().run

    for key in ("root", "end"):
        assert "34 of 7,950 counted requests on v2.5.0 failed. Users were affected for 6.0 s." in (
            shown(run, key).text
        )


def test_a_version_that_no_user_met_has_cost_nothing():
    run = a_story().through_gates().up().turned_by(CY, "Rolled back by Cy.").went_back().run

    assert "affected" not in shown(run, "root").text
    assert "failed" not in shown(run, "rollback").text


def test_health_that_was_never_asked_is_not_called_healthy():
    story = a_story().through_gates().up().turned(Reason.ABORTED, "Enough.", by=BO)
    for step in ("back/traffic", "back/canary"):
        story.does(step)
    story.does("back/health", sentence="Not asked: the environment has no url to ask")
    run = story.ends().run

    assert "is healthy" not in read(shown(run, "rollback"))
    assert "v2.4.1 serves everything." in read(shown(run, "rollback"))


def test_a_person_who_rolls_back_mentions_nobody():
    run = a_story().through_gates().up().turned_by(CY, "Rolled back by Cy.").run

    assert ONCALL not in shown(run, "rollback").text


def test_a_finished_run_tells_how_long_people_let_it_wait_and_ticks_what_is_proved():
    run = a_whole_canary().run

    end = shown(run, "end")

    said = read(end)
    assert (
        "*checkout v2.5.0 is in production.* It took 2 h 8 min, of which 20 min waiting for people." in said
    )
    assert "✓ 3 gates passed" in said
    assert "✓ 5 comparisons with stable, all healthy" in said
    assert "✓ errors within range at every stage" in said
    assert "✓ p95 within range at every stage" in said
    assert "✓ health paths answered 2 times, all well" in said
    assert "– not checked: staging; user-facing issues" in said
    assert end.is_broadcast
    assert buttons(end) == {}


def test_what_is_not_proved_is_not_ticked():
    story = a_story(a_canary_plan(gates=("tests",))).gates_begin()
    story.gate(passed("tests", status=GateStatus.SKIPPED)).up()
    for weight in (5, 10, 25, 50, 100):
        story.asked(weight).approved(BO).shifted(weight)
        story.baked(weight, unknown() if weight == 25 else None)
    run = story.promoted().run

    said = read(shown(run, "end"))

    assert "✗ 0 of 1 gate passed; tests skipped" in said
    assert "✗ 5 comparisons with stable; no data, accepted by people" in said


def test_without_a_url_health_is_said_not_to_be_checked():
    story = a_story(a_canary_plan(gates=())).up("Not asked: the environment has no url to ask")
    for weight in (5, 10, 25, 50, 100):
        story.stage(weight)
    run = story.promoted("Not asked: the environment has no url to ask").run

    said = read(shown(run, "end"))

    assert "health paths answered" not in said
    assert "health paths, no url is configured" in said
    assert "– no gates are configured" in said


def test_a_run_that_a_gate_stopped_tells_what_was_found():
    story = a_story().gates_begin().gate(failed("tests", 7)).gate(passed("build"))

    end = shown(story.gate(passed("code-review")).stopped("7 blockers.").run, "end")

    said = read(end)
    assert "was stopped before production* after 2 min. 7 blockers. v2.4.1 serves everything." in said
    assert said.count("✗ blocker") == 5


def test_stakeholders_hear_of_start_first_shift_and_end_and_of_nothing_else():
    for story in (a_whole_canary(), _a_bad_day()):
        told = {key for run in story.seen for key in keys(run, Place.STAKEHOLDERS)}
        assert told == {"stakeholders/start", "stakeholders/first-shift", "stakeholders/finish"}


def test_stakeholders_read_words_of_everyday_and_a_link():
    run = a_whole_canary().run

    start, shift, finish = (
        shown(run, f"stakeholders/{key}").text for key in ("start", "first-shift", "finish")
    )

    assert start.startswith("checkout v2.5.0 is going out to production step by step. All users have it")
    assert 'What is new: "user preferences".' in start
    assert start.endswith(f"<{THREAD}|Follow ↗>")
    assert shift.startswith("The first 5 % of users have checkout v2.5.0.")
    assert finish.startswith("checkout v2.5.0 is out: everyone has it since")
    assert "Follow" not in shown(run, "stakeholders/start", Setting()).text


def test_stakeholders_do_not_take_the_version_before_for_something_new():
    run = a_story(a_canary_plan(undoes="checkout-7", reason="refunds fail")).run

    text = shown(run, "stakeholders/start").text

    assert text.startswith("checkout v2.5.0, which ran before v2.4.1, is going out to production")
    assert "new" not in text


def test_stakeholders_are_told_what_a_bad_day_cost():
    text = shown(_a_bad_day().run, "stakeholders/finish").text

    assert "checkout v2.5.0 was taken back at" in text
    assert "34 of 7,950 counted requests on v2.5.0 failed. Users were affected for 6.0 s." in text
    assert "Everyone is on v2.4.1 again." in text


def test_what_never_reached_users_is_not_said_to_be_taken_back():
    stopped = a_story().gates_begin().gate(failed("tests")).stopped("1 blocker.").run
    aborted = a_story().turned(Reason.ABORTED, "Enough.", ending=Ending.ABORTED, by=BO).ends().run

    assert "was not released: its checks did not pass. Everyone is still on v2.4.1." in (
        shown(stopped, "stakeholders/finish").text
    )
    assert "was not released: it was stopped before." in shown(aborted, "stakeholders/finish").text


def _urgent(run):
    return [item for item in messages(run, SETTING) if item.is_urgent]


def _a_bad_day():
    story = a_story().through_gates().up().stage(5).asked(10).approved(BO).shifted(10).baking(10)
    return story.found_worse(10).went_back()


def test_a_clock_that_was_set_back_makes_no_outage():
    story = a_story().through_gates().up().asked(5).approved(BO).shifted(5)
    began = story.now
    blind = {"canary": Tally(blind_since=began - minutes(3))}
    run = story.baking(5, unknown(), **blind, looked_at=began + seconds(5)).run

    assert "blind/canary/5/bake" not in keys(run)

"""What only the one who typed or pressed reads."""

from datetime import timedelta

import pytest

from bot.domain.errors import Locked, UnknownEvent, Unreachable
from bot.domain.plan import ApprovalPolicy
from bot.domain.run import RunState
from bot.ports import Decision, RunSummary
from bot.views import answers
from bot.views.answers import Answer
from bot.views.items import Setting
from handlers import grammar
from tests.support.builders import ADA, BO, MORNING
from tests.support.story import a_canary_plan, a_story, a_whole_canary
from tests.views.reading import SETTING, THREAD, complaints


def a_summary(number: int = 1, **changes: object) -> RunSummary:
    return RunSummary(
        id=f"checkout-{number}",
        application="checkout",
        environment="production",
        version="v2.5.0",
        strategy="canary",
        state=RunState.ROLLED_BACK,
        asked_by=ADA,
        started_at=MORNING,
        reason="worse-than-stable",
    ).with_(**changes)


def said(answer: Answer) -> str:
    """The blocks' text; the answer's own says the same."""
    assert not complaints(answer.blocks)
    texts = [block["text"]["text"] for block in answer.blocks if block["type"] == "section"]
    return "\n".join(texts).replace("\u00a0", " ")


def test_started_says_how_long_how_many_approvals_and_where_to_look():
    answer = answers.started(a_story().run, SETTING)

    assert answer.text.startswith(
        "Deploying checkout v2.5.0 to production by canary: about 1 h 51 min, 5 approvals by"
    )
    assert f"<{THREAD}|Thread ↗>" in answer.text
    assert "nobody yet" in answers.started(a_story().run, Setting()).text


def test_a_refusal_is_given_in_its_own_words_with_what_to_do_next():
    error = Locked("checkout is being deployed by Ada <!channel>.", "/deploy status shows it.")

    text = answers.refused(error).text

    assert text == "checkout is being deployed by Ada &lt;!channel&gt;. /deploy status shows it."


def test_trouble_outside_names_the_system_and_a_bug_its_reference():
    outside = answers.outside(Unreachable("Kubernetes", "connection refused")).text
    bug = answers.bug("7F3A21").text

    assert "Kubernetes: connection refused" in outside
    assert "ref 7F3A21" in bug


def test_a_press_that_counts_says_how_many_people_are_needed():
    plan = a_canary_plan(approvals=ApprovalPolicy(people=3))
    run = a_story(plan).through_gates().up().asked(5).voted(BO).run

    assert "3 people are needed" in answers.pressed(Decision.COUNTED, run).text


def test_a_press_that_came_too_late_says_where_the_run_stands():
    run = a_story().through_gates().up().asked(5).approved(BO).shifted(5).baking(5).run

    text = answers.pressed(Decision.CLOSED, run).text

    assert "closed before" in text
    assert "5 % of traffic on v2.5.0" in text


@pytest.mark.parametrize("decision", list(Decision))
def test_every_press_is_answered(decision):
    assert answers.pressed(decision, a_story().run).text


@pytest.mark.parametrize("what", ["hold", "resume", "rollback", "abort"])
def test_every_order_is_answered_with_what_it_does(what):
    text = answers.obeyed(what, a_story().run).text

    assert text.startswith("`checkout-1` ")
    assert text != f"`checkout-1` {what}."


def test_status_tells_a_line_for_each_run_or_that_there_is_none():
    waiting = a_story().through_gates().up().asked(5).run

    assert "`checkout-1` checkout v2.4.1 → v2.5.0" in said(answers.status((waiting,), SETTING))
    assert "Nothing is being deployed." in said(answers.status((), SETTING))


def test_status_tells_of_runs_that_only_another_version_can_read():
    waiting = a_story().through_gates().up().asked(5).run
    theirs = a_summary().with_(id="billing-3", application="<billing>", state=RunState.RUNNING)

    text = said(answers.status((waiting,), SETTING, (theirs,)))

    assert "`checkout-1` checkout v2.4.1 → v2.5.0" in text
    assert "`billing-3` &lt;billing&gt; v2.5.0 to production: I cannot read it" in text
    assert "Nothing is being deployed" not in said(answers.status((), SETTING, (theirs,)))


def test_what_another_version_wrote_is_not_called_a_bug():
    text = said(answers.unreadable(UnknownEvent("entry 7 of <x>: a journal entry of kind 'y'")))

    assert text.startswith("I did nothing: I cannot read what is stored about this.")
    assert "entry 7 of &lt;x&gt;" in text
    assert "Start the version that wrote it" in text


def test_history_tells_how_runs_ended_and_why():
    text = said(answers.history((a_summary(),)))

    assert "`checkout-1` v2.5.0 to production: *rolled back* (worse-than-stable), canary" in text
    assert text.endswith("by Ada")
    assert "no runs yet" in said(answers.history(()))


def test_a_long_history_is_shown_whole():
    text = said(answers.history(tuple(a_summary(number) for number in range(20))))

    assert all(f"`checkout-{number}`" in text for number in range(20))


def test_help_lists_every_word_that_the_grammar_knows_and_none_that_it_does_not():
    text = said(answers.help_text("/deploy", None))

    assert all(f"/deploy {verb}" in text for verb in grammar.VERBS)
    assert not [verb for verb in grammar.LATER if f"/deploy {verb}" in text]


@pytest.mark.parametrize("verb", grammar.VERBS)
def test_each_word_has_its_own_help(verb):
    text = said(answers.help_text("/deploy", verb))

    assert f"/deploy {verb}" in text
    assert len(text.splitlines()) == 1


def test_help_about_an_unknown_word_says_what_there_is():
    text = said(answers.help_text("/deploy", "frobnicate"))

    assert "I know no word `frobnicate`" in text
    assert "/deploy status" in text


def test_a_preview_shows_every_step_the_approvals_the_way_back_and_what_was_noticed():
    answer = answers.plan_preview(a_canary_plan(), SETTING)

    text = said(answer)
    assert "Nothing is changed by this." in text
    assert "8–9. Shift 5 % of traffic to v2.5.0 *(approval)*, then compare for 30 min" in text
    assert "21. Ask the health paths of production for v2.5.0" in text
    assert "*Way back*" in text
    small = [
        element["text"]
        for block in answer.blocks
        if block["type"] == "context"
        for element in block["elements"]
    ]
    assert any("5 approvals by" in one for one in small)
    assert any("There is no staging environment." in one for one in small)


def test_the_terminal_gets_the_same_plan_without_markup():
    text = answers.plain(a_canary_plan())

    lines = text.splitlines()
    assert lines[0] == "checkout v2.4.1 → v2.5.0, canary, production"
    assert sum("← approval" in line for line in lines) == 5
    assert "  8  canary/5/weight        Shift 5 % of traffic to v2.5.0  ← approval" in lines
    assert "Way back" in lines
    assert "`" not in text
    assert "*" not in text


def test_the_estimate_is_told_the_same_everywhere():
    plan = a_canary_plan()

    assert timedelta(hours=1, minutes=50) < plan.estimate < timedelta(hours=1, minutes=52)
    assert "1 h 51 min" in answers.plain(plan)
    assert "1 h 51 min" in answers.started(a_whole_canary().seen[0], SETTING).text

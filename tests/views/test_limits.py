"""Whatever a run carries, Slack takes its messages, and no outside text mentions anybody."""

import re
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.gates import Finding, GateResult, GateStatus, Severity
from bot.domain.people import Person
from bot.domain.plan import Plan
from bot.domain.run import Run
from bot.domain.verdict import Verdict, VerdictKind
from bot.views.answers import plan_preview, status
from bot.views.forms import home
from bot.views.items import Place
from bot.views.messages import messages
from tests.support.builders import BO, CY
from tests.support.story import a_canary_plan, a_check, a_story, failed, healthy, passed
from tests.views.reading import BOSS, ONCALL, SETTING, THREAD, complaints

HOSTILE = (
    "<!channel>",
    "<!here|x>",
    "<@U01ADA>",
    "<https://evil.example|v2.4.1>",
    "&lt;!channel&gt;",
    "`code` *bold* _it_ ~no~",
    "line\n*Now*  all is well",
    "\u202etxet",
    "&" * 10_000,
    "<" * 10_000,
    "ünïcödé ✓ " * 400,
    "",
)
outside = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=400),
)
OURS = re.compile(rf"{re.escape(ONCALL)}|{re.escape(BOSS)}|<!date\^\d+\^[^<>|]+\|[^<>|]+>|<{THREAD}\|[^<>]+>")


def a_plan_saying(text: str, number: int) -> Plan:
    return a_canary_plan(
        reason=text,
        version=text or "v",
        application=text or "a",
        changes=(text,) * number,
        findings=(text,) * number,
    )


def a_gate_saying(text: str, number: int) -> GateResult:
    finding = Finding(
        severity=Severity.BLOCKER, rule="r", message=text, file=text or None, line=1, remedy=text
    )
    told = {"headline": text, "facts": (text,) * number, "tools": (text,) * number, "report": text}
    return passed("tests", status=GateStatus.FAILED, findings=(finding,) * number, **told)


def a_verdict_saying(text: str, number: int) -> Verdict:
    checks = tuple(a_check(f"{text}{n}", 1e12, None, "1/s") for n in range(number))
    return healthy(kind=VerdictKind.INCONCLUSIVE, sentence=text, checks=checks)


def runs_saying(text: str, number: int) -> list[Run]:
    """Every state of runs in which all that can come from outside is this text."""
    somebody = Person(id="U02BO", name=text)
    gates = a_story(a_plan_saying(text, number)).gates_begin()
    gates.gate(passed("code-review")).gate(a_gate_saying(text, number)).gate(passed("build")).stopped(text)
    story = a_story(a_plan_saying(text, number)).through_gates().coming_up(1, *([text] * number))
    worst = a_story(a_plan_saying(text, number)).through_gates().up()
    worst.asked(5, a_verdict_saying(text, number)).reminded().escalated().approved(somebody).shifted(5)
    worst.baked(5, a_verdict_saying(text, number)).asked(10).held(text, somebody).resumed(somebody)
    worst.held(text).noted("k", text, loud=True).turned_by(somebody, text).went_back()
    return [*gates.seen, *story.seen, *worst.seen]


@given(text=outside, number=st.integers(0, 40))
@settings(max_examples=25, deadline=timedelta(seconds=20))
def test_slack_takes_every_message_of_every_run(text, number):
    for run in runs_saying(text, number)[::3]:
        for item in messages(run, SETTING):
            assert item.picture is not None or item.blocks
            assert not complaints(item.blocks) or not item.blocks, item.key
            assert 0 < len(item.text) <= 4_000
            assert item.picture is None or 0 < len(item.picture.alt) <= 1_000


@given(text=outside)
@settings(max_examples=25, deadline=timedelta(seconds=20))
def test_no_outside_text_mentions_anybody_or_makes_a_link(text):
    for run in runs_saying(text, 2)[::3]:
        for item in messages(run, SETTING):
            for said in (item.text, *_mrkdwn(item.blocks)):
                left = OURS.sub("", said)
                assert "<" not in left, said
                assert ">" not in left, said


def test_a_run_that_people_asked_about_and_held_a_hundred_times_fits_too():
    story = a_story(a_plan_saying("<!channel>" * 1_000, 200)).through_gates().up()
    for attempt in range(1, 101):
        story.asked(5, a_verdict_saying("x", 200), attempt).held("&" * 10_000, BO).resumed(CY)

    told = messages(story.run, SETTING)

    assert len({item.key for item in told}) == len(told) > 200
    assert not [item.key for item in told if complaints(item.blocks)]


@given(text=outside)
@settings(max_examples=15, deadline=timedelta(seconds=20))
def test_answers_forms_and_the_home_tab_fit_too(text):
    run = runs_saying(text, 12)[-1]
    for answer in (plan_preview(run.plan, SETTING), status((run,) * 40, SETTING)):
        assert not complaints(answer.blocks)
        assert len(answer.text) <= 4_000
    view = home(BO.with_(name=text), (run,) * 60, ())
    assert not complaints(view["blocks"], "home")


def test_a_line_of_outside_text_cannot_pass_for_a_line_of_the_card():
    run = a_story(a_canary_plan(reason="x\n*Health*  all is well")).run

    card = next(item for item in messages(run, SETTING) if item.place is Place.ROOT)

    lines = "\n".join(_mrkdwn(card.blocks)).splitlines()
    assert not [line for line in lines if line.startswith("*Health*")]


@pytest.mark.parametrize("number", [0, 1, 300])
def test_a_gate_shows_its_first_findings_and_says_how_many_more_there_are(number):
    story = a_story().gates_begin()
    run = story.gate(failed("tests", number)).run

    (gate,) = [item for item in messages(run, SETTING) if item.key == "gate/tests"]

    said = "\n".join(_mrkdwn(gate.blocks))
    assert said.count("blocker  ") == min(5, number)
    assert ("and 295 more" in said) == (number == 300)


def _mrkdwn(blocks):
    """The texts that Slack reads as markup, and as nothing but the markup that stands there."""
    if isinstance(blocks, list | tuple):
        return [text for block in blocks for text in _mrkdwn(block)]
    if not isinstance(blocks, dict):
        return []
    if blocks.get("type") == "mrkdwn":
        assert blocks["verbatim"] is True
        return [blocks["text"]]
    return [text for part in blocks.values() for text in _mrkdwn(part)]

"""What may follow `/deploy`: a table of forms, a table of refusals, and any text at all."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import NotUnderstood
from bot.operations import Wish
from handlers import grammar
from handlers.grammar import Decide, Help, OpenForm, Preview, Release, Show, Start, Undo

APPLICATIONS = ("checkout", "payments")


def wish(version="v2.5.0", **rest):
    return Wish(version=version, **rest)


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("", OpenForm()),
        ("   ", OpenForm()),
        ("\n\t", OpenForm()),
        ("v2.5.0", Start(wish=wish())),
        ("v2.5.0 canary", Start(wish=wish(strategy="canary"))),
        ("canary v2.5.0", Start(wish=wish(strategy="canary"))),
        ("  v2.5.0\u00a0 canary ", Start(wish=wish(strategy="canary"))),
        ("v2.5.0\ncanary", Start(wish=wish(strategy="canary"))),
        ("checkout v2.5.0 canary", Start(wish=wish(application="checkout", strategy="canary"))),
        ("v2.5.0 application=payments", Start(wish=wish(application="payments"))),
        (
            "checkout v2.5.0 blue-green env=staging",
            Start(wish=wish(application="checkout", strategy="blue-green", environment="staging")),
        ),
        ('v2.5.0 rolling reason="payment bug"', Start(wish=wish(strategy="rolling", reason="payment bug"))),
        ("v2.5.0 reason=“payment bug”", Start(wish=wish(reason="payment bug"))),
        ("v2.5.0 reason=‘payment bug’", Start(wish=wish(reason="payment bug"))),
        ("20261124.3", Start(wish=wish(version="20261124.3"))),
        ("plan v2.5.0 canary", Preview(wish=wish(strategy="canary"))),
        ("help", Help()),
        ("help status", Help(about="status")),
        ("status", Show(what="status")),
        ("status checkout-3", Show(what="status", name="checkout-3")),
        ("history payments", Show(what="history", name="payments")),
        ("approve", Decide(what="approve")),
        ("hold checkout-3", Decide(what="hold", name="checkout-3")),
        ('hold reason="a log line"', Decide(what="hold", reason="a log line")),
        ("rollback checkout-3 reason=errors", Decide(what="rollback", name="checkout-3", reason="errors")),
        ("resume", Decide(what="resume")),
        ("abort", Decide(what="abort")),
        ("release v2.5.0", Release(version="v2.5.0")),
        ("undo", Undo()),
        ("undo checkout", Undo(name="checkout")),
        ("undo checkout-7 reason='refunds fail'", Undo(name="checkout-7", reason="refunds fail")),
        ("undo application=payments env=eu", Undo(name="payments", environment="eu")),
        ("release checkout v2.5.0", Release(version="v2.5.0", application="checkout")),
    ],
)
def test_a_form_is_understood(text, command):
    assert grammar.parse(text, APPLICATIONS) == command


@pytest.mark.parametrize(
    ("text", "says", "remedy"),
    [
        ("v2.5.0 v2.5.1", "Two versions", "/deploy v2.5.0 canary"),
        ("v2.5.0 canray", 'do not know "canray"', "/deploy v2.5.0 canary"),
        ("v2.5.0 now", 'do not know "now"', "/deploy help"),
        ("chekout v2.5.0", 'do not know "chekout"', "/deploy checkout v2.5.0"),
        ("webshop v2.5.0", 'do not know "webshop"', "Applications: checkout, payments"),
        ("Status", 'do not know "Status"', "/deploy status"),
        ("rolback", 'do not know "rolback"', "/deploy rollback"),
        ("canary", "Which version?", "/deploy v2.5.0 canary"),
        ("plan", "Which version?", "/deploy plan v2.5.0"),
        ("checkout payments v2.5.0", "Two applications", "one application"),
        ("checkout v2.5.0 application=payments", "Two applications", "one application"),
        ("v2.5.0 canary rolling", "Two strategies", "canary"),
        ("v2.5.0 env=a env=b", "twice", "once"),
        ("v2.5.0 reason=", "says nothing", "reason="),
        ("v2.5.0 reason=''", "says nothing", "reason="),
        ("v2.5.0 hotfix", "Hotfix", "Leave hotfix out"),
        ('v2.5.0 reason="x', "quotation mark", "reason="),
        ("v2.5.0 \\", "backslash", "Leave it out"),
        ("''", "is not a version", "v2.5.0"),
        ("v1; rm -rf /", "do not know", "help"),
        ("v1;rm", "is not a version", "v2.5.0"),
        ("../../etc/passwd", "is not a version", "v2.5.0"),
        ("-rf", "is not a version", "v2.5.0"),
        ("v2.5.0@sha256:00", "is not a version", "v2.5.0"),
        ("<!channel>", "is not a version", "v2.5.0"),
        ("v2.5.0\u200b", "is not a version", "v2.5.0"),
        ("ｖ2.5.0", "is not a version", "v2.5.0"),
        ("v" + "2" * 128, "is not a version", "v2.5.0"),
        ('"Deploy v2.5.0 to production using blue-green strategy."', "is not a version", "v2.5.0"),
        ("status a b", "takes one name", "/deploy status"),
        ("hold a b", "takes the name of a run", "/deploy hold"),
        ("hold env=production", "takes the name of a run", "/deploy hold"),
        ("undo checkout v2.4.0", "name of an application or of a run", "/deploy undo"),
        ("release", "Which version", "/deploy release v2.5.0"),
        ("release <!here>", "is not a version", "/deploy release"),
        ("queue v2.5.1", "not there yet", "/deploy help"),
        ("x" * 2_001, "too long", "/deploy help"),
    ],
)
def test_what_is_no_command_is_refused_with_the_nearest_one(text, says, remedy):
    with pytest.raises(NotUnderstood) as refusal:
        grammar.parse(text, APPLICATIONS)

    assert says in refusal.value.sentence
    assert remedy in refusal.value.remedy
    assert len(str(refusal.value)) < 500


WORDS = st.sampled_from(
    [
        *grammar.VERBS,
        *grammar.LATER,
        *grammar.STRATEGIES,
        *APPLICATIONS,
        *("v2.5.0", "v2.5.1", "env=production", "reason=x", 'reason="a b"', "application=checkout"),
        *(
            "<!channel>",
            "v1;",
            "rm",
            "-rf",
            "/",
            '"',
            "“",
            "\\",
            "=",
            "hotfix",
            "`id`",
            "$(id)",
            "&&",
            "\x00",
        ),
    ]
)
TEXTS = st.one_of(st.text(), st.lists(WORDS, max_size=8).map(" ".join), st.from_regex(r"\S+( \S+){0,4}"))


@given(TEXTS)
def test_any_text_is_a_command_or_not_understood(text):
    try:
        command = grammar.parse(text, APPLICATIONS)
    except NotUnderstood:
        return

    if isinstance(command, Start | Preview):
        assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", command.wish.version)
        assert command.wish.version in text
        assert command.wish.strategy in {None, *grammar.STRATEGIES}
        assert command.wish.version not in {*grammar.STRATEGIES, *APPLICATIONS}
    if isinstance(command, Start):
        assert text.split()[0].strip("\"'“”„‘’") not in {*grammar.VERBS, *grammar.LATER}
    if isinstance(command, Release):
        assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", command.version)


@given(st.text(max_size=50))
def test_a_reason_comes_through_as_it_was_typed(reason):
    plain = "".join(c for c in reason if c.isalnum() or c == " ").strip()
    if not plain:
        return

    command = grammar.parse(f'v2.5.0 canary reason="{plain}"', APPLICATIONS)

    assert isinstance(command, Start)
    assert command.wish.reason == plain

"""`/deploy …` typed in the workspace, through Bolt, to the journal and back to the one who typed."""

import pytest

from bot.domain.errors import Unreachable
from bot.domain.people import Role
from bot.domain.run import RunState
from bot.sim.workspace.ids import id_of
from bot.slack.roles import Grantee
from tests.handlers.conftest import until
from tests.support.eventually import eventually


async def test_a_start_is_journaled_and_answered_to_the_one_who_typed(town):
    answer = await town.types("ada", "v2.5.0 canary")

    assert answer["ok"]
    assert "Deploying checkout v2.5.0 to production by canary" in answer["ephemeral"]
    run = town.runs()[0]
    assert (run.asked_by.name, run.plan.request.version) == ("ada", "v2.5.0")
    assert town.nudged == [run.id]
    assert town.audit == [("ada", "start", run.id, "started")]
    assert await town.sees("bo") == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("v9.9.9 canary", "There is no tag v9.9.9"),
        ("payments v2.5.0 canary", 'do not know "payments"'),
        ("chekout v2.5.0", "Try: /deploy checkout v2.5.0"),
        ("application=payments v2.5.0", "no application of that name"),
        ("v2.5.0 v2.5.1 canary", "Two versions"),
        ("v1; rm -rf /", "do not know"),
        ("v1;rm", "is not a version"),
        ("$(reboot)", "is not a version"),
        ("<!channel>", "is not a version"),
        ("v2.5.0 <!channel>", "do not know"),
        ("‘v2.5.0", "quotation mark"),
        ('v2.5.0 reason="open', "quotation mark"),
        ("v2.5.0 canary blue-green", "Two strategies"),
        ("v2.5.0 rolling", "no strategy of that name"),
        ("v2.5.0 env=moon", "no environment"),
        ("v2.5.0 env=", "says nothing"),
        ("x" * 2_001, "too long"),
        ("stauts", "Did you mean: /deploy status"),
        ("canary", "Which version?"),
        ("hold nothing-1", "no run"),
        ("approve", "No run is active"),
        ("rollback", "No run is active"),
        ("undo", "No run of mine brought v2.4.1"),
        ("undo checkout extra", "name of an application or of a run"),
        ("queue", "not there yet"),
        ("v2.4.1 canary", "already runs v2.4.1"),
    ],
)
async def test_what_cannot_be_done_is_said_to_that_person_only_and_written_down(town, text, says):
    answer = await town.types("bo", text)

    assert says in answer["ephemeral"]
    assert town.runs() == []
    assert town.nudged == []
    assert len(town.audit) == 1
    assert town.audit[0][3].startswith("refused: ")
    assert [m["text"] for m in await town.sees("bo")] == [answer["ephemeral"]]
    assert await town.sees("ada") == []


@pytest.mark.parametrize("text", ["<!channel>", "v2.5.0 <!here>", "status <!everyone>", "help <!channel>"])
async def test_markup_in_a_command_calls_nobody(town, text):
    answer = await town.types("bo", text)

    assert "<!" not in answer["ephemeral"]


async def test_curly_quotes_are_quotes(town):
    await town.types("ada", "v2.5.0 canary reason=“payment bug”")

    assert town.runs()[0].plan.request.reason == "payment bug"


@pytest.mark.parametrize("user", ["eve", "cy", "gus"])
async def test_who_has_no_role_starts_nothing_and_is_told_whom_to_ask(town, user):
    answer = await town.types(user, "v2.5.0 canary")

    assert "You need the role deployer or admin" in answer["ephemeral"]
    assert "Ask ada, bo, dev" in answer["ephemeral"]
    assert town.runs() == []
    assert [row[3] for row in town.audit] == ["refused: not-allowed"]


async def test_an_empty_list_of_deployers_is_nobody(town):
    town.granted[Role.DEPLOYER] = ()
    town.granted[Role.ADMIN] = ()

    answer = await town.types("ada", "v2.5.0 canary")

    assert "Nobody is configured as deployer" in answer["ephemeral"]
    assert town.runs() == []


async def test_a_guest_may_what_is_granted_to_that_very_guest(town):
    town.granted[Role.DEPLOYER] = (Grantee(user=id_of("U", "gus")),)

    await town.types("gus", "v2.5.0 canary")

    assert len(town.runs()) == 1


async def test_the_second_run_is_told_who_holds_the_application(town):
    await town.started("ada")

    answer = await town.types("bo", "v2.5.1 canary")

    assert "ada has been deploying" in answer["ephemeral"]
    assert "v2.5.0" in answer["ephemeral"]
    assert len(town.runs()) == 1
    assert town.audit[-1][3] == "refused: locked"


async def test_a_finished_run_is_undone_by_a_new_one(town):
    done = await town.started("ada")
    await town.finishes(done)

    answer = await town.types("bo", 'undo reason="refunds fail"')

    run = town.runs()[-1]
    assert (
        "This undoes `checkout-1`. Deploying checkout v2.4.1 to production by canary" in answer["ephemeral"]
    )
    assert run.plan.request.version == "v2.4.1"
    assert [row[3] for row in town.audit] == ["started", "started"]


async def test_a_quarantined_version_is_refused_until_an_admin_releases_it(town):
    run = await town.started("ada")
    await town.types("ada", f"rollback {run.id}")
    await town.settles(run)
    town.journal._kept.clear()

    refused = await town.types("ada", "v2.5.0 canary")
    not_allowed = await town.types("ada", "release v2.5.0")
    released = await town.types("lea", "release v2.5.0")
    await town.types("ada", "v2.5.0 canary")

    assert "v2.5.0" in refused["ephemeral"]
    assert "role admin" in not_allowed["ephemeral"]
    assert released["ok"]
    assert len(town.runs()) == 1
    results = [row[3] for row in town.audit]
    assert results == [
        "started",
        "committed",
        "refused: policy",
        "refused: not-allowed",
        "released",
        "started",
    ]


@pytest.mark.parametrize("what", ["hold", "rollback", "abort"])
async def test_a_decision_is_committed_before_it_is_answered(town, what):
    run = await town.started("ada")

    answer = await town.types("ada", f'{what} reason="a log line"')

    assert answer["ok"]
    assert await town.interrupts(run) == [what]
    assert town.nudged == [run.id, run.id]
    assert town.audit[-1] == ("ada", what, run.id, "committed")


@pytest.mark.parametrize("what", ["hold", "rollback", "abort", "resume", "approve"])
async def test_a_decision_by_somebody_without_a_role_changes_nothing(town, what):
    run = await town.asks(await town.started("ada"))

    answer = await town.types("eve", what)

    assert "You need the role" in answer["ephemeral"] or "is not held" in answer["ephemeral"]
    assert await town.interrupts(run) == []
    assert town.audit[-1] == ("eve", what, run.id, "refused: not-allowed")


async def test_resume_is_for_approvers_and_for_a_held_run(town):
    run = await town.started("ada")

    early = await town.types("bo", "resume")
    await town.types("ada", "hold")
    run = await town.settles(run)
    deployer = await town.types("ada", "resume")
    approver = await town.types("bo", "resume")

    assert run.state is RunState.HELD
    assert "is not held" in early["ephemeral"]
    assert "role approver" in deployer["ephemeral"]
    assert approver["ok"]
    assert await town.interrupts(run) == ["resume"]


@pytest.mark.parametrize("text", ["status", "history", "help", "help status", "plan v2.5.0 canary"])
async def test_looking_changes_nothing(town, text):
    answer = await town.types("ada", text)

    assert answer["ok"]
    assert answer["ephemeral"]
    assert town.runs() == []


async def test_status_tells_of_the_run(town):
    run = await town.started("ada")

    answer = await town.types("bo", f"status {run.id}")

    assert "v2.5.0" in answer["ephemeral"]


async def test_trouble_outside_is_said_and_starts_nothing(town):
    town.outside = Unreachable("git", "no answer from the repository")

    answer = await town.types("ada", "v2.5.0 canary")

    assert "no answer from the repository" in answer["ephemeral"]
    assert town.runs() == []
    assert [row[3] for row in town.audit] == ["failed: git"]


async def test_a_bug_is_shown_as_a_bug_with_its_number(town):
    town.outside = RuntimeError("secret detail")

    answer = await town.types("ada", "v2.5.0 canary")

    assert "Something broke on my side (ref " in answer["ephemeral"]
    assert "secret" not in answer["ephemeral"]
    assert town.runs() == []


async def test_what_takes_longer_than_slack_waits_is_answered_afterwards(town, monkeypatch):
    monkeypatch.setattr("handlers.office.PATIENCE", 0.05)
    town.slowness = 0.2

    answer = await town.types("ada", "v2.5.0 canary")
    assert answer == {"ok": True}
    await until(town.runs)

    async def told():
        return [m["text"] for m in await town.sees("ada")]

    texts = await eventually(told, lambda texts: texts, within=3)
    assert "Deploying checkout v2.5.0" in texts[0]


async def test_the_same_command_delivered_twice_starts_one_run(town):
    town.server.put_faults({"deliver": {"twice": True}, "rates": "lifted"})

    await town.types("ada", "v2.5.0 canary")
    await until(lambda: len(town.audit) == 2)

    assert len(town.runs()) == 1
    assert sorted(row[3] for row in town.audit) == ["refused: locked", "started"]

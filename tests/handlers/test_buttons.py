"""Buttons: what a press may do, and what is said to the one whose press may not."""

from datetime import timedelta

import pytest

from bot.domain.actions import Decommission
from bot.domain.errors import Unreachable
from bot.domain.interrupts import Interrupt, InterruptKind
from bot.domain.plan import ApprovalPolicy, Phase, Step
from bot.domain.run import RunState
from tests.handlers.conftest import until
from tests.support.eventually import eventually


async def told(town, user, thread=None):
    """What that person alone was told; the newest first."""
    found = await eventually(lambda: town.sees(user, thread=thread), lambda seen: seen, within=3)
    return [message["text"] for message in reversed(found)]


@pytest.mark.parametrize("action", ["approve", "approve_rest"])
async def test_an_approvers_press_is_committed_and_the_card_is_its_answer(town, action):
    run = await town.asks(await town.started("ada"))
    ts = await town.shows(action, "q:q1")

    assert (await town.presses("bo", action, ts))["ok"]

    await until(lambda: len(town.audit) == 2)
    assert await town.interrupts(run) == [action]
    assert town.nudged[-1] == run.id
    assert town.audit[-1] == ("bo", action, run.id, "decided")
    assert await town.sees("bo") == []
    assert (await town.settles(run)).state is RunState.RUNNING


async def test_the_developers_own_press_is_refused_with_whom_to_ask(town):
    run = await town.asks(await town.started("bo"))
    ts = await town.shows("approve", "q:q1")

    await town.presses("bo", "approve", ts)

    said = (await told(town, "bo"))[0]
    assert "You asked for this deploy" in said
    assert "cy" in said
    assert "requester_may_approve: false" in said
    assert await town.interrupts(run) == []
    assert town.audit[-1] == ("bo", "approve", run.id, "refused: not-allowed")
    assert await town.sees("cy") == []


async def test_the_requester_may_approve_where_the_team_says_so(town):
    town.configure(approvals=ApprovalPolicy(requester_may_approve=True))
    run = await town.asks(await town.started("bo"))
    ts = await town.shows("approve", "q:q1")

    await town.presses("bo", "approve", ts)

    await until(lambda: town.audit[-1][3] == "decided")
    assert await town.interrupts(run) == ["approve"]


async def test_a_second_press_is_told_who_was_first(town):
    run = await town.asks(await town.started("ada"))
    ts = await town.shows("approve", "q:q1")
    await town.presses("bo", "approve", ts)
    await town.settles(run)

    await town.presses("cy", "approve", ts)

    assert "Approved by bo at 09:00 UTC." in (await told(town, "cy"))[0]
    assert await town.interrupts(run) == []
    assert [row[3] for row in town.audit] == ["started", "decided", "refused: stale"]


async def test_of_two_presses_at_once_one_counts(town):
    run = await town.asks(await town.started("ada"))
    ts = await town.shows("approve", "q:q1")

    await town.presses("bo", "approve", ts)
    await town.presses("cy", "approve", ts)

    assert "no longer open" in (await told(town, "cy"))[0]
    assert await town.interrupts(run) == ["approve"]


async def test_two_people_are_two_people(town):
    town.configure(approvals=ApprovalPolicy(people=2))
    run = await town.asks(await town.started("ada"))
    ts = await town.shows("approve", "q:q1")

    await town.presses("bo", "approve", ts)
    first = (await told(town, "bo"))[0]
    await town.settles(run)
    await town.presses("bo", "approve", ts)
    again = await eventually(lambda: town.sees("bo"), lambda seen: len(seen) == 2, within=3)
    await town.presses("cy", "approve", ts)
    await until(lambda: town.audit[-1][3] == "decided")

    assert "2 people are needed" in first
    assert "already" in again[1]["text"]
    assert await town.interrupts(run) == ["approve"]


@pytest.mark.parametrize("user", ["ada", "eve", "gus"])
async def test_who_is_no_approver_approves_nothing(town, user):
    run = await town.asks(await town.started("ada"))
    ts = await town.shows("approve", "q:q1")

    await town.presses(user, "approve", ts)

    said = (await told(town, user))[0]
    assert "You need the role approver" in said
    assert "bo, cy" in said
    assert await town.interrupts(run) == []
    assert town.audit[-1] == (user, "approve", run.id, "refused: not-allowed")


async def test_a_press_on_an_old_question_after_a_new_attempt_is_told_so(town):
    run = await town.asks(await town.started("ada"))
    ts = await town.shows("approve", "q:q1")
    await town.types("ada", "hold")
    await town.settles(run)
    await town.types("bo", "resume")
    await town.settles(run)
    await town.asks(run, question="q2")

    await town.presses("bo", "approve", ts)

    assert "Held by ada" in (await told(town, "bo"))[0]
    assert await town.interrupts(run) == []
    assert town.audit[-1] == ("bo", "approve", run.id, "refused: stale")


async def test_a_press_after_expiry_is_too_late(town):
    run = await town.asks(await town.started("ada"))
    ts = await town.shows("approve", "q:q1")
    town.clock.advance(timedelta(minutes=61))
    timer = Interrupt(run=run.id, kind=InterruptKind.TIMER, at=town.clock.now(), purpose="expire:q1")
    await town.journal.interrupt(timer)
    over = await town.settles(run)

    await town.presses("bo", "approve", ts)

    assert over.state is RunState.GOING_BACK
    assert "rolling back" in (await told(town, "bo"))[0] or "nobody answered" in (await told(town, "bo"))[0]
    assert await town.interrupts(run) == []
    assert town.audit[-1][3] == "refused: stale"


async def test_an_approval_binds_to_the_image_that_was_shown(town):
    run = await town.asks(await town.started("ada"))
    ts = await town.shows("approve", "q:q1")
    town.platform.digest = "sha256:" + "ee" * 32

    await town.presses("bo", "approve", ts)

    assert "checkout-canary now runs sha256:eeee" in (await told(town, "bo"))[0]
    assert await town.interrupts(run) == []
    assert town.audit[-1][3] == "refused: stale"


@pytest.mark.parametrize(
    ("action", "value"),
    [
        ("approve", "q:nothing"),
        ("approve", "r:checkout-1"),
        ("approve_rest", "checkout-1"),
        ("approve", "q:"),
        ("hold", "r:checkout-99"),
        ("rollback", "r:<!channel>"),
        ("rollback", "q:'; drop table runs"),
        ("resume", "nonsense"),
        ("abort", "r:"),
        ("hold", "q:q0"),
    ],
)
async def test_a_forged_value_moves_nothing_and_is_written_down(town, action, value):
    run = await town.asks(await town.started("ada"))
    ts = await town.shows(action, value)

    await town.presses("bo", action, ts)

    said = (await told(town, "bo"))[0]
    assert said
    assert "<!" not in said
    assert "Something broke" not in said
    assert await town.interrupts(run) == []
    assert town.audit[-1][0] == "bo"
    assert town.audit[-1][3].startswith("refused: ")
    assert len(town.audit) == 2


@pytest.mark.parametrize("action", ["approved", "hold_it", "xapprove", "deploy_form"])
async def test_an_action_that_only_looks_like_ours_is_acknowledged_and_nothing_else(town, action):
    run = await town.asks(await town.started("ada"))
    ts = await town.shows(action, "q:q1")

    assert (await town.presses("bo", action, ts))["ok"]

    assert await town.interrupts(run) == []
    assert len(town.audit) == 1


@pytest.mark.parametrize("action", ["hold", "rollback", "abort"])
async def test_the_requester_may_stop_what_they_asked_for(town, action):
    run = await town.started("ada")
    ts = await town.shows(action, f"r:{run.id}")

    await town.presses("ada", action, ts)

    await until(lambda: town.audit[-1] == ("ada", action, run.id, "committed"))
    assert await town.interrupts(run) == [action]


async def test_rolling_back_twice_is_rolling_back_once(town):
    run = await town.started("ada")
    ts = await town.shows("rollback", f"r:{run.id}")
    await town.presses("ada", "rollback", ts)
    await town.settles(run)

    await town.presses("bo", "rollback", ts)

    assert "rolling back already" in (await told(town, "bo"))[0]
    assert await town.interrupts(run) == []
    assert town.audit[-1][3] == "refused: stale"


async def test_a_refusal_is_said_in_the_thread_where_the_button_is(town):
    await town.asks(await town.started("ada"))
    card = await town.shows("hold", "r:checkout-1")
    ts = await town.shows("approve", "q:q1", thread=card)

    await town.presses("eve", "approve", ts)

    assert "role approver" in (await told(town, "eve", thread=card))[0]
    assert await town.sees("eve") == []


async def test_a_refusal_that_slack_does_not_whisper_goes_by_the_presses_own_way(town):
    await town.asks(await town.started("ada"))
    ts = await town.shows("approve", "q:q1")
    faults = {"chat.postEphemeral": {"error": "user_not_in_channel"}, "rates": "lifted"}
    town.server.put_faults(faults)

    await town.presses("eve", "approve", ts)

    assert "role approver" in (await told(town, "eve"))[0]
    assert len(town.server.workspace.messages.channel_view(_deploys())) == 1


async def test_a_press_while_the_platform_cannot_be_read_does_not_count(town):
    run = await town.asks(await town.started("ada"))
    ts = await town.shows("approve", "q:q1")

    async def unreachable():
        raise Unreachable("Kubernetes", "connection refused")

    town.platform.canary = unreachable

    await town.presses("bo", "approve", ts)

    assert "cannot count your approval" in (await told(town, "bo"))[0]
    assert await town.interrupts(run) == []


async def test_a_slow_press_is_acknowledged_in_time_and_counts(town, monkeypatch):
    import asyncio

    monkeypatch.setattr("handlers.office.PATIENCE", 0.05)
    run = await town.asks(await town.started("ada"))
    ts = await town.shows("approve", "q:q1")
    canary = town.platform.canary

    async def slow():
        await asyncio.sleep(0.3)
        return await canary()

    town.platform.canary = slow

    assert (await town.presses("bo", "approve", ts))["ok"]
    assert await town.interrupts(run) == []
    await until(lambda: town.audit[-1][3] == "decided")
    assert await town.interrupts(run) == ["approve"]


async def test_nobody_may_press_while_slack_does_not_say_who_is_who(town):
    run = await town.asks(await town.started("ada"))
    ts = await town.shows("approve", "q:q1")
    town.directory.forget_members()
    town.server.put_faults({"usergroups.users.list": {"error": "internal_error"}, "rates": "lifted"})

    await town.presses("bo", "approve", ts)

    assert "You need the role approver" in (await told(town, "bo"))[0]
    assert await town.interrupts(run) == []


def _deploys():
    from bot.sim.workspace.ids import id_of

    return id_of("C", "deploys")


LEFT = "after/decommission"


async def finished(town):
    """A run that has left the version of before behind, and what its card's buttons bear."""
    run = await town.started("ada")
    step = Step(
        id=LEFT, title="Remove v2.4.1", action=Decommission(), phase=Phase.FINISH, due=timedelta(hours=24)
    )
    kept = town.journal._kept[run.id]
    kept.run = run.with_(plan=run.plan.with_(aftercare=(step,)))
    await town.finishes(kept.run)
    run = await town.journal.load(run.id)
    return run, f"c:{run.id}:{LEFT}:{run.seq}"


@pytest.mark.parametrize(("user", "action"), [("ada", "put_off"), ("bo", "put_off"), ("bo", "do_now")])
async def test_what_a_run_has_left_is_kept_longer_or_removed_now(town, user, action):
    run, value = await finished(town)
    ts = await town.shows(action, value)

    assert (await town.presses(user, action, ts))["ok"]

    await until(lambda: town.audit[-1][1] == action)
    assert town.audit[-1] == (user, action, run.id, "committed")
    assert await town.interrupts(run) == [action]
    care = (await town.settles(run)).care[LEFT]
    assert (care.is_due, care.due_at > run.care[LEFT].due_at) == (action == "do_now", action == "put_off")


async def test_who_only_deploys_removes_nothing(town):
    run, value = await finished(town)
    ts = await town.shows("do_now", value)

    await town.presses("ada", "do_now", ts)

    assert "You need the role approver" in (await told(town, "ada"))[0]
    assert await town.interrupts(run) == []


async def test_a_button_that_shows_an_older_time_is_told_so(town):
    run, value = await finished(town)
    ts = await town.shows("put_off", value)
    await town.presses("bo", "put_off", ts)
    await until(lambda: town.audit[-1][1] == "put_off")
    await town.settles(run)

    await town.presses("cy", "put_off", ts)

    assert "put off by bo until" in (await told(town, "cy"))[0]


@pytest.mark.parametrize(
    "value", ["c:", "c:::", "c:checkout-1", "c:checkout-9:after:1", "r:checkout-1", "q:q1"]
)
@pytest.mark.parametrize("action", ["put_off", "do_now"])
async def test_a_forged_value_keeps_and_removes_nothing(town, action, value):
    run, _ = await finished(town)
    ts = await town.shows(action, value)

    await town.presses("bo", action, ts)

    await told(town, "bo")
    assert await town.interrupts(run) == []
    assert town.audit[-1][3].startswith("refused")

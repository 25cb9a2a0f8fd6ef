"""Roles by user group and by id, over a workspace whose answers age and fail."""

import asyncio

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.errors import NotFound, OutsideError
from bot.domain.people import Person, Role
from bot.sim.workspace.ids import id_of
from bot.slack import Directory, SlackCalls, SlackRoles
from bot.slack.roles import Grantee

ADA, BO, CY, EVE, GUS = (Person(id=id_of("U", name), name=name) for name in ("ada", "bo", "cy", "eve", "gus"))


class Wait:
    """Real seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def wait(monkeypatch):
    wait = Wait()
    monkeypatch.setattr("bot.slack.remembered.now", wait)
    return wait


@pytest.fixture
def directory(server, wait):
    server.workspace.rates.are_lifted = True
    return Directory(SlackCalls(AsyncWebClient(token="xoxb-local", base_url=server.api_url, timeout=1)))


def roles(directory, *approvers):
    return SlackRoles(directory, {Role.APPROVER: approvers})


def calls(server, method):
    return len(server.workspace.calls.newest(5_000, method))


def fail(server, *methods, **fault):
    server.put_faults({"rates": "lifted"} | {method: fault or {"status": 503} for method in methods})


async def test_members_of_a_group_have_its_role_and_others_do_not(directory):
    approvers = roles(directory, Grantee(handle="@oncall"))

    assert await approvers.has(BO, Role.APPROVER)
    assert await approvers.has(CY, Role.APPROVER)
    assert not await approvers.has(ADA, Role.APPROVER)
    assert not await approvers.has(BO, Role.ADMIN)


async def test_a_group_may_be_named_by_its_id(directory):
    approvers = roles(directory, Grantee(group=id_of("S", "oncall")))

    assert await approvers.has(BO, Role.APPROVER)
    assert not await approvers.has(ADA, Role.APPROVER)


async def test_an_explicit_id_needs_no_answer_from_slack(server, directory):
    fail(server, "*")
    approvers = roles(directory, Grantee(handle="oncall"), Grantee(user=EVE.id))

    assert await approvers.has(EVE, Role.APPROVER)
    assert not await approvers.has(BO, Role.APPROVER)


async def test_an_empty_list_is_nobody(directory):
    approvers = roles(directory)

    assert not await approvers.has(BO, Role.APPROVER)
    assert await approvers.names(Role.APPROVER) == ()
    assert await approvers.mentions(Role.APPROVER) == ()


async def test_a_group_that_is_not_there_is_nobody(directory):
    approvers = roles(directory, Grantee(handle="nobody-knows"))

    assert not await approvers.has(BO, Role.APPROVER)
    with pytest.raises(NotFound, match="no user group @nobody-knows"):
        await directory.group("nobody-knows")
    assert await approvers.mentions(Role.APPROVER) == ("@nobody-knows",)


async def test_a_guest_in_the_group_has_no_role_unless_listed(server, directory):
    server.workspace.roster.set_group_members("oncall", ["bo", "gus"])

    assert not await roles(directory, Grantee(handle="oncall")).has(GUS, Role.APPROVER)
    assert await roles(directory, Grantee(user=GUS.id)).has(GUS, Role.APPROVER)
    assert await roles(directory, Grantee(handle="oncall")).names(Role.APPROVER) == ("bo",)


async def test_whether_somebody_is_a_guest_fails_closed(server, directory):
    fail(server, "users.info")

    assert not await roles(directory, Grantee(handle="oncall")).has(BO, Role.APPROVER)


async def test_a_member_who_was_removed_loses_the_role_within_a_minute(server, directory, wait):
    approvers = roles(directory, Grantee(handle="oncall"))
    assert await approvers.has(BO, Role.APPROVER)
    server.workspace.roster.set_group_members("oncall", ["cy"])

    wait.seconds += 59
    soon = await approvers.has(BO, Role.APPROVER)
    wait.seconds += 2
    later = await approvers.has(BO, Role.APPROVER)

    assert (soon, later) == (True, False)


async def test_slacks_word_of_a_change_counts_at_once(server, directory):
    approvers = roles(directory, Grantee(handle="oncall"))
    assert await approvers.has(BO, Role.APPROVER)
    server.workspace.roster.set_group_members("oncall", ["cy"])

    directory.forget_members()

    assert not await approvers.has(BO, Role.APPROVER)


@pytest.mark.parametrize("method", ["usergroups.users.list", "usergroups.list", "users.info"])
async def test_when_slack_does_not_answer_roles_last_five_minutes_and_come_back(
    server, directory, wait, method
):
    approvers = roles(directory, Grantee(handle="oncall"))
    assert await approvers.has(BO, Role.APPROVER)
    fail(server, method)

    wait.seconds += 299
    within = await approvers.has(BO, Role.APPROVER)
    wait.seconds += 2
    beyond = await approvers.has(BO, Role.APPROVER)
    server.put_faults({"rates": "lifted"})
    wait.seconds += 3
    again = await approvers.has(BO, Role.APPROVER)

    assert (within, beyond, again) == (True, False, True)


async def test_fifty_who_ask_at_once_cost_one_call(server, directory):
    server.workspace.rates.are_lifted = False
    approvers = roles(directory, Grantee(handle="oncall"))

    answers = await asyncio.gather(*(approvers.has(BO, Role.APPROVER) for _ in range(50)))

    assert all(answers)
    assert calls(server, "usergroups.list") == 1
    assert calls(server, "usergroups.users.list") == 1
    assert calls(server, "users.info") == 1


async def test_a_slack_that_fails_is_not_asked_by_everybody(server, directory, wait):
    fail(server, "usergroups.list")
    approvers = roles(directory, Grantee(handle="oncall"))

    for _ in range(20):
        assert not await approvers.has(BO, Role.APPROVER)
    asked = calls(server, "usergroups.list")
    wait.seconds += 3
    await approvers.has(BO, Role.APPROVER)

    assert asked == 1
    assert calls(server, "usergroups.list") == 2


async def test_a_limit_is_heeded_for_as_long_as_slack_says(server, directory, wait):
    fail(server, "usergroups.list", status=429, retry_after=30)
    approvers = roles(directory, Grantee(handle="oncall"))
    await approvers.has(BO, Role.APPROVER)

    wait.seconds += 29
    await approvers.has(BO, Role.APPROVER)
    assert calls(server, "usergroups.list") == 1
    server.put_faults({"rates": "lifted"})
    wait.seconds += 2

    assert await approvers.has(BO, Role.APPROVER)


async def test_one_who_gives_up_takes_nothing_from_the_others(server, directory):
    fail(server, "usergroups.list", delay=0.1)
    impatient = asyncio.create_task(directory.group("oncall"))
    patient = asyncio.create_task(directory.group("oncall"))
    await asyncio.sleep(0.02)

    impatient.cancel()

    assert await patient == id_of("S", "oncall")


async def test_a_mention_keeps_its_words_while_slack_is_away(server, directory, wait):
    approvers = roles(directory, Grantee(handle="oncall"), Grantee(user=EVE.id))
    before = await approvers.mentions(Role.APPROVER)
    fail(server, "*")
    wait.seconds += 10_000

    assert before == (f"<!subteam^{id_of('S', 'oncall')}>", f"<@{EVE.id}>")
    assert await approvers.mentions(Role.APPROVER) == before


async def test_a_person_keeps_their_name_while_slack_is_away(server, directory, wait):
    known = await directory.person(BO.id)
    fail(server, "users.info")
    wait.seconds += 10_000

    assert await directory.person(BO.id) == known == BO
    assert await directory.person(CY.id) == Person(id=CY.id, name=CY.id)


async def test_a_channel_is_found_by_name_and_by_id(directory):
    assert await directory.channel("#deploys") == id_of("C", "deploys")
    assert await directory.channel("deploys") == id_of("C", "deploys")
    assert await directory.channel("C0123ABC") == "C0123ABC"


async def test_a_channel_that_is_made_later_is_found_then(server, directory, wait):
    with pytest.raises(NotFound, match="#incidents; invite it there"):
        await directory.channel("#incidents")
    for _ in range(20):
        with pytest.raises(NotFound):
            await directory.channel("#incidents")
    asked = calls(server, "conversations.list")
    channels = server.workspace.roster.channels
    channels["C0NEW"] = type(channels[id_of("C", "deploys")])("C0NEW", "incidents")
    wait.seconds += 6

    assert asked == 1
    assert await directory.channel("#incidents") == "C0NEW"


async def test_channels_that_cannot_be_read_are_read_again(server, directory, wait):
    fail(server, "conversations.list")
    with pytest.raises(OutsideError):
        await directory.channel("#deploys")

    server.put_faults({"rates": "lifted"})
    wait.seconds += 3

    assert await directory.channel("#deploys") == id_of("C", "deploys")


async def test_a_missing_stakeholder_channel_hides_no_run(server, directory, wait):
    without = await directory.channels("#deploys", ["#releases", "#board"])
    channels = server.workspace.roster.channels
    channels["C0NEW"] = type(channels[id_of("C", "deploys")])("C0NEW", "board")
    wait.seconds += 6
    later = await directory.channels("#deploys", ["#releases", "#board"])

    assert without.deploys == id_of("C", "deploys")
    assert without.stakeholders == (id_of("C", "releases"),)
    assert later.stakeholders == (id_of("C", "releases"), "C0NEW")
    with pytest.raises(NotFound):
        await directory.channels("#nowhere", [])

"""A run that another version of the bot has written into: a plain answer for everybody, and nothing done."""

import pytest

from bot.domain.errors import UnknownEvent
from tests.handlers.test_forms import CHOICES, filled
from tests.support.builders import ADA, a_plan
from tests.support.eventually import eventually

WORDS = "another version of Slackwater has written it"


async def unreadable(town):
    """A run of which this version cannot read the journal."""
    run = await town.started("ada")
    load = town.journal.load

    async def load_or_fail(name):
        if name == run.id:
            raise UnknownEvent("entry 7: a journal entry of kind 'teleported' cannot be read")
        return await load(name)

    town.journal.load = load_or_fail
    return run


async def told(town, user, channel="deploys"):
    found = await eventually(lambda: town.sees(user, channel), lambda seen: seen, within=3)
    return found[-1]["text"]


@pytest.mark.parametrize("what", ["status checkout-1", "approve", "hold", "resume", "rollback", "abort"])
async def test_whoever_types_about_it_gets_a_plain_answer(town, what):
    run = await unreadable(town)

    answer = await town.types("bo", what)

    assert WORDS in str(answer["ephemeral"])
    assert "traffic stays as it is" in str(answer["ephemeral"])
    assert "Something broke on my side" not in str(answer)
    assert await town.interrupts(run) == []
    assert town.audit[-1][3] == "refused: other-version"


@pytest.mark.parametrize("action", ["hold", "resume", "rollback", "abort"])
async def test_whoever_presses_on_its_card_gets_a_plain_answer(town, action):
    run = await unreadable(town)
    ts = await town.shows(action, f"r:{run.id}")

    await town.presses("bo", action, ts)

    assert WORDS in await told(town, "bo")
    assert await town.interrupts(run) == []


@pytest.mark.parametrize("action", ["approve", "hold", "rollback"])
async def test_whoever_presses_on_its_question_gets_a_plain_answer(town, action):
    run = await town.asks(await town.started("ada"))
    ts = await town.shows(action, "q:q1")
    before = town.journal.load

    async def fails(name):
        raise UnknownEvent("entry 7: a journal entry of kind 'teleported' cannot be read")

    town.journal.load = fails
    await town.presses("bo", action, ts)

    assert WORDS in await told(town, "bo")
    assert await town.interrupts(run) == []
    town.journal.load = before


async def test_status_and_home_show_it_beside_the_others(town):
    run = await unreadable(town)
    ours = await town.journal.create(a_plan(application="billing"), ADA)

    answer = str((await town.types("bo", "status"))["ephemeral"])
    await town.does("home", user="bo")
    home = str(await eventually(lambda: town.view("bo"), lambda seen: seen["home"], within=3))

    for shown in (answer, home):
        assert f"`{run.id}`" in shown
        assert WORDS in shown
        assert f"`{ours.id}`" in shown


async def test_what_is_unreadable_elsewhere_is_no_bug_either(town):
    async def fails(*args, **kwargs):
        raise UnknownEvent("the state of checkout-1, 'dreaming', is not known to this version")

    town.journal.recent = fails

    answer = await town.types("bo", "history")

    assert "I did nothing: I cannot read what is stored about this." in str(answer["ephemeral"])


async def test_a_form_says_it_too(town):
    async def fails(*args, **kwargs):
        raise UnknownEvent("the state of checkout-1, 'dreaming', is not known to this version")

    town.journal.create = fails
    await town.types("ada", "")
    view = await eventually(lambda: town.view("ada"), lambda seen: seen["views"], within=3)

    submitted = await town.submits("ada", view["views"][0]["id"], filled(**CHOICES))

    assert "I cannot read what is stored about this" in str(submitted)
    assert town.audit[-1] == ("ada", "start v2.5.0", None, "refused: other-version")

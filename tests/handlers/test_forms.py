"""The form that `/deploy` alone opens, the Home tab, and mentions."""

import asyncio

import pytest

from bot.sim.workspace.ids import id_of
from tests.handlers.conftest import until
from tests.support.eventually import eventually


def filled(**values):
    """The state of the form with these choices."""
    made = {}
    for block, value in values.items():
        if block == "reason":
            made[block] = {"value": {"type": "plain_text_input", "value": value}}
        else:
            option = {"text": {"type": "plain_text", "text": value}, "value": value}
            made[block] = {"value": {"type": "static_select", "selected_option": option}}
    return made


CHOICES = {
    "application": "checkout",
    "version": "v2.5.0",
    "strategy": "canary",
    "environment": "production",
    "reason": "preferences",
}


async def opened(town, user="ada"):
    await town.types(user, "")
    views = await eventually(lambda: town.view(user), lambda seen: seen["views"], within=3)
    return views["views"][-1]


async def test_deploy_alone_opens_a_form_with_the_newest_versions(town):
    view = await opened(town)

    versions = next(block for block in view["blocks"] if block["block_id"] == "version")
    assert [o["value"] for o in versions["element"]["options"]] == ["v2.5.1", "v2.5.0", "v2.4.1"]
    assert town.runs() == []


async def test_a_submitted_form_starts_a_run_and_says_so_where_it_was_opened(town):
    view = await opened(town)

    answer = await town.submits("ada", view["id"], filled(**CHOICES))

    assert answer["ok"], answer
    run = town.runs()[0]
    assert run.plan.request.version == "v2.5.0"
    assert run.plan.request.reason == "preferences"
    told = await eventually(lambda: town.sees("ada"), lambda seen: seen, within=3)
    assert "Deploying checkout v2.5.0" in told[0]["text"]
    assert (await town.view("ada"))["views"] == []


async def test_a_refusal_stands_next_to_the_version_and_the_form_stays_open(town):
    await town.started("ada")
    view = await opened(town, "bo")

    answer = await town.submits("bo", view["id"], filled(**CHOICES))

    assert list(answer["errors"]) == ["version"]
    assert "ada has been deploying" in answer["errors"]["version"]
    assert len(town.runs()) == 1
    assert len((await town.view("bo"))["views"]) == 1
    assert town.audit[-1][3] == "refused: locked"


async def test_an_environment_that_the_application_lacks_is_marked(town):
    view = await opened(town)
    town.configure(applications=("payments",))
    town.configure(applications=("checkout", "payments"))
    deployables = town.desk.deployables
    staging = deployables[1].with_(environment="staging")
    object.__setattr__(town.desk, "deployables", (staging, deployables[0].with_(environment="other")))

    answer = await town.submits("ada", view["id"], filled(**CHOICES))

    assert list(answer["errors"]) == ["environment"]
    assert town.runs() == []


async def test_an_application_that_is_gone_is_marked(town):
    view = await opened(town)
    town.configure(applications=("payments",))

    answer = await town.submits("ada", view["id"], filled(**CHOICES))

    assert list(answer["errors"]) == ["application"]
    assert town.runs() == []


async def test_a_guests_form_starts_nothing(town):
    view = await opened(town, "gus")

    answer = await town.submits("gus", view["id"], filled(**CHOICES))

    assert "You need the role deployer" in answer["errors"]["version"]
    assert town.runs() == []
    assert town.audit == [("gus", "start v2.5.0", None, "refused: not-allowed")]


async def test_a_bug_in_a_form_is_shown_as_one(town):
    view = await opened(town)
    town.outside = RuntimeError("secret detail")

    answer = await town.submits("ada", view["id"], filled(**CHOICES))

    assert "Something broke on my side (ref " in answer["errors"]["version"]
    assert "secret" not in answer["errors"]["version"]


@pytest.mark.parametrize("fails", [False, True])
async def test_a_slow_form_is_closed_in_time_and_answered_afterwards(town, monkeypatch, fails):
    monkeypatch.setattr("handlers.forms.PATIENCE", 0.05)
    if fails:
        await town.started("bo")
    view = await opened(town)
    town.slowness = 0.3

    answer = await town.submits("ada", view["id"], filled(**CHOICES))

    assert answer["ok"]
    told = await eventually(lambda: town.sees("ada"), lambda seen: seen, within=3)
    assert ("bo has been deploying" if fails else "Deploying checkout") in told[0]["text"]


async def test_the_form_opens_without_a_list_when_versions_cannot_be_read_in_time(town, monkeypatch):
    monkeypatch.setattr("handlers.commands._LOOK", 0.05)

    class Slow:
        async def newest(self):
            await asyncio.sleep(5)

    object.__setattr__(town.desk, "versions", lambda _application: Slow())

    view = await opened(town)

    version = next(block for block in view["blocks"] if block["block_id"] == "version")
    assert version["element"]["type"] == "plain_text_input"


async def test_without_any_application_the_form_says_so(town):
    town.configure(applications=())

    await town.types("ada", "")

    told = await eventually(lambda: town.sees("ada"), lambda seen: seen, within=3)
    assert "No application is configured" in told[0]["text"]


async def test_home_shows_what_waits_and_what_runs(town):
    run = await town.asks(await town.started("ada"))

    await town.does("home", user="bo")

    seen = await eventually(lambda: town.view("bo"), lambda seen: seen["home"], within=3)
    text = str(seen["home"]["blocks"])
    assert "Waiting for an approval" in text
    assert run.id in text


async def test_home_opens_for_nobody_in_particular_too(town):
    await town.does("home", user="eve")

    await until(lambda: town.audit)
    assert town.audit[-1][3] == "refused: not-allowed"


async def test_home_forgets_what_it_showed_to_somebody_who_may_no_longer_look(town):
    run = await town.asks(await town.started("ada"))
    await town.does("home", user="bo")
    await eventually(lambda: town.view("bo"), lambda seen: run.id in str(seen["home"]), within=3)

    town.granted.clear()
    await town.does("home", user="bo")

    seen = await eventually(lambda: town.view("bo"), lambda seen: run.id not in str(seen["home"]), within=3)
    assert "You need the role" in str(seen["home"]["blocks"])


async def test_a_mention_in_a_thread_is_answered_there_and_only_to_who_asked(town):
    run = await town.started("ada")
    card = await town.shows("hold", f"r:{run.id}")
    app = town.server.workspace.app.user_id

    await town.does("message", user="bo", channel="deploys", text=f"<@{app}> status", thread_ts=card)

    told = await eventually(lambda: town.sees("bo", thread=card), lambda seen: seen, within=3)
    assert "v2.5.0" in told[0]["text"]
    assert await town.sees("ada", thread=card) == []


async def test_a_mention_starts_nothing_whatever_it_says(town):
    app = town.server.workspace.app.user_id

    await town.does("message", user="ada", channel="deploys", text=f"<@{app}> v2.5.0 canary")

    await eventually(lambda: town.sees("ada"), lambda seen: seen, within=3)
    assert town.runs() == []


def test_the_workspace_names_people_as_the_tests_do():
    assert id_of("U", "ada").startswith("U")

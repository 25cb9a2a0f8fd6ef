"""Forms and the Home tab."""

from bot.views.forms import deploy_form, home
from tests.support.builders import ADA
from tests.support.story import a_story
from tests.views.reading import THREAD, complaints
from tests.views.test_answers import a_summary


def a_form(versions=("v2.5.0", "v2.4.1")):
    return deploy_form(
        applications=("checkout", "search"),
        versions=versions,
        strategies=("canary",),
        environments=("production", "staging"),
        channel="C1",
    )


def test_the_deploy_form_asks_for_all_that_a_start_needs():
    view = a_form()

    inputs = {block["block_id"]: block for block in view["blocks"] if block["type"] == "input"}
    assert list(inputs) == ["application", "version", "strategy", "environment", "reason"]
    assert {block["element"]["action_id"] for block in inputs.values()} == {"value"}
    assert [option["value"] for option in inputs["version"]["element"]["options"]] == ["v2.5.0", "v2.4.1"]
    assert inputs["reason"]["optional"]
    assert view["callback_id"] == "deploy_form"
    assert view["private_metadata"] == "C1"
    assert not complaints(view["blocks"], "modal")


def test_without_known_versions_one_can_be_typed():
    view = a_form(versions=())

    (version,) = [block for block in view["blocks"] if block.get("block_id") == "version"]
    assert version["element"]["type"] == "plain_text_input"
    assert not complaints(view["blocks"], "modal")


def test_more_versions_than_a_select_holds_are_cut_to_the_newest():
    view = a_form(versions=tuple(f"v1.{number}.0" for number in range(150)))

    (version,) = [block for block in view["blocks"] if block.get("block_id") == "version"]
    assert len(version["element"]["options"]) == 100
    assert version["element"]["initial_option"]["value"] == "v1.0.0"
    assert not complaints(view["blocks"], "modal")


def test_home_shows_what_waits_for_people_first():
    waiting = a_story().through_gates().up().asked(5).run
    running = a_story().through_gates().run.with_(id="search-1")

    view = home(ADA, (running, waiting), (a_summary(),))

    texts = [str(block.get("text", {}).get("text")) for block in view["blocks"]]
    titles = [text.splitlines()[0] for text in texts]
    assert titles.index("*Waiting for an approval*") < titles.index("*Running*")
    assert "`checkout-1`" in texts[titles.index("*Waiting for an approval*") + 1]
    assert "`search-1`" in texts[titles.index("*Running*") + 1]
    assert "*Recent runs*" in titles
    assert "Nothing is being deployed." not in titles


def test_home_says_that_nothing_runs():
    view = home(ADA, (), ())

    texts = [str(block.get("text", {}).get("text")) for block in view["blocks"]]
    assert "Nothing is being deployed." in texts
    assert not complaints(view["blocks"], "home")


def test_home_leads_to_the_threads_that_are_known():
    known, new = a_story().run, a_story().run.with_(id="search-1")

    view = home(ADA, (known, new), (), {"checkout-1": THREAD})

    links = [block["accessory"] for block in view["blocks"] if "accessory" in block]
    assert [link["url"] for link in links] == [THREAD]
    assert not complaints(view["blocks"], "home")

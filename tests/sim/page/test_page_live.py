"""What a person does and sees on the workspace's page, in a real browser."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from playwright.async_api import Page, expect

from bot.sim.workspace import WorkspaceServer
from bot.sim.workspace.ids import id_of
from tests.sim.page import cards
from tests.sim.page.app_under_page import DEPLOYS, SmallApp
from tests.sim.page.conftest import Demo, Open

pytestmark = pytest.mark.live

COMPOSER = "#main .composer-input"


async def until(is_so: Callable[[], Any]) -> None:
    async with asyncio.timeout(8):
        while not is_so():  # noqa: ASYNC110 -- the page acts in a process of its own
            await asyncio.sleep(0.02)


async def act_as(page: Page, number: int) -> None:
    await page.keyboard.press(f"Alt+{number}")
    await expect(page.locator(".person").nth(number - 1)).to_have_attribute("aria-checked", "true")


async def test_the_bare_address_leads_a_newcomer_to_the_first_channel_and_a_first_command(
    open_page: Open,
) -> None:
    page = await open_page("")

    await expect(page.get_by_role("heading", level=1)).to_have_text("deploys")
    await page.get_by_role("button", name="/deploy v2.5.0 canary").click()

    await expect(page.locator(COMPOSER)).to_have_value("/deploy v2.5.0 canary")
    await expect(page.locator(COMPOSER)).to_be_focused()


async def test_a_message_that_is_sent_appears_for_everybody_at_once(open_page: Open) -> None:
    ada, bo = await open_page(), await open_page(person="bo")

    await ada.fill(COMPOSER, "I start *v2.5.0* now, @bo & <b>all</b>")
    await ada.press(COMPOSER, "Enter")

    seen = bo.locator("#main .message").last
    await expect(seen).to_contain_text("I start v2.5.0 now, @Bo & <b>all</b>")
    await expect(seen.locator("strong")).to_have_text("v2.5.0")
    await expect(seen.locator(".mention.mine")).to_have_text("@Bo")
    await expect(ada.locator(COMPOSER)).to_have_value("")


async def test_a_command_is_completed_with_its_hint_and_reaches_the_app(
    open_page: Open, app: SmallApp
) -> None:
    page = await open_page()

    await page.type(COMPOSER, "/dep")
    await expect(page.locator("#main .completion")).to_contain_text("v2.5.0 canary | status")
    await page.press(COMPOSER, "Tab")
    await page.type(COMPOSER, "v2.5.0 canary")
    await page.press(COMPOSER, "Enter")

    await expect(page.locator("#main .heading").last).to_have_text("checkout v2.4.0 → v2.5.0")
    assert app.commands == ["v2.5.0 canary"]


async def test_what_was_sent_comes_back_with_the_arrow(open_page: Open, app: SmallApp) -> None:
    page = await open_page()
    await page.fill(COMPOSER, "/deploy v2.5.0 canary")
    await page.press(COMPOSER, "Enter")
    await until(lambda: app.commands)

    await page.press(COMPOSER, "ArrowUp")

    await expect(page.locator(COMPOSER)).to_have_value("/deploy v2.5.0 canary")


async def test_a_command_nobody_offers_is_refused_and_not_lost(open_page: Open) -> None:
    page = await open_page()

    await page.fill(COMPOSER, "/depoly v2.5.0")
    await page.press(COMPOSER, "Enter")

    await expect(page.locator("#main .composer-note")).to_contain_text("/depoly is not a command here")
    await expect(page.locator(COMPOSER)).to_have_value("/depoly v2.5.0")


async def test_an_answer_only_for_the_one_who_typed_can_be_dismissed(open_page: Open) -> None:
    ada, bo = await open_page(), await open_page(person="bo")

    await ada.fill(COMPOSER, "/deploy v9 canary")
    await ada.press(COMPOSER, "Enter")

    answer = ada.locator(".ephemeral")
    await expect(answer).to_contain_text("Only visible to you")
    await expect(answer).to_contain_text("Nearest: v2.5.0")
    assert await bo.locator(".ephemeral").count() == 0
    await answer.get_by_role("button", name="Dismiss").click()
    await expect(answer).to_have_count(0)


async def test_an_approval_is_refused_to_one_person_and_counts_for_another(
    open_page: Open, app: SmallApp
) -> None:
    root = await app.post_card("running", "10 %")
    await app.ask(root)
    page = await open_page(f"#/{DEPLOYS}/{root}/{root}")
    approve = page.locator("#thread").get_by_role("button", name="Approve 25 %")

    await approve.click()
    await expect(page.locator("#thread .ephemeral")).to_contain_text("someone else of @oncall")
    await act_as(page, 2)
    await expect(page.locator("#thread .ephemeral")).to_have_count(0)
    await approve.click()

    await expect(page.locator("#thread")).to_contain_text("Approved by @Bo at 14:19")
    await expect(approve).to_have_count(0)
    assert [press["user"] for press in app.presses] == [id_of("U", "ada"), id_of("U", "bo")]


async def test_whoever_is_asked_sees_it_in_the_rail_and_finds_the_question(
    open_page: Open, app: SmallApp
) -> None:
    page = await open_page()
    root = await app.post_card("running", "10 %")

    await app.ask(root)

    await expect(page.locator(".person", has_text="Bo").locator(".badge")).to_have_text("1")
    await act_as(page, 2)
    await page.get_by_role("link", name="Mentions").click()
    await page.locator(".mention-row").click()
    await expect(page.locator("#thread").get_by_role("button", name="Approve 25 %")).to_be_visible()


async def test_a_dangerous_button_asks_first(open_page: Open, app: SmallApp) -> None:
    await app.post_card("running", "10 %")
    page = await open_page()
    button = page.get_by_role("button", name="Roll back…")

    await button.click()
    await expect(page.get_by_role("dialog")).to_contain_text("All traffic goes to v2.4.0")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    assert app.presses == []
    await button.click()
    await page.get_by_role("dialog").get_by_role("button", name="Roll back").click()

    await until(lambda: app.presses)
    assert app.presses[0]["action"] == "rollback"


async def test_a_button_shows_that_it_waits_and_says_when_nobody_answers(
    open_page: Open, app: SmallApp
) -> None:
    await app.post_card("running", "10 %")
    page = await open_page()
    await app.close()
    await expect(page.locator(".offline")).to_be_visible()

    await page.get_by_role("button", name="Hold").click()

    await expect(page.locator(".ephemeral, .notice").first).to_be_visible()
    await expect(page.get_by_role("button", name="Hold")).not_to_have_attribute("aria-busy", "true")


async def test_a_form_says_what_is_wrong_next_to_the_field_and_then_goes_through(
    open_page: Open, app: SmallApp
) -> None:
    page = await open_page()
    await page.fill(COMPOSER, "/deploy")
    await page.press(COMPOSER, "Enter")
    form = page.get_by_role("dialog", name="Deploy a version")
    version = form.get_by_label("Version")

    await expect(version).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(form.locator(".error")).to_contain_text("Please fill in this field")
    await version.fill("v9")
    await page.keyboard.press("Enter")
    await expect(form.locator(".error")).to_contain_text("I know no version v9")
    await expect(version).to_have_attribute("aria-invalid", "true")
    await form.get_by_label("Version").fill("v2.5.0")
    await form.get_by_label("Database migrations").check()
    await form.get_by_label("Strategy").select_option(label="Rolling update")
    await form.get_by_label("Reason").fill("line one\nline two")
    await page.keyboard.press("Control+Enter")

    await expect(form).to_have_count(0)
    values = app.submissions[0]
    assert values["version"]["it"]["value"] == "v2.5.0"
    assert values["strategy"]["it"]["selected_option"]["value"] == "rolling"
    assert values["environment"]["it"]["selected_option"]["value"] == "production"
    assert [each["value"] for each in values["extras"]["it"]["selected_options"]] == ["migrations"]
    assert values["reason"]["it"]["value"] == "line one\nline two"


async def test_a_form_is_private_and_escape_closes_it(open_page: Open) -> None:
    ada, bo = await open_page(), await open_page(person="bo")
    await ada.fill(COMPOSER, "/deploy")
    await ada.press(COMPOSER, "Enter")
    form = ada.get_by_role("dialog", name="Deploy a version")
    await expect(form).to_be_visible()

    assert await bo.get_by_role("dialog").count() == 0
    await ada.keyboard.press("Escape")

    await expect(form).to_have_count(0)


async def test_commands_are_refused_in_threads(open_page: Open, app: SmallApp) -> None:
    root = await app.post_card("running", "10 %")
    page = await open_page(f"#/{DEPLOYS}/{root}/{root}")

    await page.fill("#thread .composer-input", "/deploy status")
    await page.press("#thread .composer-input", "Enter")
    await expect(page.locator("#thread .composer-note")).to_contain_text("cannot be used in a thread")
    await page.get_by_role("button", name="Write it in #deploys").click()

    await expect(page.locator(COMPOSER)).to_have_value("/deploy status")
    assert app.commands == []


async def test_a_reader_of_old_messages_is_not_moved_by_new_ones(
    open_page: Open, workspace: WorkspaceServer, app: SmallApp
) -> None:
    workspace.put_faults({"rates": "lifted"})
    for number in range(30):
        await app.post(f"Message {number}\nwith a second line", channel=id_of("C", "general"))
    page = await open_page("general")
    anchor = page.locator("#main .message", has_text="Message 12")
    await page.locator("#main .scroller").evaluate("node => { node.scrollTop = 300 }")
    await expect(page.get_by_role("button", name="Jump to newest")).to_be_visible()
    before = await anchor.bounding_box()

    await app.post("And one more", channel=id_of("C", "general"))

    pill = page.get_by_role("button", name="1 new message")
    await expect(pill).to_be_visible()
    assert await anchor.bounding_box() == before
    await pill.click()
    await expect(page.locator("#main .message").last).to_be_in_viewport()
    await expect(pill).to_be_hidden()


async def test_an_edit_changes_the_message_in_place_and_keeps_the_focus(
    open_page: Open, app: SmallApp
) -> None:
    ts = await app.post_card("running", "10 %")
    page = await open_page()
    await page.get_by_role("button", name="Hold").focus()

    blocks = cards.root_card("running", "25 % of traffic", "50 %", "#/")
    await app.client.chat_update(channel=DEPLOYS, ts=ts, text="checkout", blocks=blocks)

    await expect(page.locator("#main .message")).to_contain_text("25 % of traffic")
    await expect(page.get_by_role("button", name="Hold")).to_be_focused()
    assert await page.locator("#main .message").count() == 1


async def test_a_permalink_of_slack_leads_to_the_reply(
    open_page: Open, workspace: WorkspaceServer, app: SmallApp
) -> None:
    root = await app.post("Root")
    reply = await app.post("The reply", thread=root)
    link = (await app.client.chat_getPermalink(channel=DEPLOYS, message_ts=reply))["permalink"]

    page = await open_page(str(link).removeprefix(f"{workspace.url}/"))

    await expect(page.locator("#thread .message.target")).to_contain_text("The reply")
    assert page.url == f"{workspace.url}/#/{DEPLOYS}/{reply}/{root}"


async def test_a_picture_opens_large_and_escape_closes_it(open_page: Open, app: SmallApp) -> None:
    await app.upload_plot()
    page = await open_page()
    picture = page.get_by_role("button", name="Enlarge: Errors: v2.5.0 0.04 %")

    await picture.click()
    large = page.get_by_role("dialog").get_by_role("img", name="Errors: v2.5.0 0.04 %")
    await expect(large).to_be_visible()
    assert await large.evaluate("node => node.naturalWidth") == 1200
    await page.keyboard.press("Escape")

    await expect(large).to_have_count(0)
    await expect(picture).to_be_focused()


async def test_the_keyboard_reaches_messages_threads_and_places(open_page: Open, app: SmallApp) -> None:
    root = await app.post("First")
    await app.post("A reply", thread=root)
    await app.post("Second")
    page = await open_page()

    await page.keyboard.press("k")
    await page.keyboard.press("k")
    await expect(page.locator("#main .message", has_text="First")).to_be_focused()
    await page.keyboard.press("t")
    await expect(page.locator("#thread")).to_contain_text("A reply")
    await page.keyboard.press("Escape")
    await expect(page.locator("#thread")).to_be_hidden()
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    await page.keyboard.press("Escape")
    await page.keyboard.press("Control+k")
    await page.keyboard.type("relea")
    await page.keyboard.press("Enter")

    await expect(page.get_by_role("heading", level=1)).to_have_text("releases")


async def test_new_messages_are_said_to_screen_readers(open_page: Open, app: SmallApp) -> None:
    page = await open_page()

    await app.post("Rolling back *v2.5.0*")

    await expect(page.locator("#live")).to_contain_text("Slackwater: Rolling back v2.5.0")


async def test_unread_messages_are_counted_until_the_channel_is_read(open_page: Open, app: SmallApp) -> None:
    page = await open_page()
    await app.post("v2.5.0 is going out", channel=id_of("C", "releases"))
    place = page.get_by_role("link", name="releases")

    await expect(place.locator(".badge")).to_contain_text("1")
    await place.click()

    await expect(page.locator("#main .message")).to_contain_text("v2.5.0 is going out")
    await expect(place.locator(".badge")).to_have_count(0)


async def test_the_home_of_the_app_shows_what_it_published(open_page: Open, app: SmallApp) -> None:
    page = await open_page("#/home")

    await expect(page.locator(".home")).to_contain_text("Running now")
    await page.locator(".home").get_by_role("button", name="Hold").click()

    await until(lambda: app.presses)
    assert app.presses[0]["value"] == "run-1"


async def test_the_panel_shows_time_and_traffic_and_breaks_things(open_page: Open, demo: Demo) -> None:
    page = await open_page()
    await page.get_by_role("button", name="Break things").click()

    await expect(page.get_by_role("img", name="75 % stable, 25 % new, 50 requests a second")).to_be_visible()
    errors = page.get_by_role("switch", name="5 % errors")
    await errors.click()
    await expect(errors).to_have_attribute("aria-checked", "true")
    await page.get_by_role("button", name="Kill the bot").click()
    await until(lambda: len(demo.controlled) == 2)
    demo.state["bot"] = {"running": False, "pid": None}

    assert demo.controlled == [{"id": "errors", "value": True}, {"id": "kill"}]
    await expect(page.locator("#panel")).to_contain_text("Bot is down")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_phone_shows_every_card_without_scrolling_sideways(
    open_page: Open, app: SmallApp, scheme: str
) -> None:
    root = await app.post_card("running", "25 % of traffic on v2.5.0 since 14:32, baking until 14:47")
    await app.ask(root)
    page = await open_page(f"#/{DEPLOYS}/{root}/{root}", width=360, color_scheme=scheme)

    approve = page.locator("#thread").get_by_role("button", name="Approve 25 %")
    await expect(approve).to_be_in_viewport()
    assert await page.evaluate("document.documentElement.scrollWidth") == 360
    for box in await page.locator("#thread .button:visible").all():
        place = await box.bounding_box()
        assert place is not None
        assert place["x"] >= 0
        assert place["x"] + place["width"] <= 360


async def test_nothing_that_is_posted_becomes_markup(open_page: Open, app: SmallApp) -> None:
    evil = "<img src=x onerror=alert(1)> &lt;script&gt; <javascript:alert(1)|click> <!channel>"
    await app.post(
        evil, [cards.section(evil), {"type": "markdown", "text": "[x](javascript:alert(1)) <b>no</b>"}]
    )
    page = await open_page()
    content = page.locator("#main .message .content")

    await expect(content).to_contain_text("<script>")
    await expect(content).to_contain_text("<b>no</b>")
    assert await content.locator("img, script, b").count() == 0
    assert await content.locator("a[href^='javascript']").count() == 0

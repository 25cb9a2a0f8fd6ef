"""What a newcomer lives through at the demo's page, in Chromium, in front of the real bot."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.support.browser import CHROMIUM, COMPOSER, Desk, chromium, demo, is_installed

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

# Fast enough that half an hour at 5 % is ten seconds.
SPEED = 180
WIDE, PHONE = 1440, 390


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    if not is_installed():
        pytest.skip(f"no Chromium at {CHROMIUM} (CHROMIUM names another one)")
    async with chromium() as browser:
        yield browser


@pytest.fixture
async def address(tmp_path: Path) -> AsyncIterator[str]:
    async with demo(tmp_path / "data", speed=SPEED) as url:
        yield url


async def test_a_newcomer_takes_a_version_out_and_it_comes_back_by_itself(
    address: str, browser: Browser
) -> None:
    desk = await Desk.at(browser, address, width=WIDE)

    await _starts_a_canary(desk)
    await _may_not_approve_her_own(desk)
    await _another_approves(desk)
    await _reads_the_snapshot(desk)
    await _breaks_it_and_it_rolls_back(desk)
    await _stakeholders_were_told_thrice(desk)
    await _asks_for_history_and_help(desk)
    await _fills_in_the_form(desk)
    await _sees_the_run_at_home(desk)

    assert desk.complaints == []


async def test_a_phone_shows_card_and_thread_without_scrolling_sideways(
    address: str, browser: Browser
) -> None:
    desk = await Desk.at(browser, address, width=PHONE, height=844, has_touch=True, is_mobile=True)

    await desk.say("/deploy v2.5.0 canary")
    await expect(desk.card).to_contain_text("v2.5.0")
    assert await desk.sideways() == []
    await desk.card.locator(".replies").click()
    approve = desk.button("Approve 5 %")
    await expect(approve).to_be_visible()
    await approve.scroll_into_view_if_needed()

    assert await desk.sideways() == []
    for button in await desk.thread.locator(".button:visible").all():
        box = await button.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= PHONE
    assert desk.complaints == []


async def _starts_a_canary(desk: Desk) -> None:
    page = desk.page
    await expect(page.get_by_role("heading", level=1)).to_have_text("deploys")
    await expect(desk.main.locator(".intro")).to_contain_text("Begin with /deploy v2.5.0 canary as Ada")
    await page.locator(COMPOSER).click()
    await page.keyboard.type("/dep")
    await expect(desk.main.locator(".completion")).to_contain_text("/deploy v2.5.0 canary")
    await page.keyboard.press("Tab")
    await page.keyboard.type('v2.5.0 canary reason="user preferences"')

    took = await desk.seconds_from_enter_to("#main .message:not(.ephemeral)", "user preferences")
    print(f"from Enter to the run's card on the page: {took:.2f} s")
    # Under one on a machine of its own, as the figure shows; this one may be shared with other tests.
    assert took < 2
    await expect(desk.card).to_contain_text("v2.4.0 → v2.5.0")
    await expect(desk.main.locator(".ephemeral")).to_contain_text("5 approvals by @oncall")


async def _may_not_approve_her_own(desk: Desk) -> None:
    await desk.open_thread()
    for gate in ("Code review", "Tests", "Build"):
        await expect(desk.thread).to_contain_text(re.compile(rf"{gate}: ✓ passed"))

    await desk.button("Approve 5 %").click()

    refusal = desk.thread.locator(".ephemeral")
    await expect(refusal).to_contain_text("Only visible to you")
    await expect(refusal).to_contain_text("approver")
    await expect(desk.button("Approve 5 %")).to_be_visible()


async def _another_approves(desk: Desk) -> None:
    await desk.act_as(2)
    await expect(desk.thread.locator(".ephemeral")).to_have_count(0)
    await desk.go_to("Mentions")
    await desk.page.locator(".mention-row", has_text="May 5 % of production").click()

    await desk.button("Approve 5 %").click()

    await expect(desk.button("Approve 5 %")).to_have_count(0)
    await expect(desk.thread).to_contain_text(re.compile(r"Approved by Bo at \d\d:\d\d \(5\s%, step"))


async def _reads_the_snapshot(desk: Desk) -> None:
    snapshot = desk.thread.locator(".message", has=desk.page.locator("table"))
    await expect(snapshot.first).to_contain_text("5 %")
    for row in ("Errors", "p95", "Conversion"):
        await expect(snapshot.first.locator("table")).to_contain_text(row, ignore_case=True)
    picture = desk.button(re.compile("^Enlarge: .*v2.5.0"))
    await picture.first.click()
    large = desk.page.get_by_role("dialog").get_by_role("img")
    await expect(large).to_be_visible()
    alt = await large.get_attribute("alt") or ""
    assert re.search(r"\d", alt), "the figures are told to those who do not see the picture"
    assert await large.evaluate("async node => (await node.decode(), node.naturalWidth)") >= 1200
    await desk.page.keyboard.press("Escape")
    await expect(large).to_have_count(0)


async def _breaks_it_and_it_rolls_back(desk: Desk) -> None:
    await desk.button("Approve the rest while healthy").click()
    await expect(desk.button("Approve the rest while healthy")).to_have_count(0)
    await expect(desk.page.get_by_role("img", name=re.compile("^90 % stable, 10 % new"))).to_be_visible()

    await desk.set_fault("5 % errors")

    await expect(desk.card).to_contain_text("rolled back")
    await expect(desk.page.get_by_role("img", name=re.compile("^100 % stable, 0 % new"))).to_be_visible()
    why = desk.thread.locator(".message", has_text=re.compile("@oncall.*Rolled back v2.5.0"))
    await expect(why).to_contain_text(re.compile(r"\d\s%\s(errors|of)|errors\s\d"), ignore_case=True)
    await expect(why).to_contain_text(re.compile(r"\d[\d,]*\srequests"))
    await expect(desk.card.get_by_role("button", name="Roll back…")).to_have_count(0)
    await desk.set_fault("5 % errors", on=False)


async def _stakeholders_were_told_thrice(desk: Desk) -> None:
    await desk.go_to("releases")
    told = desk.main.locator(".message")
    await expect(told).to_have_count(3)
    await expect(told.nth(0)).to_contain_text("going out")
    await expect(told.nth(2)).to_contain_text("taken back")


async def _asks_for_history_and_help(desk: Desk) -> None:
    await desk.go_to("deploys")
    answer = desk.main.locator(".ephemeral").last
    await desk.say("/deploy history")
    await expect(answer).to_contain_text("rolled back")
    await desk.say("/deploy help")
    await expect(answer).to_contain_text("/deploy status")


async def _fills_in_the_form(desk: Desk) -> None:
    await desk.act_as(1)
    await desk.say("/deploy")
    form = desk.page.get_by_role("dialog", name="Deploy")
    await form.get_by_label("Version").select_option(label="v2.5.0")
    await form.get_by_role("button", name="Start").click()
    await expect(form.locator(".error")).to_contain_text("quarantined")

    await form.get_by_label("Version").select_option(label="v2.6.0")
    await form.get_by_label("Reason").fill("the next one")
    await form.get_by_role("button", name="Start").click()

    await expect(form).to_have_count(0)
    await expect(desk.card).to_contain_text("v2.6.0")
    await expect(desk.card).to_contain_text("the next one")


async def _sees_the_run_at_home(desk: Desk) -> None:
    await desk.go_to("Slackwater")
    home = desk.page.locator(".home")
    await expect(home).to_contain_text("Good to see you, Ada")
    await expect(home).to_contain_text(re.compile("checkout.*v2.6.0"))
    await expect(home).to_contain_text("rolled back")

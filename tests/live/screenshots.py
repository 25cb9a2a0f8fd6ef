"""The pictures of the README, taken anew: `python -m tests.live.screenshots [FOLDER]`.

It plays one run that goes well as far as 25 % and then breaks, at a demo of its own, and photographs what
people see on the way. Needs Chromium, as the live tests do.
"""

import asyncio
import io
import re
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.async_api import Browser, Locator, expect

from tests.support.browser import CHROMIUM, Desk, chromium, demo, is_installed

_FOLDER = Path(__file__).parents[2] / "docs" / "images"
_SPEED = 120
# Heavier pictures would make the README slow to open.
_HEAVIEST = 250_000
_COLORS = 255
# Fades and smooth scrolling are over after this.
_STILL = 600


class Album:
    """Takes pictures of a desk, small enough for a README."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    async def take(self, desk: Desk, name: str) -> None:
        # Nothing is pointed at, so nothing lights up.
        await desk.page.mouse.move(0, 0)
        await desk.page.wait_for_timeout(_STILL)
        shot = Image.open(io.BytesIO(await desk.page.screenshot())).convert("RGB")
        file = self._folder / f"{name}.png"
        # Without dithering flat areas stay flat, and letters sharp.
        small = shot.quantize(_COLORS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        small.save(file, optimize=True)
        weight = file.stat().st_size
        print(f"{file.name}: {shot.width} × {shot.height}, {weight / 1000:.0f} kB")
        if weight > _HEAVIEST:
            sys.exit(f"{file} is heavier than {_HEAVIEST / 1000:.0f} kB")


async def main(folder: Path) -> None:
    if not is_installed():
        sys.exit(f"no Chromium at {CHROMIUM} (CHROMIUM names another one)")
    with tempfile.TemporaryDirectory() as data:
        async with demo(Path(data) / "data", speed=_SPEED) as url, chromium() as browser:
            await _photograph(browser, url, Album(folder))


async def _photograph(browser: Browser, url: str, album: Album) -> None:
    ada = await Desk.at(browser, url)
    await ada.say('/deploy v2.5.0 canary reason="user preferences"')
    await ada.open_thread()
    await expect(ada.button("Approve 5 %")).to_be_visible()
    await ada.act_as(2)
    await _approve(ada, 5)
    await _approve(ada, 10)
    await _at_end(ada, ada.button(re.compile("^Approve 25")))
    await album.take(ada, "canary")

    dark = await Desk.at(browser, ada.page.url, color_scheme="dark")
    await _at_end(dark, dark.button(re.compile("^Approve 25")))
    await album.take(dark, "dark")

    phone = await Desk.at(
        browser, ada.page.url, width=390, height=844, is_mobile=True, has_touch=True, device_scale_factor=2
    )
    await _at_end(phone, phone.button(re.compile("^Approve 25")))
    await album.take(phone, "phone")

    await _approve(ada, 25)
    await expect(ada.page.get_by_role("img", name=re.compile("^75 % stable, 25 % new"))).to_be_visible()
    # Higher than the others: a table, the answer and the picture stand below one another.
    await ada.page.set_viewport_size({"width": 1440, "height": 1000})
    await _at_top(ada.thread.locator(".message", has=ada.page.locator("table")).last)
    await album.take(ada, "snapshot")
    await ada.page.set_viewport_size({"width": 1440, "height": 900})

    await ada.set_fault("5 % errors")
    await ada.thread.locator(".scroller").evaluate("node => { node.scrollTop = node.scrollHeight }")
    await album.take(ada, "panel")
    await ada.page.get_by_role("button", name="Break things").click()
    await expect(ada.card).to_contain_text("rolled back")
    await expect(ada.thread.locator(".message").last).to_contain_text("was rolled back")
    await ada.page.set_viewport_size({"width": 1440, "height": 1000})
    await _at_top(ada.thread.locator(".message", has_text=re.compile("@oncall.*Rolled back v2.5.0")))
    await album.take(ada, "rollback")


async def _approve(desk: Desk, weight: int) -> None:
    button = desk.button(re.compile(rf"^Approve {weight}\b"))
    await button.click()
    await expect(button).to_have_count(0)


async def _at_end(desk: Desk, seen: Locator) -> None:
    """Wait for it, then read the thread to its end."""
    await expect(seen).to_be_visible()
    # The publisher keeps to Slack's pace: pictures and tables follow a question by some seconds.
    await desk.page.wait_for_timeout(3_000)
    await desk.thread.locator(".scroller").evaluate("node => { node.scrollTop = node.scrollHeight }")


async def _at_top(message: Locator) -> None:
    # What is said last may still be coming in.
    await message.page.wait_for_timeout(2_000)
    await message.evaluate("node => node.scrollIntoView({ block: 'start' })")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]) if len(sys.argv) > 1 else _FOLDER))

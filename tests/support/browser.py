"""A demo as a process of its own, and a person in front of its page in Chromium.

`demo` starts `python -m bot demo` on a free port and ends it; `Desk` is a browser window with somebody at it.
It does what a person does, by keyboard and by what stands on the page, and remembers what the page
complained of.
"""

import asyncio
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from playwright.async_api import Browser, Locator, Page, async_playwright, expect

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
# No profile, no sandbox inside containers, no calls home.
ARGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
COMPOSER = "#main .composer-input"
# The machine may be busy; what has to be quick is measured where it matters.
PATIENCE = 45_000

_ROOT = Path(__file__).parents[2]
_GRACE = 20.0


def is_installed() -> bool:
    return shutil.which(CHROMIUM) is not None


@asynccontextmanager
async def demo(data: Path, *, speed: float) -> AsyncIterator[str]:
    """A running demo's address; it ends, with its bot, when the block does."""
    command = (
        "-m",
        "bot",
        "demo",
        "--port",
        "0",
        "--speed",
        f"{speed:g}",
        "--no-browser",
        "--data",
        str(data),
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, cwd=_ROOT, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield await _ready(process)
    finally:
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(_GRACE):
            await process.communicate()


async def _ready(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode()
    found = re.match(r"Ready: (\S+)", line)
    assert found, f"the demo did not become ready: {line!r}"
    return found[1]


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    # Gates, bakes and Slack's pace lie between a press and what it leads to.
    expect.set_options(timeout=PATIENCE)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        try:
            yield browser
        finally:
            await browser.close()


@dataclass
class Desk:
    """One window, and whoever sits in front of it."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    @classmethod
    async def at(
        cls, browser: Browser, url: str, *, width: int = 1440, height: int = 900, **look: Any
    ) -> Self:
        """A fresh window on this address, as a newcomer's browser would open it."""
        context = await browser.new_context(viewport={"width": width, "height": height}, **look)
        page = await context.new_page()
        page.set_default_timeout(PATIENCE)
        desk = cls(page)
        page.on("pageerror", lambda error: desk.complaints.append(str(error)))
        page.on("console", lambda said: desk.complaints.append(said.text) if said.type == "error" else None)
        await page.goto(url)
        await page.wait_for_selector("#app:not([aria-busy])")
        return desk

    @property
    def main(self) -> Locator:
        return self.page.locator("#main")

    @property
    def thread(self) -> Locator:
        return self.page.locator("#thread")

    @property
    def card(self) -> Locator:
        """The newest card of a run in the channel."""
        return self.main.locator(".message:not(.ephemeral, :has(.broadcast)):has(.card-like)").last

    async def act_as(self, number: int) -> None:
        await self.page.keyboard.press(f"Alt+{number}")
        await expect(self.page.locator(".person").nth(number - 1)).to_have_attribute("aria-checked", "true")

    async def say(self, words: str) -> None:
        """Type it into the channel's composer and send it."""
        await self.page.locator(COMPOSER).click()
        await self.page.keyboard.type(words)
        await self.page.keyboard.press("Enter")

    async def seconds_from_enter_to(self, selector: str, words: str) -> float:
        """Press Enter; how long until this is on the page, by the page's own clock.

        What Playwright waits for it asks for ever more rarely, which would add up to half a second.
        """
        await self.page.evaluate(_WATCH, [selector, words])
        await self.page.keyboard.press("Enter")
        took: float = await self.page.evaluate("watched")
        return took

    async def open_thread(self) -> None:
        """By keyboard, from the newest message of the channel that has one."""
        await self.card.focus()
        await self.page.keyboard.press("t")
        await expect(self.thread).to_be_visible()

    async def go_to(self, place: str) -> None:
        await self.page.get_by_role("link", name=place).first.click()

    def button(self, name: str | re.Pattern[str]) -> Locator:
        """A button in the thread."""
        return self.thread.get_by_role("button", name=name)

    async def set_fault(self, name: str | re.Pattern[str], *, on: bool = True) -> None:
        """Use a switch of the panel, opened if need be."""
        switch = self.page.get_by_role("switch", name=name)
        if not await switch.is_visible():
            await self.page.get_by_role("button", name="Break things").click()
        await switch.click()
        await expect(switch).to_have_attribute("aria-checked", str(on).lower())

    async def sideways(self) -> list[str]:
        """What reaches over the right edge of the window, or of a list that ought not to scroll sideways."""
        found: list[str] = await self.page.evaluate(_SIDEWAYS)
        return found


_WATCH = """([selector, words]) => {
  let pressed = 0;
  addEventListener("keydown", () => { pressed = performance.now(); }, { capture: true, once: true });
  window.watched = new Promise((resolve) => {
    const look = () => {
      if (![...document.querySelectorAll(selector)].some((node) => node.innerText.includes(words))) return;
      observer.disconnect();
      resolve((performance.now() - pressed) / 1000);
    };
    const observer = new MutationObserver(look);
    observer.observe(document.body, { subtree: true, childList: true, characterData: true });
  });
}"""

_SIDEWAYS = """() => {
  const over = [...document.querySelectorAll("#main .scroller, #thread .scroller, #main, #thread")]
    .filter((node) => node.offsetParent && node.scrollWidth > node.clientWidth + 1)
    .map((node) => `${node.className || node.id}: ${node.scrollWidth} > ${node.clientWidth}`);
  if (document.documentElement.scrollWidth > innerWidth) over.push("the page itself");
  return over;
}"""

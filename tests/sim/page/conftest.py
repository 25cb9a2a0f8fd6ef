"""A real Chromium in front of the real workspace, with a small app behind it."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from playwright.async_api import Browser, Page, async_playwright
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from bot.sim.workspace import Command, WorkspaceServer, serve
from bot.sim.workspace.ids import id_of
from tests.sim.page.app_under_page import SmallApp
from tests.support.browser import ARGS, CHROMIUM

Open = Callable[..., Awaitable[Page]]


class Demo:
    """The routes of the demo, as far as the panel needs them."""

    def __init__(self) -> None:
        self.controlled: list[dict[str, Any]] = []
        self.state: dict[str, Any] = {
            "clock": {"now": "2026-11-24T14:36:10+00:00", "speed": 60},
            "bot": {"running": True, "pid": 4711},
            "versions": [{"version": "v2.5.0", "faults": {}}],
            "traffic": {"stable": 75, "canary": 25, "rps": 50},
            "controls": [
                {
                    "id": "errors",
                    "label": "5 % errors",
                    "hint": "Every 20th request fails",
                    "kind": "toggle",
                    "value": False,
                    "group": "New version",
                },
                {
                    "id": "kill",
                    "label": "Kill the bot",
                    "hint": "As kill -9",
                    "kind": "action",
                    "group": "Bot",
                },
            ],
        }

    async def answer(self, _request: web.Request) -> web.Response:
        return web.json_response(self.state)

    async def control(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.controlled.append(body)
        for control in self.state["controls"]:
            if control["id"] == body["id"] and "value" in body:
                control["value"] = body["value"]
        return web.json_response({"ok": True})


@pytest.fixture
def demo() -> Demo:
    return Demo()


@pytest.fixture
async def workspace(demo: Demo) -> AsyncIterator[WorkspaceServer]:
    server = await serve(
        commands=[Command("/deploy", "v2.5.0 canary | status", "Take a version to production safely")],
        extra=[web.get("/demo/state", demo.answer), web.post("/demo/control", demo.control)],
    )
    yield server
    await server.close()


@pytest.fixture
async def app(workspace: WorkspaceServer) -> AsyncIterator[SmallApp]:
    patient = AsyncRateLimitErrorRetryHandler(max_retry_count=5)
    client = AsyncWebClient(token="xoxb-local", base_url=workspace.api_url, retry_handlers=[patient])
    small = SmallApp(client)
    await small.connect(workspace)
    yield small
    await small.close()


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    if not shutil.which(CHROMIUM):
        pytest.skip(f"no Chromium at {CHROMIUM} (CHROMIUM names another one)")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        yield browser
        await browser.close()


@pytest.fixture
async def open_page(workspace: WorkspaceServer, app: SmallApp, chromium: Browser) -> AsyncIterator[Open]:
    """Open the page as somebody; the test fails if the page complains on its console."""
    complaints: list[str] = []

    async def open_page(at: str = "deploys", *, person: str = "ada", width: int = 1280, **look: Any) -> Page:
        context = await chromium.new_context(viewport={"width": width, "height": 800}, **look)
        await context.add_init_script(f"localStorage.me ??= '{id_of('U', person)}'")
        page = await context.new_page()
        page.set_default_timeout(8_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        where = f"#/{id_of('C', at)}" if at.isalpha() else at
        await page.goto(f"{workspace.url}/{where}")
        await page.wait_for_selector("#app:not([aria-busy])")
        return page

    yield open_page
    assert complaints == []

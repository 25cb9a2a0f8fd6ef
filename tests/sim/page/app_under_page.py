"""A small app behind the page: it answers as Slackwater does, from the same kinds of messages and forms."""

import io
from dataclasses import dataclass, field
from typing import Any

from PIL import Image, ImageDraw
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.sim.workspace import WorkspaceServer
from bot.sim.workspace.ids import id_of
from tests.sim.page import cards

JSON = dict[str, Any]

DEPLOYS = id_of("C", "deploys")
ONCALL = id_of("S", "oncall")


@dataclass
class SmallApp:
    """Posts cards, opens forms, and remembers what it was told."""

    client: AsyncWebClient
    presses: list[JSON] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    submissions: list[JSON] = field(default_factory=list)
    handler: AsyncSocketModeHandler | None = None

    async def connect(self, workspace: WorkspaceServer) -> None:
        app = AsyncApp(client=self.client, signing_secret="local-secret")
        app.command("/deploy")(self._command)
        app.view("deploy")(self._submitted)
        app.event("app_home_opened")(self._home)
        app.event("message")(_ignore)
        for action in ("approve", "approve_rest", "hold", "rollback", "waive", "thread"):
            app.action(action)(self._press)
        web = AsyncWebClient(base_url=workspace.api_url)
        self.handler = AsyncSocketModeHandler(app, "xapp-local", web_client=web)
        await self.handler.connect_async()

    async def close(self) -> None:
        if self.handler:
            await self.handler.close_async()

    async def _command(self, ack: Any, body: JSON, respond: Any) -> None:
        self.commands.append(body["text"])
        await ack()
        if not body["text"]:
            await self.client.views_open(trigger_id=body["trigger_id"], view=cards.FORM)
        elif body["text"].startswith("v9"):
            await respond('I know no version "v9" of checkout. Nearest: v2.5.0. Try: `/deploy v2.5.0 canary`')
        else:
            await self.post_card(state="running", now="gates are running")

    async def _submitted(self, ack: Any, view: JSON) -> None:
        values = view["state"]["values"]
        if values["version"]["it"]["value"] == "v9":
            await ack(response_action="errors", errors={"version": "I know no version v9. Nearest: v2.5.0."})
            return
        self.submissions.append(values)
        await ack()

    async def _home(self, event: JSON) -> None:
        await self.client.views_publish(user_id=event["user"], view={"type": "home", "blocks": cards.HOME})

    async def _press(self, ack: Any, body: JSON) -> None:
        action, user = body["actions"][0], body["user"]
        self.presses.append({"action": action["action_id"], "value": action.get("value"), "user": user["id"]})
        await ack()
        if action["action_id"] != "approve":
            return
        where = {"channel": body["channel"]["id"], "user": user["id"]}
        if user["id"] == id_of("U", "ada"):
            thread = body["message"].get("thread_ts") or body["message"]["ts"]
            await self.client.chat_postEphemeral(
                **where,
                thread_ts=thread,
                text="You asked for this deploy, so someone else of @oncall has to approve: Bo, Cy.",
            )
            return
        said = f":white_check_mark: Approved by <@{user['id']}> at 14:19 (25 %, step 7)."
        await self.client.chat_update(
            channel=where["channel"],
            ts=body["message"]["ts"],
            text=said,
            blocks=[*cards.approval(ONCALL)[:2], cards.context(said)],
        )

    async def post(
        self,
        words: str,
        blocks: list[JSON] | None = None,
        *,
        thread: str | None = None,
        channel: str = DEPLOYS,
        **more: Any,
    ) -> str:
        answer = await self.client.chat_postMessage(
            channel=channel, text=words, blocks=blocks, thread_ts=thread, **more
        )
        return str(answer["ts"])

    async def post_card(self, state: str, now: str) -> str:
        blocks = cards.root_card(state, now, "50 % after approval by <!subteam^" + ONCALL + ">", "#/")
        return await self.post("checkout v2.4.0 → v2.5.0 by canary", blocks)

    async def ask(self, thread: str) -> str:
        words = f"<!subteam^{ONCALL}> May 25 % of production go to v2.5.0?"
        return await self.post(words, cards.approval(ONCALL), thread=thread)

    async def upload_plot(self, thread: str | None = None) -> str:
        answer = await self.client.files_upload_v2(
            channel=DEPLOYS,
            thread_ts=thread,
            content=plot(),
            filename="errors.png",
            title="Errors: v2.5.0 is no worse",
            alt_txt="Errors: v2.5.0 0.04 %, stable 0.05 %",
        )
        return str(answer["file"]["id"])


async def _ignore() -> None:
    """Messages of people are theirs."""


def plot() -> bytes:
    """A picture shaped like the bot's plots."""
    image = Image.new("RGB", (1200, 500), "#ffffff")
    draw = ImageDraw.Draw(image)
    for y in (120, 230, 340):
        draw.line((80, y, 1160, y), fill="#e6e9e7", width=2)
    draw.line((80, 450, 1160, 450), fill="#9aa5a5", width=3)
    stable = [(80 + 54 * n, 330 + (n * 37 % 23)) for n in range(21)]
    canary = [(80 + 54 * n, 350 + (n * 53 % 31)) for n in range(21)]
    draw.line(stable, fill="#9aa5a5", width=5)
    draw.line(canary, fill="#1f6fb0", width=6)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()

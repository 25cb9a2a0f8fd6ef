"""Registers the handlers with Bolt. One line per kind of input."""

import re
from typing import Any

from slack_bolt.async_app import AsyncApp

from handlers import actions, commands, forms, home
from handlers.office import Body, Office
from handlers.once import Once

# Bolt searches a pattern anywhere in an action's id; only these very words are ours.
_BUTTONS = re.compile(rf"^(?:{'|'.join(actions.ACTIONS)})$")


def register(app: AsyncApp, office: Office, forget_members: Any) -> None:
    """Every kind of input that Slack may send, and who answers it."""
    app.use(Once())

    @app.command(office.command)
    async def on_command(ack: Any, respond: Any, body: Body) -> None:
        await commands.deploy_typed(ack, respond, body, office)

    @app.action(_BUTTONS)
    async def on_press(ack: Any, respond: Any, body: Body) -> None:
        await actions.button_pressed(ack, respond, body, office)

    # Link buttons and selections report themselves too; they only want to be acknowledged.
    @app.action(re.compile(".*"))
    async def on_anything_else(ack: Any) -> None:
        await ack()

    @app.view("deploy_form")
    async def on_form(ack: Any, body: Body) -> None:
        await forms.deploy_submitted(ack, body, office)

    @app.event("app_home_opened")
    async def on_home(event: Body) -> None:
        await home.home_opened(event, office)

    @app.event("app_mention")
    async def on_mention(event: Body) -> None:
        await home.mentioned(event, office)

    @app.event("subteam_members_changed")
    async def on_group() -> None:
        forget_members()

    del on_command, on_press, on_anything_else, on_form, on_home, on_mention, on_group

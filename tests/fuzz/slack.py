"""Whatever Slack delivers, signed as Slack does: it is answered, nobody without the right moves anything, and
no handler stumbles.

The real handlers and the real web server, operations over a journal in memory, a workspace on the loopback.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlencode

import aiohttp
import structlog
from aiohttp import web
from hypothesis import strategies as st

from bot.domain.run import Run
from bot.sim.workspace import Command, people_from, serve
from bot.sim.workspace.ids import id_of
from handlers import http
from tests.fuzz.shapes import mangled, mutated
from tests.fuzz.targets import Target
from tests.handlers.conftest import PEOPLE, Town
from tests.handlers.test_http import FORM, signed
from tests.support.builders import ADA, a_plan

_Result = TypeVar("_Result")

# She may look, and nothing else.
_USER = {"id": id_of("U", "eve"), "team_id": id_of("T", "local"), "username": "eve"}
_CHANNEL = {"id": id_of("C", "deploys"), "name": "deploys"}
_SPACE: dict[str, Any] = {
    "team": {"id": id_of("T", "local")},
    "user": _USER,
    "trigger_id": "1.2.3",
    "response_url": "http://127.0.0.1:9/",
}
_BUTTONS: tuple[Any, ...] = tuple(
    {
        **_SPACE,
        "type": "block_actions",
        "channel": _CHANNEL,
        "message": {"ts": "1.2", "thread_ts": "1.1"},
        "container": {"type": "message", "channel_id": _CHANNEL["id"], "message_ts": "1.2"},
        "actions": [{"type": "button", "action_id": action, "block_id": "b", "value": value}],
    }
    for action, value in (
        *(("approve", "q:q1"), ("approve_rest", "q:q1"), ("hold", "q:q1"), ("hold", "r:checkout-1")),
        *(("resume", "r:checkout-1"), ("rollback", "r:checkout-1"), ("abort", "r:checkout-1"), ("link", "x")),
    )
)
_FORMS: tuple[Any, ...] = (
    {
        **_SPACE,
        "type": "view_submission",
        "view": {
            "id": "V1",
            "type": "modal",
            "callback_id": "deploy_form",
            "private_metadata": _CHANNEL["id"],
            "state": {
                "values": {
                    "version": {"v": {"type": "plain_text_input", "value": "v2.5.0"}},
                    "application": {"a": {"type": "static_select", "selected_option": {"value": "checkout"}}},
                    "strategy": {"s": {"type": "static_select", "selected_option": {"value": "canary"}}},
                    "reason": {"r": {"type": "plain_text_input", "value": None}},
                }
            },
        },
    },
)
_EVENTS: tuple[Any, ...] = tuple(
    {
        "type": "event_callback",
        "team_id": id_of("T", "local"),
        "event_id": "Ev1",
        "authorizations": [{"team_id": id_of("T", "local"), "user_id": id_of("U", "bot"), "is_bot": True}],
        "event": event,
    }
    for event in (
        {"type": "app_home_opened", "user": _USER["id"], "tab": "home"},
        {
            "type": "app_mention",
            "user": _USER["id"],
            "text": "<@U1> help",
            "channel": _CHANNEL["id"],
            "ts": "1.2",
        },
        {"type": "subteam_members_changed", "subteam_id": "S1", "added_users": [_USER["id"]]},
        {"type": "message", "channel": _CHANNEL["id"], "text": "hello", "user": _USER["id"]},
    )
)
_COMMANDS: tuple[Any, ...] = tuple(
    {
        "command": "/deploy",
        "text": text,
        "user_id": _USER["id"],
        "channel_id": _CHANNEL["id"],
        "team_id": id_of("T", "local"),
        "trigger_id": "1.2.3",
        "response_url": "http://127.0.0.1:9/",
    }
    for text in ("v2.5.1 canary", "", "abort checkout-1", "approve", "hold checkout-1 because x", "status")
)
_JSON = "application/json"

Delivery = tuple[str, bytes]


class Malformed(Exception):
    """The web server refused a delivery for its form."""


def _as_json(tree: Any) -> Delivery:
    return _JSON, json.dumps(tree).encode()


def _as_payload(tree: Any) -> Delivery:
    return FORM, urlencode({"payload": json.dumps(tree)}).encode()


def _as_form(tree: Any) -> Delivery:
    fields = {key: str(value) for key, value in tree.items()}
    return FORM, urlencode(fields, errors="replace").encode()


def _deliveries() -> st.SearchStrategy[Delivery]:
    whole = tuple(_as_payload(tree)[1] for tree in (*_BUTTONS, *_FORMS)) + tuple(
        _as_form(tree)[1] for tree in _COMMANDS
    )
    return st.one_of(
        mutated((*_BUTTONS, *_FORMS)).map(_as_payload),
        mutated(_COMMANDS).map(_as_form),
        mutated(_EVENTS).map(_as_json),
        mangled(whole).map(lambda body: (FORM, body)),
        mangled(tuple(_as_json(tree)[1] for tree in _EVENTS)).map(lambda body: (_JSON, body)),
    )


class SlackSide:
    """A bot that asks people about a run, and a line to its web server."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._open = contextlib.AsyncExitStack()

    def __enter__(self) -> Self:
        # Bolt tells at length of each delivery that nobody listens for.
        logging.disable(logging.CRITICAL)
        self._do(self._begin())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._do(self._open.aclose())
        self._runner.close()
        logging.disable(logging.NOTSET)

    def target(self) -> Target:
        return Target("deliveries", "Slack", _deliveries(), self._deliver, (Malformed,))

    def hears(self, user: str) -> list[str]:
        """What comes of that person's press of Approve, in the very form that the mutations start from."""
        press = {**_BUTTONS[0], "user": {**_USER, "id": id_of("U", user)}}
        self._do(self._status(*_as_payload(press)))
        return self._do(self._town.interrupts(self._run))

    def _do(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        return self._runner.run(work)

    async def _begin(self) -> None:
        session = await self._open.enter_async_context(aiohttp.ClientSession())
        server = await serve(people=people_from(PEOPLE), commands=[Command("/deploy")])
        self._open.push_async_callback(server.close)
        server.workspace.rates.are_lifted = True
        self._town = Town(server, session)
        self._run: Run = await self._started()

        async def ready() -> tuple[bool, str]:
            return True, "ready"

        async def deliver(request: web.Request) -> web.StreamResponse:
            return await http.deliver(self._town.app, request)

        runner = await http.listen(http.build(ready, ("/slack/events", deliver)), "127.0.0.1", 0)
        self._open.push_async_callback(runner.cleanup)
        self._url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
        self._session = session

    async def _started(self) -> Run:
        """Asked for by somebody else, and waiting for an answer."""
        made = await self._town.journal.create(a_plan(), ADA)
        return await self._town.asks(made)

    def _deliver(self, delivery: Delivery) -> None:
        with structlog.testing.capture_logs() as said:
            status = self._do(self._answered(*delivery))
        assert status < 500, f"answered with {status}"
        assert not [line for line in said if line["event"] == "bug"], said
        if status == 400:
            raise Malformed

    async def _answered(self, kind: str, body: bytes) -> int:
        status = await self._status(kind, body)
        assert await self._town.journal.load(self._run.id) == self._run, "the run moved"
        assert await self._town.interrupts(self._run) == [], "somebody without the right decided"
        assert len(self._town.runs()) == 1, "somebody without the right started a run"
        return status

    async def _status(self, kind: str, body: bytes) -> int:
        async with self._session.post(self._url, data=body, headers=signed(body, kind=kind)) as response:
            await response.read()
            return response.status

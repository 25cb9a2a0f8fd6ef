"""Slack: the workspace's own methods behind a client without sockets, under the seed's weather.

A call travels, is carried out in the workspace, and its answer travels back. What is under way goes on
whatever becomes of the process that sent it. A call that Slack does not answer in time may have been carried
out all the same.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from slack_sdk.errors import SlackApiError

from bot.domain.errors import Unreachable
from bot.sim.workspace.errors import JSON, APIError, RateLimited
from bot.sim.workspace.ids import Timestamps
from bot.sim.workspace.people import people_from
from bot.sim.workspace.rates import Rates
from bot.sim.workspace.roster import App
from bot.sim.workspace.state import Tokens, Workspace
from bot.sim.workspace.web_api import chat, conversations, directory, files
from bot.slack import SlackCalls
from tests.simulation.loop import Life, SeededLoop, current_life
from tests.simulation.trace import Trace
from tests.simulation.weather import Weather

_METHODS: dict[str, Callable[[Workspace, JSON], JSON]] = {
    "chat.delete": chat.delete,
    "chat.getPermalink": chat.get_permalink,
    "chat.postEphemeral": chat.post_ephemeral,
    "chat.postMessage": chat.post_message,
    "chat.update": chat.update,
    "conversations.history": conversations.history,
    "conversations.list": conversations.list_all,
    "conversations.replies": conversations.replies,
    "files.completeUploadExternal": files.complete_upload,
    "files.delete": files.delete,
    "files.getUploadURLExternal": files.get_upload_url,
    "usergroups.list": directory.list_groups,
    "usergroups.users.list": directory.list_group_users,
    "users.info": directory.user_info,
}

PEOPLE = people_from(
    {
        "people": [
            {"name": "ada", "groups": ["engineers"]},
            {"name": "bo", "groups": ["engineers", "oncall"]},
            {"name": "cy", "groups": ["oncall"]},
        ],
        "channels": ["deploys", "releases"],
    }
)

# What the bot's client waits for at most (`wiring.assembly`).
_TIMEOUT = 10.0
_TRAVELS = (0.01, 0.2)
# A slow call is still carried out before its client gives up, and not once that is dead: what Slack does with
# requests that nobody waits for any more is not known, and no bot could answer for it.
_SLOWEST = 9.0
_TOLD = frozenset({"chat.delete", "chat.postMessage", "chat.update", "files.completeUploadExternal"})


@dataclass
class Answer:
    """As Slack's SDK hands it out."""

    data: JSON
    status_code: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class SimulatedSlack:
    """The workspace of one simulation."""

    def __init__(self, seed: int, loop: SeededLoop, weather: Weather, trace: Trace) -> None:
        self.workspace = Workspace(PEOPLE, App(), Tokens())
        self.workspace.url = "http://slack.example"
        self.workspace.messages.timestamps = _VirtualTimestamps(loop)
        self.workspace.rates = Rates(loop.time)
        self._loop = loop
        self._weather = weather
        self._trace = trace
        self._chance = random.Random(f"{seed}/slack")

    async def carry(self, method: str, work: Callable[[], JSON]) -> JSON:
        """Bring a call there, and its answer back.

        Raises:
            SlackApiError: Slack refused it.
            TimeoutError: there was no answer in time.
        """
        life = current_life()
        if method in _TOLD:
            self._weather.moment(life, "say")
            await asyncio.sleep(0)
        trouble = self._weather.slack()
        answered: asyncio.Future[Answer] = self._loop.create_future()
        travels = self._chance.uniform(*_TRAVELS)
        if trouble == "slow":
            travels = self._chance.uniform(1.0, _SLOWEST)
        self._loop.later_in_world(travels, self._arrived, life, method, work, trouble, answered)
        answer = await asyncio.wait_for(answered, _TIMEOUT)
        if method in _TOLD:
            self._weather.moment(life, "say")
            await asyncio.sleep(0)
        if answer.status_code != 200 or not answer.data.get("ok"):
            raise SlackApiError(f"{method} failed", answer)
        return answer.data

    def _arrived(
        self,
        life: Life | None,
        method: str,
        work: Callable[[], JSON],
        trouble: str | None,
        answered: "asyncio.Future[Answer]",
    ) -> None:
        if trouble == "slow" and life is not None and not life.is_alive:
            return
        answer = self._answer(work, trouble)
        if method in _TOLD:
            self._trace.note("slack", f"{method} by {life}: {_in_short(answer)} {trouble or ''}".rstrip())
        if trouble == "silent":
            return
        back = self._chance.uniform(*_TRAVELS)
        if trouble == "lost":
            error = ConnectionResetError("the connection broke")
            self._loop.later_in_world(back, _fail, answered, error)
            return
        self._loop.later_in_world(back, _give, answered, answer)

    def _answer(self, work: Callable[[], JSON], trouble: str | None) -> Answer:
        if trouble == "broken":
            return Answer({"ok": False, "error": "internal_error"}, 503)
        if trouble == "limited":
            return _limited(self._chance.choice((1, 2, 5, 20)))
        try:
            return Answer({"ok": True, **work()})
        except APIError as error:
            return Answer(error.body())
        except RateLimited as error:
            return _limited(error.retry_after)


class SlackClient:
    """What `SlackCalls` needs of Slack's SDK."""

    def __init__(self, slack: SimulatedSlack) -> None:
        self.retry_handlers: list[Any] = []
        self._slack = slack

    async def api_call(self, method: str, *, json: JSON | None = None, params: JSON | None = None) -> Answer:
        args = {**(params or {}), **(json or {})}
        workspace = self._slack.workspace

        def work() -> JSON:
            workspace.rates.admit(method)
            return _METHODS[method](workspace, dict(args))

        return Answer(await self._slack.carry(method, work))

    async def send_bytes(self, url: str, data: bytes) -> None:
        def work() -> JSON:
            self._slack.workspace.files.receive(url.rpartition("/")[2], data)
            return {}

        await self._slack.carry("upload", work)


class SimulatedCalls(SlackCalls):
    """The real calls; only a file's bytes go another way, since they do not go through the SDK."""

    def __init__(self, client: SlackClient) -> None:
        super().__init__(client)  # type: ignore[arg-type]
        self._files = client

    async def _send_bytes(self, url: str, data: bytes) -> None:
        try:
            await self._files.send_bytes(url, data)
        except (SlackApiError, TimeoutError, OSError) as error:
            raise Unreachable("Slack", f"the upload failed: {error}") from error


class _VirtualTimestamps(Timestamps):
    def __init__(self, loop: SeededLoop) -> None:
        super().__init__()
        self._loop = loop

    def next(self) -> str:
        self._last = max(1_764_000_000_000_000 + round(self._loop.time() * 1e6), self._last + 1)
        seconds, micros = divmod(self._last, 1_000_000)
        return f"{seconds}.{micros:06d}"


def _limited(seconds: int) -> Answer:
    return Answer({"ok": False, "error": "ratelimited"}, 429, {"Retry-After": str(seconds)})


def _give(answered: "asyncio.Future[Answer]", answer: Answer) -> None:
    if not answered.done():
        answered.set_result(answer)


def _fail(answered: "asyncio.Future[Answer]", error: OSError) -> None:
    if not answered.done():
        answered.set_exception(error)


def _in_short(answer: Answer) -> str:
    data = answer.data
    message = data.get("message") or {}
    payload = ((message.get("metadata") or {}).get("event_payload") or {}).get("key", "")
    said = data.get("error") or f"{data.get('ts', '')} {payload} {str(message.get('text', ''))[:70]}"
    return f"{answer.status_code} {said}".rstrip()

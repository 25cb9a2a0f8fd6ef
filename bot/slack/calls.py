"""The few Web API methods that the bot needs, with Slack's errors in our own words.

A lost answer to `chat.postMessage` leaves open whether the message is there: it raises `Unreachable`, and the
publisher looks for the message before it posts again. So nothing is repeated here.
"""

from collections.abc import AsyncIterator, Iterable
from copy import copy
from datetime import timedelta
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot.clients.redaction import redact
from bot.clients.waits import retry_after
from bot.domain.errors import NotFound, OutsideError, Rejected, Throttled, Unauthorized, Unreachable
from bot.domain.points import around, without_ids
from bot.domain.record import Record
from bot.views.items import Block

SYSTEM = "Slack"

# How our own messages are found again after a crash.
EVENT_TYPE = "slackwater_message"
# In place of a timestamp, before the id of a file: a picture stands in the thread as one.
FILE = "file:"

_MISSING = frozenset(
    {"message_not_found", "thread_not_found", "user_not_found", "file_not_found", "file_deleted"}
)
_NO_ENTRY = frozenset(
    {
        "invalid_auth",
        "not_authed",
        "token_revoked",
        "token_expired",
        "account_inactive",
        "missing_scope",
        "not_in_channel",
        "channel_not_found",  # a private channel looks like this to those who are not in it
        "is_archived",
    }
)
_TOO_FAST = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
_SLACKS_OWN_TROUBLE = frozenset({"internal_error", "fatal_error", "service_unavailable", "request_timeout"})

# Slack asks for a minute at most; a header that says more must not silence the bot.
_LONGEST_WAIT = timedelta(minutes=10)

# Far more than a run's thread has; a bound against a workspace that never stops answering.
_PAGES = 10


class Posted(Record):
    """Where a message stands."""

    channel: str
    ts: str


class SlackCalls:
    """One workspace, one bot token."""

    def __init__(self, client: AsyncWebClient) -> None:
        # The SDK would repeat a call whose connection broke: a post would be there twice.
        self._client = copy(client)
        self._client.retry_handlers = []

    async def post(
        self,
        channel: str,
        *,
        text: str,
        blocks: Iterable[Block],
        key: str,
        thread: str | None = None,
        broadcast: bool = False,
    ) -> Posted:
        body: dict[str, Any] = {
            "channel": channel,
            "text": text,
            "blocks": list(blocks),
            "metadata": {"event_type": EVENT_TYPE, "event_payload": {"key": key}},
            "unfurl_links": False,
            "unfurl_media": False,
        }
        if thread is not None:
            body |= {"thread_ts": thread, "reply_broadcast": broadcast}
        # A key begins with the run's name; what follows is the same in every run.
        point = f"chat.postMessage/{without_ids(key.partition('/')[2])}"
        answer = await self._call("chat.postMessage", point=point, json=body)
        return Posted(channel=str(answer["channel"]), ts=str(answer["ts"]))

    async def update(self, channel: str, ts: str, *, text: str, blocks: Iterable[Block]) -> None:
        body = {"channel": channel, "ts": ts, "text": text, "blocks": list(blocks)}
        await self._call("chat.update", json=body)

    async def delete(self, channel: str, ts: str) -> None:
        """One of our own messages; fine if it is gone already."""
        try:
            await self._call("chat.delete", json={"channel": channel, "ts": ts})
        except NotFound:
            return

    async def delete_file(self, file: str) -> None:
        """One of our own files; fine if it is gone already."""
        try:
            await self._call("files.delete", json={"file": file})
        except NotFound:
            return

    async def ephemeral(
        self, channel: str, user: str, *, text: str, blocks: Iterable[Block] = (), thread: str | None = None
    ) -> None:
        body: dict[str, Any] = {"channel": channel, "user": user, "text": text, "blocks": list(blocks)}
        if thread is not None:
            body["thread_ts"] = thread
        await self._call("chat.postEphemeral", json=body)

    async def permalink(self, channel: str, ts: str) -> str:
        answer = await self._call("chat.getPermalink", params={"channel": channel, "message_ts": ts})
        return str(answer["permalink"])

    async def own(self, channel: str, thread: str | None = None) -> dict[str, str]:
        """Our own messages there: the timestamp by the key of each, and each file by its name."""
        found: dict[str, str] = {}
        async for message in self._messages(channel, thread):
            metadata = message.get("metadata") or {}
            payload = metadata.get("event_payload") or {}
            found |= {str(f.get("name")): f"{FILE}{f.get('id')}" for f in message.get("files") or []}
            if metadata.get("event_type") == EVENT_TYPE and payload.get("key"):
                found[str(payload["key"])] = str(message["ts"])
        return found

    async def upload(self, channel: str, thread: str, *, name: str, title: str, alt: str, data: bytes) -> str:
        """The id of the file that now stands in the thread."""
        query = {"filename": name, "length": len(data), "alt_txt": alt[:1_000]}
        place = await self._call("files.getUploadURLExternal", params=query)
        await self._send_bytes(str(place["upload_url"]), data)
        body = {
            "files": [{"id": place["file_id"], "title": title}],
            "channel_id": channel,
            "thread_ts": thread,
        }
        await self._call("files.completeUploadExternal", json=body)
        return str(place["file_id"])

    async def open_view(self, trigger: str, view: dict[str, Any]) -> None:
        await self._call("views.open", json={"trigger_id": trigger, "view": view})

    async def publish_home(self, user: str, view: dict[str, Any]) -> None:
        await self._call("views.publish", json={"user_id": user, "view": view})

    async def list_of(self, method: str, key: str, **query: str) -> list[dict[str, Any]]:
        """Every page of a list."""
        found: list[dict[str, Any]] = []
        cursor = ""
        for _ in range(_PAGES):
            answer = await self._call(method, params={**query, **({"cursor": cursor} if cursor else {})})
            found += answer.get(key) or []
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                break
        return found

    async def one(self, method: str, **query: str) -> dict[str, Any]:
        return await self._call(method, params=query)

    async def _messages(self, channel: str, thread: str | None) -> AsyncIterator[dict[str, Any]]:
        query: dict[str, Any] = {"channel": channel, "include_all_metadata": True, "limit": 200}
        method = "conversations.history"
        if thread is not None:
            method, query = "conversations.replies", {**query, "ts": thread}
        for _ in range(_PAGES):
            answer = await self._call(method, params=query)
            for message in answer.get("messages") or []:
                yield message
            cursor = (answer.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return
            query["cursor"] = cursor

    async def _send_bytes(self, url: str, data: bytes) -> None:
        try:
            timeout = aiohttp.ClientTimeout(total=30)
            async with aiohttp.ClientSession(timeout=timeout) as session:
                with around("slack/upload"):
                    async with session.post(url, data=data) as answer:
                        status = answer.status
                if status != 200:
                    raise Unreachable(SYSTEM, f"the upload was answered with {status}")
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unreachable(
                SYSTEM, f"the upload failed: {redact(str(error)) or 'no answer in time'}"
            ) from error

    async def _call(self, method: str, *, point: str = "", **how: Any) -> dict[str, Any]:
        try:
            with around(f"slack/{point or method}"):
                answer = await self._client.api_call(method, **how)
        except SlackApiError as error:
            raise _translated(method, error) from error
        except (TimeoutError, SlackClientError, aiohttp.ClientError, OSError) as error:
            raise Unreachable(SYSTEM, f"{method}: {redact(str(error)) or 'no answer in time'}") from error
        data = answer.data
        return data if isinstance(data, dict) else {}


def _translated(method: str, error: SlackApiError) -> OutsideError:
    response = error.response
    status = getattr(response, "status_code", 0)
    data = getattr(response, "data", None)
    code = str(data.get("error", "")) if isinstance(data, dict) else ""
    message = f"{method}: {code or f'HTTP {status}'}"
    if status == 429 or code in _TOO_FAST:
        told = getattr(response, "headers", {}).get("Retry-After")
        wait = retry_after(None if told is None else str(told), _LONGEST_WAIT)
        return Throttled(SYSTEM, message, retry_after=wait or timedelta(seconds=1))
    if status >= 500 or code in _SLACKS_OWN_TROUBLE:
        return Unreachable(SYSTEM, message)
    if code in _MISSING:
        return NotFound(SYSTEM, message)
    if code in _NO_ENTRY:
        return Unauthorized(SYSTEM, message)
    detail = data.get("errors") or data.get("response_metadata") if isinstance(data, dict) else None
    return Rejected(SYSTEM, redact(f"{message} {detail}")[:500] if detail else message)

"""HTTP delivery: signed requests to the app's request URL, which has proved itself by a challenge first."""

import asyncio
import contextlib
import hashlib
import hmac
import json
import time
from urllib.parse import urlencode

import aiohttp

from bot.sim.workspace.errors import JSON
from bot.sim.workspace.ids import secret
from bot.sim.workspace.roads import ACK_SECONDS, Acked, Answer, Envelope, NotAcked
from bot.sim.workspace.stream import Stream

# An app that starts after the workspace is found within this time.
_SEARCH = 1.0


class RequestURL:
    mode = "http"

    def __init__(self, url: str, signing_secret: str, stream: Stream) -> None:
        self._url = url
        self._secret = signing_secret.encode()
        self._stream = stream
        self._is_verified = False
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ACK_SECONDS))
        self._search = asyncio.create_task(self._verify_until_there())

    @property
    def connections(self) -> int:
        return 1 if self._is_verified else 0

    async def carry(self, envelope: Envelope) -> Answer:
        if not self._is_verified and not await self._verify():
            return NotAcked("dispatch_failed")
        kind, body = _body(envelope)
        headers = {"Content-Type": kind}
        if envelope.attempt:
            headers |= {"X-Slack-Retry-Num": str(envelope.attempt), "X-Slack-Retry-Reason": envelope.reason}
        try:
            async with self._session.post(
                self._url, data=body, headers=self._signed(body) | headers
            ) as response:
                answer = await response.text()
                if response.status != 200:
                    return NotAcked("dispatch_failed")
                return Acked(_answered(answer))
        except TimeoutError:
            return NotAcked("operation_timeout")
        except aiohttp.ClientError:
            return NotAcked("dispatch_failed")

    async def close(self) -> None:
        self._search.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._search
        await self._session.close()

    async def _verify_until_there(self) -> None:
        # Nothing tells us when the app starts to listen, so we look.
        while not await self._verify():  # noqa: ASYNC110
            await asyncio.sleep(_SEARCH)

    async def _verify(self) -> bool:
        """Slack sends events nowhere before this: the URL gives back a challenge."""
        challenge = secret()
        body = json.dumps({"type": "url_verification", "token": "local", "challenge": challenge}).encode()
        headers = {"Content-Type": "application/json"}
        try:
            async with self._session.post(
                self._url, data=body, headers=self._signed(body) | headers
            ) as response:
                answer = await response.text()
                was, self._is_verified = self._is_verified, response.status == 200 and challenge in answer
        except (TimeoutError, aiohttp.ClientError):
            return False
        if self._is_verified and not was:
            self._stream.publish({"type": "presence", "connected": True, "connections": 1})
        return self._is_verified

    def _signed(self, body: bytes) -> dict[str, str]:
        at = str(int(time.time()))
        digest = hmac.new(self._secret, b"v0:" + at.encode() + b":" + body, hashlib.sha256).hexdigest()
        return {
            "X-Slack-Request-Timestamp": at,
            "X-Slack-Signature": f"v0={digest}",
            "User-Agent": "Slackbot 1.0 (local workspace)",
        }


def _body(envelope: Envelope) -> tuple[str, bytes]:
    """Commands are forms, presses are JSON in a form, events are JSON."""
    form = "application/x-www-form-urlencoded"
    match envelope.kind:
        case "slash_commands":
            return form, urlencode(envelope.payload).encode()
        case "interactive":
            return form, urlencode({"payload": json.dumps(envelope.payload)}).encode()
        case "events_api":
            return "application/json", json.dumps(envelope.payload).encode()


def _answered(text: str) -> JSON | None:
    if not text.strip():
        return None
    try:
        body = json.loads(text)
    except ValueError:
        return {"text": text}
    return body if isinstance(body, dict) and body else None

"""A person in the workspace: types, presses and reads as somebody at the page would."""

from typing import Any, Self

import aiohttp

from tests.support.eventually import eventually

Message = dict[str, Any]


class Person:
    """One of the workspace's people, by the `/user/` API."""

    def __init__(self, session: aiohttp.ClientSession, url: str, user: str, channels: dict[str, str]) -> None:
        self._session = session
        self._url = url
        self.user = user
        self._channels = channels

    @classmethod
    async def named(cls, session: aiohttp.ClientSession, url: str, name: str) -> Self:
        people = await _read(session, f"{url}/user/people")
        channels = await _read(session, f"{url}/user/channels")
        (user,) = [one["id"] for one in people["people"] if one["name"] == name]
        return cls(session, url, user, {one["name"]: one["id"] for one in channels["channels"]})

    async def types(self, text: str, channel: str = "deploys") -> dict[str, Any]:
        """`/deploy <text>`; the answer has `ok`, and what only this person sees as `ephemeral`."""
        said = {"user": self.user, "channel": self._channels[channel], "command": "/deploy", "text": text}
        return await self._post("command", said)

    async def presses(self, action: str, message: Message) -> dict[str, Any]:
        """The button with that action id on a message that was read before."""
        button = button_on(message, action)
        assert button is not None, f"no {action} button on {message.get('text')!r}"
        told = {
            "user": self.user,
            "channel": message["channel"],
            "ts": message["ts"],
            "action_id": action,
            "value": button.get("value", ""),
        }
        return await self._post("press", told)

    async def reads(self, channel: str = "deploys", thread: str | None = None) -> list[Message]:
        """What stands there for this person, oldest first."""
        query = {"channel": self._channels[channel], "user": self.user, "limit": "500"}
        if thread is not None:
            query["thread_ts"] = thread
        return list((await _read(self._session, f"{self._url}/user/messages", query))["messages"])

    async def root(self, text: str = "", within: float = 30.0) -> Message:
        """The newest card in `#deploys` that says this."""

        async def look() -> list[Message]:
            return [m for m in await self.reads() if not m["ephemeral"] and text in everything_in(m)]

        return (await eventually(look, bool, within))[-1]

    async def asked(self, thread: str, action: str = "approve", within: float = 90.0) -> Message:
        """The open question in a thread: the newest message with that button."""

        async def look() -> list[Message]:
            return [m for m in await self.reads(thread=thread) if button_on(m, action) and m["ts"] != thread]

        return (await eventually(look, bool, within))[-1]

    async def _post(self, what: str, told: dict[str, Any]) -> dict[str, Any]:
        async with self._session.post(f"{self._url}/user/{what}", json=told) as answer:
            said: dict[str, Any] = await answer.json()
            return said


def button_on(message: Message, action: str) -> dict[str, Any] | None:
    for block in message.get("blocks") or []:
        for element in block.get("elements") or []:
            if isinstance(element, dict) and element.get("action_id") == action:
                return element
    return None


def everything_in(message: Message) -> str:
    """All text of a message, wherever it stands."""
    return f"{message.get('text', '')} {_texts(message.get('blocks') or [])}"


def _texts(part: Any) -> str:
    if isinstance(part, list):
        return " ".join(_texts(one) for one in part)
    if isinstance(part, dict):
        return " ".join(_texts(value) for key, value in part.items() if key in {"text", "elements", "fields"})
    return part if isinstance(part, str) else ""


async def _read(
    session: aiohttp.ClientSession, url: str, query: dict[str, str] | None = None
) -> dict[str, Any]:
    async with session.get(url, params=query) as answer:
        said: dict[str, Any] = await answer.json()
        assert answer.status == 200, said
        return said

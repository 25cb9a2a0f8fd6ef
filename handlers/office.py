"""What every handler works with, and what all of them do: answer in time, in words, only to who asked."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp
import structlog

from bot.domain.errors import OutsideError, Refused, UnknownEvent
from bot.domain.people import Person
from bot.domain.points import around
from bot.operations import Desk
from bot.views import answers
from bot.views.answers import Answer
from bot.views.items import Setting

_log = structlog.get_logger(__name__)

# Slack shows an error after 3 s. What takes longer is acknowledged and answered afterwards.
PATIENCE = 2.0

Body = dict[str, Any]
Ack = Callable[..., Awaitable[Any]]
Respond = Callable[..., Awaitable[Any]]


class Slack(Protocol):
    """What handlers ask of the workspace."""

    async def person(self, user: str) -> Person: ...

    async def open_view(self, trigger: str, view: dict[str, Any]) -> None: ...

    def threads(self) -> dict[str, str]:
        """Links to the cards of runs, by the run's id, as far as they are known."""
        ...

    async def publish_home(self, user: str, view: dict[str, Any]) -> None: ...

    async def whisper(self, channel: str, user: str, answer: Answer, thread: str | None) -> None: ...


@dataclass(frozen=True)
class Office:
    """The neighbours of the handlers, introduced by `wiring`."""

    desk: Desk
    slack: Slack
    setting: Callable[[], Awaitable[Setting]]
    command: str


async def said(work: Awaitable[Answer | None]) -> Answer | None:
    """The work's answer, or what became of it. A bug is shown as a bug, with a number to search for."""
    try:
        return await work
    except Refused as refusal:
        return answers.refused(refusal)
    except OutsideError as error:
        _log.warning("outside-trouble", error=str(error))
        return answers.outside(error)
    except UnknownEvent as error:
        _log.exception("other-version")
        return answers.unreadable(error)
    except Exception:  # noqa: BLE001 - the Slack edge: nobody may be left without an answer
        reference = secrets.token_hex(4).upper()
        _log.exception("bug", reference=reference)
        return answers.bug(reference)


async def answer_in_time(ack: Ack, respond: Respond, work: Awaitable[Answer | None]) -> None:
    """Acknowledge with the answer if it comes in time, else at once and answer afterwards."""
    doing = asyncio.ensure_future(said(work))
    await asyncio.wait({doing}, timeout=PATIENCE)
    if not doing.done():
        await ack()
        await reply(respond, await doing)
        return
    answer = doing.result()
    if answer is None:
        await ack()
    else:
        await ack(text=answer.text, blocks=list(answer.blocks), response_type="ephemeral")


async def committed_in_time(ack: Ack, work: Awaitable[Answer | None]) -> Answer | None:
    """Acknowledge when the work is done, or when Slack would show an error; the work's answer."""
    doing = asyncio.ensure_future(said(work))
    await asyncio.wait({doing}, timeout=PATIENCE)
    await ack()
    return await doing


async def reply(respond: Respond, answer: Answer | None) -> None:
    """Answer by the way that came with the command or press; it is open for half an hour."""
    if answer is None:
        return
    try:
        with around("slack/response_url"):
            await respond(
                text=answer.text,
                blocks=list(answer.blocks),
                response_type="ephemeral",
                replace_original=False,
            )
    except (ValueError, OSError, TimeoutError, aiohttp.ClientError) as error:
        # No way back came with it, or it is closed. What was asked is done or refused all the same.
        _log.warning("not-answered", error=str(error), answer=answer.text)


async def whisper(office: Office, place: tuple[str, str | None], user: str, answer: Answer) -> bool:
    """Whether Slack showed the answer to that person, in that channel and thread."""
    channel, thread = place
    try:
        await office.slack.whisper(channel, user, answer, thread)
    except OutsideError as error:
        _log.warning("not-whispered", channel=channel, error=str(error))
        return False
    return True

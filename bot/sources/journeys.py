"""A user's critical path walked over HTTP: what one answer gives is carried on to the next request.

What an application answers is read with bounds and never shown: an answer to a login holds a token.
"""

import asyncio
import json
import re
import time
from typing import Any
from urllib.parse import quote

import aiohttp
import jsonpath

from bot.clients.redaction import redact
from bot.domain.journeys import Journey, Request
from bot.domain.points import around
from bot.ports import Walk
from bot.sources.http import beginning, trouble

_LARGEST = 1024 * 1024
_LONGEST_SAVED = 8 * 1024
_LENGTH = 200
_PLACE = re.compile(r"\{([A-Za-z0-9][A-Za-z0-9._-]*)\}")


class _Wrong(Exception):
    """The journey ends here; the message says why, for people."""


async def walk(journey: Journey, url: str, headers: dict[str, str]) -> Walk:
    """Send the requests in order, and the cookies that earlier answers have set."""
    saved: dict[str, str] = {}
    cookies: dict[str, str] = {}
    answered = 0
    # All requests go to one place, often by a bare address: whatever domain a cookie names, it is meant.
    async with aiohttp.ClientSession(headers=headers, cookie_jar=aiohttp.DummyCookieJar()) as session:
        for request in journey.requests:
            try:
                with around("journey/request"):
                    await _send(session, url, request, saved, cookies)
            except _Wrong as wrong:
                detail = redact(f"{request.title}: {wrong}")[:_LENGTH]
                return Walk(journey=journey.name, answered=answered, detail=detail)
            answered += 1
    return Walk(journey=journey.name, answered=answered)


async def _send(
    session: aiohttp.ClientSession,
    url: str,
    request: Request,
    saved: dict[str, str],
    cookies: dict[str, str],
) -> None:
    expected = request.expect
    within = expected.within.total_seconds() if expected.within is not None else None
    patience = expected.patience.total_seconds()
    began = time.monotonic()
    try:
        headers = {name: _filled(value, saved) for name, value in request.headers.items()}
        path = _PLACE.sub(lambda found: quote(_known(saved, found), safe=""), request.path)
        async with session.request(
            request.method,
            f"{url.rstrip('/')}{path}",
            headers=_cookie(cookies) | headers,
            json=None if request.body is None else _filled_in(request.body, saved),
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=patience),
        ) as answer:
            body = await beginning(answer, _LARGEST)
            status = answer.status
            cookies |= {name: morsel.value for name, morsel in answer.cookies.items()}
    except TimeoutError:
        raise _Wrong(f"no answer within {patience:g} s") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise _Wrong(trouble(error)) from None
    took = time.monotonic() - began
    if status != expected.status:
        raise _Wrong(f"HTTP {status} instead of {expected.status}")
    if within is not None and took > within:
        raise _Wrong(f"took {took:.2f} s instead of {within:g} s at most")
    if expected.contains is not None and expected.contains.encode() not in body:
        raise _Wrong("the answer does not contain what it has to")
    if request.save:
        saved |= await asyncio.to_thread(_saved, body, request.save)


def _cookie(cookies: dict[str, str]) -> dict[str, str]:
    told = "; ".join(f"{name}={value}" for name, value in cookies.items())
    if len(told) > _LONGEST_SAVED:
        raise _Wrong("the cookies that were set are too long to be carried on")
    return {"Cookie": told} if told else {}


def _saved(body: bytes, wanted: dict[str, str]) -> dict[str, str]:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        raise _Wrong("the answer is not JSON, so nothing can be saved of it") from None
    return {name: _found(said, path) for name, path in wanted.items()}


def _found(said: Any, path: str) -> str:
    try:
        found = jsonpath.match(path, said)
    except (jsonpath.JSONPathError, RecursionError):
        raise _Wrong(f"{path} cannot be looked up in the answer") from None
    if found is None or isinstance(found.obj, bool) or not isinstance(found.obj, str | int | float):
        raise _Wrong(f"the answer has no text or number at {path}")
    value = str(found.obj)
    if value in {"", ".", ".."} or not value.isprintable():
        # Either would make another request of the one that is declared.
        raise _Wrong(f"what the answer has at {path} cannot be carried on")
    if len(value) > _LONGEST_SAVED:
        raise _Wrong(f"what the answer has at {path} is too long to be carried on")
    return value


def _filled_in(body: Any, saved: dict[str, str]) -> Any:
    if isinstance(body, str):
        return _filled(body, saved)
    if isinstance(body, dict):
        return {key: _filled_in(value, saved) for key, value in body.items()}
    if isinstance(body, list | tuple):
        return [_filled_in(value, saved) for value in body]
    return body


def _filled(text: str, saved: dict[str, str]) -> str:
    return _PLACE.sub(lambda found: _known(saved, found), text)


def _known(saved: dict[str, str], place: re.Match[str]) -> str:
    if place[1] not in saved:
        raise _Wrong(f"nothing was saved as {place[1]}")
    return saved[place[1]]

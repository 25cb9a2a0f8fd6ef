"""A `requests` session that keeps to a time and a size, and translates what goes wrong.

prometheus-api-client takes any session and gives its own exceptions an answer's text; translated here, at
the edge, the classes of `bot.domain.errors` tell a refused query from a server that is down.
"""

import json
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import requests
import urllib3

from bot.clients.redaction import redact
from bot.domain.errors import (
    NotFound,
    OutsideError,
    Rejected,
    Throttled,
    Unauthorized,
    Unreachable,
    Unreadable,
)

_CHUNK = 64 * 1024
_LONGEST_MESSAGE = 200


class BoundedSession(requests.Session):
    """For one base URL. Every request has `seconds` and every answer `size` bytes at most.

    `check` looks at what a successful answer says, and raises an `OutsideError` for what was not promised.
    """

    def __init__(
        self, system: str, url: str, *, seconds: float, size: int, check: Callable[[bytes], None]
    ) -> None:
        super().__init__()
        self._system = system
        self._seconds = seconds
        self._size = size
        self._check = check
        # The environment's proxies and certificates, read once: by itself, requests does so for each request.
        found = self.merge_environment_settings(url, {}, None, None, None)
        self.proxies.update(found["proxies"])
        self.verify = found["verify"]
        self.trust_env = False

    def request(self, method: str, url: str | bytes, *args: Any, **kwargs: Any) -> requests.Response:
        """The whole answer, if it is one.

        Raises:
            OutsideError: of the class that says what went wrong.
        """
        until = time.monotonic() + self._seconds
        kwargs.update(timeout=self._seconds, stream=True)
        try:
            with super().request(method, url, *args, **kwargs) as response:
                # `requests` keeps what was read here; there is no public way to bound it.
                response._content = self._read(response, until)  # noqa: SLF001
        except requests.Timeout as error:
            raise self._late() from error
        except requests.RequestException as error:
            # While an answer is being read, `requests` calls a timeout a broken connection.
            if any(isinstance(cause, urllib3.exceptions.ReadTimeoutError) for cause in _causes(error)):
                raise self._late() from error
            raise Unreachable(self._system, _plain(error)) from error
        if response.status_code != 200:
            raise self._refusal(response)
        self._check(response.content)
        return response

    def _read(self, response: requests.Response, until: float) -> bytes:
        parts, size = [], 0
        for part in response.iter_content(_CHUNK):
            size += len(part)
            if size > self._size:
                raise Unreadable(self._system, f"the answer is longer than {self._size} bytes")
            if time.monotonic() > until:
                raise self._late()
            parts.append(part)
        return b"".join(parts)

    def _late(self) -> Unreachable:
        return Unreachable(self._system, f"no answer within {self._seconds:g} s")

    def _refusal(self, response: requests.Response) -> OutsideError:
        status, message = response.status_code, _message(response)
        match status:
            case 400 | 414 | 422 | 431:  # wrong, or longer than something on the way takes
                return Rejected(self._system, message)
            case 401 | 403:
                return Unauthorized(self._system, message)
            case 404:
                return NotFound(self._system, message)
            case 429:
                return Throttled(self._system, message)
            case _:
                return Unreachable(self._system, message)


def _message(response: requests.Response) -> str:
    try:
        said = json.loads(response.content)["error"]
    except (ValueError, KeyError, TypeError, RecursionError):
        said = ""
    words = " ".join(redact(str(said)).split())[:_LONGEST_MESSAGE]
    return f"status {response.status_code}{': ' if words else ''}{words}"


def _plain(error: BaseException) -> str:
    """The system's own word for it; the SDK's sentence holds addresses and object ids."""
    for cause in _causes(error):
        if isinstance(cause, socket.gaierror):
            return "its name does not resolve"
        if isinstance(cause, OSError) and cause.strerror and not isinstance(cause, requests.RequestException):
            return cause.strerror.lower()
    return "the connection broke"


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        cause = waiting.pop(0)
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        reason = getattr(cause, "reason", None)
        nested = (cause.__cause__, cause.__context__, reason, *cause.args)
        waiting.extend(one for one in nested if isinstance(one, BaseException))

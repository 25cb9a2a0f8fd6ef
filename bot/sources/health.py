"""Health paths, asked over HTTP as a user would ask them: through the front door, one side by the header."""

import asyncio
import json
from typing import Any

import aiohttp

from bot.clients.redaction import redact
from bot.domain.actions import Side
from bot.domain.plan import Target
from bot.domain.points import around
from bot.ports import HealthReading

# A health path that needs longer is not healthy.
_TIMEOUT = aiohttp.ClientTimeout(total=5)
_LARGEST = 64 * 1024
_LENGTH = 200


class HTTPHealth:
    """`HealthProbe` for one run's target. `expected` is not known here: the reading tells the version."""

    def __init__(self, target: Target) -> None:
        self._target = target

    async def ask(self, side: Side) -> tuple[HealthReading, ...]:
        if self._target.url is None:
            return ()
        headers = {"Host": self._target.host_header} if self._target.host_header else {}
        if side is Side.CANARY:
            headers[self._target.header_name] = self._target.header_value
        async with aiohttp.ClientSession(timeout=_TIMEOUT, headers=headers) as session:
            asked = [self._ask(session, path) for path in self._target.health_paths]
            return tuple(await asyncio.gather(*asked))

    async def _ask(self, session: aiohttp.ClientSession, path: str) -> HealthReading:
        url = f"{(self._target.url or '').rstrip('/')}{path}"
        try:
            with around(f"health/ask{path}"):
                async with session.get(url, allow_redirects=False) as answer:
                    body = await answer.content.read(_LARGEST)
                    version = answer.headers.get("X-Version")
                    return _reading(path, answer.status, version, body)
        except TimeoutError:
            return HealthReading(path=path, ok=False, detail="no answer within 5 s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return HealthReading(path=path, ok=False, detail=redact(str(error))[:_LENGTH] or "unreachable")


def _reading(path: str, status: int, version: str | None, body: bytes) -> HealthReading:
    said = _json(body)
    version = version or (str(said["version"]) if isinstance(said.get("version"), str) else None)
    version = version[:_LENGTH] if version is not None else None
    if 200 <= status < 300:
        return HealthReading(path=path, ok=True, status=status, version=version)
    # An application that is ill may say more of its database than people should read.
    why = redact(str(said.get("error") or said.get("status") or ""))[:_LENGTH]
    detail = f"HTTP {status} {why}".strip()
    return HealthReading(path=path, ok=False, status=status, version=version, detail=detail)


def _json(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}

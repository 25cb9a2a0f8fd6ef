"""Health paths, asked over HTTP as a user would ask them: through the front door, one side by the header.

Of two colours the one that does not serve has a door of its own, its preview.
"""

import asyncio
import json
from typing import Any

import aiohttp

from bot.clients.redaction import redact
from bot.domain.actions import Side
from bot.domain.journeys import Journey
from bot.domain.plan import Target
from bot.domain.points import around
from bot.domain.traffic import ByColour
from bot.ports import HealthReading, Walk
from bot.sources.http import beginning, trouble
from bot.sources.journeys import walk

# A health path that needs longer is not healthy.
_TIMEOUT = aiohttp.ClientTimeout(total=5)
# A version that warms up is not to be overrun.
_AT_ONCE = 5
_LARGEST = 64 * 1024
_LENGTH = 200


class HTTPHealth:
    """`HealthProbe` for one run's target. `expected` is not known here: the reading tells the version."""

    def __init__(self, target: Target) -> None:
        self._target = target

    async def ask(self, side: Side) -> tuple[HealthReading, ...]:
        return await self._ask_all(side, self._target.health_paths)

    async def warm(self, path: str, requests: int) -> tuple[HealthReading, ...]:
        return await self._ask_all(Side.CANARY, (path,) * requests)

    async def walk(self, journey: Journey) -> Walk:
        door = self._door(Side.STABLE)
        if door is None:
            return Walk(journey=journey.name, answered=0, detail="the environment has no url to ask")
        return await walk(journey, *door)

    async def _ask_all(self, side: Side, paths: tuple[str, ...]) -> tuple[HealthReading, ...]:
        door = self._door(side)
        if door is None:
            return ()
        url, headers = door
        connections = aiohttp.TCPConnector(limit=_AT_ONCE)
        async with aiohttp.ClientSession(timeout=_TIMEOUT, headers=headers, connector=connections) as session:
            return tuple(await asyncio.gather(*(self._ask(session, url, path) for path in paths)))

    def _door(self, side: Side) -> tuple[str, dict[str, str]] | None:
        """Where that side is reached, and with which headers; None where no url is declared."""
        target, traffic = self._target, self._target.traffic
        if side is Side.CANARY and isinstance(traffic, ByColour):
            preview = traffic.preview
            return None if preview is None else (preview.url, _host(preview.host_header))
        if target.url is None:
            return None
        by_header = {target.header_name: target.header_value} if side is Side.CANARY else {}
        return target.url, _host(target.host_header) | by_header

    async def _ask(self, session: aiohttp.ClientSession, base: str, path: str) -> HealthReading:
        url = f"{base.rstrip('/')}{path}"
        try:
            with around(f"health/ask{path}"):
                async with session.get(url, allow_redirects=False) as answer:
                    body = await beginning(answer, _LARGEST)
                    version = answer.headers.get("X-Version")
                    return _reading(path, answer.status, version, body)
        except TimeoutError:
            return HealthReading(path=path, ok=False, detail="no answer within 5 s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return HealthReading(path=path, ok=False, detail=trouble(error))


def _host(name: str | None) -> dict[str, str]:
    return {"Host": name} if name else {}


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

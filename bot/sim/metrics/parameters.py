"""A request's parameters, read as Prometheus reads them: times, durations, selectors."""

from datetime import UTC, datetime, timedelta

import promql_parser as promql
from aiohttp import web
from multidict import MultiDict, MultiMapping

from bot.sim.metrics.selectors import parse
from bot.sim.metrics.store import milliseconds
from bot.sim.metrics.values import BadQuery

# Further from 1970 than this many seconds, no time can be told (the year 9999).
_FURTHEST = 253_402_300_799


class Parameters:
    """What a request asks for, from its address and its form."""

    def __init__(self, given: MultiMapping[str]) -> None:
        self._given = given

    @classmethod
    async def of(cls, request: web.Request) -> "Parameters":
        given: MultiDict[str] = MultiDict(request.query)
        for name, value in (await request.post()).items():
            if isinstance(value, str):
                given.add(name, value)
        return cls(given)

    def query(self) -> promql.Expr:
        return parse(self._given.get("query", ""))

    def time(self, name: str, default: int) -> int:
        """Milliseconds since 1970 of a Unix time or an RFC 3339 date."""
        text = self._given.get(name)
        if not text:
            return default
        try:
            moment = float(text)
        except ValueError:
            return self._date(name, text)
        if not abs(moment) <= _FURTHEST:
            raise self._unreadable(name, text, "timestamp")
        return round(moment * 1000)

    def needed_time(self, name: str) -> int:
        if not self._given.get(name):
            raise self._unreadable(name, "", "timestamp")
        return self.time(name, 0)

    def duration(self, name: str) -> int:
        """Milliseconds of seconds or of a duration like `30s`."""
        text = self._given.get(name, "")
        try:
            length = _duration(text)
        except (ValueError, OverflowError) as error:
            raise self._unreadable(name, text, "duration") from error
        return round(length.total_seconds() * 1000)

    def selectors(self) -> list[promql.VectorSelector]:
        """What `match[]` lists.

        Raises:
            BadQuery: one is no selector.
        """
        parsed = [parse(text) for text in self._given.getall("match[]", [])]
        selectors = [expr for expr in parsed if isinstance(expr, promql.VectorSelector)]
        if len(selectors) < len(parsed):
            raise BadQuery('invalid parameter "match[]": a series selector is expected')
        return selectors

    def _date(self, name: str, text: str) -> int:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise self._unreadable(name, text, "timestamp") from error
        return milliseconds(moment if moment.tzinfo else moment.replace(tzinfo=UTC))

    def _unreadable(self, name: str, text: str, kind: str) -> BadQuery:
        return BadQuery(f'invalid parameter "{name}": cannot parse "{text}" to a valid {kind}')


def _duration(text: str) -> timedelta:
    try:
        return timedelta(seconds=float(text))
    except ValueError:
        return promql.parse_duration(text)

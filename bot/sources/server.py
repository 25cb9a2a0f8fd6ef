"""One Prometheus server, asked by as many applications as have their figures there.

prometheus-api-client blocks, so it runs in a few threads: a server that hangs costs those and the time
limit, never the loop nor the threads of others. They belong to the server and not to an application, because
hundreds of idle connections and thousands of threads that fight for the interpreter would starve everything
else in the process.
"""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial

from prometheus_api_client import PrometheusConnect
from requests.adapters import HTTPAdapter

from bot.domain.errors import OutsideError, Rejected, Unreachable, Unreadable
from bot.domain.points import around
from bot.sources.answers import SYSTEM, check
from bot.sources.bounded import BoundedSession
from bot.sources.joined import join, part

# So many samples at once; an application whose queries are slow holds up few of the others.
_THREADS = 16

# One number takes 200 bytes, a histogram of 500 buckets 50 kB; more is not an answer to these questions.
_LARGEST_ANSWER = 1_000_000

# What part of a sample's time all queries have as one, before they are asked one by one.
_AS_ONE = 1 / 3

Answer = object  # what the client gave, or the `OutsideError` in its place


class PrometheusServer:
    """Connects to nobody before it is asked. `timeout` is real time and bounds all that is asked at once."""

    def __init__(
        self,
        url: str,
        *,
        timeout: timedelta = timedelta(seconds=3),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._timeout = timeout.total_seconds()
        url = url.rstrip("/")
        session = BoundedSession(SYSTEM, url, seconds=self._timeout, size=_LARGEST_ANSWER, check=check)
        self._client = PrometheusConnect(url=url, headers=dict(headers or {}), session=session)
        # In place of the client's own, which tries three times and waits in between.
        session.mount(url, HTTPAdapter(max_retries=0, pool_maxsize=_THREADS))
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="prometheus")

    async def ask_as_one(self, queries: Mapping[str, str], at: datetime) -> dict[str, Answer] | None:
        """The answer to each query, evaluated at one moment, by one request. Never raises.

        None: the server does not take them as one, or not soon; part of the time is left to `ask` then.
        """
        whole = await self._in_time(partial(self._ask, join(queries), at), _AS_ONE * self._timeout)
        if whole is None or isinstance(whole, Rejected | Unreadable | Unreachable):
            # A server that is down answers nothing one by one either, but one slow query is a 503 for all.
            return None
        if isinstance(whole, OutsideError):
            return dict.fromkeys(queries, whole)
        try:
            return part(whole, queries)
        except (ValueError, KeyError, TypeError):
            return None

    async def ask(
        self, queries: Mapping[str, str], at: datetime, *, is_second_try: bool = False
    ) -> dict[str, Answer]:
        """The same by a request for each: one that is wrong or slow costs itself only. Never raises."""
        left = (1 - _AS_ONE) * self._timeout if is_second_try else self._timeout
        asking = (self._in_time(partial(self._ask, text, at), left) for text in queries.values())
        late = Unreachable(SYSTEM, f"no answer within {self._timeout:g} s")
        answers = await asyncio.gather(*asking)
        return {key: late if found is None else found for key, found in zip(queries, answers, strict=True)}

    async def _in_time(self, ask: Callable[[], Answer], seconds: float) -> Answer | None:
        future = asyncio.get_running_loop().run_in_executor(self._threads, ask)
        try:
            await asyncio.wait({future}, timeout=seconds)
            return future.result() if future.done() else None
        finally:
            future.cancel()

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._client.close()

    def _ask(self, query: str, at: datetime) -> Answer:
        moment = {"time": f"{at.timestamp():.3f}", "timeout": f"{self._timeout:g}s"}
        try:
            with around("metrics/query"):
                return self._client.custom_query(query, params=moment)
        except OutsideError as error:
            return error
        except (ValueError, KeyError, TypeError):
            return Unreadable(SYSTEM, "the answer is unreadable")

"""The same question asked by several at once is put once. Nothing is kept once it is answered."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

_Answer = TypeVar("_Answer")


class Together(Generic[_Answer]):
    """Questions that are under way, by what was asked."""

    def __init__(self) -> None:
        self._under_way: dict[Hashable, asyncio.Future[_Answer]] = {}

    async def ask(self, question: Hashable, put: Callable[[], Awaitable[_Answer]]) -> _Answer:
        """The answer, or the error, of the one who asked first. Who gives up waiting does so alone."""
        asked = self._under_way.get(question)
        if asked is None:
            asked = asyncio.ensure_future(put())
            self._under_way[question] = asked
            asked.add_done_callback(lambda done: self._answered(question, done))
        return await asyncio.shield(asked)

    def _answered(self, question: Hashable, done: asyncio.Future[_Answer]) -> None:
        del self._under_way[question]
        if not done.cancelled():
            done.exception()  # seen, even if nobody waits for it any more

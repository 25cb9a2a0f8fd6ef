"""The same question by several at once: put once, answered to all, forgotten at once."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from bot.domain.errors import UnknownThing
from bot.sources.together import Together


class Oracle:
    """Answers when it is told to, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.may_answer = asyncio.Event()

    def answering(self, answer: str | Exception) -> Callable[[], Awaitable[str]]:
        async def put() -> str:
            self.asked += 1
            await self.may_answer.wait()
            if isinstance(answer, Exception):
                raise answer
            return answer

        return put


async def test_those_who_ask_at_once_share_one_answer():
    oracle, together = Oracle(), Together[str]()

    asking = [asyncio.create_task(together.ask("v2.5.0", oracle.answering("be3d0b6"))) for _ in range(50)]
    await asyncio.sleep(0)
    oracle.may_answer.set()

    assert await asyncio.gather(*asking) == ["be3d0b6"] * 50
    assert oracle.asked == 1


async def test_who_asks_later_is_answered_anew():
    oracle, together = Oracle(), Together[str]()
    oracle.may_answer.set()

    first = await together.ask("v2.5.0", oracle.answering("be3d0b6"))
    second = await together.ask("v2.5.0", oracle.answering("moved"))

    assert (first, second, oracle.asked) == ("be3d0b6", "moved", 2)


async def test_different_questions_do_not_wait_for_each_other():
    oracle, together, quick = Oracle(), Together[str](), Oracle()
    slow = asyncio.create_task(together.ask("v2.5.0", oracle.answering("be3d0b6")))
    await asyncio.sleep(0)
    quick.may_answer.set()

    assert await together.ask("v2.5.1", quick.answering("cafe")) == "cafe"
    assert not slow.done()
    oracle.may_answer.set()
    await slow


async def test_an_error_reaches_everyone_and_is_not_remembered():
    oracle, together = Oracle(), Together[str]()
    unknown = UnknownThing("There is no tag v9.")
    asking = [asyncio.create_task(together.ask("v9", oracle.answering(unknown))) for _ in range(2)]
    await asyncio.sleep(0)
    oracle.may_answer.set()

    answers = await asyncio.gather(*asking, return_exceptions=True)

    assert answers == [unknown, unknown]
    assert await together.ask("v9", oracle.answering("tagged since")) == "tagged since"


async def test_one_who_gives_up_takes_no_answer_from_the_others():
    oracle, together = Oracle(), Together[str]()
    first = asyncio.create_task(together.ask("v2.5.0", oracle.answering("be3d0b6")))
    await asyncio.sleep(0)
    second = asyncio.create_task(together.ask("v2.5.0", oracle.answering("be3d0b6")))
    await asyncio.sleep(0)

    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    oracle.may_answer.set()

    assert await second == "be3d0b6"
    assert oracle.asked == 1

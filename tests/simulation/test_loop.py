"""The loop that a seed orders: same seed, same order; the dead are silent and the frozen are held back."""

import asyncio
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.simulation.loop import Life, SeededLoop


@pytest.fixture
def loop() -> Iterator[SeededLoop]:
    loop = SeededLoop(random.Random("a seed"))
    yield loop
    for task in asyncio.all_tasks(loop):
        task._log_destroy_pending = False
        task.get_coro().close()
    loop.close()


def order_of(seed: str) -> list[int]:
    loop = SeededLoop(random.Random(seed))
    seen: list[int] = []

    async def together() -> None:
        await asyncio.gather(*(append(number) for number in range(20)))

    async def append(number: int) -> None:
        await asyncio.sleep(0)
        seen.append(number)

    loop.run_until_complete(together())
    loop.close()
    return seen


def test_a_seed_decides_what_comes_first_and_decides_the_same_again() -> None:
    assert order_of("one") == order_of("one")
    assert order_of("one") != order_of("two")
    assert sorted(order_of("one")) == list(range(20))


def test_hours_pass_at_once(loop: SeededLoop) -> None:
    loop.run_until_complete(asyncio.sleep(7200))

    assert loop.time() == pytest.approx(7200)


def test_of_a_dead_process_nothing_more_is_carried_out(loop: SeededLoop) -> None:
    life = Life("bot-1")
    said: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(5)
            said.append("done")
        finally:
            said.append("released")

    async def story() -> list[str]:
        loop.create_task(work(), context=life.context)
        await asyncio.sleep(1)
        life.is_alive = False
        await asyncio.sleep(10)
        return list(said)

    assert loop.run_until_complete(story()) == []


def test_a_frozen_process_goes_on_where_it_was_with_its_timers_overdue(loop: SeededLoop) -> None:
    life = Life("bot-1")
    woke: list[float] = []

    async def work() -> None:
        for _ in range(3):
            await asyncio.sleep(1)
            woke.append(loop.time())

    async def story() -> None:
        loop.create_task(work(), context=life.context)
        await asyncio.sleep(1.5)
        life.is_frozen = True
        await asyncio.sleep(30)
        loop.thaw(life)
        await asyncio.sleep(5)

    loop.run_until_complete(story())

    assert woke == pytest.approx([1, 31.5, 32.5])


def test_what_a_process_has_sent_arrives_whatever_becomes_of_it(loop: SeededLoop) -> None:
    life = Life("bot-1")
    arrived: list[str] = []

    async def send() -> None:
        loop.later_in_world(2, arrived.append, "a change")
        await asyncio.sleep(60)

    async def story() -> None:
        loop.create_task(send(), context=life.context)
        await asyncio.sleep(1)
        life.is_alive = False
        await asyncio.sleep(5)

    loop.run_until_complete(story())

    assert arrived == ["a change"]


def test_the_work_of_one_thread_is_done_in_turn(loop: SeededLoop) -> None:
    thread = ThreadPoolExecutor(1)
    done: list[int] = []

    async def story() -> None:
        await asyncio.gather(*(loop.run_in_executor(thread, done.append, n) for n in range(20)))

    loop.run_until_complete(story())

    assert done == list(range(20))


def test_a_loop_in_which_nothing_can_happen_any_more_says_so(loop: SeededLoop) -> None:
    with pytest.raises(RuntimeError, match="everybody waits"):
        loop.run_until_complete(loop.create_future())

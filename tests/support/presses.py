"""Somebody who starts a canary and somebody who presses Approve at each of its questions."""

from collections.abc import AsyncIterator, Awaitable, Callable

from bot.domain.run import Run
from tests.support.bot_process import BotProcess
from tests.support.eventually import eventually
from tests.support.person import Message, Person, button_on


async def start(person: Person, words: str) -> Message:
    """The card of the run that these words start."""
    answer = await person.types(words)
    assert answer["ok"], answer
    return await person.root(words.split(maxsplit=1)[0])


async def current(bot: BotProcess) -> Run:
    run = await eventually(bot.newest_run, lambda found: found is not None)
    assert run is not None
    return run


async def ended(bot: BotProcess, within: float = 120) -> Run:
    return await eventually(lambda: current(bot), lambda run: run.is_terminal, within)


async def questions(person: Person, root: Message, times: int) -> AsyncIterator[Message]:
    """Each new open question in the run's thread, as it comes."""
    answered: set[str] = set()
    for _ in range(times):
        message = await _next(person, root, answered)
        answered.add(message["ts"])
        yield message


async def approve_all(
    person: Person, root: Message, times: int, before: Callable[[], Awaitable[None]] | None = None
) -> None:
    """Press Approve at the next so many questions; `before` is awaited before each press."""
    async for message in questions(person, root, times):
        if before is not None:
            await before()
        answer = await person.presses("approve", message)
        assert answer["ok"], answer


async def approve_until_ended(person: Person, root: Message, bot: BotProcess) -> Run:
    """Press Approve at every question, however often it is asked; the run as it ended."""

    async def look() -> Run:
        for message in await person.reads(thread=root["ts"]):
            if message["ts"] != root["ts"] and button_on(message, "approve"):
                await person.presses("approve", message)
        return await current(bot)

    return await eventually(look, lambda run: run.is_terminal, within=180)


async def _next(person: Person, root: Message, answered: set[str]) -> Message:
    async def look() -> Message | None:
        message = await person.asked(root["ts"])
        return None if message["ts"] in answered else message

    found = await eventually(look, lambda message: message is not None, within=120)
    assert found is not None
    return found

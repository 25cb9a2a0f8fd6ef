"""What people do in front of a live run, and how it is followed."""

from datetime import UTC, datetime

from bot.domain.events import Ending
from bot.domain.run import Run
from tests.support.bot_process import BotProcess
from tests.support.eventually import eventually
from tests.support.person import Message, Person


async def current(bot: BotProcess) -> Run:
    run = await eventually(bot.newest_run, lambda found: found is not None)
    assert run is not None
    return run


async def approve_next(person: Person, root: Message, seen: set[str]) -> datetime:
    """Press on the next open question, and when; `seen` are those that were answered before."""

    async def look() -> Message | None:
        message = await person.asked(root["ts"])
        return None if message["ts"] in seen else message

    message = await eventually(look, lambda found: found is not None, within=120)
    assert message is not None
    seen.add(message["ts"])
    pressed = datetime.now(UTC)
    answer = await person.presses("approve", message)
    assert answer["ok"], answer
    return pressed


async def ended(bot: BotProcess, within: float = 120) -> Run:
    return await eventually(lambda: current(bot), lambda run: run.is_terminal, within)


def ending_of(run: Run) -> Ending:
    assert run.ended is not None
    return run.ended.ending

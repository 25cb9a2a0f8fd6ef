"""Starting a run: the plan is drawn up anew, the lock is taken, and the engine goes."""

from bot.domain.errors import Refused
from bot.domain.people import Person, Role
from bot.domain.run import Run
from bot.operations.desk import Desk, record, require
from bot.operations.planning import Wish, draw_up


async def start(desk: Desk, wish: Wish, by: Person) -> Run:
    """The run that now exists, journaled and locked; the engine takes it from here.

    Raises:
        Refused: it was not started; the sentence says why.
        OutsideError: the platform or the repository cannot be read; nothing was started.
    """
    await require(desk, by, (Role.DEPLOYER, Role.ADMIN), "start", None)
    try:
        plan = await draw_up(desk, wish, by)
        run = await desk.runs.create(plan, by)
    except Refused as refusal:
        await record(desk, by, f"start {wish.version[:128]}", None, f"refused: {refusal.reason.value}")
        raise
    await record(desk, by, "start", run.id, "started")
    desk.nudge(run.id)
    return run

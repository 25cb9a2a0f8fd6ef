"""Starting a run: the plan is drawn up anew, the lock is taken, and the engine goes."""

from bot.domain.people import Person, Role
from bot.domain.run import Run
from bot.operations.desk import Desk, audited, record, require
from bot.operations.planning import Wish, plan_for


async def start(desk: Desk, wish: Wish, by: Person) -> Run:
    """The run that now exists, journaled and locked; the engine takes it from here.

    Raises:
        Refused: it was not started; the sentence says why.
        OutsideError: the platform or the repository cannot be read; nothing was started.
    """
    async with audited(desk, by, f"start {wish.version[:128]}", None):
        await require(desk, by, (Role.DEPLOYER, Role.ADMIN))
        run = await desk.runs.create(await plan_for(desk, wish, by), by)
    await record(desk, by, "start", run.id, "started")
    desk.nudge(run.id)
    return run

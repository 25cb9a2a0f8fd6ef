"""Finding the run that is meant, and reading what was."""

from bot.domain.errors import UnknownRun
from bot.domain.people import Person, Role
from bot.domain.run import Run
from bot.operations.desk import Desk, audited, require
from bot.ports import RunSummary

_EVERYBODY = (Role.VIEWER, Role.DEPLOYER, Role.APPROVER, Role.ADMIN)


async def find_run(desk: Desk, name: str | None) -> Run:
    """The run of that name (or application), or the only one that is active.

    Raises:
        UnknownRun: there is none, or several could be meant.
    """
    active = await desk.runs.active()
    if name is None:
        if len(active) == 1:
            return await desk.runs.load(active[0].id)
        raise _none_or_several(active)
    named = [run for run in active if run.application == name]
    if len(named) == 1:
        return await desk.runs.load(named[0].id)
    return await desk.runs.load(name)


async def status(desk: Desk, by: Person, name: str | None) -> tuple[Run, ...]:
    """The runs that are active now, or the one that was named."""
    async with audited(desk, by, "status", None):
        await require(desk, by, _EVERYBODY)
        if name is not None:
            return (await find_run(desk, name),)
    return tuple([await desk.runs.load(run.id) for run in await desk.runs.active()])


async def history(desk: Desk, by: Person, application: str | None = None) -> tuple[RunSummary, ...]:
    """The newest runs, newest first."""
    async with audited(desk, by, "history", None):
        await require(desk, by, _EVERYBODY)
    return await desk.runs.recent(limit=20, application=application)


def _none_or_several(active: tuple[RunSummary, ...]) -> UnknownRun:
    if not active:
        return UnknownRun("No run is active.", "/deploy history shows what was.")
    names = ", ".join(run.id for run in active)
    return UnknownRun("Several runs are active.", f"Name the one you mean: {names}.")

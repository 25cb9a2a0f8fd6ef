"""Finding the run that is meant, and reading what was."""

from bot.domain.errors import OtherVersion, UnknownEvent, UnknownRun
from bot.domain.people import Person, Role
from bot.domain.record import Record
from bot.domain.run import Run
from bot.operations.desk import Desk, audited, require
from bot.ports import RunSummary

_EVERYBODY = (Role.VIEWER, Role.DEPLOYER, Role.APPROVER, Role.ADMIN)


class Active(Record):
    """What is under way: the runs, and those that only another version of Slackwater can read."""

    runs: tuple[Run, ...] = ()
    unreadable: tuple[RunSummary, ...] = ()


async def load(desk: Desk, run: str) -> Run:
    """The run of that name.

    Raises:
        UnknownRun: there is none.
        OtherVersion: this version cannot read its journal or its plan.
    """
    try:
        return await desk.runs.load(run)
    except UnknownEvent as error:
        raise OtherVersion(
            f"I cannot read {run}: another version of Slackwater has written it, or it was damaged. I do "
            "nothing with it, so traffic stays as it is.",
            "Start the version that wrote it, and ask there. What cannot wait has to be done by hand.",
        ) from error


async def find_run(desk: Desk, name: str | None) -> Run:
    """The run of that name (or application), or the only one that is active.

    Raises:
        UnknownRun: there is none, or several could be meant.
        OtherVersion: this version cannot read it.
    """
    active = await desk.runs.active()
    if name is None:
        if len(active) == 1:
            return await load(desk, active[0].id)
        raise _none_or_several(active)
    named = [run for run in active if run.application == name]
    if len(named) == 1:
        return await load(desk, named[0].id)
    return await load(desk, name)


async def status(desk: Desk, by: Person, name: str | None) -> Active:
    """The runs that are active now, or the one that was named.

    Raises:
        NotAllowed: the person has no role at all.
        UnknownRun: there is none of that name.
        OtherVersion: this version cannot read the one that was named.
    """
    async with audited(desk, by, "status", None):
        await require(desk, by, _EVERYBODY)
        if name is not None:
            return Active(runs=(await find_run(desk, name),))
    runs: list[Run] = []
    unreadable: list[RunSummary] = []
    for run in await desk.runs.active():
        try:
            runs.append(await desk.runs.load(run.id))
        except UnknownEvent:
            unreadable.append(run)
    return Active(runs=tuple(runs), unreadable=tuple(unreadable))


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

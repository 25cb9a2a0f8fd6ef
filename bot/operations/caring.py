"""What people decide about the aftercare of a run that has finished: later, or now.

Later is for every deployer and approver. Now takes the way back away sooner, so it is for approvers only.
"""

from bot.domain import aftercare
from bot.domain.errors import StaleButton
from bot.domain.interrupts import InterruptKind
from bot.domain.people import Person, Role
from bot.domain.run import Care, Run, StepStatus
from bot.operations.desk import Desk, audited, interrupt, require


async def put_off(desk: Desk, run: Run, said: str, by: Person) -> None:
    """Let the aftercare that is meant wait as long again; `said` names it, and the time that was shown.

    Raises:
        NotAllowed: the person is neither deployer nor approver nor admin.
        StaleButton: it is over, or another time was set meanwhile.
    """
    async with audited(desk, by, InterruptKind.PUT_OFF.value, run.id):
        await require(desk, by, (Role.DEPLOYER, Role.APPROVER, Role.ADMIN))
        _meant(run, said)
    await interrupt(desk, run, InterruptKind.PUT_OFF, by, "", purpose=said)


async def do_now(desk: Desk, run: Run, said: str, by: Person) -> None:
    """Do the aftercare that is meant without waiting any longer.

    Raises:
        NotAllowed: not an approver.
        StaleButton: it is done or under way, or another time was set meanwhile.
    """
    async with audited(desk, by, InterruptKind.DO_NOW.value, run.id):
        await require(desk, by, (Role.APPROVER,))
        step, care = _meant(run, said)
        if care.is_due:
            raise StaleButton(f"{_title(run, step)}: it is being done already.")
    await interrupt(desk, run, InterruptKind.DO_NOW, by, "", purpose=said)


def _meant(run: Run, said: str) -> tuple[str, Care]:
    step, _, _ = said.rpartition(":")
    care = run.care.get(step)
    if care is None:
        raise StaleButton(f"{run.id} has nothing like this left to do.", "Its card shows what it has.")
    if run.record(step).status is StepStatus.DONE:
        raise StaleButton(f"{_title(run, step)}: that is over. {run.record(step).evidence.sentence}.")
    if said != aftercare.handle(step, care):
        who = f" by {care.put_off_by.name}" if care.put_off_by else ""
        raise StaleButton(f"{_title(run, step)}: put off{who} until {care.due_at:%Y-%m-%d %H:%M} UTC.")
    return step, care


def _title(run: Run, step: str) -> str:
    return run.plan.step(step).title

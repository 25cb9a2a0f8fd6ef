"""What people decide about a run: approve, hold, resume, roll back, abort.

A decision is committed before anybody is answered, and the run's driver makes entries of it. Who may: Hold,
Abort and Rollback any deployer, approver or admin, the requester included; Approve and Resume approvers only.
"""

from bot.domain.errors import NotAllowed, OutsideError, StaleButton, UnknownRun
from bot.domain.interrupts import InterruptKind
from bot.domain.people import Person, Role
from bot.domain.run import Question, Run, RunState
from bot.operations.desk import Desk, audited, interrupt, record, require
from bot.operations.looking import find_run, load
from bot.ports import Decision

_ANY = (Role.DEPLOYER, Role.APPROVER, Role.ADMIN)


async def approve(desk: Desk, question: str, by: Person, *, rest: bool = False) -> Decision:
    """Count a yes to an open question; with `rest`, to all that follow while healthy.

    Raises:
        NotAllowed: not an approver, or the requester where that is barred.
        StaleButton: the question is closed, or what it showed is no longer so.
    """
    what = "approve_rest" if rest else "approve"
    async with audited(desk, by, what, None):
        run = await _run_asking(desk, question)
    async with audited(desk, by, what, run.id):
        return await _approve(desk, run, question, by, rest=rest)


async def _approve(desk: Desk, run: Run, question: str, by: Person, *, rest: bool) -> Decision:
    await require(desk, by, (Role.APPROVER,))
    await _bar_requester(desk, run, by)
    opened = run.question
    if opened is None or opened.id != question:
        raise stale(run, question)
    await _check_image(desk, run, opened)
    kind = InterruptKind.APPROVE_REST if rest else InterruptKind.APPROVE
    decision = await desk.runs.decide(question, kind, by, desk.clock.now())
    if decision is Decision.CLOSED:
        raise stale(await load(desk, run.id), question)
    desk.nudge(run.id)
    await record(desk, by, kind.value, run.id, decision.value)
    return decision


async def hold(desk: Desk, run: Run, by: Person, why: str = "") -> None:
    """Stop the run's clock; it finishes what it has begun and begins nothing.

    Raises:
        NotAllowed: the person has none of the roles.
        StaleButton: there is nothing to hold.
    """
    async with audited(desk, by, "hold", run.id):
        await require(desk, by, _ANY)
        if run.state not in {RunState.RUNNING, RunState.WAITING}:
            raise StaleButton(f"{run.id} is {run.state.value}, so there is nothing to hold.")
    await interrupt(desk, run, InterruptKind.HOLD, by, why)


async def resume(desk: Desk, run: Run, by: Person) -> None:
    """Let a held run go on; a question that the hold closed is asked anew.

    Raises:
        NotAllowed: not an approver.
        StaleButton: the run is not held.
    """
    async with audited(desk, by, "resume", run.id):
        await require(desk, by, (Role.APPROVER,))
        if run.state is not RunState.HELD:
            raise StaleButton(f"{run.id} is not held; it is {run.state.value}.")
    # What is resumed is the hold that was seen; another one may follow before this is heard.
    await interrupt(desk, run, InterruptKind.RESUME, by, "", purpose=str(run.held_seq))


async def rollback(desk: Desk, run: Run, by: Person, why: str = "") -> None:
    """Take the version back and quarantine it.

    Raises:
        NotAllowed: the person has none of the roles.
        StaleButton: the run is over or on its way back already.
    """
    await _go_back(desk, run, InterruptKind.ROLLBACK, by, why)


async def abort(desk: Desk, run: Run, by: Person, why: str = "") -> None:
    """End the run with traffic on stable; the version may be tried again.

    Raises:
        NotAllowed: the person has none of the roles.
        StaleButton: the run is over or on its way back already.
    """
    await _go_back(desk, run, InterruptKind.ABORT, by, why)


async def _go_back(desk: Desk, run: Run, kind: InterruptKind, by: Person, why: str) -> None:
    async with audited(desk, by, kind.value, run.id):
        await require(desk, by, _ANY)
        if run.is_terminal:
            raise StaleButton(f"{run.id} is over: {run.state.value}.")
        if run.state is RunState.GOING_BACK:
            raise StaleButton(f"{run.id} is rolling back already.")
    word = "Aborted" if kind is InterruptKind.ABORT else "Rolled back"
    sentence = f"{word} by {by.name}" + (f": {why}" if why else ".")
    await interrupt(desk, run, kind, by, sentence)


async def _run_asking(desk: Desk, question: str) -> Run:
    run = await desk.runs.run_of_question(question)
    if run is None:
        raise UnknownRun("I do not know this question.", "/deploy status shows what is asked now.")
    return await find_run(desk, run)


async def _bar_requester(desk: Desk, run: Run, by: Person) -> None:
    if run.asked_by is None or run.asked_by.id != by.id or run.plan.approvals.requester_may_approve:
        return
    others = [name for name in await desk.roles.names(Role.APPROVER) if name != by.name]
    raise NotAllowed(
        "You asked for this deploy, so someone else has to approve it"
        + (f": {', '.join(others)}." if others else "."),
        f"({run.plan.request.environment}: requester_may_approve: false)",
    )


async def _check_image(desk: Desk, run: Run, question: Question) -> None:
    """What is approved is what was shown: the new version's pods still run that digest."""
    target = run.plan.target
    is_there = target.is_beside or run.weight > 0
    if question.digest is None or not is_there:
        return
    name = target.canary_workload if target.is_beside else target.workload
    try:
        platform = desk.platform(target)
        canary = await (platform.canary() if target.is_beside else platform.stable())
    except OutsideError as error:
        raise StaleButton(
            f"I cannot read what {name} runs now, so I cannot count your approval. {error}",
            "Press again in a moment.",
        ) from error
    if canary is None:
        raise StaleButton(f"{name} is gone, so there is nothing to approve.", "Roll back.")
    if canary.digest is None and not canary.is_mixed:
        raise StaleButton(
            f"No pod of {name} is ready, so I cannot tell whether it still runs what the question showed.",
            "Press again once it is, or roll back.",
        )
    if canary.digest != question.digest:
        runs = f"{canary.digest[:19]}…" if canary.digest else "different images"
        raise StaleButton(
            f"{name} now runs {runs}, but the question showed {question.digest[:19]}….",
            "Roll back, or hold and look.",
        )


def stale(run: Run, question: str) -> StaleButton:
    """What became of a question that is no longer open."""
    closed = next((c for c in run.closed if c.question.id == question), None)
    now = f"The run is {run.state.value}, with {run.weight} % of traffic on {run.plan.request.version}."
    if closed is None:
        return StaleButton("This question is no longer open.", now)
    return StaleButton(f"{closed.answer} at {closed.at:%H:%M} UTC.", now)

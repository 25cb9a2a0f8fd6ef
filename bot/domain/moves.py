"""What a run needs next, as a pure function of what its journal says.

The engine asks `next_move` after every entry and does what it answers. The invariants are kept here and
once more where the step begins (`may_begin`): no step that shifts traffic without its own approval, and
nothing but aftercare after the end.
"""

from bot.domain import aftercare
from bot.domain.events import Basis, Ending
from bot.domain.plan import Step
from bot.domain.reasons import Reason
from bot.domain.record import Record
from bot.domain.run import Run, RunState, StepRecord, StepStatus


class CarryOut(Record):
    """Carry these steps out, at the same time if there are several."""

    steps: tuple[Step, ...]


class Ask(Record):
    """Ask people for their approval of this step."""

    step: Step


class Approve(Record):
    """Journal the approval that follows from what is known already."""

    step: Step
    basis: Basis


class TurnBack(Record):
    """Start the way back."""

    ending: Ending
    reason: Reason
    sentence: str
    quarantine: bool


class End(Record):
    """The run is over."""

    ending: Ending
    reason: Reason
    sentence: str


class Rest(Record):
    """Nothing to do until a person, a timer or a trigger speaks."""


Move = CarryOut | Ask | Approve | TurnBack | End | Rest


def next_move(run: Run) -> Move:
    """What the run needs next."""
    if run.is_terminal:
        step = aftercare.to_do(run)
        return Rest() if step is None else CarryOut(steps=(step,))
    if run.state is RunState.GOING_BACK:
        return _backward(run)
    if run.state is not RunState.RUNNING:
        # A run held by a person finishes what it has begun (a bake goes on watching) and begins nothing. When
        # the bot itself holds, it holds because of the very step it was at.
        begun = tuple(step for step in run.open_steps if step in run.plan.steps)
        if begun and run.state is RunState.HELD and run.held_by is not None:
            return CarryOut(steps=begun)
        failed = [run.record(step.id) for step in run.plan.steps if _has_failed(run, step)]
        return _give_up(run, failed) if failed else Rest()
    return _forward(run)


def may_begin(run: Run, step: Step) -> bool:
    """Whether the journal allows to carry out this step now; the engine asks right before it does."""
    if run.is_terminal:
        return aftercare.may_do(run, step)
    if run.state is RunState.GOING_BACK:
        return step in run.plan.way_back
    if step not in run.plan.steps:
        return False
    if run.state is not RunState.RUNNING and run.record(step.id).status is StepStatus.PENDING:
        return False
    return not step.shifts_traffic or run.record(step.id).approval is not None


def _forward(run: Run) -> Move:
    steps = run.plan.steps
    index = next((i for i, step in enumerate(steps) if not _is_done(run, step)), None)
    if index is None:
        return End(ending=Ending.FINISHED, reason=Reason.FINISHED, sentence=_finish_sentence(run))
    first = steps[index]
    neighbours = [first]
    if first.group is not None:
        neighbours = [step for step in steps[index:] if step.group == first.group]
    unfinished = tuple(
        step for step in neighbours if run.record(step.id).status in {StepStatus.PENDING, StepStatus.INTENDED}
    )
    if unfinished:
        return _begin(run, unfinished)
    return _give_up(run, [run.record(step.id) for step in neighbours if not _is_done(run, step)])


def _begin(run: Run, steps: tuple[Step, ...]) -> Move:
    step = steps[0]
    if not step.shifts_traffic or run.record(step.id).approval is not None:
        return CarryOut(steps=steps)
    basis = _standing_approval(run, step)
    return Ask(step=step) if basis is None else Approve(step=step, basis=basis)


def _standing_approval(run: Run, step: Step) -> Basis | None:
    """What approves the step without asking again; anything but *healthy* always asks."""
    if _covers(run, step):
        return Basis.COVERED
    if run.verdict is not None and not run.verdict.is_healthy:
        return None
    if run.plan.approvals.required == "none":
        return Basis.POLICY
    granting = len(run.granting) >= run.plan.approvals.people
    if run.grant is not None and run.grant.digest == run.digest and granting:
        return Basis.GRANT
    if run.plan.approvals.required == "once" and _was_approved_by_people(run):
        return Basis.POLICY
    return None


def _covers(run: Run, step: Step) -> bool:
    """An approval covers a later step while all is healthy, or if it knew the newest verdict."""
    if step.covered_by is None:
        return False
    covering = run.record(step.covered_by)
    if covering.approval is None:
        return False
    unseen = run.verdict is not None and run.verdict_seq > covering.approved_seq
    return not unseen or (run.verdict is not None and run.verdict.is_healthy)


def _was_approved_by_people(run: Run) -> bool:
    return any(
        record.approval is not None and record.approval.basis is Basis.PERSON for record in run.steps.values()
    )


def _give_up(run: Run, failed: list[StepRecord]) -> TurnBack:
    worst = failed[0]
    touched = run.has_touched_production
    return TurnBack(
        ending=Ending.ROLLED_BACK if touched else Ending.STOPPED,
        reason=worst.reason or Reason.STEP_FAILED,
        sentence=" ".join(record.sentence for record in failed if record.sentence),
        # Who came second has not tried the version at all.
        quarantine=touched and worst.reason is not Reason.ANOTHER_RUNS,
    )


def _backward(run: Run) -> Move:
    for step in run.plan.way_back:
        record = run.record(step.id)
        if step.undoes is not None and run.record(step.undoes).status is StepStatus.PENDING:
            continue
        if record.status in {StepStatus.PENDING, StepStatus.INTENDED}:
            return CarryOut(steps=(step,))
    turn = run.turn
    assert turn is not None, "a run that goes back has a reason"
    ending = turn.ending
    if ending is Ending.ROLLED_BACK and not run.has_touched_production:
        ending = Ending.STOPPED
    return End(ending=ending, reason=turn.reason, sentence=turn.sentence)


def _is_done(run: Run, step: Step) -> bool:
    return run.record(step.id).status is StepStatus.DONE


def _has_failed(run: Run, step: Step) -> bool:
    return run.record(step.id).status is StepStatus.FAILED


def _finish_sentence(run: Run) -> str:
    return f"{run.plan.request.version} serves everything."

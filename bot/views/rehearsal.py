"""The rehearsal on staging: one message that grows with it, and what is said of it later."""

from datetime import datetime

from bot.domain.actions import ON_STAGING, CheckHealth, CheckRollout, KeepRollout, OnStaging, Rehearsed, Watch
from bot.domain.plan import Staging, Step
from bot.domain.run import Run, StepStatus
from bot.domain.verdict import Verdict
from bot.views import blocks
from bot.views.items import Item, Place, Told
from bot.views.text import code, escaped, sentence, when

_MARK = {StepStatus.DONE: "✓", StepStatus.FAILED: "✗", StepStatus.INTENDED: "…"}
# What is only worth a line while it is under way, or when it went wrong.
_QUIET = CheckRollout | KeepRollout


def rehearsal(run: Run) -> list[Told]:
    """What has been done on staging so far, a line each."""
    began = [record.began for step in _steps(run) if (record := run.record(step.id)).began is not None]
    if run.plan.staging is None or not began:
        return []
    target = run.plan.staging.target
    place = f"{code(target.workload)} in {code(target.namespace)}"
    lines = [line for step in _steps(run) if (line := _line(run, step))]
    has_failed = any(run.record(step.id).status is StepStatus.FAILED for step in _steps(run))
    version, old = escaped(run.plan.request.version), escaped(_ran_there(run, run.plan.staging))
    word = _word(run, has_failed=has_failed)
    text = f"Rehearsal of {version} on staging, where {old} ran: {word}."
    item = Item(
        key="staging",
        place=Place.THREAD,
        text=text,
        is_urgent=has_failed or bool(left_as_it_is(run)),
        blocks=tuple(blocks.sections([f"*Rehearsal on staging: {word}* ({place}, where {old} ran)", *lines])),
    )
    return [(min(began), item)]


def until(run: Run, step: Step) -> datetime | None:
    """When a watch on staging ends; None for other steps."""
    action = _action(step)
    return run.lasts_until(step.id, action.duration) if isinstance(action, Watch) else None


def criterion(run: Run) -> str | None:
    """What a finished run says of its rehearsal; None if there was none."""
    watched = next((run.record(s.id) for s in run.plan.steps if isinstance(_action(s), Watch)), None)
    if watched is None or watched.status is not StepStatus.DONE:
        return None
    mark = "✓" if watched.evidence.verdict is None else "–"
    return f"{mark} rehearsed on staging, {escaped(watched.evidence.sentence, 300)}"


def has_changed_staging(run: Run) -> bool:
    return any(
        run.record(step.undoes or "").status is not StepStatus.PENDING
        for step in run.plan.way_back
        if is_there(step)
    )


def left_as_it_is(run: Run) -> str:
    """What could not be taken home there, as a sentence with a space before it; empty if nothing is."""
    back = (run.record(step.id) for step in run.plan.way_back if is_there(step))
    left = [record.evidence.sentence for record in back if record.evidence.is_healthy is False]
    return f" {sentence(escaped(left[0], 500))}" if left else ""


def is_of_staging(run: Run, verdict: Verdict | None) -> bool:
    """Whether a verdict speaks of the rehearsal: nothing in production was compared then."""
    there = (run.record(step.id).evidence.verdict for step in run.plan.steps if is_there(step))
    return verdict is not None and verdict in tuple(there)


def is_there(step: Step) -> bool:
    return isinstance(step.action, OnStaging)


def _ran_there(run: Run, staging: Staging) -> str:
    """As the rehearsal found it; before that, as the plan did."""
    found = (run.record(s.id).evidence.workload for s in _steps(run) if isinstance(_action(s), CheckRollout))
    version = next((workload.version for workload in found if workload is not None), None)
    return version or staging.running_version


def _action(step: Step) -> Rehearsed | None:
    return step.action.action if isinstance(step.action, OnStaging) else None


def _steps(run: Run) -> tuple[Step, ...]:
    return tuple(step for step in (*run.plan.steps, *run.plan.way_back) if is_there(step))


def _word(run: Run, *, has_failed: bool) -> str:
    forward = [step for step in run.plan.steps if is_there(step)]
    if has_failed:
        return "failed"
    if all(run.record(step.id).status is StepStatus.DONE for step in forward):
        has_doubts = any(run.record(step.id).evidence.verdict is not None for step in forward)
        return "done, with something left unknown" if has_doubts else "passed"
    return "ended early" if run.turn is not None or run.is_terminal else "under way"


def _line(run: Run, step: Step) -> str:
    record, action = run.record(step.id), _action(step)
    is_done = record.status is StepStatus.DONE
    has_doubts = record.evidence.verdict is not None or record.evidence.is_healthy is False
    is_quiet = is_done and isinstance(action, _QUIET) and not has_doubts
    if record.status is StepStatus.PENDING or is_quiet:
        return ""
    mark = "!" if is_done and has_doubts else _MARK[record.status]
    is_over = run.is_terminal or (run.turn is not None and step in run.plan.steps)
    if record.status is StepStatus.INTENDED and is_over:
        return f"■ {escaped(step.title)}: ended here"
    if is_done and isinstance(action, CheckHealth | Watch):
        said = record.evidence.sentence
        if isinstance(action, CheckHealth) and record.evidence.is_healthy is None:
            mark = "–"
        return f"{mark} {sentence(escaped(said[:1].upper() + said[1:], 600))}"
    ends = until(run, step)
    said = record.sentence or record.awaiting if not is_done else record.evidence.sentence
    said = said.removeprefix(f"{step.title}: ").removeprefix(ON_STAGING)
    is_on = record.status is StepStatus.INTENDED and run.held_at is None
    later = f" until {when(ends)}" if ends is not None and is_on else ""
    return f"{mark} {escaped(step.title)}{later}" + (f": {escaped(said, 600)}" if said else "")

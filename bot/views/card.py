"""The root card: one per run, updated in place. What stands, what happens next, who may act."""

from bot.domain.actions import Bake, RestoreStable, RollOut, SetWeight
from bot.domain.events import Basis
from bot.domain.plan import Phase, Step
from bot.domain.run import Run, RunState, StepStatus
from bot.domain.verdict import Verdict
from bot.views import aftercare, blocks, rehearsal
from bot.views.cost import cost
from bot.views.figures import health_line
from bot.views.items import Block, Item, Place, Setting
from bot.views.plans import noticed
from bot.views.text import code, escaped, joined, sentence, short_digest, span, when

# Beside the word, never instead of it; none that Slack would turn into a picture.
_SYMBOL = {
    RunState.RUNNING: "●",
    RunState.WAITING: "◆",
    RunState.HELD: "‖",
    RunState.GOING_BACK: "←",
    RunState.FINISHED: "✓",
    RunState.ROLLED_BACK: "←",
    RunState.ABORTED: "■",
    RunState.STOPPED: "■",
}

# Spec §3: how far a run is when a phase begins and when it ends.
_RANGES = {
    Phase.GATES: (0, 20),
    Phase.STAGING: (20, 35),
    Phase.PRODUCTION: (35, 65),
    Phase.VALIDATION: (65, 85),
    Phase.MONITORING: (85, 95),
    Phase.FINISH: (95, 100),
}
_BAR = 20


def card(run: Run, setting: Setting) -> Item:
    """The run at a glance."""
    shown = [
        blocks.section(_title(run)),
        blocks.section(_progress(run)),
        blocks.section("\n".join(_lines(run, setting))),
    ]
    if not run.is_terminal:
        shown += noticed(run.plan)
    shown += _buttons(run, setting)
    # What a run does now may wait for a calm moment; that it waits, is held or goes back may not.
    is_news = run.state is not RunState.RUNNING
    return Item(key="root", place=Place.ROOT, text=summary(run), is_urgent=is_news, blocks=tuple(shown))


def summary(run: Run) -> str:
    """The run in one sentence, for phones and lists."""
    request = run.plan.request
    return (
        f"{escaped(request.application)} {escaped(request.running_version)} → {escaped(request.version)} "
        f"({request.strategy}, {escaped(request.environment)}): {now(run)}"
    )


def percent_done(run: Run) -> int:
    """How far the run is, by the steps that are done in each phase."""
    if run.state is RunState.FINISHED:
        return 100
    phase = run.phase
    low, high = _RANGES[phase]
    steps = [step for step in run.plan.steps if step.phase is phase]
    done = sum(run.record(step.id).status is StepStatus.DONE for step in steps)
    return low + (high - low) * done // max(1, len(steps))


def now(run: Run) -> str:
    """What is true now, as a sentence."""
    served = share(run)
    match run.state:
        case RunState.WAITING if run.question is not None:
            step = run.plan.step(run.question.step)
            return (
                f"{served}; waiting for approval since {when(run.question.asked_at)}: {escaped(step.title)}. "
                f"Without an answer back to {escaped(run.plan.request.running_version)} at "
                f"{when(run.question.expires_at)}."
            )
        case RunState.HELD:
            who = escaped(run.held_by.name) if run.held_by else "Slackwater"
            why = f" ({escaped(run.held_why)})" if run.held_why else ""
            since = f" since {when(run.held_at)}" if run.held_at else ""
            return f"Held by {who}{since}{why}, with {served}."
        case RunState.GOING_BACK:
            return f"Rolling back, now: {going_back(run)} {_why_back(run)}".strip()
        case RunState.FINISHED | RunState.ROLLED_BACK | RunState.ABORTED | RunState.STOPPED:
            return _ended(run)
        case _:
            return _doing(run, served)


def _ended(run: Run) -> str:
    request = run.plan.request
    took = span((run.ended_at or run.updated_at) - run.started_at)
    why = sentence(escaped(run.ended.sentence, 500)) if run.ended else ""
    if run.state is RunState.FINISHED:
        return f"Finished in {took}. {escaped(request.version)} serves everything."
    word = {
        RunState.ROLLED_BACK: "Rolled back",
        RunState.ABORTED: "Aborted",
        RunState.STOPPED: "Stopped before production was touched,",
    }[run.state]
    return f"{word} after {took}. {why} {cost(run)}{serves(run)}."


def serves(run: Run) -> str:
    """Who has the traffic after the way back, as far as the journal proves it.

    The way back gives again what the run itself had found, which somebody may have deployed since the plan.
    """
    restored = (run.record(s.id) for s in run.plan.way_back if isinstance(s.action, RestoreStable))
    seen = next((r.evidence.workload for r in restored if r.status is StepStatus.DONE), None)
    old = escaped((seen and seen.version) or run.plan.request.running_version)
    version = escaped(run.plan.request.version)
    if run.weight == 0:
        return f"{old} serves everything"
    return f"{weight(run)} of traffic is still on {version}, the way back did not get through"


def share(run: Run) -> str:
    """How much of the traffic the new version has."""
    return f"{weight(run)} of traffic on {escaped(run.plan.request.version)}"


def weight(run: Run) -> str:
    """In per cent. Pods of one Service share its requests equally, but only on the whole."""
    is_exact = run.plan.target.is_beside or run.weight in {0, 100}
    return f"{run.weight} %" if is_exact else f"about {run.weight} %"


def going_back(run: Run) -> str:
    """Which step of the way back is under way, and what it waits for."""
    for step in run.plan.way_back:
        record = run.record(step.id)
        if record.status is StepStatus.INTENDED:
            awaiting = f" ({escaped(record.awaiting)})" if record.awaiting else ""
            return f"{escaped(step.title)}{awaiting}."
    return "the next step of the way back."


def _why_back(run: Run) -> str:
    return sentence(escaped(run.turn.sentence, 500)) if run.turn else ""


def _doing(run: Run, served: str) -> str:
    steps = [step for step in run.open_steps if step in run.plan.steps]
    if not steps:
        # Between two steps; for a moment, unless something is wrong.
        following = next((s for s in run.plan.steps if run.record(s.id).status is StepStatus.PENDING), None)
        return f"{served}; next: {escaped(following.title)}." if following is not None else f"{served}."
    step = steps[0]
    record = run.record(step.id)
    if isinstance(step.action, Bake) and record.began is not None:
        until = run.lasts_until(step.id, step.action.duration) or record.began
        return f"{served} since {when(record.began)}, baking until {when(until)}."
    ends = rehearsal.until(run, step)
    if ends is not None:
        doubt = f" ({escaped(record.awaiting)})" if record.awaiting else ""
        return f"{escaped(step.title)} until {when(ends)}{doubt}."
    if step.phase is Phase.GATES:
        names = [s.action.gate for s in steps if s.action.kind == "run-gate"]
        return f"Gates are running: {escaped(', '.join(names))}."
    awaiting = f" ({escaped(record.awaiting)})" if record.awaiting else ""
    return f"{escaped(step.title)}{awaiting}."


def _title(run: Run) -> str:
    request = run.plan.request
    return (
        f"*{escaped(request.application)}*  {code(request.running_version)} → {code(request.version)}   "
        f"{request.strategy} · {escaped(request.environment)}   "
        f"{_SYMBOL[run.state]} *{run.state.value}*"
    )


def _progress(run: Run) -> str:
    done = percent_done(run)
    full = done * _BAR // 100
    bar = "▰" * full + "▱" * (_BAR - full)
    phases = " · ".join(f"{phase.value}{_phase_mark(run, phase)}" for phase in run.plan.phases)
    return f"{bar}  *{done} %*\n{phases}"


def _phase_mark(run: Run, phase: Phase) -> str:
    statuses = [run.record(step.id).status for step in run.plan.steps if step.phase is phase]
    if StepStatus.FAILED in statuses:
        return " ✗ failed"
    if all(status is StepStatus.DONE for status in statuses):
        return " ✓"
    is_under_way = any(status is not StepStatus.PENDING for status in statuses)
    if run.is_terminal or run.state is RunState.GOING_BACK:
        return " ■ ended here" if is_under_way else ""
    return " …" if is_under_way or phase is run.phase else ""


def _lines(run: Run, setting: Setting) -> list[str]:
    lines = [f"*Now*  {now(run)}"]
    verdict = _newest_verdict(run)
    if verdict is not None:
        lines.append(f"*Health*  {health_line(verdict)}")
    following = _next(run, setting)
    if following:
        lines.append(f"*Next*  {following}")
    lines.append(f"*Asked by*  {_people(run)}")
    if run.digest:
        lines.append(f"*Image*  {code(short_digest(run.digest))}")
    if not run.is_terminal:
        lines.append(f"*Way back*  {_way_back(run)}")
    return [*lines, *aftercare.lines(run)]


def _newest_verdict(run: Run) -> Verdict | None:
    for step in run.open_steps:
        verdict = run.record(step.id).evidence.verdict
        if verdict is not None:
            return verdict
    return None if rehearsal.is_of_staging(run, run.verdict) else run.verdict


def _next(run: Run, setting: Setting) -> str:
    if run.state is RunState.HELD:
        return "goes on when an approver resumes it; going back is always possible"
    if run.state is RunState.WAITING and run.question is not None:
        return f"an approver answers in the thread; reminder at {when(run.question.remind_at)}"
    if run.state is not RunState.RUNNING:
        return ""
    following = _next_shift(run)
    if following is None:
        return "finish, when the last steps are done"
    title = escaped(following.title)
    if run.plan.approvals.required == "none" or run.grant is not None:
        return f"{title}, without asking again while healthy"
    # No mention here: the card is posted when nobody has to do anything yet.
    nobody = "" if setting.approvers else " (nobody is configured to give it)"
    how_many = run.plan.approvals.people
    yes = "approval" if how_many == 1 else f"approval by {how_many} people"
    return f"{title}, after {yes}{nobody}"


def _next_shift(run: Run) -> Step | None:
    pending = (s for s in run.plan.shifts if run.record(s.id).status is StepStatus.PENDING)
    return next(pending, None)


def _people(run: Run) -> str:
    asked = escaped(run.asked_by.name) if run.asked_by else "nobody"
    request = run.plan.request
    undoes = f" · undoes {code(request.undoes)}" if request.undoes else ""
    reason = f' · "{escaped(request.reason)}"' if request.reason else ""
    given = "; ".join(f"{who} {', '.join(weights)}" for who, weights in _approvals(run).items())
    return f"{asked}{undoes}{reason}" + (f" · approvals: {given}" if given else "")


def _approvals(run: Run) -> dict[str, list[str]]:
    """Who said yes to which shifts, in the order of the first ones."""
    given: dict[str, list[str]] = {}
    for step in run.plan.shifts:
        approval = run.record(step.id).approval
        if approval is None or not isinstance(step.action, SetWeight | RollOut):
            continue
        who = joined(tuple(escaped(person.name) for person in approval.people))
        if approval.basis is Basis.GRANT and run.granted_by is not None:
            who = f"{escaped(run.granted_by.name)} (the rest while healthy)"
        what = _what(run, step)
        given.setdefault(who or f"by {approval.basis.value}", []).append(what)
    return given


def _what(run: Run, step: Step) -> str:
    if isinstance(step.action, SetWeight):
        return "the switch" if run.plan.target.is_switched else f"{step.action.weight} %"
    return "the rollout"


def _way_back(run: Run) -> str:
    version = escaped(run.plan.request.version)
    if not run.has_touched_production:
        home = "; staging gets back what it ran" if rehearsal.has_changed_staging(run) else ""
        return f"nothing in production is changed yet{home}"
    if run.plan.target.is_switched:
        home = escaped(run.plan.target.workload)
        return f"all traffic to {home}, then {version} removed; not drilled on staging"
    if run.plan.target.is_beside:
        return f"weight 0, then {version} removed; not drilled on staging"
    old, workload = escaped(run.plan.request.running_version), escaped(run.plan.target.workload)
    return f"{workload} gets {old} again, pod by pod; not drilled on staging"


def _buttons(run: Run, setting: Setting) -> list[Block]:
    link = [blocks.link("Open thread ↗", setting.thread)] if setting.thread else []
    value = f"r:{run.id}"
    if run.is_terminal or run.state is RunState.GOING_BACK:
        left = [*aftercare.buttons(run), *link]
        return [blocks.actions(*left)] if left else []
    first = (
        blocks.button("Resume", "resume", value, style="primary")
        if run.state is RunState.HELD
        else blocks.button("Hold", "hold", value)
    )
    return [blocks.actions(first, rollback_button(run, value), abort_button(run, value), *link)]


def rollback_button(run: Run, value: str) -> Block:
    version, old = run.plan.request.version, run.plan.request.running_version
    goes = "All traffic goes to" if run.plan.target.is_beside else "Every pod gets"
    question = f"{goes} {old}, {version} is removed and quarantined."
    asked = blocks.confirm(f"Roll {version} back?", question, "Roll back", "Keep going")
    return blocks.button("Roll back…", "rollback", value, style="danger", confirm=asked)


def abort_button(run: Run, value: str) -> Block:
    version, old = run.plan.request.version, run.plan.request.running_version
    question = f"The run ends with all traffic on {old}. {version} may be tried again."
    return blocks.button(
        "Abort…", "abort", value, confirm=blocks.confirm("End this run?", question, "Abort", "Keep")
    )

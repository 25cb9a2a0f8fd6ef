"""What stands in a run's thread besides questions and the end: plan, gates, canary, stages, trouble."""

from datetime import timedelta

from bot.domain.actions import Bake, DeployCanary, RunGate
from bot.domain.gates import Finding, GateResult, GateStatus, Severity
from bot.domain.outcome import Evidence
from bot.domain.plan import Plan, Step
from bot.domain.run import Run, RunState, StepStatus
from bot.domain.verdict import Verdict, VerdictKind
from bot.views import blocks
from bot.views.figures import figures_table, in_words, verdict_word
from bot.views.items import Block, Item, Picture, Place, Setting
from bot.views.text import code, count, escaped, sentence, short_digest, span, when

_FINDINGS = 5
_OUTAGE = timedelta(minutes=1)
_GATE_WORD = {
    GateStatus.PASSED: "✓ passed",
    GateStatus.FAILED: "✗ failed",
    GateStatus.WAIVED: "✓ waived",
    GateStatus.SKIPPED: "– skipped",
}
_SEVERITY = {Severity.BLOCKER: "✗", Severity.WARNING: "!", Severity.NOTE: "·"}


def plan_item(run: Run) -> Item:
    """The first reply: what will be done, and the way back."""
    plan = run.plan
    text = (
        f"The plan: {len(plan.steps)} steps, {len(plan.shifts)} approvals, about {span(plan.estimate)} "
        "if they come at once."
    )
    return Item(
        key="plan",
        place=Place.THREAD,
        text=text,
        blocks=(
            blocks.section(f"*{text}*"),
            blocks.section(steps_text(plan)),
            blocks.context(f"*Way back* {way_back_text(plan)}"),
            *_changes(plan),
        ),
    )


def steps_text(plan: Plan) -> str:
    """The steps as people read them, neighbours of a group in one line."""
    lines: list[str] = []
    group: str | None = None
    for step in plan.steps:
        mark = " *(approval)*" if step in plan.shifts else ""
        if step.group is not None and step.group == group:
            lines[-1] += f" · {escaped(step.title.removeprefix('Gate: '))}"
            continue
        group = step.group
        lines.append(f"{len(lines) + 1}. {escaped(step.title)}{mark}{_duration(step)}")
    return "\n".join(lines)


def way_back_text(plan: Plan) -> str:
    return " → ".join(escaped(step.title) for step in plan.way_back)


def _duration(step: Step) -> str:
    return f", {span(step.action.duration)}" if isinstance(step.action, Bake) else ""


def _changes(plan: Plan) -> list[Block]:
    changes = plan.request.changes
    if not changes:
        return []
    listed = "\n".join(f"• {escaped(subject, 120)}" for subject in changes[:8])
    more = f"\n… and {len(changes) - 8} more" if len(changes) > 8 else ""
    return [blocks.context(f"*Changes since {escaped(plan.request.running_version)}*\n{listed}{more}")]


def gates(run: Run) -> list[Item]:
    """Each gate as it ends."""
    found = []
    for step in run.plan.steps:
        result = run.record(step.id).evidence.gate
        if isinstance(step.action, RunGate) and result is not None:
            found.append(_gate(result))
    return found


def _gate(result: GateResult) -> Item:
    name = escaped(result.gate.replace("-", " ").capitalize())
    first = f"*{name}: {_GATE_WORD[result.status]}* in {span(result.took)}"
    lines = [first, escaped(result.headline, 500)]
    lines += [_finding(finding) for finding in result.findings[:_FINDINGS]]
    if len(result.findings) > _FINDINGS:
        lines.append(f"… and {len(result.findings) - _FINDINGS} more in the report")
    small = " · ".join(escaped(text, 120) for text in (*result.facts[:6], *result.tools[:4]))
    report = f" · report {code(result.report)}" if result.report else ""
    shown = [blocks.section("\n".join(lines))]
    if small or report:
        shown.append(blocks.context(f"{small}{report}".removeprefix(" · ")))
    return Item(
        key=f"gate/{result.gate}",
        place=Place.THREAD,
        text=f"{name}: {_GATE_WORD[result.status]} in {span(result.took)}. {escaped(result.headline, 500)}",
        is_urgent=result.status is GateStatus.FAILED,
        blocks=tuple(shown),
    )


def _finding(finding: Finding) -> str:
    place = f"{code(finding.place)} " if finding.place else ""
    remedy = f" → {escaped(finding.remedy, 200)}" if finding.remedy else ""
    return f"{_SEVERITY[finding.severity]} {place}{escaped(finding.message)}{remedy}"


def canary(run: Run) -> list[Item]:
    """The new version coming up: pods, problems, digest."""
    step = next((s for s in run.plan.steps if isinstance(s.action, DeployCanary)), None)
    if step is None:
        return []
    record = run.record(step.id)
    seen = record.evidence.workload
    if record.status is StepStatus.PENDING:
        return []
    version = escaped(run.plan.request.version)
    if record.status is StepStatus.DONE and seen is not None:
        took = span(record.ended - record.began) if record.ended and record.began else "a moment"
        text = (
            f"{version} is up: {seen.ready} of {seen.replicas} pods ready after {took}, without traffic. "
            f"Image {code(short_digest(seen.digest))}."
        )
        return [_item("deploy", text)]
    awaiting = escaped(record.sentence or record.awaiting or "creating its Deployment", 600)
    did = "did not come up" if record.status is StepStatus.FAILED else "is coming up"
    lines = [f"{version} {did}: {sentence(awaiting)}"]
    if seen is not None:
        lines += [f"• {escaped(problem)}" for problem in seen.problems[:3]]
    return [_item("deploy", "\n".join(lines))]


def stages(run: Run) -> list[Item]:
    """A snapshot at each stage's end, as text and as a picture."""
    found = []
    for step in run.plan.steps:
        record = run.record(step.id)
        verdict = record.evidence.verdict
        if not isinstance(step.action, Bake) or verdict is None:
            continue
        if record.status is StepStatus.INTENDED and _is_blind(record.evidence):
            found.append(_blind(run, step, verdict))
        if record.status in {StepStatus.DONE, StepStatus.FAILED}:
            found.append(_snapshot(run, step, verdict))
            found += _picture(run, step, verdict)
    return found


def _is_blind(evidence: Evidence) -> bool:
    """A minute without figures; a version that has just begun has none for a moment."""
    since = [t.blind_since for t in (evidence.canary, evidence.stable) if t and t.blind_since]
    return bool(since) and evidence.looked_at is not None and evidence.looked_at - min(since) >= _OUTAGE


def _snapshot(run: Run, step: Step, verdict: Verdict) -> Item:
    assert isinstance(step.action, Bake), "only bakes have snapshots"
    request, weight = run.plan.request, step.action.weight
    record = run.record(step.id)
    took = span(record.ended - record.began) if record.ended and record.began else "a while"
    first = f"*{weight} % for {took}: {verdict_word(verdict)}.* {escaped(verdict.sentence, 600)}"
    words = in_words(verdict, escaped(request.version), escaped(request.running_version))
    against = ""
    if weight == 100:
        against = f" {escaped(request.running_version)} has no traffic now; its figures are from before."
    small = (
        f"{count(verdict.canary_requests)} requests on {escaped(request.version)}, "
        f"{count(verdict.stable_requests)} on {escaped(request.running_version)}.{against}"
    )
    return Item(
        key=f"stage/{weight}",
        place=Place.THREAD,
        text=f"{weight} %: {verdict_word(verdict)}. {escaped(verdict.sentence, 600)} {words}",
        is_urgent=True,
        blocks=(
            blocks.section(first),
            figures_table(verdict, request.version, request.running_version),
            blocks.context(small),
        ),
    )


def _picture(run: Run, step: Step, verdict: Verdict) -> list[Item]:
    assert isinstance(step.action, Bake), "only bakes have pictures"
    points = run.record(step.id).evidence.points
    if len(points) < 2:
        return []
    request, weight = run.plan.request, step.action.weight
    alt = f"{weight} % stage. {in_words(verdict, request.version, request.running_version)}"
    worse = verdict.kind is VerdictKind.WORSE
    title = f"{weight} %: {request.version} is {'worse' if worse else 'no worse'}"
    if verdict.kind in {VerdictKind.INCONCLUSIVE, VerdictKind.NO_DATA}:
        title = f"{weight} %: {verdict.kind.value}"
    picture = Picture(
        name=f"canary-{weight}.png",
        title=title,
        alt=alt[:900],
        points=points,
        weight=weight,
        canary=request.version,
        stable=request.running_version,
    )
    return [Item(key=f"picture/{weight}", place=Place.THREAD, text=alt[:900], picture=picture)]


def _blind(run: Run, step: Step, verdict: Verdict) -> Item:
    text = (
        f"Nothing is known at {run.weight} %: {escaped(verdict.sentence, 500)} Traffic stays as it is; "
        "health checks go on. At the end of the bake time I ask."
    )
    return _item(f"blind/{step.id}", text, urgent=True)


def remarks(run: Run, setting: Setting) -> list[Item]:
    """What was noted, and holds."""
    found = []
    for remark in run.remarks:
        whom = " ".join((*setting.approvers, *setting.escalate_to)) + " " if remark.loud else ""
        found.append(
            _item(f"trouble/{remark.key}", f"{whom}{escaped(remark.sentence, 1_500)}", urgent=remark.loud)
        )
    if run.state is RunState.HELD and run.held_at is not None:
        found.append(_held(run, setting))
    return found


def _held(run: Run, setting: Setting) -> Item:
    version = escaped(run.plan.request.version)
    why = f" {escaped(run.held_why, 600)}" if run.held_why else ""
    if run.held_by is not None:
        text = (
            f"Held by {escaped(run.held_by.name)} since {when(run.held_at or run.updated_at)} with "
            f"{run.weight} % on {version}.{why} A hold does not expire; an approver resumes it."
        )
    else:
        whom = " ".join(setting.approvers)
        text = (
            f"{whom} Holding at {run.weight} %.{why} Resume if that is in order, or roll back. Without an "
            "answer the run goes back to stable."
        )
    return _item(f"held/{run.held_seq}", text, urgent=True)


def _item(key: str, text: str, *, urgent: bool = False) -> Item:
    return Item(key=key, place=Place.THREAD, text=text, is_urgent=urgent, blocks=(blocks.section(text),))

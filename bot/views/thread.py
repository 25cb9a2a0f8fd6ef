"""What stands in a run's thread besides plan, stages, questions and the end: gates, the canary, trouble."""

from datetime import datetime

from bot.domain.actions import DeployCanary, RollOut, RunGate
from bot.domain.gates import Finding, GateResult, GateStatus, Severity
from bot.domain.run import Hold, Run, RunState, StepRecord, StepStatus
from bot.views import blocks
from bot.views.card import weight
from bot.views.items import Item, Place, Setting, Told
from bot.views.text import code, escaped, plural, sentence, short_digest, span, took, when, with_short_digests

_FINDINGS = 5
_GATE_WORD = {
    GateStatus.PASSED: "✓ passed",
    GateStatus.FAILED: "✗ failed",
    GateStatus.WAIVED: "✓ waived",
    GateStatus.SKIPPED: "– skipped",
}
_SEVERITY = {Severity.BLOCKER: "✗ blocker", Severity.WARNING: "! warning", Severity.NOTE: "· note"}


def gates(run: Run) -> list[Told]:
    """Each gate as it ends."""
    found = []
    for step in run.plan.steps:
        record = run.record(step.id)
        result = record.evidence.gate
        if isinstance(step.action, RunGate) and result is not None:
            found.append((record.ended or run.started_at, _gate(step.action.gate, result)))
    return found


def gate_name(gate: str) -> str:
    return escaped(gate.replace("-", " ").capitalize(), 60)


def finding_line(finding: Finding) -> str:
    """`✗ blocker src/prefs.py:88 An error is swallowed → log it`."""
    place = f"{code(finding.place)} " if finding.place else ""
    remedy = f" → {escaped(finding.remedy, 200)}" if finding.remedy else ""
    return f"{_SEVERITY[finding.severity]}  {place}{escaped(finding.message)}{remedy}"


def _gate(gate: str, result: GateResult) -> Item:
    name, word = gate_name(gate), _GATE_WORD[result.status]
    said = escaped(with_short_digests(result.headline), 500)
    headline = sentence(said[:1].upper() + said[1:])
    lines = [f"*{name}: {word}* in {span(result.took)}", headline]
    # The gravest first: the first few decide what people look at.
    order = list(Severity)
    findings = sorted(result.findings, key=lambda finding: order.index(finding.severity))
    lines += [finding_line(finding) for finding in findings[:_FINDINGS]]
    if len(findings) > _FINDINGS:
        lines.append(f"… and {len(findings) - _FINDINGS} more in the report")
    shown = [blocks.section("\n".join(line for line in lines if line))]
    facts = [fact for fact in result.facts if fact not in result.headline]
    small = [escaped(with_short_digests(text), 120) for text in (*facts[:6], *result.tools[:4])]
    if result.report:
        small.append(f"report {code(result.report)}")
    if small:
        shown.append(blocks.context(" · ".join(small)))
    return Item(
        key=f"gate/{gate}",
        place=Place.THREAD,
        text=f"{name}: {word} in {span(result.took)}. {headline}",
        is_urgent=result.status is GateStatus.FAILED,
        blocks=tuple(shown),
    )


def deployed(run: Run) -> list[Told]:
    """The new version coming up, beside the one before or in its place: pods, problems, digest."""
    step = next((s for s in run.plan.steps if isinstance(s.action, DeployCanary | RollOut)), None)
    if step is None:
        return []
    record = run.record(step.id)
    if record.status is StepStatus.PENDING:
        return []
    told = _coming_up(run, record) if run.plan.target.is_beside else _rolled(run, record)
    return [(record.began or run.started_at, _item("deploy", told))]


def _rolled(run: Run, record: StepRecord) -> str:
    request, seen = run.plan.request, record.evidence.workload
    version, old = escaped(request.version), escaped(request.running_version)
    if record.status is StepStatus.DONE and seen is not None:
        return (
            f"{version} has replaced {old} in {took(record.began, record.ended)}: {seen.ready} of "
            f"{plural(seen.replicas, 'pod')} ready. Image {code(short_digest(seen.digest))}."
        )
    if run.turn is not None:
        renewed = seen.renewed(request.image) if seen else 0
        where = f"{renewed} of {plural(seen.replicas, 'pod')}" if seen and renewed else "no pod"
        return f"{version} had come to {where} when the run turned back."
    awaiting = sentence(escaped(record.sentence or record.awaiting or "the rollout begins", 600))
    lines = [f"{version} is replacing {old}, pod by pod: {awaiting}"]
    if seen is not None:
        lines += [f"• {escaped(problem)}" for problem in seen.problems[:3]]
    return "\n".join(lines)


def _coming_up(run: Run, record: StepRecord) -> str:
    seen, version = record.evidence.workload, escaped(run.plan.request.version)
    if record.status is StepStatus.DONE and seen is not None:
        how_long = took(record.began, record.ended)
        return (
            f"{version} is up: {seen.ready} of {plural(seen.replicas, 'pod')} ready after {how_long}, "
            f"without traffic. Image {code(short_digest(seen.digest))}."
        )
    awaiting = escaped(record.sentence or record.awaiting or "its Deployment is being created", 600)
    did = "did not come up" if record.status is StepStatus.FAILED else "is coming up"
    lines = [f"{version} {did}: {sentence(awaiting)}"]
    if seen is not None:
        lines += [f"• {escaped(problem)}" for problem in seen.problems[:3]]
    return "\n".join(lines)


def remarks(run: Run, setting: Setting) -> list[Told]:
    """What was noted, and the holds: those that are over, and the one that lasts."""
    found: list[Told] = []
    for remark in run.remarks:
        whom = _mentions(*setting.approvers, *setting.escalate_to) if remark.loud else ""
        text = f"{whom}{escaped(remark.sentence, 1_500)}"
        found.append((remark.at, _item(f"trouble/{remark.key}", text, urgent=remark.loud)))
    found += [(hold.began, _item(f"held/{hold.seq}", _was_held(run, hold))) for hold in run.holds]
    if run.state is RunState.HELD and run.held_at is not None:
        found.append((run.held_at, _held(run, setting, run.held_at)))
    return found


def _held(run: Run, setting: Setting, since: datetime) -> Item:
    version = escaped(run.plan.request.version)
    why = f" {sentence(escaped(run.held_why, 600))}" if run.held_why else ""
    if run.held_by is not None:
        text = (
            f"Held by {escaped(run.held_by.name)} since {when(since)} with {weight(run)} on {version}.{why} "
            "A hold does not expire; an approver resumes it."
        )
    else:
        text = (
            f"{_mentions(*setting.approvers)}Holding at {weight(run)} since {when(since)}.{why} Resume if "
            "that is in order, or roll back. Without an answer the run goes back to stable."
        )
    return _item(f"held/{run.held_seq}", text, urgent=run.held_by is None)


def _was_held(run: Run, hold: Hold) -> str:
    who = escaped(hold.by.name) if hold.by is not None else "Slackwater"
    why = f" {sentence(escaped(hold.why, 600))}" if hold.why else ""
    if hold.resumed_by is not None:
        over = f"Resumed by {escaped(hold.resumed_by.name)}."
    else:
        over = f"It ended with the way back to {escaped(run.plan.request.running_version)}."
    lasted = span(hold.ended - hold.began)
    return f"Held by {who} from {when(hold.began)} to {when(hold.ended)}, {lasted}.{why} {over}"


def _mentions(*whom: str) -> str:
    return f"{' '.join(dict.fromkeys(whom))} " if whom else ""


def _item(key: str, text: str, *, urgent: bool = False) -> Item:
    return Item(key=key, place=Place.THREAD, text=text, is_urgent=urgent, blocks=(blocks.section(text),))

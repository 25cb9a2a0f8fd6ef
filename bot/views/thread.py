"""What stands in a run's thread besides questions and the end: plan, gates, canary, stages, trouble."""

from datetime import datetime, timedelta

from bot.domain.actions import Bake, DeployCanary, RunGate
from bot.domain.gates import Finding, GateResult, GateStatus, Severity
from bot.domain.outcome import Evidence
from bot.domain.plan import Plan, Step
from bot.domain.run import Run, RunState, StepRecord, StepStatus
from bot.domain.verdict import Check, Verdict, VerdictKind
from bot.views import blocks
from bot.views.figures import comparison, figures_table, in_words, verdict_word
from bot.views.items import Block, Item, Picture, Place, Setting, Told
from bot.views.text import code, count, escaped, joined, plural, sentence, short_digest, span, when

_FINDINGS = 5
_CHANGES = 8
_OUTAGE = timedelta(minutes=1)
_GATE_WORD = {
    GateStatus.PASSED: "✓ passed",
    GateStatus.FAILED: "✗ failed",
    GateStatus.WAIVED: "✓ waived",
    GateStatus.SKIPPED: "– skipped",
}
_SEVERITY = {Severity.BLOCKER: "✗ blocker", Severity.WARNING: "! warning", Severity.NOTE: "· note"}


def plan_item(run: Run) -> Item:
    """The first reply: what will be done, and the way back."""
    plan = run.plan
    text = (
        f"The plan: {plural(len(plan.steps), 'step')}, {plural(len(plan.shifts), 'approval')}, about "
        f"{span(plan.estimate)} if every approval comes at once."
    )
    return Item(
        key="plan",
        place=Place.THREAD,
        text=text,
        blocks=(
            blocks.section(f"*{text}*"),
            *blocks.sections(step_lines(plan)),
            blocks.context(f"*Way back*  {way_back_text(plan)}"),
            *_changes(plan),
            *noticed(plan),
        ),
    )


def step_lines(plan: Plan) -> list[str]:
    """The steps as people read them, under their numbers; neighbours of a group share a line."""
    lines: list[str] = []
    first = 1
    for number, step in enumerate(plan.steps, 1):
        before = plan.steps[number - 2] if number > 1 else None
        if before is not None and step.group is not None and step.group == before.group:
            told = lines[-1].partition(". ")[2].replace("Gate: ", "Gates: ", 1)
            lines[-1] = f"{first}–{number}. {told} · {escaped(step.title.removeprefix('Gate: '))}"
            continue
        first = number
        mark = " *(approval)*" if step in plan.shifts else ""
        lines.append(f"{number}. {escaped(step.title)}{mark}{_duration(step)}")
    return lines


def way_back_text(plan: Plan) -> str:
    return " → ".join(escaped(step.title) for step in plan.way_back)


def noticed(plan: Plan) -> list[Block]:
    """What policy has to say; nothing if it has nothing."""
    if not plan.findings:
        return []
    listed = "\n".join(f"• {escaped(finding)}" for finding in plan.findings[:_CHANGES])
    more = len(plan.findings) - _CHANGES
    return [blocks.context(f"*Noticed*\n{listed}" + (f"\n… and {more} more" if more > 0 else ""))]


def _duration(step: Step) -> str:
    return f", {span(step.action.duration)}" if isinstance(step.action, Bake) else ""


def _changes(plan: Plan) -> list[Block]:
    changes = plan.request.changes
    if not changes:
        return []
    listed = "\n".join(f"• {escaped(subject, 120)}" for subject in changes[:_CHANGES])
    more = f"\n… and {len(changes) - _CHANGES} more" if len(changes) > _CHANGES else ""
    return [blocks.context(f"*Changes since {escaped(plan.request.running_version)}*\n{listed}{more}")]


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
    headline = escaped(result.headline, 500)
    lines = [f"*{name}: {word}* in {span(result.took)}", headline]
    # The gravest first: the first few decide what people look at.
    order = list(Severity)
    findings = sorted(result.findings, key=lambda finding: order.index(finding.severity))
    lines += [finding_line(finding) for finding in findings[:_FINDINGS]]
    if len(findings) > _FINDINGS:
        lines.append(f"… and {len(findings) - _FINDINGS} more in the report")
    shown = [blocks.section("\n".join(line for line in lines if line))]
    small = [escaped(text, 120) for text in (*result.facts[:6], *result.tools[:4])]
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


def canary(run: Run) -> list[Told]:
    """The new version coming up: pods, problems, digest."""
    step = next((s for s in run.plan.steps if isinstance(s.action, DeployCanary)), None)
    if step is None:
        return []
    record = run.record(step.id)
    if record.status is StepStatus.PENDING:
        return []
    return [(record.began or run.started_at, _item("deploy", _coming_up(run, record)))]


def _coming_up(run: Run, record: StepRecord) -> str:
    seen, version = record.evidence.workload, escaped(run.plan.request.version)
    if record.status is StepStatus.DONE and seen is not None:
        return (
            f"{version} is up: {seen.ready} of {plural(seen.replicas, 'pod')} ready after {_took(record)}, "
            f"without traffic. Image {code(short_digest(seen.digest))}."
        )
    awaiting = escaped(record.sentence or record.awaiting or "its Deployment is being created", 600)
    did = "did not come up" if record.status is StepStatus.FAILED else "is coming up"
    lines = [f"{version} {did}: {sentence(awaiting)}"]
    if seen is not None:
        lines += [f"• {escaped(problem)}" for problem in seen.problems[:3]]
    return "\n".join(lines)


def stages(run: Run) -> list[Told]:
    """A snapshot at each stage's end, as text and as a picture; and a stage that cannot be judged."""
    found: list[Told] = []
    for step in run.plan.steps:
        record = run.record(step.id)
        verdict = record.evidence.verdict
        if not isinstance(step.action, Bake) or verdict is None:
            continue
        if record.ended is not None:
            found.append((record.ended, _snapshot(run, step.action, record, verdict)))
            found += [(record.ended, item) for item in _picture(run, step.action, record, verdict)]
            continue
        since = _outage(record.evidence)
        if since is not None:
            found.append((since, _blind(run, step, verdict, since)))
    return found


def _outage(evidence: Evidence) -> datetime | None:
    """Since when there are no figures, once it is a minute; a version that has just begun has none yet."""
    since = min(
        (t.blind_since for t in (evidence.canary, evidence.stable) if t and t.blind_since), default=None
    )
    is_long = since is not None and evidence.looked_at is not None and evidence.looked_at - since >= _OUTAGE
    return since if is_long else None


def _snapshot(run: Run, action: Bake, record: StepRecord, verdict: Verdict) -> Item:
    request, weight = run.plan.request, action.weight
    new, old = escaped(request.version), escaped(request.running_version)
    said = escaped(verdict.sentence, 600)
    against = f" {old} has no traffic now; its figures are from before." if weight == 100 else ""
    small = (
        f"{count(verdict.canary_requests)} requests on {new}, {count(verdict.stable_requests)} on {old}."
        f"{against}"
    )
    shown = [blocks.section(f"*{weight} % for {_took(record)}: {verdict_word(verdict)}.* {said}")]
    if verdict.checks:
        shown.append(figures_table(verdict, request.version, request.running_version))
    return Item(
        key=f"stage/{weight}",
        place=Place.THREAD,
        text=f"{weight} %: {verdict_word(verdict)}. {said} {comparison(verdict)}".strip(),
        is_urgent=True,
        blocks=(*shown, blocks.context(small)),
    )


def _picture(run: Run, action: Bake, record: StepRecord, verdict: Verdict) -> list[Item]:
    points = record.evidence.points
    if len(points) < 2:
        return []
    request, weight = run.plan.request, action.weight
    alt = blocks.cut(f"{weight} % stage. {in_words(verdict, request.version, request.running_version)}", 900)
    picture = Picture(
        name=f"canary-{weight}.png",
        title=_title(request.version[:40], weight, verdict),
        alt=alt,
        points=points,
        weight=weight,
        canary=request.version,
        stable=request.running_version,
        allowed={check.name: check.limit for check in verdict.checks if check.limit is not None},
    )
    text = (
        f"{weight} % stage. {in_words(verdict, escaped(request.version), escaped(request.running_version))}"
    )
    return [Item(key=f"picture/{weight}", place=Place.THREAD, text=text, picture=picture)]


def _title(version: str, weight: int, verdict: Verdict) -> str:
    """What the picture shows, in words; only what was judged is called no worse."""
    judged = [check for check in verdict.checks if check.judged]
    match verdict.kind:
        case VerdictKind.HEALTHY:
            return f"{_names(judged)} at {weight} %: {version} is no worse"
        case VerdictKind.WORSE:
            worse = [check for check in judged if check.kind is VerdictKind.WORSE]
            return f"{_names(worse)} at {weight} %: {version} is worse"
        case VerdictKind.INCONCLUSIVE:
            return f"{version} at {weight} %: inconclusive"
        case VerdictKind.NO_DATA:
            return f"{version} at {weight} %: no figures"


def _names(checks: list[Check]) -> str:
    names = joined(tuple(check.name for check in checks)) or "figures"
    return names[0].upper() + names[1:]


def _blind(run: Run, step: Step, verdict: Verdict, since: datetime) -> Item:
    """It stands there for good, so it says since when, and where to see how it went on."""
    why = sentence(escaped(verdict.sentence, 500))
    text = (
        f"No figures since {when(since)}; holding at {run.weight} %. {why} Traffic stays as it is and health "
        "checks go on. If figures come back, the stage goes on; at its end I tell what was seen, or ask."
    )
    return _item(f"blind/{step.id}", text, urgent=True)


def remarks(run: Run, setting: Setting) -> list[Told]:
    """What was noted, and the newest hold."""
    found: list[Told] = []
    for remark in run.remarks:
        whom = _mentions(*setting.approvers, *setting.escalate_to) if remark.loud else ""
        text = f"{whom}{escaped(remark.sentence, 1_500)}"
        found.append((remark.at, _item(f"trouble/{remark.key}", text, urgent=remark.loud)))
    if run.state is RunState.HELD and run.held_at is not None:
        found.append((run.held_at, _held(run, setting, run.held_at)))
    elif run.held_seq:
        # When it ended is not in the run any more; where it was posted, it is edited.
        over = _item(f"held/{run.held_seq}", "This hold is over; the card shows where the run stands.")
        found.append((run.started_at, over))
    return found


def _held(run: Run, setting: Setting, since: datetime) -> Item:
    version = escaped(run.plan.request.version)
    why = f" {sentence(escaped(run.held_why, 600))}" if run.held_why else ""
    if run.held_by is not None:
        text = (
            f"Held by {escaped(run.held_by.name)} since {when(since)} with {run.weight} % on {version}.{why} "
            "A hold does not expire; an approver resumes it."
        )
    else:
        text = (
            f"{_mentions(*setting.approvers)}Holding at {run.weight} % since {when(since)}.{why} Resume if "
            "that is in order, or roll back. Without an answer the run goes back to stable."
        )
    return _item(f"held/{run.held_seq}", text, urgent=True)


def _mentions(*whom: str) -> str:
    return f"{' '.join(dict.fromkeys(whom))} " if whom else ""


def _took(record: StepRecord) -> str:
    return span(record.ended - record.began) if record.ended and record.began else "a moment"


def _item(key: str, text: str, *, urgent: bool = False) -> Item:
    return Item(key=key, place=Place.THREAD, text=text, is_urgent=urgent, blocks=(blocks.section(text),))

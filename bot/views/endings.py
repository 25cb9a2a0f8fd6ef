"""The way back and the end, for engineers in the thread and for stakeholders in plain words."""

from datetime import datetime, timedelta

from bot.domain.actions import Bake, CheckHealth, SetWeight, TrafficToStable
from bot.domain.gates import GateStatus
from bot.domain.run import Run, RunState, StepStatus
from bot.domain.verdict import VerdictKind
from bot.views import blocks
from bot.views.items import Item, Place, Setting
from bot.views.text import count, escaped, sentence, span, when


def rollback(run: Run, setting: Setting) -> list[Item]:
    """Why the run goes back, with figures and times; edited as it goes."""
    turn = run.turn
    if turn is None or not run.has_touched_production:
        return []
    version, old = escaped(run.plan.request.version), escaped(run.plan.request.running_version)
    whom = f"{' '.join(setting.approvers)} " if turn.by is None and setting.approvers else ""
    word = "Rolling back" if not run.is_terminal else "Rolled back"
    times = []
    if turn.first_seen is not None:
        times.append(f"{_exact(turn.first_seen)} first seen")
    times.append(f"{_exact(turn.at)} decided")
    accepted = _accepted(run)
    if accepted is not None:
        times.append(f"{_exact(accepted)} weight 0 accepted")
    lines = [f"*{word} {version}*: {sentence(escaped(turn.sentence, 900))}", " · ".join(times)]
    if run.is_terminal:
        lines.append(f"{_failed(run)}{old} serves everything{_healthy_again(run)}.")
        if turn.quarantine:
            lines.append(f"{version} is quarantined: it cannot be deployed until somebody releases it.")
    else:
        lines.append(_under_way(run))
    text = f"{whom}{word} {version}: {sentence(escaped(turn.sentence, 900))}"
    return [
        Item(
            key="rollback",
            place=Place.THREAD,
            text=text,
            is_urgent=True,
            blocks=(blocks.section(whom + "\n".join(lines)),),
        )
    ]


def _exact(moment: datetime) -> str:
    """A moment with seconds: in a rollback they matter."""
    return f"<!date^{int(moment.timestamp())}^{{time_secs}}|{moment:%H:%M:%S} UTC>"


def end(run: Run) -> list[Item]:
    """The last message of a run, shown in the channel too."""
    if run.ended is None:
        return []
    request = run.plan.request
    name, version, old = (escaped(t) for t in (request.application, request.version, request.running_version))
    took = span((run.ended_at or run.updated_at) - run.started_at)
    waiting = _waited(run)
    if run.state is RunState.FINISHED:
        waited = f", of which {span(waiting)} waiting for people" if waiting > timedelta(minutes=1) else ""
        first = f"*{name} {version} is in {escaped(request.environment)}.* {took}{waited}."
        shown = [blocks.section(first), blocks.section("\n".join(_criteria(run)))]
    else:
        word = {
            RunState.ROLLED_BACK: f"{name} {version} was rolled back",
            RunState.ABORTED: f"{name} {version} was aborted",
            RunState.STOPPED: f"{name} {version} was stopped before production",
        }[run.state]
        first = (
            f"*{word}* after {took}. {sentence(escaped(run.ended.sentence, 900))} {old} serves everything."
        )
        shown = [blocks.section(first)]
    text = first.replace("*", "")
    return [
        Item(
            key="end",
            place=Place.THREAD,
            text=text,
            is_broadcast=True,
            blocks=tuple(shown),
        )
    ]


def stakeholders(run: Run, setting: Setting) -> list[Item]:
    """Start, first shift, finish: three messages in words of everyday, and no more."""
    request = run.plan.request
    name, version, old = (escaped(t) for t in (request.application, request.version, request.running_version))
    follow = f" <{setting.thread}|Follow ↗>" if setting.thread else ""
    about = f' What is new: "{escaped(request.reason)}".' if request.reason else ""
    until = when(run.started_at + run.plan.estimate)
    items = [
        _told(
            "start",
            f"{name} {version} is going out to {escaped(request.environment)} step by step, until about "
            f"{until} at the earliest.{about}{follow}",
        )
    ]
    first = next((s for s in run.plan.shifts if run.record(s.id).status is StepStatus.DONE), None)
    if first is not None and isinstance(first.action, SetWeight):
        share = first.action.weight
        items.append(_told("first-shift", f"The first {share} % of users have {name} {version}.{follow}"))
    if run.ended is not None:
        items.append(_told("finish", f"{_finish(run, name, version, old)}{follow}"))
    return items


def _finish(run: Run, name: str, version: str, old: str) -> str:
    at = when(run.ended_at or run.updated_at)
    if run.state is RunState.FINISHED:
        return f"{name} {version} is out: everyone has it since {at}."
    if run.state is RunState.STOPPED:
        return f"{name} {version} was not released: its checks did not pass. Everyone is still on {old}."
    return f"{name} {version} was taken back at {at}. {_failed(run)}Everyone is on {old} again."


def _told(key: str, text: str) -> Item:
    is_end = key == "finish"
    return Item(
        key=f"stakeholders/{key}",
        place=Place.STAKEHOLDERS,
        text=text,
        is_urgent=is_end,
        blocks=(blocks.section(text),),
    )


def _accepted(run: Run) -> datetime | None:
    for step in run.plan.way_back:
        record = run.record(step.id)
        if isinstance(step.action, TrafficToStable) and record.status is StepStatus.DONE:
            return record.evidence.accepted_at
    return None


def _under_way(run: Run) -> str:
    for step in run.plan.way_back:
        record = run.record(step.id)
        if record.status is StepStatus.INTENDED:
            awaiting = f" ({escaped(record.awaiting)})" if record.awaiting else ""
            return f"Now: {escaped(step.title)}{awaiting}."
    return "Now: the next step of the way back."


def _failed(run: Run) -> str:
    """How many requests failed on the new version, as counted in the stages."""
    tallies = [run.record(s.id).evidence.canary for s in run.plan.steps if isinstance(s.action, Bake)]
    known = [tally for tally in tallies if tally is not None]
    if not known:
        return ""
    failed, of = sum(t.errors for t in known), sum(t.requests for t in known)
    return f"{count(failed)} of {count(of)} requests on {escaped(run.plan.request.version)} failed. "


def _healthy_again(run: Run) -> str:
    asked = [s for s in run.plan.way_back if isinstance(s.action, CheckHealth)]
    if any(run.record(s.id).status is StepStatus.DONE for s in asked):
        return " and is healthy"
    return ""


def _waited(run: Run) -> timedelta:
    return sum((closed.at - closed.question.asked_at for closed in run.closed), timedelta(0))


def _criteria(run: Run) -> list[str]:
    """Spec §3's criteria: ticked from evidence, or said not to be known."""
    results = [r.gate for s in run.plan.steps if (r := run.record(s.id).evidence).gate is not None]
    gates = [g for g in results if g is not None]
    passed = bool(gates) and all(g.status is GateStatus.PASSED for g in gates)
    verdicts = [v for s in run.plan.steps if (v := run.record(s.id).evidence.verdict) is not None]
    healthy = bool(verdicts) and all(v.kind is VerdictKind.HEALTHY for v in verdicts)
    asked = [s for s in run.plan.steps if isinstance(s.action, CheckHealth)]
    answered = [s for s in asked if "Not asked" not in run.record(s.id).evidence.sentence]
    return [
        _tick(passed, f"{len(gates)} gates passed" if gates else "no gates were configured"),
        _tick(True, "production finished: stable runs it, the canary is gone"),
        _tick(healthy, f"{len(verdicts)} comparisons with stable{', all healthy' if healthy else ''}"),
        _tick(bool(answered), "health paths green" if answered else "health not asked: no url is configured"),
        _tick(True, "stakeholders told"),
        "– not checked by this version: staging, user-facing issues, alerts and dashboard, rollback drill",
    ]


def _tick(is_so: bool, text: str) -> str:  # noqa: FBT001
    return f"{'✓' if is_so else '✗'} {text}"

"""The way back and the end, for engineers in the thread and for stakeholders in plain words."""

from datetime import datetime, timedelta

from bot.domain.actions import CheckHealth, RollOut, SetWeight
from bot.domain.events import Ended
from bot.domain.gates import GateStatus
from bot.domain.run import Run, RunState, StepStatus, Turn
from bot.views import blocks
from bot.views.aftercare import promise
from bot.views.card import going_back, serves
from bot.views.cost import cost, has_reached_users, traffic_home
from bot.views.criteria import criteria
from bot.views.figures import comparison
from bot.views.items import Item, Place, Setting, Told
from bot.views.rehearsal import left_as_it_is
from bot.views.text import code, escaped, sentence, span, when
from bot.views.thread import finding_line, gate_name

_BLOCKERS = 5


def rollback(run: Run, setting: Setting) -> list[Told]:
    """Why the run goes back, with figures and times; edited as it goes."""
    turn = run.turn
    if turn is None or not run.has_touched_production:
        return []
    version, old = escaped(run.plan.request.version), escaped(run.plan.request.running_version)
    whom = f"{' '.join(setting.approvers)} " if turn.by is None and setting.approvers else ""
    word = "Rolling back" if not run.is_terminal else "Rolled back"
    why = sentence(escaped(turn.sentence, 900))
    lines = [f"{whom}*{word} {version}*: {why}", " · ".join(_times(run, turn))]
    if run.is_terminal:
        lines.append(f"{cost(run)}{serves(run)}{_healthy_again(run)}.")
        if run.verdict is not None and run.verdict.checks:
            figures = " · ".join(comparison(run.verdict))
            lines.append(f"Last figures of {version} against {old}: {figures}.")
        if turn.quarantine:
            release = code(f"{setting.command} release {run.plan.request.version}")
            lines.append(f"{version} is quarantined until an admin types {release}.")
    else:
        goes = "All traffic goes to" if run.plan.target.is_beside else "Every pod gets"
        lines.append(f"Now: {going_back(run)} {goes} {old}.")
    item = Item(
        key="rollback",
        place=Place.THREAD,
        text=f"{whom}{word} {version}: {why}",
        is_urgent=True,
        blocks=(blocks.section("\n".join(lines)),),
    )
    return [(turn.at, item)]


def _times(run: Run, turn: Turn) -> list[str]:
    times = []
    if turn.first_seen is not None:
        times.append(f"{_exact(turn.first_seen)} first seen")
    times.append(f"{_exact(turn.at)} decided")
    accepted = traffic_home(run)
    if accepted is not None:
        home = _home(run)
        times.append(f"{_exact(accepted)} {home}")
    return times


def _home(run: Run) -> str:
    if run.plan.target.is_switched:
        return "switched back"
    return "weight 0 accepted" if run.plan.target.is_beside else "last pod replaced"


def _exact(moment: datetime) -> str:
    """A moment with seconds: in a rollback they matter."""
    return f"<!date^{int(moment.timestamp())}^{{time_secs}}|{moment:%H:%M:%S} UTC>"


def end(run: Run) -> list[Item]:
    """The last message of a run, shown in the channel too."""
    if run.ended is None:
        return []
    first = _finished(run) if run.state is RunState.FINISHED else _unfinished(run, run.ended)
    shown = [blocks.section(first)]
    if run.state is RunState.FINISHED:
        shown += blocks.sections(criteria(run))
    else:
        shown += blocks.sections(_blockers(run))
    item = Item(
        key="end",
        place=Place.THREAD,
        text=first.replace("*", ""),
        is_broadcast=True,
        blocks=tuple(shown),
    )
    return [item]


def _finished(run: Run) -> str:
    request = run.plan.request
    name, version = escaped(request.application), escaped(request.version)
    waiting = waited(run)
    of_which = f", of which {span(waiting)} waiting for people" if waiting > timedelta(minutes=1) else ""
    took = f"It took {_took(run)}{of_which}."
    return f"*{name} {version} is in {escaped(request.environment)}.* {took}{promise(run)}"


def _unfinished(run: Run, ended: Ended) -> str:
    request = run.plan.request
    word = {
        RunState.ROLLED_BACK: "was rolled back",
        RunState.ABORTED: "was aborted",
        RunState.STOPPED: "was stopped before production",
    }.get(run.state, run.state.value)
    name, version = escaped(request.application), escaped(request.version)
    why = sentence(escaped(ended.sentence, 900))
    served = f"{cost(run)}{serves(run)}.{left_as_it_is(run)}"
    return f"*{name} {version} {word}* after {_took(run)}. {why} {served}{_kept_out(run)}"


def _kept_out(run: Run) -> str:
    """That the version is quarantined, where no message of a rollback says so: production was untouched."""
    if run.turn is None or not run.turn.quarantine or run.has_touched_production:
        return ""
    return f" {escaped(run.plan.request.version)} is quarantined until an admin releases it."


def _blockers(run: Run) -> list[str]:
    """What the gates that failed found, the first few of each."""
    lines = []
    for step in run.plan.steps:
        result = run.record(step.id).evidence.gate
        if result is None or result.status is not GateStatus.FAILED:
            continue
        lines.append(f"*{gate_name(result.gate)}*: {escaped(result.headline, 300)}")
        lines += [finding_line(finding) for finding in result.blockers[:_BLOCKERS]]
    return lines


def _took(run: Run) -> str:
    return span((run.ended_at or run.updated_at) - run.started_at)


def stakeholders(run: Run, setting: Setting) -> list[Item]:
    """Start, first shift, finish: three messages in words of everyday, and no more."""
    request = run.plan.request
    name, version, old = (escaped(t) for t in (request.application, request.version, request.running_version))
    follow = f" <{setting.thread}|Follow ↗>" if setting.thread else ""
    is_new = request.undoes is None
    about = f' What is new: "{escaped(request.reason)}".' if request.reason and is_new else ""
    coming = version if is_new else f"{version}, which ran before {old},"
    items = [_told("start", f"{name} {coming} {_going_out(run)}{about}{follow}")]
    first = next((s for s in run.plan.shifts if run.record(s.id).status is StepStatus.DONE), None)
    if first is not None and isinstance(first.action, SetWeight):
        share = first.action.weight
        have = "All users have" if share == 100 else f"The first {share} % of users have"
        now = " now; it is being watched" if share == 100 else ""
        items.append(_told("first-shift", f"{have} {name} {version}{now}.{follow}"))
    elif first is not None and isinstance(first.action, RollOut):
        items.append(
            _told("first-shift", f"All users have {name} {version} now; it is being watched.{follow}")
        )
    if run.ended is not None:
        items.append(_told("finish", f"{_finish(run, name, version, old)}{follow}"))
    return items


def _going_out(run: Run) -> str:
    where = f"is going out to {escaped(run.plan.request.environment)}"
    if run.plan.target.is_switched:
        return f"{where}. It is tried first where no user is; then all users get it at once."
    until = when(run.started_at + run.plan.estimate)
    return f"{where} step by step. All users have it at about {until} at the earliest."


def _finish(run: Run, name: str, version: str, old: str) -> str:
    at = when(run.ended_at or run.updated_at)
    if run.state is RunState.FINISHED:
        return f"{name} {version} is out: everyone has it since {_everyone_since(run) or at}."
    if not has_reached_users(run):
        has_failed = any(record.status is StepStatus.FAILED for record in run.steps.values())
        why = " its checks did not pass" if has_failed else " it was stopped before"
        return f"{name} {version} was not released:{why}. Everyone is still on {old}."
    if run.weight:
        return f"{name} {version} is being taken back, and some users still have it. Engineers are on it."
    return f"{name} {version} was taken back at {at}. {cost(run)}Everyone is on {old} again."


def _everyone_since(run: Run) -> str:
    """When all were switched at once; empty for what came step by step."""
    if not run.plan.target.is_switched:
        return ""
    switched = (run.record(step.id).evidence.accepted_at for step in run.plan.shifts)
    at = next((moment for moment in switched if moment is not None), None)
    return when(at) if at is not None else ""


def _told(key: str, text: str) -> Item:
    return Item(
        key=f"stakeholders/{key}", place=Place.STAKEHOLDERS, text=text, blocks=(blocks.section(text),)
    )


def _healthy_again(run: Run) -> str:
    """Only if a health path was really asked."""
    asked = (run.record(s.id) for s in run.plan.way_back if isinstance(s.action, CheckHealth))
    is_well = any(r.evidence.is_healthy is True for r in asked)
    return " and is healthy" if is_well and run.weight == 0 else ""


def waited(run: Run) -> timedelta:
    """How long the run waited for answers."""
    return sum((closed.at - closed.question.asked_at for closed in run.closed), timedelta(0))

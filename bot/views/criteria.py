"""Success criteria of a finished run (spec §3): ticked from the journal's evidence, or said not to be known.

Nothing is ticked because it ought to be so. What there is no evidence for stands in the last line.
"""

from bot.domain.actions import CheckHealth, RunGate
from bot.domain.gates import GateResult, GateStatus
from bot.domain.run import Run
from bot.domain.verdict import Check, Verdict, VerdictKind
from bot.views import rehearsal
from bot.views.aftercare import is_left, said_of_leaving
from bot.views.text import escaped, joined, plural

# What this version looks at nowhere.
_NEVER = ("user-facing issues", "alerts and dashboard", "a rollback drill")
# A figure that is judged, and the criterion that it speaks of.
_JUDGED = {"errors": "errors within range at every stage", "p95": "p95 within range at every stage"}


def criteria(run: Run) -> list[str]:
    """A line for each criterion that the evidence speaks of, and one for all others."""
    verdicts = _verdicts(run)
    rehearsed = rehearsal.criterion(run)
    unknown = [*_NEVER] if rehearsed else ["staging", *_NEVER]
    lines = [*_gates(run), *([rehearsed] if rehearsed else []), _production(run)]
    if verdicts:
        lines.append(_comparisons(verdicts))
    for name, words in _JUDGED.items():
        checks = [
            check for verdict in verdicts for check in verdict.checks if check.name == name and check.judged
        ]
        if checks:
            lines.append(_tick(all(check.kind is VerdictKind.HEALTHY for check in checks), words))
        else:
            unknown.append(name)
    lines += _business(verdicts)
    asked = _asked(run)
    if asked:
        lines.append(_tick(True, f"health paths answered {plural(asked, 'time')}, all well"))
    else:
        unknown.append("health paths, no url is configured")
    return [*lines, f"– not checked: {'; '.join(unknown)}"]


def _gates(run: Run) -> list[str]:
    results = _results(run)
    if not results:
        return ["– no gates are configured"]
    others = [result for result in results if result.status is not GateStatus.PASSED]
    if not others:
        return [_tick(True, f"{plural(len(results), 'gate')} passed")]
    named = joined(tuple(f"{escaped(other.gate, 60)} {other.status.value}" for other in others))
    return [_tick(False, f"{len(results) - len(others)} of {plural(len(results), 'gate')} passed; {named}")]


def _results(run: Run) -> list[GateResult]:
    found = (run.record(s.id).evidence.gate for s in run.plan.steps if isinstance(s.action, RunGate))
    return [result for result in found if result is not None]


def _production(run: Run) -> str:
    version = escaped(run.plan.request.version)
    if run.plan.target.is_switched:
        workload, kept = escaped(run.plan.target.canary_workload), escaped(run.plan.target.workload)
        old = escaped(run.plan.request.running_version)
        left = f"{kept} keeps {old}, without traffic" if is_left(run) else escaped(said_of_leaving(run))
        return _tick(True, f"production finished: {workload} serves {version}; {left}")
    if not run.plan.target.is_beside:
        workload = escaped(run.plan.target.workload)
        return _tick(True, f"production finished: every pod of {workload} runs {version}")
    return _tick(True, f"production finished: stable runs {version}, the canary is gone")


def _verdicts(run: Run) -> list[Verdict]:
    found = (run.record(s.id).evidence.verdict for s in run.plan.steps if not rehearsal.is_there(s))
    return [verdict for verdict in found if verdict is not None]


def _comparisons(verdicts: list[Verdict]) -> str:
    words = plural(len(verdicts), "comparison") + " with stable"
    others = tuple(v.kind.value for v in verdicts if not v.is_healthy)
    if not others:
        return _tick(True, f"{words}, all healthy")
    return _tick(False, f"{words}; {joined(others)}, accepted by people")


def _business(verdicts: list[Verdict]) -> list[str]:
    """The last stage's business figures. They are shown to people, nobody judges them."""
    newest: tuple[Check, ...] = verdicts[-1].checks if verdicts else ()
    shown = [check for check in newest if check.name == "conversion" and check.change is not None]
    return [f"– {check.name}: shown in the last stage, not judged" for check in shown]


def _asked(run: Run) -> int:
    """How many health checks really asked a path."""
    asked = (run.record(s.id) for s in run.plan.steps if isinstance(s.action, CheckHealth))
    return sum(record.evidence.is_healthy is True for record in asked)


def _tick(is_so: bool, text: str) -> str:  # noqa: FBT001 - the words stand beside it
    return f"{'✓' if is_so else '✗'} {text}"

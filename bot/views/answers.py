"""Answers to the one who typed or pressed: nobody else sees them."""

from bot.domain.errors import OutsideError, Refused, UnknownEvent
from bot.domain.plan import Plan
from bot.domain.record import Record
from bot.domain.run import Run
from bot.ports import Decision, RunSummary
from bot.views import aftercare, blocks
from bot.views.card import summary
from bot.views.items import Block, Setting
from bot.views.plans import noticed, step_lines, way_back_text
from bot.views.text import code, count, day, escaped, plural, span

# Slack truncates a message's text at 40,000 characters and asks for 4,000 at most.
_TEXT = 4_000


class Answer(Record):
    """`text` says it all; `blocks` may say it better."""

    text: str
    blocks: tuple[Block, ...] = ()


def started(run: Run, setting: Setting) -> Answer:
    request, plan = run.plan.request, run.plan
    whom = " ".join(setting.approvers) or "nobody yet: no approver is configured"
    undoes = f"This undoes {code(request.undoes)}. " if request.undoes else ""
    return _said(
        f"{undoes}Deploying {escaped(request.application)} {escaped(request.version)} to "
        f"{escaped(request.environment)} by {request.strategy}: about {span(plan.estimate)}, "
        f"{plural(len(plan.shifts), 'approval')} by {whom}. This is run {code(run.id)}.{_follow(setting)}"
    )


def _follow(setting: Setting) -> str:
    return f" <{setting.thread}|Thread ↗>" if setting.thread else ""


def refused(error: Refused) -> Answer:
    """What is wrong and what to do next, in the refusal's own words."""
    return _said(f"{escaped(error.sentence, 1_000)} {escaped(error.remedy, 1_000)}".strip())


def outside(error: OutsideError) -> Answer:
    return _said(f"I could not do that: {escaped(str(error), 1_000)} Try again in a moment.")


def unreadable(error: UnknownEvent) -> Answer:
    return _said(
        "I did nothing: I cannot read what is stored about this. Another version of Slackwater has written "
        f"it, or it was damaged ({escaped(str(error), 300)}). Start the version that wrote it, and ask there."
    )


def bug(reference: str) -> Answer:
    return _said(
        f"Something broke on my side (ref {reference}). Whether your request was carried out is shown by the "
        "run's card; the reference is in the log."
    )


def pressed(decision: Decision, run: Run) -> Answer:
    """What became of a press that did not settle its question, or of `/deploy approve`."""
    match decision:
        case Decision.DECIDED:
            return _said(f"Approved. {code(run.id)} goes on.")
        case Decision.COUNTED:
            needed = run.plan.approvals.people
            return _said(
                f"Your approval counts. {count(needed)} people are needed; the question says who has."
            )
        case Decision.REPEATED:
            return _said("You have approved this already; somebody else has to press too.")
        case Decision.CLOSED:
            return _said(f"This question was closed before. {summary(run)}")


def obeyed(what: str, run: Run) -> Answer:
    """After `/deploy hold` and the like; the card shows the rest."""
    words = {
        "hold": "is held: it finishes what it has begun and begins nothing",
        "resume": "goes on",
        "rollback": "is rolling back; the version is quarantined",
        "abort": "is going back to stable; the version may be tried again",
    }
    return _said(f"{code(run.id)} {words.get(what, what)}.")


def released(application: str, version: str) -> Answer:
    return _said(f"{escaped(application)} {escaped(version)} may be deployed again.")


def status(runs: tuple[Run, ...], setting: Setting, unreadable: tuple[RunSummary, ...] = ()) -> Answer:
    if not runs and not unreadable:
        return _said(f"Nothing is being deployed. {setting.command} history shows what was.")
    return _listed(
        [*(f"{code(run.id)} {summary(run)}" for run in runs), *(foreign(run) for run in unreadable)]
    )


def foreign(run: RunSummary) -> str:
    """A run that only another version of Slackwater can read."""
    return (
        f"{code(run.id)} {escaped(run.application)} {escaped(run.version)} to {escaped(run.environment)}: "
        "I cannot read it: another version of Slackwater has written it, or it was damaged. I do nothing "
        "with it, so traffic stays as it is. Start the version that wrote it."
    )


def history(summaries: tuple[RunSummary, ...]) -> Answer:
    if not summaries:
        return _said("There were no runs yet.")
    lines = []
    for run in summaries:
        who = f" by {escaped(run.asked_by.name)}" if run.asked_by else ""
        why = f" ({escaped(run.reason)})" if run.reason and run.reason != "finished" else ""
        lines.append(
            f"{code(run.id)} {escaped(run.version)} to {escaped(run.environment)}: *{run.state.value}*{why}, "
            f"{run.strategy}, {day(run.started_at)}{who}"
        )
    return _listed(lines)


def plan_preview(plan: Plan, setting: Setting) -> Answer:
    """Everything a deploy would do; nothing is changed by showing it."""
    request = plan.request
    first = (
        f"Plan for {escaped(request.application)} {code(request.running_version)} → {code(request.version)} "
        f"to {escaped(request.environment)} by {request.strategy}. Nothing is changed by this."
    )
    whom = " ".join(setting.approvers) or "nobody: no approver is configured"
    small = (
        f"About {span(plan.estimate)} if every approval comes at once · "
        f"{plural(len(plan.shifts), 'approval')} by {whom} · commit {code(request.commit[:10])}, "
        f"{plural(len(request.changes), 'change')}"
    )
    shown = [
        blocks.section(f"*{first}*"),
        *blocks.sections(step_lines(plan)),
        blocks.section(f"*Way back*\n{way_back_text(plan)}"),
        *(blocks.context(f"*Afterwards*  {line}") for line in aftercare.planned(plan)),
        blocks.context(small),
        *noticed(plan),
    ]
    text = "\n".join([first, *step_lines(plan)])
    return Answer(text=blocks.cut(text, _TEXT), blocks=blocks.fitted(shown))


def plain(plan: Plan) -> str:
    """The plan for a terminal."""
    request = plan.request
    lines = [
        (
            f"{request.application} {request.running_version} → {request.version}, {request.strategy}, "
            f"{request.environment}"
        ),
        f"image {request.image} · commit {request.commit[:10]} · {plural(len(request.changes), 'change')}",
        f"about {span(plan.estimate)} if every approval comes at once",
        "",
    ]
    for number, step in enumerate(plan.steps, 1):
        mark = "  ← approval" if step in plan.shifts else ""
        lines.append(f"{number:3}  {step.id:22} {step.title}{mark}")
    lines += ["", "Way back"]
    lines += [f"     {step.id:22} {step.title}" for step in plan.way_back]
    if plan.aftercare:
        later = zip(plan.aftercare, aftercare.planned(plan), strict=True)
        lines += ["", "Afterwards", *(f"     {step.id:22} {line}" for step, line in later)]
    if plan.findings:
        lines += ["", "Noticed", *(f"     {finding}" for finding in plan.findings)]
    return "\n".join(lines)


_HELP = {
    "start": (
        "{c} v2.5.0 canary",
        'Deploy a version. Also: {c} checkout v2.5.0 canary env=production reason="user preferences"',
    ),
    "form": ("{c}", "Open a form for the same."),
    "plan": ("{c} plan v2.5.0 canary", "Show every step, approval and the way back. Changes nothing."),
    "status": ("{c} status [run]", "What is being deployed now."),
    "history": ("{c} history [application]", "The newest runs."),
    "approve": (
        "{c} approve [run]",
        "Say yes to what the run asks. Approvers only; the buttons do the same.",
    ),
    "hold": ('{c} hold [run] reason="…"', "Stop the run's clock. It finishes what it has begun."),
    "resume": ("{c} resume [run]", "Let a held run go on. Approvers only."),
    "rollback": (
        '{c} rollback [run] reason="…"',
        "All traffic back to stable, the new version removed and quarantined.",
    ),
    "abort": (
        '{c} abort [run] reason="…"',
        "The same way back, but the version may be tried again. A run that is finished is undone instead.",
    ),
    "undo": (
        '{c} undo [application] reason="…"',
        "Back to the version before the one that runs, as a new run with its own approvals.",
    ),
    "release": ("{c} release v2.5.0", "Let a version in again that was rolled back. Admins only."),
    "help": ("{c} help [word]", "This, or one word of it."),
}


def help_text(command: str, about: str | None) -> Answer:
    """What there is, and nothing that is not there yet."""
    chosen = {about: _HELP[about]} if about in _HELP else _HELP
    lines = [f"{code(usage.format(c=command))}  {text.format(c=command)}" for usage, text in chosen.values()]
    if about is not None and about not in _HELP:
        lines.insert(0, f"I know no word {code(about, 40)}. This is what there is:")
    return _listed(lines)


def _said(text: str) -> Answer:
    return Answer(text=blocks.cut(text, _TEXT), blocks=(blocks.section(text),))


def _listed(lines: list[str]) -> Answer:
    """As many sections as the lines need."""
    return Answer(text=blocks.cut("\n".join(lines), _TEXT), blocks=blocks.fitted(blocks.sections(lines)))

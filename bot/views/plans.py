"""A plan as people read it: its steps, its way back, what policy noticed."""

from bot.domain.actions import Bake, OnStaging, Watch
from bot.domain.plan import Plan, Step
from bot.domain.run import Run
from bot.views import aftercare, blocks
from bot.views.items import Block, Item, Place
from bot.views.text import escaped, plural, span

_CHANGES = _FINDINGS = 8


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
            *(blocks.context(f"*Afterwards*  {line}") for line in aftercare.planned(plan)),
            *_changes(plan),
            *noticed(plan),
        ),
    )


def step_lines(plan: Plan) -> list[str]:
    """The steps as people read them, under their numbers; what belongs together shares a line."""
    lines: list[str] = []
    first = 1
    for number, step in enumerate(plan.steps, 1):
        more = _continued(plan.steps[number - 2], step) if number > 1 else None
        if more is not None:
            told = lines[-1].partition(". ")[2]
            lines[-1] = f"{first}–{number}. {told}{more}"
            continue
        first = number
        mark = " *(approval)*" if step in plan.shifts else ""
        lines.append(f"{number}. {escaped(step.title)}{_lasting(step)}{mark}")
    return lines


def _lasting(step: Step) -> str:
    """How long a step takes that has a time of its own."""
    action = step.action.action if isinstance(step.action, OnStaging) else step.action
    return f" for {span(action.duration)}" if isinstance(action, Watch) else ""


def _continued(before: Step, step: Step) -> str | None:
    """What the line of the step before says of this one too; None if it gets a line of its own."""
    if step.group is not None and step.group == before.group:
        return f" · {escaped(step.title.removeprefix('Gate: '))}"
    if isinstance(step.action, Bake) and step.stage is not None and step.stage == before.stage:
        return f", then compare for {span(step.action.duration)}"
    return None


def way_back_text(plan: Plan) -> str:
    return " → ".join(escaped(step.title) for step in plan.way_back)


def noticed(plan: Plan) -> list[Block]:
    """What policy has to say; nothing if it has nothing."""
    if not plan.findings:
        return []
    listed = "\n".join(f"• {escaped(finding)}" for finding in plan.findings[:_FINDINGS])
    more = len(plan.findings) - _FINDINGS
    return [blocks.context(f"*Noticed*\n{listed}" + (f"\n… and {more} more" if more > 0 else ""))]


def _changes(plan: Plan) -> list[Block]:
    changes = plan.request.changes
    if not changes:
        return []
    listed = "\n".join(f"• {escaped(subject, 120)}" for subject in changes[:_CHANGES])
    more = f"\n… and {len(changes) - _CHANGES} more" if len(changes) > _CHANGES else ""
    return [blocks.context(f"*Changes since {escaped(plan.request.running_version)}*\n{listed}{more}")]

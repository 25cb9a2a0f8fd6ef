"""What is left to do after a run: when, by whom it was put off, and what came of it."""

from bot.domain import aftercare
from bot.domain.actions import Decommission
from bot.domain.plan import Plan, Step
from bot.domain.run import Care, Run, StepStatus
from bot.views import blocks
from bot.views.items import Block, Item, Place
from bot.views.text import day, escaped, sentence, span


def planned(plan: Plan) -> list[str]:
    """One line for each thing, with its time."""
    return [f"{escaped(step.title)}, {_after(step)}" for step in plan.aftercare]


def promise(run: Run) -> str:
    """What the end says of it."""
    kept = [step for step in run.plan.aftercare if isinstance(step.action, Decommission) and step.due]
    if not kept:
        return ""
    old, home = escaped(run.plan.request.running_version), escaped(run.plan.target.workload)
    return f" {old} stays in {home}, warm, for {span(kept[0].due)}." if kept[0].due else ""


def lines(run: Run) -> list[str]:
    """For the card."""
    return [_line(run, step, run.care[step.id]) for step in run.plan.aftercare if step.id in run.care]


def buttons(run: Run) -> list[Block]:
    """What people may do about it, bound to the time that is shown."""
    found: list[Block] = []
    for step in run.plan.aftercare:
        care, status = run.care.get(step.id), run.record(step.id).status
        if care is None or not isinstance(step.action, Decommission):
            continue
        value = f"c:{run.id}:{aftercare.handle(step.id, care)}"
        if status is StepStatus.PENDING and not care.is_due:
            found += [blocks.button("Keep longer", "put_off", value), _remove(run, "Remove now…", value)]
        elif status is StepStatus.FAILED:
            found.append(_remove(run, "Try again…", value))
    return found


def told(run: Run) -> list[Item]:
    """For the thread, below the end."""
    return [
        item
        for step in run.plan.aftercare
        if step.id in run.care
        for item in (_put_off(run, step, run.care[step.id]), _outcome(run, step, run.care[step.id]))
        if item is not None
    ]


def _after(step: Step) -> str:
    return f"{span(step.due)} after the end" if step.due else "right after the end"


def _line(run: Run, step: Step, care: Care) -> str:
    title, record = escaped(step.title), run.record(step.id)
    match record.status:
        case StepStatus.DONE:
            return f"*After*  {sentence(escaped(record.evidence.sentence))}"
        case StepStatus.FAILED:
            return f"*Left*  {title}: {sentence(escaped(record.sentence))}"
        case _ if care.is_due:
            awaiting = f": {escaped(record.awaiting)}" if record.awaiting else ""
            return f"*Next*  {title}, now{awaiting}"
        case _:
            put_off = f", put off by {escaped(care.put_off_by.name)}" if care.put_off_by else ""
            return f"*Next*  {title}, {day(care.due_at)}{put_off}"


def _remove(run: Run, label: str, value: str) -> Block:
    version, old = run.plan.request.version, run.plan.request.running_version
    question = f"Going back from {version} to {old} means waiting for new pods then."
    asked = blocks.confirm(f"Remove {old}?", question, "Remove", "Keep")
    return blocks.button(label, "do_now", value, style="danger", confirm=asked)


def _put_off(run: Run, step: Step, care: Care) -> Item | None:
    if care.put_off_by is None:
        return None
    old, home = escaped(run.plan.request.running_version), escaped(run.plan.target.workload)
    text = f"{escaped(care.put_off_by.name)} keeps {old} in {home} until {day(care.due_at)}."
    return _item(f"{step.id}/put-off", text)


def _outcome(run: Run, step: Step, care: Care) -> Item | None:
    record = run.record(step.id)
    who = f" {escaped(care.called_by.name)} wanted it now." if care.called_by else ""
    if record.status is StepStatus.DONE:
        return _item(step.id, f"{sentence(escaped(record.evidence.sentence))}{who}")
    if record.status is StepStatus.FAILED:
        why = sentence(escaped(record.sentence, 900))
        return _item(step.id, f"Not done: {why} It stays until somebody tries again on the card.{who}")
    return None


def _item(key: str, text: str) -> Item:
    return Item(key=key, place=Place.THREAD, text=text, blocks=(blocks.section(text),))

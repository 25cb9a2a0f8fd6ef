"""What is left to do after a run: when, by whom it was put off, and what came of it."""

from bot.domain import aftercare
from bot.domain.actions import Decommission, LeaveStable
from bot.domain.plan import Plan, Step
from bot.domain.run import Care, Delay, Run, StepStatus
from bot.views import blocks
from bot.views.items import Block, Item, Place
from bot.views.text import day, escaped, sentence, span


def planned(plan: Plan) -> list[str]:
    """One line for each thing, with its time."""
    return [f"{escaped(step.title)}, {_after(step)}" for step in plan.aftercare]


def promise(run: Run) -> str:
    """What the end says of it."""
    kept = next((step for step in run.plan.aftercare if isinstance(step.action, Decommission)), None)
    if kept is None or kept.due is None or not kept.due:
        return ""
    if not is_left(run):
        return f" {sentence(escaped(said_of_leaving(run)))}"
    old, home = escaped(run.plan.request.running_version), escaped(run.plan.target.workload)
    return f" {old} stays in {home}, warm, for {span(kept.due)} or until the next deploy takes its place."


def lines(run: Run) -> list[str]:
    """For the card."""
    return [_line(run, step, run.care[step.id]) for step in run.plan.aftercare if step.id in run.care]


def buttons(run: Run) -> list[Block]:
    """What people may do about it, bound to the time that is shown."""
    found: list[Block] = []
    for step in run.plan.aftercare:
        care, is_done = run.care.get(step.id), run.record(step.id).status is StepStatus.DONE
        if care is None or is_done or not isinstance(step.action, Decommission) or not is_left(run):
            continue
        value = f"c:{run.id}:{aftercare.handle(step.id, care)}"
        found.append(blocks.button(f"Keep {span(aftercare.longer(step))} longer", "put_off", value))
        if not care.is_due:
            found.append(_remove(run, value))
    return found


def told(run: Run) -> list[Item]:
    """For the thread, below the end: who has put it off, why it could not be done, what came of it."""
    items: list[Item] = []
    for step in run.plan.aftercare:
        care = run.care.get(step.id)
        if care is None:
            continue
        items += [_kept(run, step, delay) for delay in care.delays if not delay.why]
        refused = [delay for delay in care.delays if delay.why]
        record = run.record(step.id)
        if refused:
            # One message, edited: it may be tried for days.
            newest = refused[-1]
            again = "" if record.status is StepStatus.DONE else f" I look again {day(newest.until)}."
            items.append(_item(f"{step.id}/later", f"Not at once: {_why(step, newest)}{again}"))
        if record.status is StepStatus.DONE:
            who = f" {escaped(care.called_by.name)} wanted it now." if care.called_by else ""
            items.append(_item(step.id, f"{sentence(escaped(record.evidence.sentence))}{who}"))
    return items


def _after(step: Step) -> str:
    return f"{span(step.due)} after the end" if step.due else "right after the end"


def _line(run: Run, step: Step, care: Care) -> str:
    title, record = escaped(step.title), run.record(step.id)
    if record.status is StepStatus.DONE:
        at = f", {day(record.ended)}" if record.ended is not None else ""
        return f"*After*  {escaped(record.evidence.sentence)}{at}"
    if care.is_due:
        awaiting = f": {escaped(record.awaiting)}" if record.awaiting else ""
        return f"*Next*  {title}, now{awaiting}"
    if not is_left(run):
        return f"*After*  {sentence(escaped(said_of_leaving(run)))}"
    newest = care.delays[-1] if care.delays else None
    put_off = ""
    if newest is not None and newest.by is not None:
        put_off = f", put off by {escaped(newest.by.name)}"
    elif newest is not None:
        put_off = f". Not yet: {_why(step, newest)}"
    return f"*Next*  {title}, {day(care.due_at)}{put_off}"


def is_left(run: Run) -> bool:
    """Whether what served before was there to be left, with pods that are ready, and took note of it."""
    left = [run.record(step.id).evidence.workload for step in run.plan.steps if _leaves(step)]
    return not left or (left[0] is not None and left[0].ready > 0)


def said_of_leaving(run: Run) -> str:
    """What is so instead."""
    said = next(run.record(step.id).evidence for step in run.plan.steps if _leaves(step))
    if said.workload is None:
        return said.sentence
    return f"{said.workload.name} is left with no ready pod: going back would have to wait for one"


def _leaves(step: Step) -> bool:
    return isinstance(step.action, LeaveStable)


def _remove(run: Run, value: str) -> Block:
    version, old = run.plan.request.version, run.plan.request.running_version
    gone = f"{run.plan.target.workload} is deleted with its pods."
    question = f"{gone} Going back from {version} to {old} means waiting for new ones then."
    asked = blocks.confirm(f"Remove {old}?", question, "Remove", "Keep")
    return blocks.button("Remove now…", "do_now", value, style="danger", confirm=asked)


def _kept(run: Run, step: Step, delay: Delay) -> Item:
    old, home = escaped(run.plan.request.running_version), escaped(run.plan.target.workload)
    who = escaped(delay.by.name) if delay.by is not None else "Somebody"
    text = f"{who} keeps {old} in {home} until {day(delay.until)}, or until the next deploy takes its place."
    return _item(f"{step.id}/kept/{delay.seq}", text)


def _why(step: Step, delay: Delay) -> str:
    return sentence(escaped(delay.why.removeprefix(f"{step.title}: "), 600))


def _item(key: str, text: str) -> Item:
    return Item(key=key, place=Place.THREAD, text=text, blocks=(blocks.section(text),))

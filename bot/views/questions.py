"""What the bot asks people, and what becomes of a question."""

from bot.domain.actions import RollOut, SetWeight
from bot.domain.plan import Step
from bot.domain.run import ClosedQuestion, Question, Run
from bot.domain.verdict import Verdict
from bot.views import blocks, rehearsal
from bot.views.card import rollback_button
from bot.views.figures import comparison, verdict_word
from bot.views.items import Item, Place, Setting, Told
from bot.views.text import code, escaped, joined, plural, short_digest, when


def questions(run: Run, setting: Setting) -> list[Told]:
    """Closed questions without their buttons, then the open one with its reminders."""
    found = [(closed.question.asked_at, _closed(run, closed)) for closed in run.closed]
    for closed in run.closed:
        found += _nudges(run, closed.question, setting)
    if run.question is not None:
        found.append((run.question.asked_at, _open(run, run.question, setting)))
        found += _nudges(run, run.question, setting)
    return found


def _ask(run: Run, step: Step) -> str:
    version = escaped(run.plan.request.version)
    environment = escaped(run.plan.request.environment)
    if isinstance(step.action, SetWeight) and run.plan.target.is_switched:
        return f"May all of {environment} switch to {version}, at once?"
    if isinstance(step.action, SetWeight):
        return f"May {step.action.weight} % of {environment} go to {version}?"
    if isinstance(step.action, RollOut):
        old = escaped(run.plan.request.running_version)
        return f"May {version} replace {old} in {environment}, pod by pod?"
    return f"May I go on: {escaped(step.title)}?"


def _place(run: Run, step: Step) -> str:
    number = [s.id for s in run.plan.steps].index(step.id) + 1
    return f"step {number} of {len(run.plan.steps)}"


def _seen(run: Run, verdict: Verdict | None) -> str:
    if verdict is not None and rehearsal.is_of_staging(run, verdict):
        first = "Nothing has been compared in production yet: this is its first traffic for the new version."
        return f"*{verdict_word(verdict)}*: {escaped(verdict.sentence, 600)}\n{first}{_warmth(run)}"
    if verdict is None:
        rehearsed = rehearsal.criterion(run)
        first = "Nothing has been compared yet: this is the first traffic for the new version."
        tried = f" It was {rehearsed.partition(' ')[2]}." if rehearsed else ""
        return f"{first}{tried}{_warmth(run)}"
    figures = "".join(f"\n• {line}" for line in comparison(verdict))
    return f"*{verdict_word(verdict)}*: {escaped(verdict.sentence, 600)}{figures}"


def _warmth(run: Run) -> str:
    """How the new version has answered so far, where it was asked before it serves."""
    found = (record.evidence.warmth for record in run.steps.values())
    warmth = next((one for one in found if one is not None), None)
    if warmth is None:
        return ""
    return f" It was warmed up with {plural(warmth.sent, 'request')}, of which {warmth.failed} failed."


def _verdict_words(verdict: Verdict | None) -> str:
    if verdict is None:
        return ""
    return f"{verdict.kind.value.capitalize()}: {escaped(verdict.sentence, 600)}"


def _open(run: Run, question: Question, setting: Setting) -> Item:
    step = run.plan.step(question.step)
    ask = _ask(run, step)
    whom = " ".join(setting.approvers) or "*Nobody is configured as approver.*"
    value = f"q:{question.id}"
    yes = _yes(run, step)
    needed = run.plan.approvals.people
    votes = ""
    if needed > 1:
        names = joined(tuple(escaped(person.name) for person in question.votes)) or "nobody yet"
        votes = f" {needed} people have to approve; so far: {names}."
    image = short_digest(question.digest) if question.digest else run.plan.request.image
    bound = (
        f"Image {code(image)}, {_place(run, step)}, attempt {question.attempt}. "
        f"Without an answer: reminder {when(question.remind_at)}, back to "
        f"{escaped(run.plan.request.running_version)} at {when(question.expires_at)}.{votes}"
    )
    return Item(
        key=f"question/{question.id}",
        place=Place.THREAD,
        text=f"{whom} {ask} {_verdict_words(question.verdict)}".strip(),
        blocks=(
            blocks.section(f"{whom}  *{ask}*"),
            blocks.section(_seen(run, question.verdict)),
            blocks.context(bound),
            blocks.actions(
                blocks.button(yes, "approve", value, style="primary"),
                blocks.button("Approve the rest while healthy", "approve_rest", value),
                blocks.button("Hold", "hold", value),
                rollback_button(run, value),
            ),
        ),
    )


def _yes(run: Run, step: Step) -> str:
    if isinstance(step.action, SetWeight):
        return "Approve the switch" if run.plan.target.is_switched else f"Approve {step.action.weight} %"
    return "Approve"


def _closed(run: Run, closed: ClosedQuestion) -> Item:
    question = closed.question
    step = run.plan.step(question.step)
    what = escaped(step.title)
    if isinstance(step.action, SetWeight) and not run.plan.target.is_switched:
        what = f"{step.action.weight} %"
    answer = f"{escaped(closed.answer)} at {when(closed.at)} ({what}, {_place(run, step)})."
    return Item(
        key=f"question/{question.id}",
        place=Place.THREAD,
        text=answer,
        is_urgent=True,
        blocks=(
            blocks.section(f"{_ask(run, step)}\n*{answer}*"),
            blocks.context(_seen(run, question.verdict)),
        ),
    )


def _nudges(run: Run, question: Question, setting: Setting) -> list[Told]:
    """Messages of their own, because an edit mentions nobody. They stay as they were sent."""
    ask = _ask(run, run.plan.step(question.step))
    old, lapses = escaped(run.plan.request.running_version), when(question.expires_at)
    found = []
    if question.reminded_at is not None:
        whom = " ".join(setting.approvers)
        text = f"{whom} Still waiting: {ask} Without an answer back to {old} at {lapses}."
        found.append((question.reminded_at, _nudge(f"reminder/{question.id}", text)))
    if question.escalated_at is not None:
        whom = " ".join(setting.escalate_to or setting.approvers)
        text = (
            f"{whom} Nobody has answered since {when(question.asked_at)}: {ask} An approver has to; without "
            f"an answer the run goes back to {old} at {lapses}."
        )
        found.append((question.escalated_at, _nudge(f"escalation/{question.id}", text)))
    return found


def _nudge(key: str, text: str) -> Item:
    said = text.strip()
    return Item(key=key, place=Place.THREAD, text=said, blocks=(blocks.section(said),))

"""Buttons. A press is only a request: who may, and whether the question is still open, is looked up anew.

A value is `q:<question>` on a question and `r:<run>` on a card; nothing else in it is believed.
"""

from bot.views.answers import Answer

from bot import operations
from bot.domain.errors import StaleButton, UnknownRun
from bot.domain.run import Run
from bot.ports import Decision
from bot.views import answers
from handlers.office import Ack, Body, Office, said

ACTIONS = ("approve", "approve_rest", "hold", "resume", "rollback", "abort")


async def button_pressed(ack: Ack, body: Body, office: Office) -> None:
    """Committed before Slack is answered; a refusal goes to the one who pressed, in the same thread."""
    answer = await said(_press(office, body))
    await ack()
    if answer is not None:
        channel, thread = _place(body)
        await office.slack.whisper(channel, _user(body), answer, thread)


async def _press(office: Office, body: Body) -> Answer | None:
    person = await office.slack.person(_user(body))
    action, value = _pressed(body)
    if action in {"approve", "approve_rest"}:
        if not value.startswith("q:"):
            raise UnknownRun("This button belongs to no question that I know.")
        question = value.removeprefix("q:")
        decision = await operations.approve(office.desk, question, person, rest=action == "approve_rest")
        if decision is Decision.DECIDED:
            return None
        return answers.pressed(decision, await operations.find_run(office.desk, await _run_of(office, value)))
    run = await operations.find_run(office.desk, await _run_of(office, value))
    match action:
        case "hold":
            await operations.hold(office.desk, _open_on(run, value), person)
        case "resume":
            await operations.resume(office.desk, run, person)
        case "rollback":
            await operations.rollback(office.desk, run, person)
        case "abort":
            await operations.abort(office.desk, run, person)
        case _:
            raise UnknownRun("I do not know this button.")
    return None


def _open_on(run: Run, value: str) -> Run:
    """A question's own Hold button speaks about that question only; going back is always allowed."""
    question = value.removeprefix("q:")
    if value.startswith("q:") and (run.question is None or run.question.id != question):
        raise operations.stale(run, question)
    return run


async def _run_of(office: Office, value: str) -> str:
    kind, _, name = value.partition(":")
    if kind == "r" and name:
        return name
    run = await office.desk.runs.run_of_question(name) if kind == "q" else None
    if run is None:
        raise StaleButton("I do not know the run of this button.", "/deploy status shows what runs now.")
    return run


def _pressed(body: Body) -> tuple[str, str]:
    actions = body.get("actions")
    first = actions[0] if isinstance(actions, list) and actions and isinstance(actions[0], dict) else {}
    return str(first.get("action_id") or ""), str(first.get("value") or "")[:200]


def _user(body: Body) -> str:
    return str((body.get("user") or {}).get("id") or "")


def _place(body: Body) -> tuple[str, str | None]:
    container = body.get("container") or {}
    message = body.get("message") or {}
    channel = str((body.get("channel") or {}).get("id") or container.get("channel_id") or "")
    thread = message.get("thread_ts") or container.get("thread_ts")
    return channel, str(thread) if thread else None

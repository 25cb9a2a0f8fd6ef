"""Buttons. A press is only a request: who may, and whether the question is still open, is looked up anew.

A value is `q:<question>` on a question, `r:<run>` on a card, and `c:<run>:<step>:<entry>` for aftercare;
nothing else in it is believed.
"""

from bot import operations
from bot.domain.errors import StaleButton, UnknownRun
from bot.domain.run import Run
from bot.ports import Decision
from bot.views import answers
from bot.views.answers import Answer
from handlers.office import Ack, Body, Office, Respond, committed_in_time, reply, whisper

_OF_AFTERCARE = ("put_off", "do_now")
ACTIONS = ("approve", "approve_rest", "hold", "resume", "rollback", "abort", *_OF_AFTERCARE)


async def button_pressed(ack: Ack, respond: Respond, body: Body, office: Office) -> None:
    """Committed before Slack is answered; a refusal goes to the one who pressed, in the same thread."""
    answer = await committed_in_time(ack, _press(office, body))
    if answer is not None and not await whisper(office, _place(body), _user(body), answer):
        await reply(respond, answer)


async def _press(office: Office, body: Body) -> Answer | None:
    person = await office.slack.person(_user(body))
    action, value = _pressed(body)
    if action in {"approve", "approve_rest"} and value.startswith("q:"):
        question = value.removeprefix("q:")
        decision = await operations.approve(office.desk, question, person, rest=action == "approve_rest")
        if decision is Decision.DECIDED:
            return None
        return answers.pressed(decision, await operations.find_run(office.desk, await _run_of(office, value)))
    async with operations.audited(office.desk, person, f"{action} {value}", None):
        run = await _meant(office, action, value)
    match action:
        case "hold":
            await operations.hold(office.desk, run, person)
        case "resume":
            await operations.resume(office.desk, run, person)
        case "rollback":
            await operations.rollback(office.desk, run, person)
        case "abort":
            await operations.abort(office.desk, run, person)
        case "put_off":
            await operations.put_off(office.desk, run, _aftercare(value), person)
        case "do_now":
            await operations.do_now(office.desk, run, _aftercare(value), person)
    return None


async def _meant(office: Office, action: str, value: str) -> Run:
    """The run that the button speaks about, if it may speak so."""
    is_of_aftercare = action in _OF_AFTERCARE and value.startswith("c:")
    if not is_of_aftercare and action not in {"hold", "resume", "rollback", "abort"}:
        raise UnknownRun("This button belongs to no question that I know.")
    run = await operations.find_run(office.desk, await _run_of(office, value))
    return _open_on(run, value) if action == "hold" else run


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
    if kind == "c" and name:
        return name.partition(":")[0]
    run = await office.desk.runs.run_of_question(name) if kind == "q" else None
    if run is None:
        raise StaleButton("I do not know the run of this button.", "/deploy status shows what runs now.")
    return run


def _aftercare(value: str) -> str:
    """The step that is meant, and the time that was shown for it."""
    return value.removeprefix("c:").partition(":")[2]


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

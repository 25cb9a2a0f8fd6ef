"""`/deploy …`: parse, call one operation, answer the one who typed."""

import asyncio

from bot import operations
from bot.clients.redaction import redact
from bot.domain.errors import NotUnderstood, OutsideError, UnknownRun, UnknownThing
from bot.domain.people import Person
from bot.operations import Desk
from bot.views import answers, forms
from bot.views.answers import Answer
from handlers import grammar
from handlers.office import Ack, Body, Office, Respond, answer_in_time, reply, said

# Looking up versions must leave time to open the form.
_LOOK = 1.5


async def deploy_typed(ack: Ack, respond: Respond, body: Body, office: Office) -> None:
    """The slash command. `/deploy` alone opens a form, for which Slack gives three seconds."""
    # A token that somebody pastes by mistake goes no further than this: not to the card, not to the audit.
    text = redact(str(body.get("text") or "").strip())
    if not text:
        await ack()
        await reply(respond, await said(_open_form(office, body)))
        return
    await answer_in_time(ack, respond, _obey(office, body, text))


async def _obey(office: Office, body: Body, text: str) -> Answer | None:
    person = await office.slack.person(str(body["user_id"]))
    desk = office.desk
    async with operations.audited(desk, person, f"command {text}", None):
        command = grammar.parse(text, _applications(desk))
    match command:
        case grammar.Start():
            run = await operations.start(desk, command.wish, person)
            return answers.started(run, await office.setting())
        case grammar.Preview():
            plan = await operations.draw_up(desk, command.wish, person)
            return answers.plan_preview(plan, await office.setting())
        case grammar.Help():
            return answers.help_text(office.command, command.about)
        case grammar.Show(what="history"):
            return answers.history(await operations.history(desk, person, command.name))
        case grammar.Show():
            active = await operations.status(desk, person, command.name)
            return answers.status(active.runs, await office.setting(), active.unreadable)
        case grammar.Undo():
            run = await operations.undo(
                desk, person, command.name, env=command.environment, why=command.reason
            )
            return answers.started(run, await office.setting())
        case grammar.Release():
            name = await operations.release(desk, person, command.version, command.application)
            return answers.released(name, command.version)
        case grammar.Decide():
            return await decide(desk, command.what, command.name, command.reason, person)
        case grammar.OpenForm():
            return await _open_form(office, body)


async def decide(desk: Desk, what: str, name: str | None, reason: str, by: Person) -> Answer:
    """A decision about the run that is meant."""
    async with operations.audited(desk, by, f"{what} {name or ''}".strip(), None):
        run = await operations.find_run(desk, name)
        if what == "approve" and run.question is None:
            raise UnknownRun(f"{run.id} asks nothing now; it is {run.state.value}.")
    match what:
        case "approve":
            assert run.question is not None, "checked above"
            decision = await operations.approve(desk, run.question.id, by)
            return answers.pressed(decision, run)
        case "hold":
            await operations.hold(desk, run, by, reason)
        case "resume":
            await operations.resume(desk, run, by)
        case "rollback":
            await operations.rollback(desk, run, by, reason)
        case "abort":
            await operations.abort(desk, run, by, reason)
        case _:
            raise NotUnderstood(f"I do not know {what}.")
    return answers.obeyed(what, run)


async def _open_form(office: Office, body: Body) -> Answer | None:
    desk = office.desk
    applications = _applications(desk)
    if not applications:
        raise UnknownThing("No application is configured that I can deploy.")
    versions = await _newest(desk, applications[0])
    view = forms.deploy_form(
        applications=applications,
        versions=versions,
        strategies=desk.deployables[0].strategies,
        environments=tuple(dict.fromkeys(d.environment for d in desk.deployables)),
        channel=str(body.get("channel_id") or ""),
    )
    await office.slack.open_view(str(body["trigger_id"]), view)
    return None


async def _newest(desk: Desk, application: str) -> tuple[str, ...]:
    """What the form offers. A form opens within Slack's 3 s or not at all, so better without a list."""
    try:
        return await asyncio.wait_for(desk.versions(application).newest(), _LOOK)
    except (TimeoutError, OutsideError):
        return ()


def _applications(desk: Desk) -> tuple[str, ...]:
    return tuple(sorted({d.application for d in desk.deployables}))

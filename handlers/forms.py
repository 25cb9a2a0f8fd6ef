"""Submitted forms: what `/deploy` alone opens."""

from typing import Any

from bot import operations
from bot.domain.errors import OutsideError, Refused
from bot.operations import Wish
from bot.views import answers
from handlers.office import Ack, Body, Office, said


async def deploy_submitted(ack: Ack, body: Body, office: Office) -> None:
    """Start what the form says, or show next to the version what is wrong."""
    view = body.get("view") or {}
    values = (view.get("state") or {}).get("values") or {}
    person = await office.slack.person(str((body.get("user") or {}).get("id") or ""))
    wish = Wish(
        version=_chosen(values, "version"),
        application=_chosen(values, "application") or None,
        strategy=_chosen(values, "strategy") or None,
        environment=_chosen(values, "environment") or None,
        reason=_chosen(values, "reason"),
    )
    try:
        run = await operations.start(office.desk, wish, person)
    except (Refused, OutsideError) as problem:
        await ack(response_action="errors", errors={"version": str(problem)[:300]})
        return
    await ack()
    channel = str(view.get("private_metadata") or "")
    if channel:
        answer = answers.started(run, await office.setting())
        await said(_whisper(office, channel, person.id, answer))


async def _whisper(office: Office, channel: str, user: str, answer: answers.Answer) -> None:
    await office.slack.whisper(channel, user, answer, None)


def _chosen(values: dict[str, Any], block: str) -> str:
    """What was typed or selected in one block, whatever its kind of element."""
    elements = values.get(block)
    element: dict[str, Any] = next(iter(elements.values()), {}) if isinstance(elements, dict) else {}
    option = element.get("selected_option") or {}
    return str(option.get("value") or element.get("value") or "").strip()[:500]

"""Submitted forms: what `/deploy` alone opens."""

import asyncio
import secrets
from dataclasses import dataclass
from typing import Any

import structlog

from bot import operations
from bot.clients.redaction import redact
from bot.domain.errors import OutsideError, Refused, UnknownEvent
from bot.domain.people import Person
from bot.domain.run import Run
from bot.operations import Desk, Wish
from bot.views import answers
from bot.views.answers import Answer
from handlers.office import PATIENCE, Ack, Body, Office, whisper

_log = structlog.get_logger(__name__)

# Slack shows an error next to a field in one or two lines.
_LONGEST = 300


@dataclass(frozen=True)
class _Problem:
    """Why nothing was started: next to a field while the form is open, afterwards as an answer."""

    field: str
    sentence: str
    answer: Answer


async def deploy_submitted(ack: Ack, body: Body, office: Office) -> None:
    """Start what the form says, or show next to the field what is wrong.

    What takes longer than Slack waits closes the form, and is answered in the channel where it was opened.
    """
    view = body.get("view") or {}
    values = (view.get("state") or {}).get("values") or {}
    person = await office.slack.person(str((body.get("user") or {}).get("id") or ""))
    doing = asyncio.ensure_future(_start(office, _wish(values), person))
    await asyncio.wait({doing}, timeout=PATIENCE)
    outcome = doing.result() if doing.done() else None
    if isinstance(outcome, _Problem):
        field = outcome.field if outcome.field in values else "version"
        await ack(response_action="errors", errors={field: outcome.sentence[:_LONGEST]})
        return
    await ack()
    outcome = await doing
    channel = str(view.get("private_metadata") or "")
    if channel:
        answer = (
            outcome.answer
            if isinstance(outcome, _Problem)
            else answers.started(outcome, await office.setting())
        )
        await whisper(office, (channel, None), person.id, answer)


async def _start(office: Office, wish: Wish, person: Person) -> Run | _Problem:
    try:
        return await operations.start(office.desk, wish, person)
    except Refused as refusal:
        return _Problem(_field(office.desk, wish), str(refusal), answers.refused(refusal))
    except OutsideError as error:
        return _Problem("version", str(error), answers.outside(error))
    except UnknownEvent as error:
        _log.exception("other-version")
        answer = answers.unreadable(error)
        return _Problem("version", answer.text, answer)
    except Exception:  # noqa: BLE001 - the Slack edge, as in `office.said`
        reference = secrets.token_hex(4).upper()
        _log.exception("bug", reference=reference)
        return _Problem("version", f"Something broke on my side (ref {reference}).", answers.bug(reference))


def _field(desk: Desk, wish: Wish) -> str:
    """The first field that does not fit those above it."""
    own = [d for d in desk.deployables if d.application == wish.application]
    if not own and wish.application is not None:
        return "application"
    there = [d for d in own if wish.environment in {None, d.environment}]
    if own and not there:
        return "environment"
    if there and not any(wish.strategy in {None, *d.strategies} for d in there):
        return "strategy"
    return "version"


def _wish(values: dict[str, Any]) -> Wish:
    return Wish(
        version=_chosen(values, "version"),
        application=_chosen(values, "application") or None,
        strategy=_chosen(values, "strategy") or None,
        environment=_chosen(values, "environment") or None,
        reason=_chosen(values, "reason"),
    )


def _chosen(values: dict[str, Any], block: str) -> str:
    """What was typed or selected in one block, whatever its kind of element."""
    elements = values.get(block)
    element: Any = next(iter(elements.values()), {}) if isinstance(elements, dict) else {}
    if not isinstance(element, dict):
        return ""
    option = element.get("selected_option") or {}
    return redact(str(option.get("value") or element.get("value") or "").strip())[:500]

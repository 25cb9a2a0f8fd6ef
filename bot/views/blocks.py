"""Block Kit's pieces, each inside Slack's limits."""

from collections.abc import Sequence
from typing import Any

from bot.views.items import Block

# Slack: a section's text has at most 3,000 characters, a field 2,000, a header 150.
_SECTION, _FIELD, _HEADER = 3_000, 2_000, 150


def cut(text: str, most: int) -> str:
    """Bounded, without cutting through an escape or a token at the end."""
    if len(text) <= most:
        return text
    kept = text[: most - 1]
    for opening, closing in (("&", ";"), ("<", ">")):
        start = kept.rfind(opening)
        if start > kept.rfind(closing):
            kept = kept[:start]
    return kept + "…"


def unbroken(text: str) -> str:
    """A figure and its per cent sign stay in one line."""
    return text.replace(" %", "\u00a0%")


def mrkdwn(text: str, most: int = _SECTION) -> Block:
    return {"type": "mrkdwn", "text": cut(unbroken(text), most) or " "}


def plain(text: str, most: int) -> Block:
    return {"type": "plain_text", "text": cut(unbroken(text), most) or " ", "emoji": True}


def header(text: str) -> Block:
    return {"type": "header", "text": plain(text, _HEADER)}


def section(text: str) -> Block:
    return {"type": "section", "text": mrkdwn(text)}


def fields(*texts: str) -> Block:
    """Pairs side by side; at most ten."""
    return {"type": "section", "fields": [mrkdwn(text, _FIELD) for text in texts[:10]]}


def context(*texts: str) -> Block:
    """Small print; at most ten elements."""
    return {"type": "context", "elements": [mrkdwn(text) for text in texts[:10]]}


def divider() -> Block:
    return {"type": "divider"}


def actions(*elements: Block) -> Block:
    return {"type": "actions", "elements": list(elements)}


def button(
    text: str, action: str, value: str, *, style: str | None = None, confirm: Block | None = None
) -> Block:
    made: dict[str, Any] = {
        "type": "button",
        "action_id": action,
        "text": plain(text, 75),
        "value": value[:2_000],
    }
    if style is not None:
        made["style"] = style
    if confirm is not None:
        made["confirm"] = confirm
    return made


def link(text: str, url: str) -> Block:
    return {"type": "button", "action_id": "open_thread", "text": plain(text, 75), "url": url[:3_000]}


def confirm(title: str, text: str, yes: str, no: str) -> Block:
    return {
        "title": plain(title, 100),
        "text": plain(text, 300),
        "confirm": plain(yes, 30),
        "deny": plain(no, 30),
        "style": "danger",
    }


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Block:
    """A table block: at most 100 rows and 20 columns."""

    def cell(text: str) -> Block:
        return {"type": "raw_text", "text": cut(unbroken(text), 200) or " "}

    every = [head, *rows][:100]
    return {
        "type": "table",
        "column_settings": [{"is_wrapped": True}] + [{"align": "right"}] * (len(head) - 1),
        "rows": [[cell(text) for text in row] for row in every],
    }

"""Block Kit's pieces, each inside Slack's limits."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from bot.views.items import Block

# Slack: a section's text has at most 3,000 characters, a header 150.
_SECTION, _HEADER = 3_000, 150
# Slack: 50 blocks a message; their texts together about 13,200 characters, which is not documented.
_BLOCKS, _CHARACTERS = 50, 12_000
# More rows of figures than this nobody reads; the cells are figures and versions.
_ROWS, _CELL = 20, 60


_UNIT = re.compile(r"(?<=\d) (?=%|(?:h|min|s|ms|kB|MB|GB|points)\b)")


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
    """A figure and its unit stay in one line."""
    return _UNIT.sub("\u00a0", text)


def mrkdwn(text: str, most: int = _SECTION) -> Block:
    # Verbatim: Slack makes no links, channels or mentions of words that only look like some.
    return {"type": "mrkdwn", "text": cut(unbroken(text), most) or " ", "verbatim": True}


def plain(text: str, most: int) -> Block:
    return {"type": "plain_text", "text": cut(unbroken(text), most) or " ", "emoji": True}


def header(text: str) -> Block:
    return {"type": "header", "text": plain(text, _HEADER)}


def section(text: str) -> Block:
    return {"type": "section", "text": mrkdwn(text)}


def sections(lines: Iterable[str]) -> list[Block]:
    """Many lines, in as many sections as they need; none is cut between two lines."""
    texts: list[str] = []
    for line in lines:
        kept = cut(unbroken(line), _SECTION)
        if texts and len(texts[-1]) + len(kept) < _SECTION:
            texts[-1] += f"\n{kept}"
        else:
            texts.append(kept)
    return [section(text) for text in texts]


def context(*texts: str) -> Block:
    """Small print; at most ten elements."""
    return {"type": "context", "elements": [mrkdwn(text) for text in texts[:10]]}


def divider() -> Block:
    return {"type": "divider"}


def fitted(blocks: Sequence[Block]) -> tuple[Block, ...]:
    """As many blocks as Slack takes in one message. Buttons stay: what people may press is never cut."""
    pressed = [block for block in blocks if block["type"] == "actions"]
    left = _CHARACTERS - sum(_characters(block) for block in pressed)
    room = _BLOCKS - len(pressed)
    kept: list[Block] = []
    for block in blocks:
        if block["type"] == "actions":
            kept.append(block)
            continue
        left -= _characters(block)
        room -= 1
        if left >= 0 and room >= 0:
            kept.append(block)
    return tuple(kept)


def _characters(part: Any) -> int:
    if isinstance(part, str):
        return len(part)
    if isinstance(part, dict):
        return sum(_characters(value) for value in part.values())
    return sum(_characters(value) for value in part) if isinstance(part, list) else 0


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
    """Figures side by side; the head names every column, so that it can be read aloud."""

    def cell(text: str) -> Block:
        return {"type": "raw_text", "text": cut(unbroken(text), _CELL) or " "}

    every = [head, *rows[:_ROWS]]
    return {
        "type": "table",
        "column_settings": [{"is_wrapped": True}] + [{"align": "right"}] * (len(head) - 1),
        "rows": [[cell(text) for text in row] for row in every],
    }

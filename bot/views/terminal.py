"""Outside text on a terminal and in a log: it stays in its line, moves no cursor and turns no direction.

What people typed, what tools said and what stands in a repository may hold escape sequences, which a terminal
obeys, line breaks, which forge a line of their own, and signs that let text read differently from what it is.
"""

import json
import re
from typing import Any

# Control characters of both kinds (U+009B begins an escape sequence as ESC [ does), and those that turn the
# direction, break a line, or are not seen.
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
_UNSEEN_IN_LINES = re.compile(rf"(?!\n){_UNSEEN.pattern}")


def line(text: str) -> str:
    """On one line; what cannot be seen is written out as Python writes it."""
    return _UNSEEN.sub(_written_out, text)


def lines(text: str) -> str:
    """The same for what may have several lines, such as an error of ours."""
    return _UNSEEN_IN_LINES.sub(_written_out, text)


def as_json(value: Any, *, indent: int | None = None) -> str:
    """JSON that any program reads as `value`, and that harms no terminal on its way there."""
    text = json.dumps(value, ensure_ascii=False, indent=indent, default=str)
    # Such a sign can only stand within a string, where JSON has this other way of writing it.
    return _UNSEEN_IN_LINES.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _written_out(found: re.Match[str]) -> str:
    return repr(found[0])[1:-1]

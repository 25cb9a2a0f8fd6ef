"""Which known versions a mistyped one probably meant. Pure; it suggests and never chooses."""

import difflib
import re
from collections.abc import Sequence

_NUMBERS = re.compile(r"\d{1,9}")


def nearest(version: str, known: Sequence[str], most: int = 3) -> tuple[str, ...]:
    """Up to `most` of `known`, which is sorted newest first; the likeliest come first.

    Versions that begin with the same numbers come before those with similar letters, and these before the
    newest: whoever types v2.5 means v2.5.0 rather than v1.2.5.
    """
    alike = set(difflib.get_close_matches(version, known, n=most, cutoff=0.8))

    def rank(name: str) -> tuple[int, bool, float]:
        shared = _shared_numbers(version, name)
        return (
            -shared,
            name not in alike,
            -difflib.SequenceMatcher(a=version, b=name).ratio() if shared else 0,
        )

    return tuple(sorted(known, key=rank)[:most])  # a stable sort: the rest stays newest first


def _shared_numbers(one: str, other: str) -> int:
    """How many leading numbers two versions share."""
    shared = 0
    for mine, theirs in zip(_NUMBERS.findall(one), _NUMBERS.findall(other), strict=False):
        if int(mine) != int(theirs):
            break
        shared += 1
    return shared

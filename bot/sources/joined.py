"""Several queries as one, so that a server is asked once for a whole sample. Pure.

Each query's series get a label that names the query, and `or` puts them side by side: series with different
labels never meet, so every query keeps exactly the series that it has alone. What cannot be joined (a query
that gives a scalar, or is wrong) makes the server refuse the whole, and is then asked alone.
"""

from collections.abc import Collection, Mapping
from typing import Any

import promql_parser

# No metric of anybody's has it.
_LABEL = "slackwater_query"


def can_join(queries: Collection[str]) -> bool:
    """Whether each is a query by itself: what only makes sense between others' brackets is not joined."""
    try:
        for query in queries:
            promql_parser.parse(query)
    except ValueError:
        return False
    return True


def join(queries: Mapping[str, str]) -> str:
    """One query for all; the keys hold no quotes and no backslashes."""
    # The brackets stand on lines of their own, because a query may end with a comment.
    named = (f'label_replace((\n{text}\n),"{_LABEL}","{key}","","")' for key, text in queries.items())
    return "\nor\n".join(named)


def part(answer: object, keys: Collection[str]) -> dict[str, object]:
    """What each query would have been answered alone.

    Raises:
        ValueError: the answer holds something that was not asked for.
    """
    if not isinstance(answer, list):
        raise ValueError("several series are a list")  # noqa: TRY004 - of the answer, not of the program
    parts: dict[str, list[Any]] = {key: [] for key in keys}
    for series in answer:
        labels = dict(series["metric"])
        key = labels.pop(_LABEL, None)
        if key not in parts:
            raise ValueError("a series of no query")
        parts[key].append({**series, "metric": labels})
    return dict(parts)

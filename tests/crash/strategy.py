"""What the suite has to know of a strategy: its settings, and what it should do to the cluster.

`tests.crash.strategies` lists them; a new strategy is a file like `tests.crash.canary` and a line there.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.crash.directions import Direction
from tests.support.routing import Routing

JSON = dict[str, Any]


@dataclass(frozen=True)
class Effect:
    """One change that the API server made for the bot."""

    at: datetime
    what: str


@dataclass(frozen=True)
class Strategy:
    """One strategy, as it is seen from the outside."""

    name: str
    command: str  # as people type it
    routing: Routing
    directions: Mapping[str, Direction]  # the ways that its runs can go, by name
    settings: Callable[[str], JSON]  # what the application's configuration says of it, by direction
    effects: Callable[[Sequence[JSON]], tuple[Effect, ...]]  # from the API server's log, in order
    stories: Mapping[str, tuple[tuple[str, ...], ...]]  # by direction: the orders of effects that are right
    approved_by: Mapping[str, str]  # the step whose approval an effect needs
    is_at_rest: Callable[[JSON], bool]  # whether the routes send everything to what is trusted
    keeps_old: bool = False  # the version before stays where it was, without traffic

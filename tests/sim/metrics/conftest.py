"""Series made by hand, and questions to them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from bot.sim.metrics.evaluate import compiled
from bot.sim.metrics.selectors import parse
from bot.sim.metrics.store import SeriesStore, milliseconds
from bot.sim.metrics.values import refuse_twins

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)

Ask = Callable[..., object]


@pytest.fixture
def store() -> SeriesStore:
    return SeriesStore()


@pytest.fixture
def fill(store):
    """Appends one value per step from `NOON` on; None leaves a gap."""

    def append(name: str, labels: dict[str, str], values, every: float = 15) -> None:
        for index, value in enumerate(values):
            if value is not None:
                store.append(name, labels, NOON + timedelta(seconds=index * every), float(value))

    return append


@pytest.fixture
def ask(store) -> Ask:
    """The answer to an expression so many seconds after noon: a number, or values by their labels."""

    def evaluate(query: str, after: float = 0):
        value = compiled(parse(query), store)(milliseconds(NOON + timedelta(seconds=after)))
        if not isinstance(value, list):
            return value
        return {frozenset(sample.labels.items()): sample.value for sample in refuse_twins(value)}

    return evaluate


@pytest.fixture
def only(ask):
    """The value of the one element of an answer."""

    def evaluate(query: str, after: float = 0) -> float:
        (value,) = ask(query, after).values()
        return value

    return evaluate

"""The gates, which every strategy begins with."""

from collections.abc import Iterator
from datetime import timedelta

from bot.domain.actions import RunGate
from bot.domain.plan import Phase, Step


def gate_steps(names: tuple[str, ...]) -> Iterator[Step]:
    """One step per gate; they are answered at the same time."""
    for name in names:
        yield Step(
            id=f"gates/{name}",
            title=f"Gate: {name.replace('-', ' ')}",
            action=RunGate(gate=name),
            phase=Phase.GATES,
            group="gates",
            timeout=timedelta(minutes=30),
            estimate=timedelta(minutes=2),
        )

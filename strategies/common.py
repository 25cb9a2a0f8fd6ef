"""The steps that every strategy begins and ends with."""

from collections.abc import Iterator
from datetime import timedelta

from bot.domain.actions import CheckHealth, RunGate, Side
from bot.domain.plan import DeployRequest, Phase, Step


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


def finish_health(request: DeployRequest) -> Step:
    """Whether production answers well, as the new version, at the end."""
    return Step(
        id="finish/health",
        title=f"Ask the health paths of production for {request.version}",
        action=CheckHealth(of=Side.STABLE, version=request.version),
        phase=Phase.VALIDATION,
        timeout=timedelta(minutes=3),
    )


def back_health(request: DeployRequest, undoes: str) -> Step:
    """Whether it does as the version before, at the end of the way back."""
    return Step(
        id="back/health",
        title=f"Ask the health paths of production for {request.running_version}",
        action=CheckHealth(of=Side.STABLE, version=request.running_version),
        phase=Phase.PRODUCTION,
        undoes=undoes,
        timeout=timedelta(minutes=3),
    )

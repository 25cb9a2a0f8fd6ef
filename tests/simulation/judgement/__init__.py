"""What has to hold after every simulation, judged from the outside: store, cluster and workspace.

Nothing here asks the bot. Each judge gives the breaches it found, as sentences; none means that all is well.
"""

from collections.abc import Callable, Iterator

from tests.simulation.judgement.journal import approvals, claims, decisions, journals, tables, timers
from tests.simulation.judgement.messages import unsaid, workspace
from tests.simulation.judgement.platform import effects, ends, rest, rollouts, tenures
from tests.simulation.simulation import Simulation

Judge = Callable[[Simulation], Iterator[str]]

JUDGES: tuple[Judge, ...] = (
    journals,
    claims,
    approvals,
    decisions,
    timers,
    tables,
    effects,
    tenures,
    ends,
    rollouts,
    rest,
    workspace,
)

__all__ = ["JUDGES", "judged", "unsaid"]


def judged(simulation: Simulation) -> list[str]:
    """Everything that is not as it has to be."""
    found = [f"nobody expected this: {error}" for error in simulation.unexpected]
    for judge in JUDGES:
        found += [f"{judge.__name__}: {breach}" for breach in judge(simulation)]
    return found

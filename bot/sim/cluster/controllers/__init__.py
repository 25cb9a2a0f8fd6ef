"""The controllers of the simulated cluster: each brings what is a little closer to what is wanted.

One module for each, one function: it reads the store, writes to it, and answers when it wants to look again
even if nothing changes (a deadline, a back-off). None sleeps, none keeps state between two looks;
`reconcile` runs them until nothing changes any more. Processes that start and fail are `kubelet`'s part.
"""

from collections.abc import Callable
from datetime import datetime

from bot.sim.cluster.controllers.collector import collect
from bot.sim.cluster.controllers.deployments import reconcile_deployments
from bot.sim.cluster.controllers.endpoints import reconcile_endpoints
from bot.sim.cluster.controllers.jobs import reconcile_jobs
from bot.sim.cluster.controllers.replicasets import reconcile_replica_sets
from bot.sim.cluster.store import ObjectStore

__all__ = ["reconcile"]

Controller = Callable[[ObjectStore, datetime], datetime | None]

_CONTROLLERS: tuple[Controller, ...] = (
    collect,
    reconcile_deployments,
    reconcile_replica_sets,
    reconcile_jobs,
    reconcile_endpoints,
)

# A change settles in three or four rounds; more means that two controllers undo each other's work.
_ROUNDS = 25


def reconcile(store: ObjectStore, now: datetime) -> datetime | None:
    """Let every controller work until all agree; the answer is when the first of them wants to look again."""
    for _ in range(_ROUNDS):
        before = store.revision
        wanted = [again for controller in _CONTROLLERS if (again := controller(store, now)) is not None]
        if store.revision == before:
            return min(wanted, default=None)
    raise RuntimeError("the simulated controllers do not settle")

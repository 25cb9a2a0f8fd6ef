"""Which process drives which run: claimed, renewed and taken over without any common clock.

A lease is a number and a beat that its owner moves. Whoever looks remembers by its own watch since when a
lease has stood as it stands (`WatchedLeases`); standing still for a lease's length, it may be taken. The
number grows with each claim and fences every write, so that even a wrong guess harms nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import Update, bindparam, or_, select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from bot.domain.points import passing
from bot.domain.run import RunState
from bot.ports import Claim
from storage.tables import RunRow

ACTIVE_STATES = tuple(state.value for state in RunState if not state.is_terminal)

# Carried out by every process each second or so, so they are built once; tables need no look at objects.
_TABLE = RunRow.metadata.tables["runs"]
_RUNS = _TABLE.c
_LEASES = (
    select(_RUNS.id, _RUNS.lease_owner, _RUNS.lease_number, _RUNS.lease_beat)
    .where(or_(_RUNS.state.in_(ACTIVE_STATES), _RUNS.told_at.is_(None)))
    .order_by(_RUNS.started_at, _RUNS.id)
)
_RENEW = (
    update(_TABLE)
    .where(_RUNS.lease_owner == bindparam("owner"), _RUNS.id.in_(bindparam("runs", expanding=True)))
    .values(lease_beat=_RUNS.lease_beat + 1)
    .returning(_RUNS.id, _RUNS.lease_number)
)


class Lease(NamedTuple):
    """One run's lease as it stands."""

    run: str
    owner: str | None
    number: int
    beat: int


def leases(session: Session) -> tuple[Lease, ...]:
    """Of all runs that somebody has to see to, the oldest first."""
    return tuple(Lease(*row) for row in session.execute(_LEASES))


def claim_all(session: Session, owner: str, free: Mapping[str, Lease]) -> tuple[Claim, ...]:
    """Those that still stand as they were seen.

    A frozen process may hold a run's row: it is skipped here, and claimed when the lock is gone.
    """
    query = (
        select(RunRow)
        .where(col(RunRow.id).in_(free))
        .order_by(col(RunRow.started_at), col(RunRow.id))
        .with_for_update(skip_locked=True)
    )
    claims = []
    for row in session.scalars(query):
        if Lease(row.id, row.lease_owner, row.lease_number, row.lease_beat) != free[row.id]:
            continue
        row.lease_owner = owner
        row.lease_number += 1
        row.lease_beat = 0
        claims.append(Claim(run=row.id, lease=row.lease_number))
        passing("lease/claimed/commit")
    return tuple(claims)


def renew_all(session: Session, owner: str, claims: Iterable[Claim]) -> frozenset[Claim]:
    """Move the beat of those of these leases that the owner still has; they are returned.

    And of no other: it may own a lease that it does not know of, because the answer to a claim or a release
    was lost. Nobody drives that run, so its lease has to stand still until somebody takes it.
    """
    beaten = session.execute(_RENEW, {"owner": owner, "runs": sorted({claim.run for claim in claims})})
    return frozenset(Claim(run=run, lease=number) for run, number in beaten)


def where_owned(claim: Claim) -> Update:
    return update(RunRow).where(
        col(RunRow.id) == claim.run,
        col(RunRow.lease_number) == claim.lease,
        col(RunRow.lease_owner).is_not(None),
    )


class WatchedLeases:
    """Since when each lease has stood as it stands, by this process's own watch."""

    def __init__(self, watch: Callable[[], float], is_gone: Callable[[str], bool] | None) -> None:
        self._watch = watch
        self._is_gone = is_gone
        self._seen: dict[str, tuple[Lease, float]] = {}

    def free(self, found: Iterable[Lease], ttl: timedelta) -> dict[str, Lease]:
        """Those that may be claimed now."""
        now, before, self._seen = self._watch(), self._seen, {}
        free = {}
        for lease in found:
            known, since = before.get(lease.run, (None, now))
            self._seen[lease.run] = (lease, since if lease == known else now)
            has_stood_still = lease == known and now - since >= ttl.total_seconds()
            if lease.owner is None or has_stood_still or self._is_known_gone(lease.owner):
                free[lease.run] = lease
        return free

    def claimed(self, owner: str, claims: Iterable[Claim]) -> None:
        """Our own are watched like any other's, from now on."""
        for claim in claims:
            self._seen[claim.run] = (Lease(claim.run, owner, claim.lease, 0), self._watch())

    def _is_known_gone(self, owner: str) -> bool:
        return self._is_gone is not None and self._is_gone(owner)

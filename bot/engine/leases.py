"""The leases of this process: renewed together, each with a deadline by the process's own watch.

Another process may take a run over once it has seen the lease stand still for `LEASE`. A renewal counts from
the moment *before* it was sent, so this process gives a run up before anybody else can have it, even if it is
cut off from the database or was frozen: it needs to ask nobody for that.
"""

import asyncio
from collections.abc import Callable, Iterable
from datetime import timedelta

import structlog

from bot.domain.errors import SlackwaterError
from bot.ports import Claim, Journal

_log = structlog.get_logger(__name__)

# Long enough to outlive three renewals that are lost; a run is taken over within this, two looks and the time
# that a start takes, which is within the 15 s that are promised.
LEASE = timedelta(seconds=8)
RENEW_EVERY = 2.0


class Leases:
    """What this process may drive. `lost` is told of each run that it has to let go of."""

    def __init__(self, journal: Journal, owner: str, lost: Callable[[Claim], None]) -> None:
        self._journal = journal
        self._owner = owner
        self._lost = lost
        self._until: dict[Claim, float] = {}

    def take(self, claims: Iterable[Claim], since: float) -> None:
        """These were claimed by a request that was sent at `since`."""
        for claim in claims:
            self._until[claim] = since + LEASE.total_seconds()

    def holds(self, claim: Claim) -> bool:
        """Whether nobody else can have the run yet."""
        return self._until.get(claim, 0.0) > now()

    def has(self, claim: Claim) -> bool:
        """Whether it was not given up, or let go."""
        return claim in self._until

    def forget(self, claim: Claim) -> None:
        """Nobody here drives it any more, so it is not renewed: its time runs out."""
        self._until.pop(claim, None)

    def holds_run(self, run: str) -> bool:
        return any(claim.run == run and self.holds(claim) for claim in self._until)

    async def keep(self) -> None:
        """Renew for as long as this process lives, and give up what could not be renewed in time."""
        while True:
            await asyncio.sleep(self._pause())
            await self._renew()
            for claim in [claim for claim in self._until if not self.holds(claim)]:
                self._give_up(claim, "it was not renewed in time")

    async def release(self, claims: Iterable[Claim]) -> None:
        """Let others have these at once. If the database does not answer, their time runs out instead."""
        held = tuple(claim for claim in claims if self._until.pop(claim, None) is not None)
        if not held:
            return
        try:
            await self._journal.release(held)
        except SlackwaterError as error:
            _log.warning("not-released", runs=len(held), error=str(error))

    async def release_all(self) -> None:
        await self.release(tuple(self._until))

    def _pause(self) -> float:
        """Until the next renewal, or until the first deadline if that is sooner."""
        soonest = min(self._until.values(), default=now() + RENEW_EVERY)
        return max(0.0, min(RENEW_EVERY, soonest - now()))

    async def _renew(self) -> None:
        claims, since = tuple(self._until), now()
        if not claims:
            return
        try:
            # A database that does not answer must not keep this process from looking at its own watch.
            async with asyncio.timeout(RENEW_EVERY):
                lost = await self._journal.renew(self._owner, claims)
        except (SlackwaterError, TimeoutError) as error:
            _log.warning("not-renewed", runs=len(claims), error=str(error) or "no answer in time")
            return
        except Exception:  # noqa: BLE001 - as in the engine: a process that renews no more has to say so and go on
            _log.exception("renewal-failed")
            return
        self.take((claim for claim in claims if claim not in lost and claim in self._until), since)
        for claim in lost:
            self._give_up(claim, "another process has it")

    def _give_up(self, claim: Claim, why: str) -> None:
        if self._until.pop(claim, None) is not None:
            _log.warning("lease-lost", run=claim.run, lease=claim.lease, why=why)
            self._lost(claim)


def now() -> float:
    """Seconds by the watch of this process, which only runs forward."""
    return asyncio.get_running_loop().time()

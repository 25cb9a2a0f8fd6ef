"""Keeps every active run driven by exactly one process.

It claims runs that nobody drives, drives them, renews its leases, and lets go of them at the end. A driver
that lost its lease stops where it is; a driver that met a bug is started again after a pause, because a run
that nobody drives is worse than a run that repeats an error in the log.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta

import structlog

from bot.clients.redaction import redact
from bot.domain.errors import LeaseLost, SlackwaterError
from bot.domain.events import Claimed, Draft
from bot.domain.plan import Plan
from bot.domain.run import Run, fold_all
from bot.engine.driver import Driver
from bot.engine.ledger import Ledger
from bot.engine.timers import Alarm, Timers
from bot.engine.triggers import TriggerWatch
from bot.ports import Claim, Clock, Journal, Publisher, StepKind, World

_log = structlog.get_logger(__name__)

# A lease outlives three missed renewals; another replica takes over within 15 s (real time).
LEASE = timedelta(seconds=15)
_RENEW_EVERY = 5.0
_PAUSE_AFTER_A_BUG = 5.0
_SHOWN = 300

Kinds = Mapping[str, StepKind]


class Engine:
    """The engine of one bot process. `owner` names the process in the journal."""

    def __init__(
        self,
        *,
        journal: Journal,
        clock: Clock,
        publisher: Publisher,
        world: Callable[[Plan], World],
        kinds: Callable[[Plan, World], Kinds],
        triggers: Callable[[Plan, World], TriggerWatch],
        alarm: Alarm,
        owner: str,
        new_id: Callable[[], str],
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._publisher = publisher
        self._world = world
        self._kinds = kinds
        self._triggers = triggers
        self._owner = owner
        self._new_id = new_id
        self._drivers: dict[str, Driver] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._background: set[asyncio.Task[None]] = set()
        self._wanted = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None
        self._timers = Timers(journal, clock, alarm, self.nudge)

    async def start(self) -> None:
        """Take over what nobody drives, and go on doing so."""
        await self._timers.start()
        self._loop = asyncio.create_task(self._claim_for_ever(), name="claims")

    async def stop(self) -> None:
        """Park every run and let go of it; another process, or the next start, goes on."""
        self._timers.stop()
        tasks = [task for task in (self._loop, *self._tasks.values()) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def nudge(self, run: str) -> None:
        """An interrupt was committed for the run, or the run is new."""
        driver = self._drivers.get(run)
        if driver is not None:
            driver.nudge()
        else:
            self._wanted.set()

    async def _claim_for_ever(self) -> None:
        while True:
            self._wanted.clear()
            try:
                for claim in await self._journal.claim(self._owner, ttl=LEASE):
                    self._take_over(claim)
            except Exception:  # noqa: BLE001 - see `_drive`; a process that claims no more looks healthy and is not
                _log.exception("claim-failed")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wanted.wait(), _RENEW_EVERY)

    def _take_over(self, claim: Claim) -> None:
        before = self._tasks.get(claim.run)
        self._tasks[claim.run] = asyncio.create_task(self._own(claim, before), name=f"run {claim.run}")

    async def _own(self, claim: Claim, before: asyncio.Task[None] | None) -> None:
        """Drive one run as long as the lease is ours.

        A process that was frozen for longer than a lease claims its own run again; its older driver has to be
        gone first, or it would take the nudges of the new one with it.
        """
        if before is not None:
            await _gone(before)
        me = asyncio.current_task()
        assert me is not None, "a coroutine that runs is some task's"
        renewing = asyncio.create_task(self._renew(claim, me), name=f"lease {claim.run}")
        try:
            through = await self._drive(claim)
            while not through:
                await asyncio.sleep(_PAUSE_AFTER_A_BUG)
                through = await self._drive(claim)
        finally:
            renewing.cancel()
            self._drivers.pop(claim.run, None)
            if self._tasks.get(claim.run) is me:
                del self._tasks[claim.run]
            with suppress(SlackwaterError):
                await self._journal.release(claim)

    async def _drive(self, claim: Claim) -> bool:
        """Whether this process is through with the run."""
        try:
            entries = await self._journal.entries(claim.run)
            run = fold_all(entries)
            self._publisher.changed(run)
            is_new = all(entry.lease != claim.lease for entry in entries)
            await self._drive_run(claim, run, is_new=is_new)
        except LeaseLost:
            _log.warning("lease-lost", run=claim.run, lease=claim.lease)
        except Exception as error:  # noqa: BLE001 - see below
            # The engine is one of the two places that catch everything: a bug in one run must neither
            # end the others nor leave this one without a driver.
            _log.exception("driver-failed", run=claim.run)
            self._publisher.trouble(claim.run, _in_short(error))
            return False
        return True

    async def _drive_run(self, claim: Claim, run: Run, *, is_new: bool) -> None:
        ledger = Ledger(
            self._journal,
            claim,
            run,
            self._clock,
            changed=self._publisher.changed,
            timers_added=self._rearm,
        )
        if is_new:
            await ledger.write(Draft(event=Claimed(owner=self._owner)))
        world = self._world(run.plan)
        driver = Driver(ledger, self._kinds(run.plan, world), self._clock, self._new_id)
        self._drivers[claim.run] = driver
        watch = self._triggers(run.plan, world)
        watching = asyncio.create_task(watch.watch(ledger, driver.nudge), name=f"triggers {run.id}")
        driving = asyncio.create_task(driver.drive(), name=f"driver {run.id}")
        try:
            await asyncio.wait({driving, watching}, return_when=asyncio.FIRST_COMPLETED)
            if not driving.done():
                # A bug in the watch ends the driver too: nothing goes forward that no trigger watches.
                watching.result()
            await driving
        finally:
            await _gone(driving, watching)

    def _rearm(self) -> None:
        arming = asyncio.create_task(self._timers.arm())
        self._background.add(arming)
        arming.add_done_callback(self._background.discard)

    async def _renew(self, claim: Claim, owner: asyncio.Task[None]) -> None:
        while True:
            await asyncio.sleep(_RENEW_EVERY)
            try:
                await self._journal.renew(claim, ttl=LEASE)
            except LeaseLost:
                owner.cancel()
                return
            except Exception:  # noqa: BLE001 - see `_drive`
                _log.exception("renewal-failed", run=claim.run)


def _in_short(error: Exception) -> str:
    """Its first line, for people; what libraries put there may hold values that are nobody's business."""
    first = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {redact(first)[:_SHOWN]}"


async def _gone(*tasks: asyncio.Task[None]) -> None:
    """Cancel them and wait until they are."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

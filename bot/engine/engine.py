"""Keeps every active run driven by exactly one process.

It claims runs that nobody drives, drives them, and lets go of them once they have ended and Slack has all of
it. A driver that lost its lease stops where it is; a driver that met a bug is started again after a pause,
because a run that nobody drives is worse than a run that repeats an error in the log.

**Several processes.** Whoever commits something for a run tells all of them; whoever drives it listens, and
looks now and then for what it may have missed. A process that ends in good order parks its runs first and
keeps them until its last messages are out, so that two processes never speak of one run at the same time.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import structlog

from bot.clients.redaction import redact
from bot.domain import aftercare
from bot.domain.errors import ConfigError, LeaseLost, Refused, UnknownEvent
from bot.domain.events import Claimed, Draft
from bot.domain.plan import Plan
from bot.domain.run import Run
from bot.engine.driver import Driver
from bot.engine.leases import LEASE, Leases, now
from bot.engine.ledger import Ledger
from bot.engine.timers import Timers
from bot.engine.triggers import TriggerWatch
from bot.ports import Claim, Clock, Journal, Publisher, StepKind, World

_log = structlog.get_logger(__name__)

# How often to look for runs that nobody drives, and for what was not heard (real seconds).
_LOOK_EVERY = 1.0
_LISTEN_AGAIN = 1.0
_PAUSE_AFTER_A_BUG = 5.0
# A channel that the bot was never let into must not keep a run that has ended for ever (real seconds).
_TELL_FOR = 24 * 3600.0
# Hundreds of runs may be taken over at once. Read a few at a time, the first of them are driven, and a press
# is heard, long before the last journal is read.
_TAKEN_OVER_AT_ONCE = 8
# And drawn last, as drawing them takes as long as taking them over. But nobody waits for ever: not for what
# happens to a run meanwhile, nor for what the process before left unsaid (real seconds).
_SHOW_NEWS_WITHIN = 10.0
_SHOW_WITHIN = 30.0
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
        self._telling: dict[str, asyncio.Event] = {}  # of runs that have ended: something has come for them
        self._owned: dict[str, tuple[Claim, asyncio.Task[None]]] = {}
        self._background: set[asyncio.Task[None]] = set()
        self._wanted = asyncio.Event()
        self._is_parking = False
        self._looking: tuple[asyncio.Task[None], ...] = ()
        self._keeping: asyncio.Task[None] | None = None
        self._taking_over = asyncio.Semaphore(_TAKEN_OVER_AT_ONCE)
        self._unopened: set[Claim] = set()  # claimed by this process, and not read yet
        self._unheard: set[Claim] = set()  # nor has its driver heard what waits for it
        self._unshown: dict[Claim, Run] = {}
        self._timers = Timers(journal, clock, self.nudge)
        self._leases = Leases(journal, owner, self._lost)

    async def start(self) -> None:
        """Take over what nobody drives, and go on doing so."""
        await self._timers.start()
        self._keeping = asyncio.create_task(self._leases.keep(), name="leases")
        self._looking = (
            asyncio.create_task(self._look_for_ever(), name="claims"),
            asyncio.create_task(self._listen_for_ever(), name="news"),
        )

    async def park(self) -> None:
        """Stop every run where it is. They stay this process's own until `release`."""
        self._is_parking = True
        self._timers.stop()
        owning = tuple(task for _, task in self._owned.values())
        await _gone(*self._looking, *owning, *self._background)

    async def release(self) -> None:
        """Let go of the parked runs; another process, or the next start, goes on at once."""
        if self._keeping is not None:
            await _gone(self._keeping)
        await self._leases.release_all()

    async def stop(self) -> None:
        """Park and release."""
        await self.park()
        await self.release()

    def holds(self, run: str) -> bool:
        """Whether this process drives the run, and nobody else can."""
        return self._leases.holds_run(run)

    def nudge(self, run: str) -> None:
        """An interrupt was committed for the run, or the run is new, or free."""
        if run in self._telling:
            self._telling[run].set()
        elif run in self._drivers:
            self._drivers[run].nudge()
        else:
            self._wanted.set()

    async def _look_for_ever(self) -> None:
        while True:
            self._wanted.clear()
            try:
                since = now()
                claims = await self._journal.claim(self._owner, ttl=LEASE)
                self._leases.take(claims, since)
                for claim in claims:
                    self._take_over(claim)
                if claims:
                    self._rearm()
                for run in await self._journal.waiting():
                    if run in self._telling or run in self._drivers:
                        self.nudge(run)
            except Exception:  # noqa: BLE001 - see `_drive`; a process that claims no more looks healthy and is not
                _log.exception("claim-failed")
            # Not `wait_for`: before Python 3.12 it forgets that it was cancelled if news comes just then.
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY):
                    await self._wanted.wait()

    async def _listen_for_ever(self) -> None:
        while True:
            try:
                await self._journal.listen(self.nudge)
            except Exception:  # noqa: BLE001 - see `_drive`; until it listens again, looking finds what there is
                _log.exception("not-listening")
            await asyncio.sleep(_LISTEN_AGAIN)

    def _take_over(self, claim: Claim) -> None:
        _, before = self._owned.get(claim.run, (None, None))
        self._unopened.add(claim)
        self._unheard.add(claim)
        task = asyncio.create_task(self._own(claim, before), name=f"run {claim.run}")
        self._owned[claim.run] = (claim, task)

    async def _own(self, claim: Claim, before: asyncio.Task[None] | None) -> None:
        """Drive one run as long as the lease is ours.

        A process that was frozen for longer than a lease claims its own run again; its older driver has to be
        gone first, or it would take the nudges of the new one with it.
        """
        try:
            if before is not None:
                await _gone(before)
            through = await self._drive(claim)
            while not through:
                await asyncio.sleep(_PAUSE_AFTER_A_BUG)
                through = await self._drive(claim)
        finally:
            self._is_heard(claim)
            self._drivers.pop(claim.run, None)
            if self._is_current(claim):
                del self._owned[claim.run]
            if not self._leases.holds(claim):
                self._leases.forget(claim)
                self._publisher.dropped(claim.run)
            elif not self._is_parking:
                await self._leases.release((claim,))

    def _lost(self, claim: Claim) -> None:
        # It may have been claimed again by this very process, which then goes on under the newer lease.
        if self._is_current(claim):
            _, task = self._owned[claim.run]
            task.cancel()

    def _is_current(self, claim: Claim) -> bool:
        return claim.run in self._owned and self._owned[claim.run][0] == claim

    async def _drive(self, claim: Claim) -> bool:
        """Whether this process is through with the run."""
        try:
            ledger = await self._open(claim)
            if not ledger.run.is_terminal:
                await self._drive_run(ledger, self._world(ledger.run.plan))
            until = asyncio.get_running_loop().time() + _TELL_FOR
            is_told = False
            while not is_told:
                await self._care(ledger)
                self._is_heard(claim)
                is_told = await self._tell_to_its_end(ledger, until)
        except LeaseLost:
            _log.warning("lease-lost", run=claim.run, lease=claim.lease)
            self._unshown.pop(claim, None)
            self._publisher.dropped(claim.run)
        except Exception as error:  # noqa: BLE001 - see below
            # The engine is one of the two places that catch everything: a bug in one run must neither
            # end the others nor leave this one without a driver.
            _log.exception("driver-failed", run=claim.run)
            self._is_heard(claim)
            self._show(claim)
            self._publisher.trouble(claim.run, _in_short(error))
            return False
        return True

    async def _care(self, ledger: Ledger) -> None:
        """Hear what has come for a run that has ended, and do what is due of its aftercare."""
        await ledger.take_interrupts()
        step = aftercare.to_do(ledger.run)
        if step is None:
            return
        try:
            world = self._world(ledger.run.plan)
        except (ConfigError, Refused, LookupError) as error:
            # The application may have gone from the configuration since; nobody waits for it for ever.
            why = f"what it was planned for is not configured any more ({_in_short(error)})"
            later = aftercare.not_now(ledger.run, step, why, self._clock.now())
            await ledger.write(Draft(event=later, step=step.id))
        else:
            await self._drive_run(ledger, world)

    async def _tell_to_its_end(self, ledger: Ledger, until: float) -> bool:
        """The run has ended; it is this process's own until Slack has everything about it, or until then.

        False: something has come for its aftercare meanwhile. It does not wait for Slack.

        Raises:
            LeaseLost: somebody else may have it by now, and then has to tell.
        """
        claim = ledger.claim
        ledger.check_lease()
        self._publisher.changed(ledger.run)
        called = self._telling[claim.run] = asyncio.Event()
        waits: tuple[asyncio.Task[Any], ...] = (
            asyncio.create_task(self._publisher.said(claim.run)),
            asyncio.create_task(called.wait()),
        )
        left = max(0.0, until - asyncio.get_running_loop().time())
        try:
            done, _ = await asyncio.wait(waits, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        finally:
            del self._telling[claim.run]
            await _gone(*waits)
        if called.is_set():
            return False
        if not done:
            _log.error("never-told", run=claim.run)
        return await self._journal.told(claim)

    async def _open(self, claim: Claim) -> Ledger:
        """The run's journal, with the claim as its newest entry unless nothing is left to write there."""
        try:
            async with self._taking_over:
                run = await self._journal.load(claim.run)
                ledger = Ledger(
                    self._journal,
                    claim,
                    run,
                    self._clock,
                    changed=lambda run: self._changed(claim, run),
                    timers_added=self._rearm,
                    holds=self._leases.holds,
                )
                if run.is_closed or run.lease == claim.lease:
                    self._changed(claim, run)
                else:
                    await ledger.write(Draft(event=Claimed(owner=self._owner)))
                return ledger
        finally:
            self._unopened.discard(claim)

    async def _drive_run(self, ledger: Ledger, world: World) -> None:
        run = ledger.run
        driver = Driver(
            ledger,
            self._kinds(run.plan, world),
            self._clock,
            self._new_id,
            heard=lambda: self._is_heard(ledger.claim),
        )
        self._drivers[run.id] = driver
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

    def _changed(self, claim: Claim, run: Run) -> None:
        # A write that was under way when the lease was lost may still come back. One whose time is over but
        # that is not given up may be renewed yet; until then the publisher makes no call for it.
        if not self._leases.has(claim):
            return
        self._unshown[claim] = run
        if not self._unheard:
            self._show_all()
            return
        # Drivers come first: to draw what has changed is put off until every run has one that has heard what
        # waits for it, but not for long. That a run was taken over is no news.
        within = _SHOW_WITHIN if claim in self._unopened else _SHOW_NEWS_WITHIN
        asyncio.get_running_loop().call_later(within, self._show, claim)

    def _is_heard(self, claim: Claim) -> None:
        """What waited for the run. Or it could not be; that is tried again, and nobody waits for it."""
        if claim in self._unheard:
            self._unheard.discard(claim)
            if not self._unheard:
                self._show_all()

    def _show_all(self) -> None:
        for claim in tuple(self._unshown):
            self._show(claim)

    def _show(self, claim: Claim) -> None:
        run = self._unshown.pop(claim, None)
        if run is not None and self._leases.has(claim):
            self._publisher.changed(run)

    def _rearm(self) -> None:
        arming = asyncio.create_task(self._timers.arm())
        self._background.add(arming)
        arming.add_done_callback(self._background.discard)


def _in_short(error: Exception) -> str:
    """For people: its first line, because what libraries put there may hold what is nobody's business."""
    if isinstance(error, UnknownEvent):
        return (
            f"{error}. Nothing is done for this run, and traffic stays as it is, until the version of "
            "Slackwater that wrote it, or a newer one, is started."
        )
    first = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {redact(first)[:_SHOWN]}"


async def _gone(*tasks: asyncio.Task[Any]) -> None:
    """Cancel them and wait until they are."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

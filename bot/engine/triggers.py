"""Watches spec §9's conditions beside the driver, from the first production change to the end of the run.

A condition that holds for its time becomes an interrupt, like a person's. The watch goes on while the run is
held or waits for people, because a bad version does not wait; it ends when the run turns back.
"""

from collections.abc import Callable
from datetime import timedelta

import structlog

from bot.analysis import TriggerLimits, TriggerState, watch
from bot.domain.actions import Side
from bot.domain.errors import SlackwaterError
from bot.domain.figures import Sample
from bot.domain.interrupts import Interrupt, InterruptKind
from bot.domain.run import Run, RunState
from bot.engine.ledger import Ledger
from bot.ports import Clock, HealthProbe, Journal, MetricSource

_log = structlog.get_logger(__name__)

# Three times within the shortest condition anybody sets; a condition's time is counted from readings.
_LOOK = timedelta(seconds=10)
_COMMIT_AGAIN = timedelta(seconds=1)


class TriggerWatch:
    """The triggers of one run."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        metrics: MetricSource,
        health: HealthProbe,
        limits: TriggerLimits,
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._metrics = metrics
        self._health = health
        self._limits = limits
        self._state = TriggerState()
        self._baseline: Sample | None = None

    async def watch(self, ledger: Ledger, nudge: Callable[[], None]) -> None:
        """Until a trigger has fired, or the run is over or goes back."""
        while not _is_over(ledger.run):
            if ledger.run.has_touched_production and await self._look(ledger.run):
                nudge()
                return
            await self._clock.sleep(_LOOK)

    async def _look(self, run: Run) -> bool:
        """One reading of everything; whether a trigger fired."""
        canary = await self._metrics.sample(run.plan.subject(Side.CANARY))
        stable = await self._metrics.sample(run.plan.subject(Side.STABLE))
        if stable.figure("p95").value is not None:
            self._baseline = stable
        elif self._baseline is None:
            self._baseline = _usual(run)
        readings = await self._health.ask(Side.CANARY) if run.weight > 0 else ()
        failing = [reading for reading in readings if not reading.ok]
        now = self._clock.now()
        self._state, fired = watch(
            self._state,
            canary,
            self._baseline,
            self._limits,
            now,
            healthy=not failing if readings else None,
            health_detail="; ".join(f"{r.path}: {r.detail or r.status}" for r in failing),
        )
        if fired is None:
            return False
        _log.warning("trigger-fired", run=run.id, reason=fired.reason.value)
        interrupt = Interrupt(
            run=run.id,
            kind=InterruptKind.TRIGGER,
            at=now,
            reason=fired.reason,
            sentence=fired.sentence,
            first_seen=fired.at,
        )
        await self._commit(interrupt)
        return True

    async def _commit(self, interrupt: Interrupt) -> None:
        """A journal that is busy must not cost the minutes in which the condition was seen."""
        while True:
            try:
                await self._journal.interrupt(interrupt)
            except SlackwaterError:
                _log.exception("trigger-not-committed", run=interrupt.run)
                await self._clock.sleep(_COMMIT_AGAIN)
            else:
                return


def _usual(run: Run) -> Sample | None:
    """Stable's newest figures in the journal: a restart while the canary serves all must not lose them."""
    seen = [record.evidence.stable_now for record in run.steps.values() if record.evidence.stable_now]
    known = [sample for sample in seen if sample.figure("p95").value is not None]
    return max(known, key=lambda sample: sample.at, default=None)


def _is_over(run: Run) -> bool:
    return run.is_terminal or run.state is RunState.GOING_BACK

"""Watches spec §9's conditions beside the driver, from the first production change to the end of the run.

A condition that holds for its time becomes an interrupt, like a person's. The watch goes on while the run is
held or waits for people, because a bad version does not wait; it ends when the run turns back. How long a
condition has been seen is journaled now and then, so that a restart does not begin its minutes anew.
"""

import zlib
from collections.abc import Callable
from datetime import timedelta

import structlog

from bot.analysis import BASELINE_FIGURES, CANARY_FIGURES, TriggerLimits, TriggerState, watch
from bot.domain.actions import Side
from bot.domain.errors import IllegalTransition, OutsideError, SlackwaterError
from bot.domain.events import Draft, Watched
from bot.domain.figures import Sample
from bot.domain.interrupts import Interrupt, InterruptKind
from bot.domain.run import Run, RunState
from bot.domain.triggers import Breach
from bot.engine.ledger import Ledger
from bot.ports import Clock, HealthProbe, Journal, MetricSource

_log = structlog.get_logger(__name__)

# Three times within the shortest condition anybody sets; a condition's time is counted from readings.
_LOOK = timedelta(seconds=10)
# A blip is not; and with more lines than this the journal would tell of nothing else.
_WORTH_A_LINE = timedelta(seconds=30)
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
        self._state = ledger.run.triggers
        if ledger.run.has_touched_production:
            # Hundreds may be taken over at once; they take turns at the source from their first look on.
            await self._clock.sleep(_LOOK * _turn(ledger.run.id))
        while not _is_over(ledger.run):
            if ledger.run.has_touched_production:
                if await self._look(ledger.run):
                    nudge()
                    return
                await self._remember(ledger)
            await self._clock.sleep(_LOOK)

    async def _remember(self, ledger: Ledger) -> None:
        """Journal what was seen, once it is worth a line. What is not written, the next look tries again."""
        known = zip(ledger.run.triggers.breaches, self._state.breaches, strict=True)
        if not any(_is_news(before, after) for before, after in known):
            return
        try:
            await ledger.write(Draft(event=Watched(triggers=self._state)))
        except (OutsideError, IllegalTransition):
            _log.warning("triggers-not-journaled", run=ledger.run.id)

    async def _look(self, run: Run) -> bool:
        """One reading of everything; whether a trigger fired."""
        canary = await self._metrics.figures(run.plan.subject(Side.CANARY), _told_apart(run))
        stable = await self._metrics.figures(run.plan.subject(Side.STABLE), BASELINE_FIGURES)
        if stable.figure("p95").value is not None:
            self._baseline = stable
        elif self._baseline is None:
            self._baseline = _usual(run)
        # Where both versions are behind one door, or one after the other, whoever answers speaks for it.
        target = run.plan.target
        side = Side.CANARY if target.is_beside and not target.is_switched else Side.STABLE
        readings = await self._health.ask(side) if run.weight > 0 else ()
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


def _told_apart(run: Run) -> tuple[str, ...]:
    """What can be read of the new version alone: memory only once no pod of the one before is left beside."""
    is_alone = run.plan.target.is_beside or run.weight == 100
    return tuple(name for name in CANARY_FIGURES if is_alone or not name.startswith("memory"))


def _turn(run: str) -> float:
    """When within a round it is the run's turn: a number below 1, always the same one."""
    return zlib.crc32(run.encode()) / 2**32


def _usual(run: Run) -> Sample | None:
    """Stable's newest figures in the journal: a restart while the canary serves all must not lose them."""
    seen = [record.evidence.stable_now for record in run.steps.values() if record.evidence.stable_now]
    known = [sample for sample in seen if sample.figure("p95").value is not None]
    return max(known, key=lambda sample: sample.at, default=None)


def _is_news(before: Breach, after: Breach) -> bool:
    is_mended = before.seen > timedelta(0) and after.seen == timedelta(0)
    return is_mended or after.seen - before.seen >= _WORTH_A_LINE


def _is_over(run: Run) -> bool:
    return run.is_terminal or run.state is RunState.GOING_BACK

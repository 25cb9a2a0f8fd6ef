"""Drives one run: asks the folded journal what comes next, and does it, until the run is over.

Interrupts are looked for before every move and whenever the driver is nudged; going back cancels what is
still going forward. A change that a cancelled step had under way can still arrive late: every change of
traffic names the revision it was made on, so the platform refuses it once the way back has moved on.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

from bot.domain import aftercare
from bot.domain.errors import Interrupted, UnknownEvent
from bot.domain.events import Approved, Asked, Draft, Ended, TurnedBack
from bot.domain.moves import Approve, Ask, CarryOut, End, Rest, TurnBack, next_move
from bot.domain.plan import Step
from bot.domain.run import RunState
from bot.engine.carry import Carrier
from bot.engine.ledger import Ledger
from bot.ports import Clock, StepKind


class Driver:
    """One active run in this process."""

    def __init__(
        self,
        ledger: Ledger,
        kinds: Mapping[str, StepKind],
        clock: Clock,
        new_id: Callable[[], str],
        *,
        heard: Callable[[], None],
    ) -> None:
        """`heard` is told each time that nothing waits for the run any more."""
        self._ledger = ledger
        self._kinds = kinds
        self._clock = clock
        self._new_id = new_id
        self._heard = heard
        self._nudged = asyncio.Event()

    def nudge(self) -> None:
        """Somebody committed an interrupt: look at once."""
        self._nudged.set()

    async def drive(self) -> None:
        """Until the run has ended, or what was due of its aftercare is over.

        Raises:
            LeaseLost: another process drives the run now; nothing more is written or done here.
            UnknownEvent: the plan has a step of a kind that this version does not know.
        """
        is_over = False
        while not is_over:
            self._nudged.clear()
            await self._ledger.take_interrupts()
            self._heard()
            move = next_move(self._ledger.run)
            is_over = self._ledger.run.is_terminal and isinstance(move, Rest)
            # Who spoke first is heard first; what comes next is then thought over again.
            with suppress(Interrupted):
                await self._make(move)

    async def _make(self, move: CarryOut | Ask | Approve | TurnBack | End | Rest) -> None:
        match move:
            case CarryOut():
                await self._carry_out(move.steps)
            case Ask():
                await self._ask(move.step)
            case Approve():
                await self._ledger.write(Draft(event=Approved(basis=move.basis), step=move.step.id))
            case TurnBack():
                event = TurnedBack(
                    ending=move.ending,
                    reason=move.reason,
                    sentence=move.sentence,
                    quarantine=move.quarantine,
                    first_seen=self._ledger.run.first_seen,
                )
                await self._ledger.write(Draft(event=event))
            case End():
                ended = Ended(ending=move.ending, reason=move.reason, sentence=move.sentence)
                await self._ledger.write(Draft(event=ended))
            case Rest():
                if not self._ledger.run.is_terminal:
                    await self._nudged.wait()

    async def _ask(self, step: Step) -> None:
        run = self._ledger.run
        policy, now = run.plan.approvals, self._clock.now()
        asked = Asked(
            question=self._new_id(),
            digest=run.digest,
            verdict=run.verdict,
            remind_at=now + policy.remind,
            escalate_at=now + policy.escalate,
            expires_at=now + policy.expire,
        )
        draft = Draft(event=asked, step=step.id, attempt=run.asked.get(step.id, 0) + 1)
        await self._ledger.write(draft)

    async def _carry_out(self, steps: tuple[Step, ...]) -> None:
        work = {
            asyncio.create_task(self._carrier(step).carry_out(), name=f"{self._ledger.run.id} {step.id}")
            for step in steps
        }
        try:
            await self._watch_over(work, is_forward=steps[0] in self._ledger.run.plan.steps)
        finally:
            await _cancel(work)

    async def _watch_over(self, work: set[asyncio.Task[None]], *, is_forward: bool) -> None:
        """Until all is done, or until people or a trigger turn the run back."""
        pending = set(work)
        while pending:
            nudged = asyncio.create_task(self._nudged.wait())
            try:
                finished, _ = await asyncio.wait({*pending, nudged}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                await _cancel({nudged})
            for task in finished - {nudged}:
                task.result()
            pending -= finished
            if self._nudged.is_set():
                self._nudged.clear()
                await self._ledger.take_interrupts()
                run = self._ledger.run
                is_put_off = run.is_terminal and aftercare.to_do(run) is None
                if is_put_off or (is_forward and run.state is RunState.GOING_BACK):
                    return

    def _carrier(self, step: Step) -> Carrier:
        kind = self._kinds.get(step.action.kind)
        if kind is None:
            raise UnknownEvent(f"step {step.id} is of kind {step.action.kind!r}, which this version lacks")
        return Carrier(kind, step, self._ledger, self._clock)


async def _cancel(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel what still runs and wait until it is gone; what went wrong beside the first trouble is heard
    too.
    """
    every = tuple(tasks)
    for task in every:
        task.cancel()
    await asyncio.gather(*every, return_exceptions=True)

"""The run as its journal tells it, and the only pen that writes to it.

A driver, its steps and its trigger watch share one ledger. It writes one batch at a time, folds what was
written, and tells whoever wants to know. Losing the lease shows here first: `LeaseLost` ends the driver.
"""

import asyncio
from collections.abc import Callable, Coroutine

from bot.domain import aftercare
from bot.domain.actions import Bake
from bot.domain.errors import IllegalTransition, Interrupted, LeaseLost
from bot.domain.events import Asked, Draft, Ended, Entry, Held, Intended, PutOff, Reminded, Timer
from bot.domain.folding import fold
from bot.domain.interrupts import Interrupt, answer_to
from bot.domain.moves import may_begin
from bot.domain.outcome import Recorded
from bot.domain.plan import Step
from bot.domain.run import Run, RunState, StepStatus
from bot.ports import Claim, Clock, Consumed, Journal


class Ledger:
    """One claimed run."""

    def __init__(
        self,
        journal: Journal,
        claim: Claim,
        run: Run,
        clock: Clock,
        *,
        changed: Callable[[Run], None],
        timers_added: Callable[[], None],
        holds: Callable[[Claim], bool],
    ) -> None:
        self.run = run
        self.claim = claim
        self._journal = journal
        self._clock = clock
        self._changed = changed
        self._timers_added = timers_added
        self._holds = holds
        self._pen = asyncio.Lock()

    async def write(self, *drafts: Draft) -> None:
        """Append and fold, with the timers that follow.

        Raises:
            LeaseLost: another process drives the run now.
            IllegalTransition: an entry does not follow from where the run stands.
            Interrupted: it would end the run, and somebody spoke before.
        """
        await self._uncut(self._append(drafts))

    async def intend(self, step: Step, before: Recorded) -> None:
        """Journal that the step is about to be carried out. This is where every step passes.

        Raises:
            IllegalTransition: the journal does not allow it now, for want of an approval for example.
            Interrupted: somebody spoke before the step began.
        """
        await self._uncut(self._intend(step, before))

    def check_lease(self) -> None:
        """To be asked right before something outside is changed: a process may have been frozen since its
        write.

        Raises:
            LeaseLost: so much time has passed that another process may drive the run.
        """
        if not self._holds(self.claim):
            raise LeaseLost(f"{self.run.id}: lease {self.claim.lease} ran out before the change was sent")

    async def take_interrupts(self) -> None:
        """Turn what waits into entries, in one transaction with consuming it."""
        await self._uncut(self._consume())

    async def _intend(self, step: Step, before: Recorded) -> None:
        is_new = self.run.record(step.id).status is StepStatus.PENDING
        if self.run.state is RunState.HELD and is_new:
            raise Interrupted(f"{self.run.id}: the run was held before {step.id} began")
        if not may_begin(self.run, step):
            raise IllegalTransition(f"{self.run.id}: {step.id} may not begin while {self.run.state.value}")
        attempt = self.run.record(step.id).attempt + 1
        draft = Draft(event=Intended(before=before), step=step.id, attempt=attempt)
        timers: tuple[Timer, ...] = ()
        if isinstance(step.action, Bake):
            due = self._clock.now() + step.action.duration
            timers = (Timer(purpose=f"bake:{step.id}", due=due),)
        await self._append((draft,), timers)

    async def _consume(self) -> None:
        self._take(await self._journal.consume(self.claim, self.run.seq, self._decide))
        if self.run.held_at is not None or self.run.care:
            self._timers_added()

    async def _uncut(self, writing: Coroutine[None, None, None]) -> None:
        """Write with the pen in hand. A caller that is cancelled meanwhile leaves the write to finish.

        Else the journal could have a committed entry that this ledger has not folded in.
        """
        task = asyncio.ensure_future(self._with_pen(writing))
        task.add_done_callback(_heard)
        await asyncio.shield(task)

    async def _with_pen(self, writing: Coroutine[None, None, None]) -> None:
        async with self._pen:
            await writing

    async def _append(self, drafts: tuple[Draft, ...], timers: tuple[Timer, ...] = ()) -> None:
        # Folded on trial first: what cannot follow is never written.
        trial = self.run
        for draft in drafts:
            trial = self._try(trial, draft)
            timers = (*timers, *timers_of(trial, draft))
        self._take(await self._journal.append(self.claim, self.run.seq, drafts, timers))
        if timers:
            self._timers_added()

    def _try(self, run: Run, draft: Draft) -> Run:
        entry = Entry(
            seq=run.seq + 1,
            at=self._clock.now(),
            run=run.id,
            step=draft.step,
            attempt=draft.attempt,
            person=draft.person,
            event=draft.event,
            lease=self.claim.lease,
        )
        return fold(run, entry)

    def _decide(self, waiting: tuple[Interrupt, ...]) -> Consumed:
        """What the interrupts come to, each one judged by where those before it have led."""
        trial = self.run
        drafts: tuple[Draft, ...] = ()
        timers: tuple[Timer, ...] = ()
        for interrupt in waiting:
            for draft in answer_to(trial, interrupt):
                trial = self._try(trial, draft)
                drafts = (*drafts, draft)
                timers = (*timers, *timers_of(trial, draft))
        return Consumed(drafts=drafts, timers=timers)

    def _take(self, entries: tuple[Entry, ...]) -> None:
        for entry in entries:
            self.run = fold(self.run, entry)
        if entries:
            self._changed(self.run)


def timers_of(run: Run, draft: Draft) -> tuple[Timer, ...]:
    """When the bot has to wake because of an entry; `run` has it folded in."""
    event = draft.event
    if isinstance(event, Asked):
        return (
            Timer(purpose=f"remind:{event.question}", due=event.remind_at),
            Timer(purpose=f"escalate:{event.question}", due=event.escalate_at),
            Timer(purpose=f"expire:{event.question}", due=event.expires_at),
        )
    if isinstance(event, Held) and run.held_at is not None:
        policy = run.plan.approvals
        if draft.person is None:
            return (Timer(purpose=f"lapse:{run.held_seq}", due=run.held_at + policy.expire),)
        return (Timer(purpose=f"hold:{run.held_seq}", due=run.held_at + policy.escalate),)
    if isinstance(event, Reminded) and run.held_at is not None and run.held_by is not None:
        # A person's hold does not expire, so it is reminded again, each time after twice as long.
        due = run.updated_at + (run.updated_at - run.held_at)
        return (Timer(purpose=f"hold:{run.held_seq}:{run.seq}", due=due),)
    if isinstance(event, Ended | PutOff):
        return aftercare.timers(run, run.seq)
    return ()


def _heard(task: asyncio.Future[None]) -> None:
    """What became of it is known, even if nobody waits for it any more."""
    if not task.cancelled():
        task.exception()

"""Carries one step out: observe, journal the intent, apply if needed, verify, journal the outcome.

A step that was cut off is carried out again the same way; observing first is what makes that safe. Trouble
that may pass is tried again until the step's time is over. On the way back there is no such limit: a way back
that fails says so loudly and keeps trying.
"""

from datetime import datetime, timedelta

from bot.domain import aftercare
from bot.domain.errors import NotFound, OutsideError, Permanent
from bot.domain.events import Draft, Held, Noted, Progressed, StepDone, StepFailed
from bot.domain.outcome import Done, Evidence, Failed, Outcome, Wait
from bot.domain.plan import Step
from bot.domain.reasons import Reason
from bot.domain.run import RunState, StepStatus
from bot.engine.ledger import Ledger
from bot.ports import Clock, Seen, StepContext, StepKind

_FIRST_RETRY = timedelta(milliseconds=500)
_LAST_RETRY = timedelta(seconds=10)
# A waiting step's memory is journaled this often even if nothing new is awaited; what lies between is counted
# again from the source's counters after a crash, so nothing is lost by it.
_JOURNAL_PROGRESS = timedelta(seconds=30)
# A way back that is still stuck for the same reason says so again after this long.
_SAY_AGAIN = timedelta(minutes=5)
# One lost answer is no trouble yet; the third in a row is.
_LOUD_FROM = timedelta(seconds=4)
# How soon to look again while a person holds what the bot itself would hold.
_LOOK_WHILE_HELD = timedelta(seconds=2)


class Carrier:
    """Carries out one step of one run."""

    def __init__(self, kind: StepKind, step: Step, ledger: Ledger, clock: Clock) -> None:
        self._kind = kind
        self._step = step
        self._ledger = ledger
        self._clock = clock
        self._evidence = ledger.run.record(step.id).evidence
        self._awaiting = ""
        self._journaled_at: datetime | None = None
        self._retry = _FIRST_RETRY
        self._is_way_back = step in ledger.run.plan.way_back
        self._since = clock.now()
        self._acts_anew = False
        self._was_prevented = False
        self._said = ""
        self._said_at: datetime | None = None

    async def carry_out(self) -> None:
        """Until the step has an outcome, or the run is held because of it.

        Raises:
            LeaseLost: another process drives the run now.
            IllegalTransition: the step may not begin; nothing was touched.
            Interrupted: somebody spoke before it began; nothing was touched.
        """
        outcome = await self._attempt()
        while not isinstance(outcome, Done):
            waiting = self._patience_with(outcome)
            if isinstance(waiting, Failed):
                await self._fail(waiting)
                return
            await self._remember(waiting)
            self._acts_anew = waiting.again or self._is_free_again(outcome)
            await self._clock.sleep(waiting.after)
            outcome = await self._once_more()
        await self._write(StepDone(evidence=outcome.evidence))

    async def _attempt(self) -> Outcome:
        try:
            seen = await self._kind.observe(self._context())
            await self._begin(seen)
            outcome = await self._kind.verify(self._context())
        except (OutsideError, Permanent) as error:
            return await self._after(error)
        self._retry = _FIRST_RETRY
        return outcome

    async def _begin(self, seen: Seen) -> None:
        """Journal the intent, and act on what was seen before it: nothing is changed without a fresh one."""
        await self._ledger.intend(self._step, seen.before)
        if not seen.is_settled:
            self._ledger.check_lease()
            await self._kind.apply(self._context(), seen)

    async def _once_more(self) -> Outcome:
        """Verify again; do the whole step again if it has to act anew, or had trouble outside.

        On the way back nobody waits for a person when something undoes what was done: it is done again.
        """
        if self._retry != _FIRST_RETRY or self._acts_anew or not self._has_begun():
            return await self._attempt()
        try:
            if self._is_way_back:
                seen = await self._kind.observe(self._context())
                if not seen.is_settled:
                    await self._begin(seen)
            return await self._kind.verify(self._context())
        except (OutsideError, Permanent) as error:
            return await self._after(error)

    async def _after(self, error: OutsideError | Permanent) -> Outcome:
        if not self._has_begun():
            # Nothing was touched yet. The trouble is journaled as the step's own, so the step begins here.
            await self._ledger.intend(self._step, self._ledger.run.record(self._step.id).before)
        is_transient = isinstance(error, OutsideError) and error.is_transient
        if not is_transient and not self._is_way_back:
            reason = Reason.MISSING if isinstance(error, NotFound) else Reason.STEP_FAILED
            return Failed(reason=reason, sentence=f"{self._step.title}: {error}", evidence=self._evidence)
        self._retry = min(self._retry * 2, _LAST_RETRY)
        wait = self._retry
        if isinstance(error, OutsideError) and error.retry_after is not None:
            wait = max(wait, error.retry_after)
        return Wait(after=wait, awaiting=str(error), evidence=self._evidence)

    def _has_begun(self) -> bool:
        return self._ledger.run.record(self._step.id).status is not StepStatus.PENDING

    def _context(self) -> StepContext:
        run = self._ledger.run
        record = run.record(self._step.id).with_(evidence=self._evidence)
        steps = {**run.steps, self._step.id: record}
        return StepContext(
            run=run.with_(steps=steps), step=self._step, now=self._clock.now(), speed=self._clock.speed
        )

    def _patience_with(self, outcome: Wait | Failed) -> Wait | Failed:
        """What the step's answer comes to. There is nothing behind the way back, so it waits and tries on."""
        if isinstance(outcome, Wait):
            return self._overdue(outcome) or outcome
        if self._is_way_back:
            self._retry = _LAST_RETRY
            return Wait(after=_LAST_RETRY, awaiting=outcome.sentence, evidence=outcome.evidence)
        if outcome.reason.asks_people and self._ledger.run.state is RunState.HELD:
            # A person holds the run already; once they let it go, it is held for this.
            return Wait(after=_LOOK_WHILE_HELD, awaiting=outcome.sentence, evidence=outcome.evidence)
        return outcome

    def _is_free_again(self, outcome: Outcome) -> bool:
        """Whether what kept the step from acting while a person held the run is over: now it has to act."""
        was_prevented, self._was_prevented = self._was_prevented, isinstance(outcome, Failed)
        return was_prevented and not self._was_prevented

    def _overdue(self, outcome: Wait) -> Failed | None:
        """A wait that has outlived the step's time; held time does not count."""
        record = self._ledger.run.record(self._step.id)
        if self._is_way_back or record.began is None:
            return None
        now = self._clock.now()
        held = self._ledger.run.held_until(now) - record.held_before
        if now - record.began - held < self._step.timeout:
            return None
        minutes = self._step.timeout.total_seconds() / 60
        is_there = "done" if self._ledger.run.is_terminal else "there"
        sentence = f"{self._step.title}: not {is_there} after {minutes:g} minutes. {outcome.awaiting}"
        return Failed(reason=outcome.reason, sentence=sentence, evidence=outcome.evidence or Evidence())

    async def _remember(self, outcome: Wait) -> None:
        if outcome.evidence is not None:
            self._evidence = outcome.evidence
        now = self._clock.now()
        if self._is_way_back:
            await self._say_stuck(outcome.awaiting)
        is_news = outcome.awaiting != self._awaiting
        if not is_news and self._journaled_at and now - self._journaled_at < _JOURNAL_PROGRESS:
            return
        self._awaiting, self._journaled_at = outcome.awaiting, now
        progress = Progressed(awaiting=outcome.awaiting, evidence=self._evidence)
        await self._write(progress)

    async def _say_stuck(self, why: str) -> None:
        """Aloud, if there is trouble or if it takes longer than it may: when it is new, and now and then."""
        now = self._clock.now()
        is_in_time = self._retry < _LOUD_FROM and now - self._since < self._step.timeout
        is_said = why == self._said and self._said_at is not None and now - self._said_at < _SAY_AGAIN
        if is_in_time or is_said:
            return
        self._said, self._said_at = why, now
        sentence = f"The way back is stuck, and I keep trying. {self._step.title}: {why}"
        note = Noted(key=f"stuck/{self._step.id}", sentence=sentence, loud=True)
        await self._ledger.write(Draft(event=note))

    async def _fail(self, outcome: Failed) -> None:
        if self._ledger.run.is_terminal:
            later = aftercare.not_now(self._ledger.run, self._step, outcome.sentence, self._clock.now())
            await self._ledger.write(Draft(event=later, step=self._step.id))
            return
        if outcome.reason.asks_people:
            await self._hold(outcome)
            return
        event = StepFailed(reason=outcome.reason, sentence=outcome.sentence, evidence=outcome.evidence)
        await self._write(event)

    async def _hold(self, outcome: Failed) -> None:
        """Somebody else touched what the run relies on: neither forward nor back without a person."""
        held, record = Draft(event=Held(sentence=outcome.sentence)), self._ledger.run.record(self._step.id)
        if not self._has_begun() or outcome.evidence in (Evidence(), record.evidence):
            await self._ledger.write(held)
            return
        # What people decide on, and what a successor goes on with, is what the hold was decided on.
        known = Progressed(awaiting=record.awaiting, evidence=outcome.evidence)
        await self._ledger.write(self._draft(known), held)

    async def _write(self, event: Progressed | StepDone | StepFailed) -> None:
        await self._ledger.write(self._draft(event))

    def _draft(self, event: Progressed | StepDone | StepFailed) -> Draft:
        attempt = self._ledger.run.record(self._step.id).attempt
        return Draft(event=event, step=self._step.id, attempt=attempt)

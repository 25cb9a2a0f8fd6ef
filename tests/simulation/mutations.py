"""Safeguards, taken away one at a time: the simulation has to miss each of them.

Nothing in the product knows of this; a mutation patches what it takes away while the simulations are played.
Beside each stand the judges of whom one has to speak: what only breaks something else does not count.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from sqlmodel import col

from bot.domain.moves import CarryOut
from bot.domain.plan import Step
from bot.domain.run import Run
from bot.domain.verdict import Verdict, VerdictKind
from bot.ports import Claim, Seen, StepContext
from bot.slack.delivery import Delivery
from bot.steps.canary import DeployCanaryKind
from bot.steps.rollout import RollOutKind
from storage.journal import SQLJournal
from storage.tables import JournalRow

Mutation = Callable[[], AbstractContextManager[None]]


@contextmanager
def no_approval() -> Iterator[None]:
    """The engine no longer asks the folded run for an approval."""

    def begin(run: Run, steps: tuple[Step, ...]) -> CarryOut:
        return CarryOut(steps=steps)

    with ExitStack() as stack:
        stack.enter_context(patch("bot.domain.moves._begin", begin))
        stack.enter_context(patch("bot.engine.ledger.may_begin", lambda run, step: not run.is_terminal))
        yield


@contextmanager
def no_fencing() -> Iterator[None]:
    """Whoever claims to drive a run may write, whatever the lease's number is by now."""

    def fenced(self: Any, session: Session, claim: Claim, after: int) -> Run:
        run: Run = self._folded.load(session, claim.run)
        return run

    def newest(self: Any, session: Session, run: Run, claim: Claim, what: Any) -> Any:
        query = select(func.max(col(JournalRow.seq))).where(col(JournalRow.run) == run.id)
        assert session.scalar(query) == run.seq
        return _WRITE(self, session, run, claim, what)

    with ExitStack() as stack:
        stack.enter_context(patch.object(SQLJournal, "_fenced", fenced))
        stack.enter_context(patch.object(SQLJournal, "_write", newest))
        yield


_WRITE = SQLJournal._write


@contextmanager
def no_intent_first() -> Iterator[None]:
    """What is seen to be missing is brought at once, before the intent is journaled."""
    with ExitStack() as stack:
        for kind in (DeployCanaryKind, RollOutKind):
            stack.enter_context(patch.object(kind, "observe", _eager(kind.observe)))
        yield


def _eager(original: Any) -> Any:
    async def observe(self: Any, context: StepContext) -> Seen:
        seen: Seen = await original(self, context)
        if not seen.is_settled:
            await self.apply(context, seen)
        return seen

    return observe


@contextmanager
def no_look_after_a_crash() -> Iterator[None]:
    """What may be in Slack already is posted again without a look."""

    async def found(self: Any, run: Run, change: Any) -> None:
        return None

    with patch.object(Delivery, "_found", found):
        yield


@contextmanager
def no_reservation() -> Iterator[None]:
    """A place in the memory is reserved only when the message is there."""

    async def bring(self: Any, run: Run, change: Any) -> None:
        ts = await self._post(run, change)
        await self._memory.reserve(run.id, change.key, change.channel)
        await self._memory.posted(run.id, change.key, ts, change.hash)

    with patch.object(Delivery, "_bring", bring):
        yield


@contextmanager
def no_data_is_good() -> Iterator[None]:
    """A verdict that is not *worse* counts as healthy."""
    with patch.object(Verdict, "is_healthy", property(lambda self: self.kind is not VerdictKind.WORSE)):
        yield


MUTATIONS: dict[str, tuple[Mutation, tuple[str, ...]]] = {
    "approval": (no_approval, ("effects",)),
    "fencing": (no_fencing, ("claims", "journals")),
    "intent": (no_intent_first, ("effects",)),
    "look": (no_look_after_a_crash, ("workspace",)),
    "reservation": (no_reservation, ("workspace",)),
    "verdict": (no_data_is_good, ("approvals",)),
}
"""By the name of the safeguard that is gone."""

"""`on-staging`: what is done in production elsewhere, done where the release is rehearsed.

The step kinds are the same, in front of staging's own objects and with the plan as it reads there: what is
rehearsed is what will be done.

**The way back** takes staging home after production, but production's lock does not wait for it for ever:
what is not home when the step's time is over is left as it is, and said. So is what somebody else has
deployed there since.
"""

from collections.abc import Mapping
from dataclasses import replace

from bot.domain.actions import ON_STAGING, CheckRollout, KeepRollout, OnStaging
from bot.domain.errors import OutsideError, Permanent
from bot.domain.outcome import Done, Evidence, Failed, Outcome, Wait, Workload
from bot.ports import Seen, StepContext, StepKind
from bot.steps.actions import action_of, is_forward


class OnStagingKind:
    """Hands a step on to the kind that does it, with the run as staging knows it."""

    def __init__(self, kinds: Mapping[str, StepKind]) -> None:
        self._kinds = kinds

    async def observe(self, context: StepContext) -> Seen:
        try:
            seen = await self._kind(context).observe(_there(context))
        except (OutsideError, Permanent):
            if not _is_given_up(context):
                raise
            return Seen(is_settled=True)
        return seen.with_(is_settled=True) if _is_anothers_now(context, seen.before.workload) else seen

    async def apply(self, context: StepContext, seen: Seen) -> None:
        """However late it is, it is sent once: a bot that was away has not tried yet."""
        try:
            await self._kind(context).apply(_there(context), seen)
        except (OutsideError, Permanent):
            if not _is_given_up(context):
                raise

    async def verify(self, context: StepContext) -> Outcome:
        try:
            outcome = await self._kind(context).verify(_there(context))
        except (OutsideError, Permanent) as error:
            if not _is_given_up(context):
                raise
            return _left(str(error))
        found = outcome.evidence.workload if outcome.evidence is not None else None
        if found is not None and _is_anothers_now(context, found):
            return _left(f"{found.name} runs {found.image} by now, which this run has not brought")
        if isinstance(outcome, Failed) and is_forward(context):
            # It stands on the card and at the run's end, where nothing else says where it was.
            return outcome.with_(sentence=f"{ON_STAGING}{outcome.sentence}")
        if isinstance(outcome, Done) or not _is_given_up(context):
            return outcome
        why = outcome.awaiting if isinstance(outcome, Wait) else outcome.sentence
        return _left(f"{found.name} runs {found.image}, {why}" if found is not None else why)

    def _kind(self, context: StepContext) -> StepKind:
        kind = action_of(context, OnStaging).action.kind
        if kind not in self._kinds:
            raise Permanent("staging is not configured any more")
        return self._kinds[kind]


def _there(context: StepContext) -> StepContext:
    """What runs on staging is what the rehearsal found: others deploy there too while gates are answered."""
    plan, found = context.run.plan.on_staging, _found(context)
    if found is not None:
        version = found.version or plan.request.running_version
        request = plan.request.with_(running_image=found.image, running_version=version)
        plan = plan.with_(request=request)
    return replace(context, run=context.run.with_(plan=plan), step=plan.step(context.step.id))


def _found(context: StepContext) -> Workload | None:
    for step in context.run.plan.steps:
        if isinstance(step.action, OnStaging) and isinstance(step.action.action, CheckRollout):
            record = context.run.record(step.id)
            return record.evidence.workload or record.before.workload
    return None


def _is_given_up(context: StepContext) -> bool:
    began = context.record.began
    return not is_forward(context) and began is not None and context.now - began >= context.step.timeout


def _is_anothers_now(context: StepContext, found: Workload | None) -> bool:
    """Whether somebody has deployed there since: the way back is not to take that away."""
    undone, signature = context.step.undoes, context.run.signature
    if undone is None or found is None:
        return False
    # What is the run's own still comes off, whoever has deployed under it.
    is_keeping = isinstance(action_of(context, OnStaging).action, KeepRollout)
    if is_keeping and signature in {found.owner, found.paused_by}:
        return False
    before = context.run.record(undone).before.workload or _found(context)
    known = {context.run.plan.request.image, before.image if before is not None else None}
    return found.image not in known


def _left(why: str) -> Done:
    return Done(evidence=Evidence(sentence=f"Staging is left as it is: {why}", is_healthy=False))

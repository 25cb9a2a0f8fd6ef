"""`check-stable`, `promote-stable`, `restore-stable`: what serves before, at the end and on the way back."""

from bot.domain.actions import PromoteStable
from bot.domain.errors import Permanent
from bot.domain.outcome import Done, Evidence, Failed, Outcome, Recorded, Wait, Workload
from bot.domain.reasons import Reason
from bot.ports import Platform, Seen, StepContext, TrafficRouter
from bot.steps.actions import action_of, is_anothers, is_marked, is_ours_to_mind
from bot.steps.workloads import LOOK, changed_meanwhile, firm_ground, rolled_out, too_small


class CheckStableKind:
    """Nothing begins on ground that is not firm: objects missing or unfit, stable not ready, traffic not at
    rest.
    """

    def __init__(self, platform: Platform, traffic: TrafficRouter) -> None:
        self._platform = platform
        self._traffic = traffic

    async def observe(self, context: StepContext) -> Seen:
        return Seen(is_settled=True, before=await self._platform.recorded_stable())

    async def apply(self, context: StepContext, seen: Seen) -> None: ...

    async def verify(self, context: StepContext) -> Outcome:
        # What could not be carried out is better refused now than once there is something to take back. First
        # of all another run's canary: its weight is that run's business.
        request = context.run.plan.request
        await self._platform.check_canary(request.image, request.version, run=context.run.signature)
        stable, split = await self._platform.stable(), await self._traffic.split()
        outcome = firm_ground(context, stable, split)
        if not isinstance(outcome, Failed):
            await self._traffic.check()
        return outcome


class PromoteStableKind:
    """Stable takes the new version while the canary serves everything."""

    def __init__(self, platform: Platform, traffic: TrafficRouter) -> None:
        self._platform = platform
        self._traffic = traffic

    async def observe(self, context: StepContext) -> Seen:
        action = action_of(context, PromoteStable)
        before = await self._platform.recorded_stable()
        is_settled = before.workload is not None and before.workload.image == action.image
        return Seen(is_settled=is_settled, before=before)

    async def apply(self, context: StepContext, seen: Seen) -> None:
        stable = seen.before.workload
        if stable is None or _surprise(context, stable) is not None or _shrunk(context, stable) is not None:
            return
        split = await self._traffic.split()
        if split.canary != 100:
            message = f"stable still serves {100 - split.canary} %, so it is not rolled"
            raise Permanent(message)
        action = action_of(context, PromoteStable)
        await self._platform.promote_stable(action.image, action.version, on=stable)

    async def verify(self, context: StepContext) -> Outcome:
        action = action_of(context, PromoteStable)
        stable = await self._platform.stable()
        surprise = _surprise(context, stable)
        if surprise is not None:
            return Failed(reason=Reason.CHANGED_OUTSIDE, sentence=surprise)
        shrunk = _shrunk(context, stable)
        if shrunk is not None:
            evidence = Evidence(workload=stable)
            return Failed(reason=Reason.CHANGED_OUTSIDE, sentence=shrunk, evidence=evidence)
        outcome = rolled_out(stable, action.image)
        return _same_image(stable, context.run.digest, outcome) if isinstance(outcome, Done) else outcome


class RestoreStableKind:
    """Stable gets back what the promotion's own entry recorded."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    async def observe(self, context: StepContext) -> Seen:
        stable = await self._platform.stable()
        recorded = self._recorded(context)
        before = recorded.workload
        # A promotion that never got as far as to look has changed nothing.
        is_settled = (
            before is None
            or is_anothers(context, stable)
            or (stable.image == before.image and is_marked(context, stable))
        )
        return Seen(is_settled=is_settled, before=Recorded(workload=stable))

    async def apply(self, context: StepContext, seen: Seen) -> None:
        if seen.before.workload is not None:
            recorded = self._recorded(context)
            await self._platform.restore_stable(recorded, on=seen.before.workload, mark=context.run.id)

    async def verify(self, context: StepContext) -> Outcome:
        recorded = self._recorded(context)
        image = recorded.workload.image if recorded.workload else context.run.plan.request.running_image
        stable = await self._platform.stable()
        if is_anothers(context, stable):
            sentence = f"{stable.name} is rolled out by run {stable.owner} and is left alone"
            return Done(evidence=Evidence(sentence=sentence, workload=stable))
        outcome = rolled_out(stable, image)
        if isinstance(outcome, Done) and recorded.workload and not is_marked(context, stable):
            awaiting = f"{outcome.evidence.sentence}; a change of it may be under way"
            return Wait(after=LOOK, awaiting=awaiting, evidence=outcome.evidence)
        if isinstance(outcome, Done) and not context.run.plan.target.is_beside:
            # Where both versions are pods of one deployment, this is what takes the traffic home.
            return outcome.with_(evidence=outcome.evidence.with_(accepted_at=context.now))
        return outcome

    def _recorded(self, context: StepContext) -> Recorded:
        return context.run.record(context.step.undoes or "").before


def _surprise(context: StepContext, found: Workload) -> str | None:
    """Stable is neither what the run began with nor what it brings: somebody else has deployed meanwhile.

    Looked at anew at each attempt, as the weight is.
    """
    running = context.run.plan.request.running_image
    known = {running, action_of(context, PromoteStable).image}
    if found.image in known or not is_ours_to_mind(context):
        return None
    return f"{changed_meanwhile(context, found)} Traffic stays as it is."


def _shrunk(context: StepContext, found: Workload) -> str | None:
    """Once it is being rolled, it is too late to ask."""
    is_begun = found.image == action_of(context, PromoteStable).image
    return None if is_begun else too_small(context, found)


def _same_image(stable: Workload, tried: str | None, outcome: Done) -> Outcome:
    """Stable is to serve the very image that the canary was tried with, whatever the tag names by now."""
    if tried is None or stable.digest == tried:
        return outcome
    if stable.digest is None and not stable.is_mixed:
        awaiting = f"which image {stable.name} runs now is not known"
        return Wait(after=LOOK, awaiting=awaiting, reason=Reason.VERIFY_FAILED, evidence=outcome.evidence)
    found = stable.digest or "several images"
    sentence = f"{stable.name} now runs {found}, but {tried} was tried: the tag was moved meanwhile."
    return Failed(reason=Reason.VERIFY_FAILED, sentence=sentence, evidence=outcome.evidence)

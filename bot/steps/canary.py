"""`deploy-canary`, `keep-canary`, `remove-canary`: the new version's own deployment."""

from bot.domain.actions import DeployCanary, KeepCanary
from bot.domain.errors import Permanent
from bot.domain.outcome import Done, Evidence, Failed, Outcome, Recorded, Wait, Workload
from bot.domain.reasons import Reason
from bot.domain.run import StepStatus
from bot.ports import Platform, Seen, StepContext, TrafficRouter
from bot.steps.actions import action_of, is_anothers, may_still_arrive
from bot.steps.workloads import LOOK, explained, ready


class DeployCanaryKind:
    """The new version beside stable, ready and without traffic."""

    def __init__(self, platform: Platform, traffic: TrafficRouter) -> None:
        self._platform = platform
        self._traffic = traffic

    async def observe(self, context: StepContext) -> Seen:
        action = action_of(context, DeployCanary)
        canary = await self._platform.canary()
        is_settled = canary is not None and canary.image == action.image and not is_anothers(context, canary)
        if context.run.plan.target.is_switched:
            # What stands there from before may be of another size, or with other settings.
            is_settled = is_settled and canary is not None and canary.owner == context.run.signature
        return Seen(is_settled=is_settled, before=Recorded(workload=canary))

    async def apply(self, context: StepContext, seen: Seen) -> None:
        action, canary = action_of(context, DeployCanary), seen.before.workload
        if canary is not None and (is_anothers(context, canary) or await self._serves(context)):
            return
        await self._platform.deploy_canary(action.image, action.version, run=context.run.signature, on=canary)

    async def verify(self, context: StepContext) -> Outcome:
        action = action_of(context, DeployCanary)
        canary = await self._platform.canary()
        if canary is None:
            name = context.run.plan.target.canary_workload
            sentence = f"{name} with {action.version} is gone; somebody deleted it."
            return Failed(reason=Reason.CHANGED_OUTSIDE, sentence=sentence)
        evidence = Evidence(sentence=ready(canary), workload=canary)
        if is_anothers(context, canary):
            sentence = f"{canary.name} belongs to run {canary.owner}, which another Slackwater drives."
            return Failed(reason=Reason.ANOTHER_RUNS, sentence=sentence, evidence=evidence)
        if await self._serves(context):
            name = context.run.plan.target.traffic.object_name
            sentence = f"Somebody else changed the {name}: it leads to {canary.name}, so that is left alone."
            return Failed(reason=Reason.CHANGED_OUTSIDE, sentence=sentence, evidence=evidence)
        if canary.failed:
            return Failed(reason=Reason.NOT_READY, sentence=explained(canary), evidence=evidence)
        if canary.is_mixed:
            sentence = f"The pods of {canary.name} run different images: the tag was moved meanwhile."
            return Failed(reason=Reason.STEP_FAILED, sentence=sentence, evidence=evidence)
        if canary.is_settled and canary.ready == canary.replicas > 0 and canary.image == action.image:
            return Done(evidence=evidence)
        return Wait(after=LOOK, awaiting=explained(canary), reason=Reason.NOT_READY, evidence=evidence)

    async def _serves(self, context: StepContext) -> bool:
        """Whether the place of the new version has users, as either colour may."""
        return context.run.plan.target.is_switched and (await self._traffic.split()).canary > 0


class KeepCanaryKind:
    """What serves from now on does not bear the run's name any more, so the next run may change it."""

    def __init__(self, platform: Platform, traffic: TrafficRouter) -> None:
        self._platform = platform
        self._traffic = traffic

    async def observe(self, context: StepContext) -> Seen:
        canary = await self._platform.canary()
        is_kept = canary is None or canary.owner != context.run.signature
        return Seen(is_settled=is_kept, before=Recorded(workload=canary))

    async def apply(self, context: StepContext, seen: Seen) -> None:
        if seen.before.workload is not None and (await self._traffic.split()).canary == 100:
            await self._platform.keep_canary(run=context.run.signature, on=seen.before.workload, serves=True)

    async def verify(self, context: StepContext) -> Outcome:
        split = await self._traffic.split()
        if split.canary != 100:
            target = context.run.plan.target
            what = f"it leads to {target.workload}. The run does not end like that."
            sentence = f"Somebody else changed the {target.traffic.object_name}: {what}"
            return Failed(reason=Reason.CHANGED_OUTSIDE, sentence=sentence)
        if split.lagging:
            return Wait(after=LOOK, awaiting=split.lagging, reason=Reason.NOT_READY)
        canary, request = await self._platform.canary(), context.run.plan.request
        if canary is None or canary.image != request.image:
            sentence = f"{context.run.plan.target.canary_workload} does not run {request.version} any more."
            return Failed(reason=Reason.CHANGED_OUTSIDE, sentence=sentence)
        if canary.owner == context.run.signature:
            awaiting = f"{canary.name} still bears the name of this run"
            return Wait(after=LOOK, awaiting=awaiting, reason=Reason.VERIFY_FAILED)
        return Done(evidence=Evidence(sentence=f"{canary.name} serves {request.version}", workload=canary))


class RemoveCanaryKind:
    """Deletes the canary, but never while it gets traffic."""

    def __init__(self, platform: Platform, traffic: TrafficRouter) -> None:
        self._platform = platform
        self._traffic = traffic

    async def observe(self, context: StepContext) -> Seen:
        canary = await self._platform.canary()
        is_gone = canary is None or canary.is_leaving or is_anothers(context, canary)
        if canary is not None and _is_left(context, canary):
            is_gone = canary.owner != context.run.signature
        return Seen(is_settled=is_gone, before=Recorded(workload=canary))

    async def apply(self, context: StepContext, seen: Seen) -> None:
        split, canary = await self._traffic.split(), seen.before.workload
        name = context.run.plan.target.canary_workload
        if split.canary != 0 or split.header_to == "canary":
            raise Permanent(f"{name} still gets traffic, so it is not removed")
        if canary is not None and _is_left(context, canary):
            await self._platform.keep_canary(run=context.run.signature, on=canary, serves=False)
        elif canary is not None:
            await self._platform.remove_canary(on=canary)

    async def verify(self, context: StepContext) -> Outcome:
        canary = await self._platform.canary()
        if canary is None:
            name = context.run.plan.target.canary_workload
            if may_still_arrive(context):
                return Wait(after=LOOK, awaiting=f"{name} is gone; its creation was under way")
            return Done(evidence=Evidence(sentence=f"{name} is gone"))
        if is_anothers(context, canary):
            sentence = f"{canary.name} belongs to run {canary.owner} and is left alone"
            return Done(evidence=Evidence(sentence=sentence))
        if _is_left(context, canary) and canary.owner != context.run.signature:
            if may_still_arrive(context):
                return Wait(after=LOOK, awaiting=f"{canary.name} is left; a change of it was under way")
            return Done(evidence=Evidence(sentence=f"{canary.name} is left as it was"))
        return Wait(after=LOOK, awaiting=f"{canary.name} still has {canary.ready} pods")


def _is_left(context: StepContext, canary: Workload) -> bool:
    """Whether one of two colours stays where it is: the run never had it, or it ran this version before."""
    run, undone = context.run, context.step.undoes
    if undone is None or not run.plan.target.is_switched:
        return False
    before = run.record(undone).before.workload
    is_kept = any(
        isinstance(step.action, KeepCanary) and run.record(step.id).status is not StepStatus.PENDING
        for step in run.plan.steps
    )
    image = run.plan.request.image
    was_there = before is not None and before.owner != run.signature and before.image == image
    was_there = was_there and before is not None and not before.is_leaving and before.is_one_with(canary)
    is_ours = canary.owner == run.signature or (is_kept and canary.image == image)
    return was_there or not is_ours

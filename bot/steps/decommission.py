"""`leave-stable`, `decommission`: what served before is left behind, and removed when it has no use any more.

A run that has ended does not know what came after it. Until it is removed, what was left is the way back of
whoever deploys next, so each doubt keeps it.
"""

from datetime import timedelta

from bot.domain.errors import NotFound
from bot.domain.outcome import Done, Evidence, Outcome, Recorded, TrafficSplit, Wait, Workload
from bot.domain.reasons import Reason
from bot.ports import Platform, Seen, StepContext, TrafficRouter
from bot.steps.workloads import LOOK, explained

# Another run's end is not a matter of seconds.
_LOOK_LATER = timedelta(seconds=30)


class LeaveStableKind:
    """The note is there before the new version is nobody's: at no moment is it an older run's to remove."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    async def observe(self, context: StepContext) -> Seen:
        stable = await _stable(self._platform)
        is_left = stable is None or stable.left_by == context.run.signature
        return Seen(is_settled=is_left, before=Recorded(workload=stable))

    async def apply(self, context: StepContext, seen: Seen) -> None:
        if seen.before.workload is not None:
            await self._platform.leave_stable(run=context.run.signature, on=seen.before.workload)

    async def verify(self, context: StepContext) -> Outcome:
        stable, name = await _stable(self._platform), context.run.plan.target.workload
        if stable is None:
            return Done(evidence=Evidence(sentence=f"{name} is gone; somebody deleted it"))
        if stable.left_by != context.run.signature:
            awaiting = f"{name} does not bear the note that this run has left it"
            return Wait(after=LOOK, awaiting=awaiting, reason=Reason.VERIFY_FAILED)
        return Done(evidence=Evidence(sentence=f"{name} is left as it was", workload=stable))


class DecommissionKind:
    """Deletes what the run has left behind, and nothing that is of use to anybody."""

    def __init__(self, platform: Platform, traffic: TrafficRouter) -> None:
        self._platform = platform
        self._traffic = traffic

    async def observe(self, context: StepContext) -> Seen:
        stable = await _stable(self._platform)
        is_over = stable is None or stable.is_leaving or await self._kept(context, stable) is not None
        return Seen(is_settled=is_over, before=Recorded(workload=stable))

    async def apply(self, context: StepContext, seen: Seen) -> None:
        stable = seen.before.workload
        if stable is None or await self._kept(context, stable) is not None:
            return
        if await self._awaited(context, stable) is None:
            await self._platform.remove_stable(on=stable)

    async def verify(self, context: StepContext) -> Outcome:
        stable, name = await _stable(self._platform), context.run.plan.target.workload
        if stable is None:
            return Done(evidence=Evidence(sentence=f"{name} is removed"))
        if stable.is_leaving:
            return Wait(after=LOOK, awaiting=f"{name} still has {stable.ready} pods")
        kept = await self._kept(context, stable)
        if kept is not None:
            return Done(evidence=Evidence(sentence=kept, workload=stable))
        awaiting = await self._awaited(context, stable)
        if awaiting is not None:
            return Wait(after=_LOOK_LATER, awaiting=awaiting, again=True)
        return Wait(after=LOOK, awaiting=f"{name} is still there", again=True)

    async def _kept(self, context: StepContext, stable: Workload) -> str | None:
        """Why it stays for good, as far as this run is concerned: it is not what was left any more."""
        request, run = context.run.plan.request, context.run
        if stable.image != request.running_image:
            return f"{stable.name} stays: it runs {stable.version or stable.image} now"
        if (await self._traffic.split()).canary == 0:
            return f"{stable.name} stays: production is served from it again"
        if stable.left_by != run.signature:
            by = "nobody" if stable.left_by is None else f"run {stable.left_by}"
            return f"{stable.name} stays: by its note it was left by {by}, not by this run"
        return None

    async def _awaited(self, context: StepContext, stable: Workload) -> str | None:
        """Why it cannot be removed just now."""
        canary, split = await self._platform.canary(), await self._traffic.split()
        owner = stable.owner or (canary.owner if canary is not None else None)
        if owner is not None:
            return f"Run {owner} is under way and may need {stable.name}"
        if canary is None:
            return f"{context.run.plan.target.canary_workload} is gone, so {stable.name} is all that is left"
        return _unsafe(canary, split)


def _unsafe(canary: Workload, split: TrafficSplit) -> str | None:
    """Why what serves cannot do without a way back."""
    if split.lagging:
        return split.lagging
    if not canary.is_settled or not 0 < canary.replicas <= canary.ready:
        return f"{explained(canary)}, and serves production"
    return None


async def _stable(platform: Platform) -> Workload | None:
    try:
        return await platform.stable()
    except NotFound:
        return None

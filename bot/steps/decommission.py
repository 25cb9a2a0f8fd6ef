"""`leave-stable`, `decommission`: what served before is left behind, and removed when it has no use any more.

A run that has ended does not know what came after it. Until it is removed, what was left is the way back of
whoever deploys next, so each doubt keeps it.
"""

from datetime import datetime, timedelta

from bot.domain.errors import NotFound, OutsideError
from bot.domain.outcome import Done, Evidence, Failed, Outcome, Recorded, Wait, Workload
from bot.domain.reasons import Reason
from bot.ports import Platform, Seen, StepContext, TrafficRouter
from bot.steps.workloads import LOOK, explained

_LOOK = timedelta(seconds=5)
_WELL_FOR, _UNBROKEN = timedelta(seconds=30), timedelta(seconds=20)
_NOTED_WITHIN = timedelta(minutes=1)
_ENDS_WITHIN = timedelta(minutes=5)


class LeaveStableKind:
    """The note is there before the new version is nobody's: at no moment is it an older run's to remove."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    async def observe(self, context: StepContext) -> Seen:
        stable = await _stable(self._platform)
        is_left = stable is None or stable.left_by == context.run.signature
        return Seen(is_settled=is_left, before=Recorded(workload=stable))

    async def apply(self, context: StepContext, seen: Seen) -> None:
        if seen.before.workload is None:
            return
        try:
            await self._platform.leave_stable(run=context.run.signature, on=seen.before.workload)
        except OutsideError as error:
            if error.is_transient:
                raise

    async def verify(self, context: StepContext) -> Outcome:
        """A good version is not taken back for want of a note; without one, what is left just stays."""
        stable, name = await _stable(self._platform), context.run.plan.target.workload
        if stable is None:
            return Done(evidence=Evidence(sentence=f"{name} is gone; somebody deleted it"))
        if stable.left_by == context.run.signature:
            return Done(evidence=Evidence(sentence=f"{name} is left as it was", workload=stable))
        began = context.record.began or context.now
        if context.now - began < _NOTED_WITHIN:
            awaiting = f"{name} does not bear the note that this run has left it"
            return Wait(after=_LOOK, awaiting=awaiting, again=True)
        sentence = f"{name} took no note of who has left it, so it is not removed by itself"
        return Done(evidence=Evidence(sentence=sentence))


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
        if stable is None or not _is_well(context) or await self._kept(context, stable) is not None:
            return
        # The traffic is what is looked at last.
        if await self._refused(context, stable) is None:
            await self._platform.remove_stable(on=stable)

    async def verify(self, context: StepContext) -> Outcome:
        stable, name = await _stable(self._platform), context.run.plan.target.workload
        if stable is None:
            word = "removed" if context.record.before.workload is not None else "gone already"
            return Done(evidence=Evidence(sentence=f"{name} is {word}"))
        if stable.is_leaving:
            return _leaving(context, stable)
        kept = await self._kept(context, stable)
        if kept is not None:
            return Done(evidence=Evidence(sentence=kept, workload=stable))
        refused = await self._refused(context, stable)
        if refused is not None:
            return Failed(reason=Reason.NOT_READY, sentence=refused)
        evidence = Evidence(well_since=_well_since(context), looked_at=context.now)
        awaiting = f"{context.run.plan.target.canary_workload} is watched for a moment"
        return Wait(after=_LOOK, awaiting=awaiting, again=_is_well(context), evidence=evidence)

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

    async def _refused(self, context: StepContext, stable: Workload) -> str | None:
        """Why it cannot be removed just now."""
        canary = await self._platform.canary()
        owner = stable.owner or (canary.owner if canary is not None else None)
        if owner is not None:
            return f"Run {owner} is under way and may need {stable.name}"
        if canary is None:
            return f"{context.run.plan.target.canary_workload} is gone, so {stable.name} is all that is left"
        if not canary.is_settled or not 0 < canary.replicas <= canary.ready:
            return f"{explained(canary)}, and serves production"
        split = await self._traffic.split()
        if split.canary == 0:
            return f"{stable.name} has just begun to serve production"
        return split.lagging or None


def _well_since(context: StepContext) -> datetime:
    """Since when no look has found anything wrong; nobody looked while the bot was away."""
    evidence, now = context.record.evidence, context.now
    seen, since = evidence.looked_at, evidence.well_since
    is_unbroken = seen is not None and timedelta(0) <= now - seen <= _UNBROKEN
    return since if since is not None and is_unbroken else now


def _is_well(context: StepContext) -> bool:
    """Whether what serves has been well for a while: pods that crash again and again are ready in between."""
    return context.now - _well_since(context) >= _WELL_FOR


def _leaving(context: StepContext, stable: Workload) -> Outcome:
    """It cannot be had back, however long its last pod takes to end."""
    began = context.record.began or context.now
    if context.now - began < _ENDS_WITHIN:
        return Wait(after=LOOK, awaiting=f"{stable.name} still has {stable.ready} pods")
    sentence = f"{stable.name} is being removed; its last pods take long to end"
    return Done(evidence=Evidence(sentence=sentence))


async def _stable(platform: Platform) -> Workload | None:
    try:
        return await platform.stable()
    except NotFound:
        return None

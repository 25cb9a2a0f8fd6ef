"""`set-weight`, `route-header`, `traffic-to-stable`: every shift is verified by reading it back."""

import asyncio
from datetime import timedelta

from bot.domain.actions import DeployCanary, RouteHeader, SetWeight
from bot.domain.errors import Permanent, Unreachable, Unreadable
from bot.domain.outcome import Done, Evidence, Failed, Outcome, Recorded, TrafficSplit, Wait, Workload
from bot.domain.reasons import Reason
from bot.ports import Platform, Seen, StepContext, TrafficRouter
from bot.steps.actions import action_of, is_forward, is_marked, is_ours_to_mind, mark_of
from bot.steps.workloads import changed_route, explained, too_small

_LOOK = timedelta(milliseconds=500)
# Endpoints follow a selector within a second or two; until they do, users may be served by nobody.
_FOLLOWS_WITHIN = timedelta(seconds=30)


class SetWeightKind:
    """A share of traffic for the canary; what it is moved from has to be what the journal says."""

    def __init__(self, platform: Platform, traffic: TrafficRouter) -> None:
        self._platform = platform
        self._traffic = traffic

    async def observe(self, context: StepContext) -> Seen:
        split, stable = await asyncio.gather(self._traffic.split(), self._platform.stable())
        wanted = action_of(context, SetWeight).weight
        return Seen(is_settled=split.canary == wanted, before=Recorded(split=split, workload=stable))

    async def apply(self, context: StepContext, seen: Seen) -> None:
        split, stable = seen.before.split, seen.before.workload
        if stable is not None and too_small(context, stable) is not None:
            return
        if split is not None and self._surprise(context, split) is None:
            if context.run.plan.target.is_switched and await self._of_switch(context, split) is not None:
                return
            await self._check_canary(context)
            await self._traffic.shift(action_of(context, SetWeight).weight, on=split)

    async def verify(self, context: StepContext) -> Outcome:
        wanted = action_of(context, SetWeight).weight
        split = await self._traffic.split()
        if context.run.plan.target.is_switched:
            outcome = await self._of_switch(context, split)
            if outcome is not None:
                return outcome
        if split.canary == wanted:
            sentence = f"{wanted} % of traffic on {context.run.plan.request.version}"
            accepted = context.record.evidence.workload  # what people have let it go on with
            evidence = Evidence(sentence=sentence, split=split, accepted_at=context.now, workload=accepted)
            return Done(evidence=evidence)
        surprise = self._surprise(context, split)
        if surprise is not None:
            return Failed(reason=Reason.CHANGED_OUTSIDE, sentence=surprise)
        shrunk = _shrunk(context, split, await self._platform.stable())
        if shrunk is not None:
            return shrunk
        return Wait(after=_LOOK, awaiting=_still(context, split), reason=Reason.VERIFY_FAILED)

    async def _of_switch(self, context: StepContext, split: TrafficSplit) -> Outcome | None:
        """What a switch of everybody has to wait for, or fails by; None: it is as any other shift."""
        before = context.record.before.split
        if split.canary == 100:
            if before is not None and before.canary == 100 and is_ours_to_mind(context):
                sentence = changed_route(context, split.canary, 0)
                return Failed(reason=Reason.CHANGED_OUTSIDE, sentence=sentence)
            if not split.lagging:
                return None
            since = context.record.evidence.looked_at or context.now
            if context.now - since > _FOLLOWS_WITHIN:
                return Failed(
                    reason=Reason.VERIFY_FAILED, sentence=f"Nobody follows the switch: {split.lagging}."
                )
            evidence = Evidence(split=split, looked_at=since)
            return Wait(after=_LOOK, awaiting=split.lagging, reason=Reason.VERIFY_FAILED, evidence=evidence)
        canary, made = await self._platform.canary(), _made(context)
        if canary is None or made is None or self._surprise(context, split) is not None:
            return None
        if canary.replicas < made.replicas and is_ours_to_mind(context):
            sentence = (
                f"Somebody else scaled {canary.name}: {canary.replicas} pods instead of {made.replicas}."
            )
            return Failed(reason=Reason.CHANGED_OUTSIDE, sentence=sentence)
        if canary.ready < canary.replicas:
            awaiting = explained(canary)
            return Wait(after=_LOOK, awaiting=awaiting, reason=Reason.NOT_READY, again=True)
        return None

    def _surprise(self, context: StepContext, found: TrafficSplit) -> str | None:
        """What the route says now, if neither the journal nor this step explains it.

        Looked at anew at each attempt: a step may have been begun by a process that was killed, and people
        may have taken the traffic off by hand since.
        """
        expected = {context.run.weight, action_of(context, SetWeight).weight}
        if found.canary in expected or not is_ours_to_mind(context):
            return None
        return changed_route(context, found.canary, context.run.weight)

    async def _check_canary(self, context: StepContext) -> None:
        """No traffic to a canary that is not there, not ready, or not the image that was approved."""
        canary, target = await self._platform.canary(), context.run.plan.target
        if canary is None or canary.ready == 0:
            raise Permanent(f"{target.canary_workload} has no ready pod, so it gets no traffic")
        _check_image(canary, context.run.digest)


class RouteHeaderKind:
    """Requests with the canary header reach one side, whatever the weight."""

    def __init__(self, traffic: TrafficRouter) -> None:
        self._traffic = traffic

    async def observe(self, context: StepContext) -> Seen:
        split = await self._traffic.split()
        wanted = action_of(context, RouteHeader).to
        return Seen(is_settled=split.header_to == wanted.value, before=Recorded(split=split))

    async def apply(self, context: StepContext, seen: Seen) -> None:
        if seen.before.split is not None:
            await self._traffic.route_header(action_of(context, RouteHeader).to, on=seen.before.split)

    async def verify(self, context: StepContext) -> Outcome:
        wanted = action_of(context, RouteHeader).to
        split = await self._traffic.split()
        if split.header_to == wanted.value:
            evidence = Evidence(sentence=f"the canary header leads to {wanted.value}", split=split)
            return Done(evidence=evidence)
        return Wait(after=_LOOK, awaiting="the header route is not there yet", reason=Reason.VERIFY_FAILED)


class TrafficToStableKind:
    """Everything to stable, the header route included; never onto a stable without a ready pod."""

    def __init__(self, platform: Platform, traffic: TrafficRouter) -> None:
        self._platform = platform
        self._traffic = traffic

    async def observe(self, context: StepContext) -> Seen:
        split = await self._split()
        is_settled = split is not None and _is_home(split) and is_marked(context, split)
        return Seen(is_settled=is_settled, before=Recorded(split=split))

    async def apply(self, context: StepContext, seen: Seen) -> None:
        stable, split = await self._platform.stable(), seen.before.split
        if is_forward(context) and too_small(context, stable) is not None:
            return
        if stable.ready == 0 and (split is None or split.canary > 0):
            message = f"{stable.name} has no ready pod either, so traffic stays where it is"
            raise Permanent(message)
        await self._traffic.all_to_stable(on=split, mark=mark_of(context))

    async def verify(self, context: StepContext) -> Outcome:
        split = await self._traffic.split()
        if _is_home(split) and not (split.lagging and _was_away(context)):
            if not is_marked(context, split):
                return Wait(after=_LOOK, awaiting="All traffic is on stable; a change of it may be under way")
            target = context.run.plan.target
            sentence = "All traffic is on stable, the header route included"
            if target.is_switched:
                sentence = f"All traffic is on {target.workload}, the preview included"
            return Done(evidence=Evidence(sentence=sentence, split=split, accepted_at=context.now))
        if is_forward(context):
            shrunk = _shrunk(context, split, await self._platform.stable())
            if shrunk is not None:
                return shrunk
        return Wait(after=_LOOK, awaiting=_still(context, split), reason=Reason.VERIFY_FAILED)

    async def _split(self) -> TrafficSplit | None:
        """What is served now; None for weights that make no sense, which the change itself mends."""
        try:
            return await self._traffic.split()
        except Unreadable:
            return None


def _shrunk(context: StepContext, split: TrafficSplit, stable: Workload) -> Failed | None:
    """People are asked whether that is enough; what they are shown is what they accept."""
    sentence = too_small(context, stable)
    if sentence is None:
        return None
    evidence = Evidence(split=split, workload=stable)
    return Failed(reason=Reason.CHANGED_OUTSIDE, sentence=sentence, evidence=evidence)


def _was_away(context: StepContext) -> bool:
    """Whether anybody had to be taken home: else it is not the way back that pods are missing there."""
    before = context.record.before.split
    return before is None or before.canary > 0


def _made(context: StepContext) -> Workload | None:
    """The new version's deployment as it was when it had come up."""
    run = context.run
    deployed = (run.record(s.id) for s in run.plan.steps if isinstance(s.action, DeployCanary))
    return next((record.evidence.workload for record in deployed), None)


def _still(context: StepContext, split: TrafficSplit) -> str:
    target = context.run.plan.target
    if target.is_switched:
        leads = target.canary_workload if split.canary else target.workload
        return split.lagging or f"the {target.traffic.object_name} still leads to {leads}"
    return f"the route still gives {split.canary} % to the canary"


def _is_home(split: TrafficSplit) -> bool:
    return split.canary == 0 and split.header_to != "canary"


def _check_image(canary: Workload, approved: str | None) -> None:
    """What was approved is an image, not a tag, and every pod has to run it."""
    if canary.is_mixed:
        message = f"the pods of {canary.name} run different images of one tag, so they get no traffic"
        raise Permanent(message)
    if approved is None or canary.digest == approved:
        return
    if canary.digest is None:
        raise Unreachable("Kubernetes", f"it does not tell which image {canary.name} runs now")
    message = f"the canary runs {canary.digest}, but {approved} was approved"
    raise Permanent(message)

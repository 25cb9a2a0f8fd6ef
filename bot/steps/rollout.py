"""`check-rollout`, `roll-out`, `keep-rollout`: pods replaced in the deployment that serves.

The platform replaces pod after pod by itself, so what a rollout needs is somebody who stops it. It is paused
for errors, for want of figures, and while a person holds the run; each is journaled as an attempt of its own,
as every change is. Whoever resumes the run accepts what it was paused for, and figures are counted anew.
"""

from datetime import timedelta
from enum import Enum, auto

from bot.analysis import Limits, Names, above, compare, count
from bot.domain.actions import KeepRollout, RollOut, Side
from bot.domain.errors import NotFound
from bot.domain.figures import Sample, Tally
from bot.domain.outcome import Done, Evidence, Failed, Outcome, Rollout, TrafficSplit, Wait, Workload
from bot.domain.reasons import Reason
from bot.domain.verdict import VerdictKind
from bot.ports import MetricSource, Platform, Seen, StepContext, TrafficRouter
from bot.steps.actions import action_of, is_anothers, is_set_back
from bot.steps.past import counted_until
from bot.steps.workloads import LOOK, because, changed_meanwhile, firm_ground, rolled_out

_SOON = timedelta(milliseconds=200)
_OUTAGE = timedelta(minutes=1)


class CheckRolloutKind:
    """Nothing begins on ground that is not firm: other than planned, not ready, paused, a canary at work."""

    def __init__(self, platform: Platform, traffic: TrafficRouter) -> None:
        self._platform = platform
        self._traffic = traffic

    async def observe(self, context: StepContext) -> Seen:
        return Seen(is_settled=True, before=await self._platform.recorded_stable())

    async def apply(self, context: StepContext, seen: Seen) -> None: ...

    async def verify(self, context: StepContext) -> Outcome:
        await self._platform.check_rollout(run=context.run.signature)
        return firm_ground(context, await self._platform.stable(), await self._split())

    async def _split(self) -> TrafficSplit | None:
        """None where the object that would share traffic out is not there: then no canary has any."""
        try:
            return await self._traffic.split()
        except NotFound:
            return None


class _Due(Enum):
    """What has to be done to the deployment now."""

    ROLL = auto()
    PAUSE = auto()
    GO_ON = auto()


class RollOutKind:
    """Every pod of the new version, a few at a time; stands still when it has to."""

    def __init__(self, platform: Platform, metrics: MetricSource, limits: Limits) -> None:
        self._platform = platform
        self._metrics = metrics
        self._limits = limits

    async def observe(self, context: StepContext) -> Seen:
        before = await self._platform.recorded_stable()
        return Seen(is_settled=_due(context, before.workload, context.record.evidence) is None, before=before)

    async def apply(self, context: StepContext, seen: Seen) -> None:
        action, stable = action_of(context, RollOut), seen.before.workload
        if stable is None:
            return
        match _due(context, stable, context.record.evidence):
            case _Due.ROLL:
                await self._platform.roll_out(action, run=context.run.signature, on=stable)
            case _Due.PAUSE:
                await self._platform.pause(run=context.run.signature, on=stable)
            case _Due.GO_ON:
                await self._platform.go_on(on=stable)

    async def verify(self, context: StepContext) -> Outcome:
        stable = await self._platform.stable()
        if is_anothers(context, stable):
            sentence = f"{stable.name} is rolled out by run {stable.owner}, which another Slackwater drives."
            return Failed(reason=Reason.ANOTHER_RUNS, sentence=sentence, evidence=context.record.evidence)
        surprise = _surprise(context, stable, context.record.evidence)
        if surprise is not None:
            return Failed(reason=Reason.CHANGED_OUTSIDE, sentence=surprise, evidence=context.record.evidence)
        if not stable.is_observed:
            # Its numbers are of before the change; nobody is to read them as those of after it.
            awaiting = context.record.awaiting or f"the platform takes up the change of {stable.name}"
            return Wait(after=_SOON, awaiting=awaiting, evidence=context.record.evidence)
        evidence = await self._watched(context, stable)
        if _due(context, stable, evidence) is not None:
            awaiting = _rollout(evidence).stands_still or _progress(context, stable)
            return Wait(after=_SOON, awaiting=awaiting, evidence=evidence, again=True)
        outcome = self._outcome(context, stable, evidence)
        if isinstance(outcome, Wait):
            return outcome.with_(evidence=evidence)
        return outcome.with_(evidence=evidence.with_(sentence=outcome.evidence.sentence))

    def _outcome(self, context: StepContext, stable: Workload, evidence: Evidence) -> Done | Wait | Failed:
        action = action_of(context, RollOut)
        if stable.image == action.image and stable.is_mixed:
            sentence = f"The pods of {stable.name} run different images: the tag was moved meanwhile."
            return Failed(reason=Reason.STEP_FAILED, sentence=sentence)
        outcome = rolled_out(stable, action.image)
        if isinstance(outcome, Done | Failed):
            return outcome
        if _stands_still(context, evidence):
            why = _rollout(evidence).stands_still
            sentence = f"{_progress(context, stable)}, and the rollout is paused. {why}."
            return Failed(reason=Reason.STANDS_STILL, sentence=sentence)
        return outcome.with_(awaiting=because(_progress(context, stable), stable))

    async def _watched(self, context: StepContext, stable: Workload) -> Evidence:
        """What is known of the rollout by now; its errors are looked at now and then."""
        action, before = action_of(context, RollOut), _remembered(context)
        if stable.image != action.image:
            return before.with_(workload=stable)
        known = _rollout(before).with_(seen_seq=context.run.seq)
        before = before.with_(workload=stable, rollout=known)
        if not action.by_figures:
            return before
        if before.looked_at is not None and context.now - before.looked_at < action.check_every:
            return before
        evidence = (await self._sampled(context, before)).with_(looked_at=context.now)
        trouble, blind = self._trouble(context, evidence), _blind(context, evidence)
        return evidence.with_(
            rollout=known.with_(
                stands_still=trouble or blind,
                is_blind=bool(blind) and not trouble,
                found_after=context.run.accepted_seq,
            ),
            first_seen=(before.first_seen or context.now) if trouble else None,
        )

    async def _sampled(self, context: StepContext, before: Evidence) -> Evidence:
        """With the newest readings of both versions counted in; of the new one, once a pod of it is ready."""
        plan, stable = context.run.plan, before.workload
        old, new = await self._metrics.sample(plan.subject(Side.STABLE)), None
        if stable is not None and stable.renewed(action_of(context, RollOut).image) > 0:
            new = await self._metrics.sample(plan.subject(Side.CANARY))
        has_latency = old.figure("p95").value is not None
        return before.with_(
            # A rollout may be over before its old pods have served enough to compare with, but they served
            # before it.
            stable=count(before.stable, old) if before.stable else await self._baseline(context, old),
            canary=before.canary if new is None else count(before.canary or Tally(), new),
            # The last one that tells its latency is what the triggers compare with after a restart.
            stable_now=old if has_latency or before.stable_now is None else before.stable_now,
            canary_now=new or before.canary_now,
        )

    async def _baseline(self, context: StepContext, now: Sample) -> Tally:
        """A count that begins before the rollout."""
        subject = context.run.plan.subject(Side.STABLE)
        return await counted_until(self._metrics, subject, now, at=context.now)

    def _trouble(self, context: StepContext, evidence: Evidence) -> str:
        """What is wrong with the new version; empty if nothing shows it."""
        new, old, request = evidence.canary, evidence.stable, context.run.plan.request
        if new is None or old is None:
            return ""
        too_many = above(new, action_of(context, RollOut).pause_above)
        if too_many is not None:
            return f"{request.version} has {too_many}"
        names = Names(canary=request.version, stable=request.running_version)
        # Pods that have just started are slow, so only their errors are held against them.
        verdict = compare(
            new, old, evidence.canary_now, evidence.stable_now, self._limits, names=names, warming=True
        )
        return verdict.sentence.rstrip(".") if verdict.kind is VerdictKind.WORSE else ""


class KeepRolloutKind:
    """The deployment is replaced pod by pod as its team has it again, and is not paused by this run."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    async def observe(self, context: StepContext) -> Seen:
        found = await self._platform.recorded_stable()
        return Seen(is_settled=self._is_kept(context, found.workload, found.settings), before=found)

    async def apply(self, context: StepContext, seen: Seen) -> None:
        settings = self._settings(context)
        if seen.before.workload is not None and settings is not None:
            await self._platform.keep_rollout(settings, run=context.run.signature, on=seen.before.workload)

    async def verify(self, context: StepContext) -> Outcome:
        found = await self._platform.recorded_stable()
        if found.workload is None or not self._is_kept(context, found.workload, found.settings):
            awaiting = "the deployment is not rolled out as its team has it yet"
            return Wait(after=LOOK, awaiting=awaiting, reason=Reason.VERIFY_FAILED)
        evidence = Evidence(
            sentence=f"{found.workload.name} replaces its pods as its team has it", workload=found.workload
        )
        return Done(evidence=evidence)

    def _is_kept(self, context: StepContext, stable: Workload | None, settings: str | None) -> bool:
        recorded = self._settings(context)
        if recorded is None or stable is None or is_anothers(context, stable):
            return True
        return settings == recorded and context.run.signature not in {stable.owner, stable.paused_by}

    def _settings(self, context: StepContext) -> str | None:
        """As they were before the rollout; None if it never got as far as to look."""
        return context.run.record(action_of(context, KeepRollout).recorded_by).before.settings


def _due(context: StepContext, stable: Workload | None, evidence: Evidence) -> _Due | None:
    action = action_of(context, RollOut)
    if stable is None or is_anothers(context, stable):
        return None
    if _surprise(context, stable, evidence) is not None:
        return None
    halts = context.run.held_at is not None or _stands_still(context, evidence)
    if stable.image != action.image:
        return None if halts else _Due.ROLL
    if halts:
        return None if stable.is_paused or stable.is_settled else _Due.PAUSE
    is_ours = stable.is_paused and stable.paused_by == context.run.signature
    return _Due.GO_ON if is_ours else None


def _rollout(evidence: Evidence) -> Rollout:
    return evidence.rollout or Rollout()


def _stands_still(context: StepContext, evidence: Evidence) -> bool:
    """Whether it has to, and nobody has accepted that yet."""
    rollout = _rollout(evidence)
    return bool(rollout.stands_still) and rollout.found_after == context.run.accepted_seq


def _remembered(context: StepContext) -> Evidence:
    """What was seen so far, as far as it still counts."""
    before = context.record.evidence
    if before.looked_at is not None and is_set_back(context, before.looked_at):
        return Evidence(workload=before.workload, rollout=before.rollout)
    rollout = _rollout(before)
    if not rollout.stands_still or _stands_still(context, before):
        return before
    # Somebody has accepted it in full view: what they know is not held against the version again.
    accepted = rollout.with_(
        stands_still="", is_blind=False, may_be_blind=rollout.may_be_blind or rollout.is_blind
    )
    return before.with_(canary=None, looked_at=None, first_seen=None, rollout=accepted)


def _blind(context: StepContext, evidence: Evidence) -> str:
    """Pods are not replaced on missing knowledge, unless people have let it go on without."""
    request, stable = context.run.plan.request, evidence.workload
    if _rollout(evidence).may_be_blind:
        return ""
    has_old = stable is not None and stable.pods > stable.updated
    sides = [(evidence.canary, request.version)]
    sides += [(evidence.stable, request.running_version)] if has_old else []
    for tally, version in sides:
        if tally is None or tally.blind_since is None or context.now - tally.blind_since < _OUTAGE:
            continue
        why = f" ({tally.blind_detail})" if tally.blind_detail else ""
        return (
            f"There are no figures of {version} since {tally.blind_since:%H:%M:%S} UTC{why}; resume goes on "
            "without them"
        )
    return ""


def _surprise(context: StepContext, found: Workload, evidence: Evidence) -> str | None:
    """Somebody else has deployed: the deployment runs neither what the run began with nor what it brings.

    Once the new image was there, the old one is a surprise too: somebody, or their tool, has put it back.
    """
    image, running = action_of(context, RollOut).image, context.run.plan.request.running_image
    has_begun = _rollout(evidence).seen_seq > 0
    if found.image == image or (found.image == running and not has_begun):
        return None
    sentence = f"{changed_meanwhile(context, found)} The rollout goes no further."
    return None if _is_accepted(context, sentence, evidence) else sentence


def _is_accepted(context: StepContext, sentence: str, evidence: Evidence) -> bool:
    """Whether people have let the run go on over this very thing, and it has not come to anything since."""
    run = context.run
    newest = next((hold for hold in reversed(run.holds) if hold.by is None), None)
    was_shown = newest is not None and newest.resumed_by is not None and newest.why == sentence
    return was_shown and run.accepted_seq > _rollout(evidence).seen_seq


def _progress(context: StepContext, stable: Workload) -> str:
    version, image = context.run.plan.request.version, action_of(context, RollOut).image
    return f"{stable.renewed(image)} of {stable.replicas} pods of {stable.name} run {version}"

"""`bake`: the canary compared with stable for a while, over disjoint windows, ending with a verdict.

What was counted so far is the step's evidence, so it survives the process. Time in which a person holds the
run goes on being watched but does not count towards the end. A version that is found worse fails the step at
once; *inconclusive* and *no data* at the end are verdicts too, and the question that follows shows them.

**Time in which nobody looked.** A bot that was away, frozen, or started again with another clock has not
watched. Figures of that time are counted, because the counters tell them, but it does not bring the end
nearer. Where the clock was set back, what was counted bears times that are still to come, so the stage is
watched anew.

**Cold starts.** For the first `skip_first` of a stage only grave errors count; then everything is counted
anew, so that a cache that was cold does not speak for the hour to come.
"""

from datetime import datetime, timedelta

from bot.analysis import Limits, Names, above, compare, count, restart
from bot.domain.actions import Bake, RollOut, Side
from bot.domain.errors import OutsideError
from bot.domain.figures import Gap, Point, Sample, Tally
from bot.domain.outcome import Done, Evidence, Failed, Outcome, Wait
from bot.domain.reasons import Reason
from bot.domain.run import StepStatus
from bot.domain.verdict import Verdict, VerdictKind
from bot.ports import MetricSource, Platform, Seen, StepContext, TrafficRouter
from bot.steps.actions import action_of, is_ours_to_mind
from bot.steps.lasting import is_over, remembered
from bot.steps.past import counted_before
from bot.steps.workloads import changed_route

# Often enough to act a second after the scrape that shows it; the counters decide, not the number of looks.
_LOOK = timedelta(seconds=1)
# The windowed figures are shown to people, so they need not be fresher than this.
_FIGURES = timedelta(seconds=15)
_OUTAGE = timedelta(minutes=1)
# Points of the picture per stage; more would not be seen.
_POINTS = 60
_FINEST_POINT = timedelta(seconds=10)
# A point speaks for the newest scrapes, so that the end of a bad stage shows what ended it.
_WINDOWS_SHOWN = 3


class BakeKind:
    """Watches one stage. It changes nothing."""

    def __init__(
        self, metrics: MetricSource, platform: Platform, traffic: TrafficRouter, limits: Limits
    ) -> None:
        self._metrics = metrics
        self._platform = platform
        self._traffic = traffic
        self._limits = limits

    async def observe(self, context: StepContext) -> Seen:
        return Seen(is_settled=True)

    async def apply(self, context: StepContext, seen: Seen) -> None: ...

    async def verify(self, context: StepContext) -> Outcome:
        taken, trouble = None, ""
        try:
            taken = await self._taken(context)
        except OutsideError as error:
            if not error.is_transient:
                raise
            # The figures have another source: a platform that does not answer must not blind the comparison.
            trouble = str(error)
        if taken is not None and is_ours_to_mind(context):
            return Failed(reason=Reason.CHANGED_OUTSIDE, sentence=taken)
        evidence = await self._look(context, remembered(context))
        verdict = evidence.verdict
        assert verdict is not None, "every look ends with a verdict"
        if verdict.kind is VerdictKind.WORSE:
            return Failed(reason=Reason.WORSE_THAN_STABLE, sentence=verdict.sentence, evidence=evidence)
        if trouble:
            return Wait(after=_LOOK, awaiting=trouble, evidence=evidence)
        is_at_its_end = is_over(context, evidence, action_of(context, Bake).duration)
        if is_at_its_end and not _has_just_gone_blind(evidence, context.now):
            return Done(evidence=evidence.with_(sentence=verdict.sentence))
        awaiting = "the source of the figures" if verdict.kind is VerdictKind.NO_DATA else "bake time"
        return Wait(after=_LOOK, awaiting=awaiting, evidence=evidence)

    async def _taken(self, context: StepContext) -> str | None:
        """What somebody else has made of what the new version serves by, if they have."""
        plan, wanted = context.run.plan, action_of(context, Bake).weight
        if not plan.target.is_beside:
            image, brought = (await self._platform.stable()).image, plan.request.image
            if image == brought:
                return None
            return f"Somebody else changed {plan.target.workload}: it runs {image} instead of {brought}."
        found = (await self._traffic.split()).canary
        if found == wanted:
            return None
        return changed_route(context, found, wanted)

    async def _look(self, context: StepContext, before: Evidence) -> Evidence:
        plan, action = context.run.plan, action_of(context, Bake)
        with_figures = _wants_figures(context, before)
        canary = await self._metrics.sample(plan.subject(Side.CANARY), figures=with_figures)
        # Where nobody is served by the version before, nothing is left to ask about it.
        stable = (
            await self._metrics.sample(plan.subject(Side.STABLE), figures=with_figures)
            if plan.target.is_beside and not action.with_past
            else None
        )
        new, old = before.canary or Tally(), (before.stable if stable is not None else None) or Tally()
        warming = self._is_warming(context, before)
        if not warming and (before.warming or before.canary is None):
            new, old = restart(new), restart(old)
        new, old = count(new, canary), old if stable is None else count(old, stable)
        newest = (canary, stable) if with_figures else (before.canary_now, before.stable_now)
        if action.with_past:
            # What the triggers compare with after a restart is what it was like while it still served.
            newest = (newest[0], await self._served(context, before, is_due=with_figures))
        past = await self._past(context, before) if action.with_past else None
        baseline = _stable_before(context) if action.weight == 100 else None
        if action.with_past:
            baseline = past or Tally()
        names = Names(canary=plan.request.version, stable=plan.request.running_version)
        verdict = compare(
            new, old, newest[0], newest[1], self._limits, names=names, baseline=baseline, warming=warming
        )
        verdict = _held_to(action.fail_above, new, verdict, plan.request.version)
        return Evidence(
            verdict=verdict,
            canary=new,
            stable=past if action.with_past else old,
            canary_now=newest[0],
            stable_now=newest[1],
            warming=warming,
            points=_with_point(context, before, new, old, is_last=verdict.kind is VerdictKind.WORSE),
            looked_at=context.now,
            unwatched=before.unwatched,
            first_seen=_first_seen(before, verdict, context.now),
        )

    async def _past(self, context: StepContext, before: Evidence) -> Tally | None:
        """What the version before counted until it lost its traffic; None until the source answers.

        That it has no figures now is no outage: nobody is served by it any more.
        """
        if before.stable is not None:
            return before.stable
        subject = context.run.plan.subject(Side.STABLE)
        counted = await counted_before(self._metrics, subject, context.now)
        is_answered = counted.blind_since is None or Gap.EMPTY in counted.gaps
        return counted.with_(blind_since=None, blind_detail="") if is_answered else None

    async def _served(self, context: StepContext, before: Evidence, *, is_due: bool) -> Sample | None:
        """The figures of the version before while it served: the first ones that tell its latency."""
        known = before.stable_now
        if (known is not None and known.figure("p95").value is not None) or not is_due:
            return known
        return await self._metrics.sample(context.run.plan.subject(Side.STABLE))

    def _is_warming(self, context: StepContext, before: Evidence) -> bool:
        began, duration = context.record.began, action_of(context, Bake).duration
        # A stage that is shorter than that has nothing else to be judged by.
        skip = min(self._limits.skip_first, duration / 4)
        return began is not None and context.now - began - before.unwatched < skip


def _held_to(share: float | None, new: Tally, verdict: Verdict, version: str) -> Verdict:
    """The same verdict, unless more requests fail than may, whatever the version before was like."""
    if share is None or verdict.kind is VerdictKind.WORSE:
        return verdict
    too_many = above(new, share)
    if too_many is None:
        return verdict
    return verdict.with_(kind=VerdictKind.WORSE, sentence=f"{version} has {too_many}.")


def _has_just_gone_blind(evidence: Evidence, now: datetime) -> bool:
    """One lost answer at the very end is no outage; a minute without any is."""
    since = [t.blind_since for t in (evidence.canary, evidence.stable) if t and t.blind_since]
    return bool(since) and now - max(since) < _OUTAGE


def _wants_figures(context: StepContext, before: Evidence) -> bool:
    shown = before.canary_now
    return shown is None or context.now - shown.at >= _FIGURES


def _stable_before(context: StepContext) -> Tally | None:
    """What stable counted in the newest stage in which it still had traffic."""
    for step in reversed(context.run.plan.steps):
        record = context.run.record(step.id)
        has_counted = record.status is StepStatus.DONE and record.evidence.stable is not None
        is_shared = isinstance(step.action, RollOut) or (
            isinstance(step.action, Bake) and step.action.weight < 100
        )
        if is_shared and has_counted:
            return record.evidence.stable
    return None


def _first_seen(before: Evidence, verdict: Verdict, now: datetime) -> datetime | None:
    """Since when the new version's errors have been above stable's and the margin, without a break."""
    errors = next((check for check in verdict.checks if check.name == "errors"), None)
    if errors is None or errors.change is None or errors.limit is None or errors.change <= errors.limit:
        return None
    return before.first_seen or now


def _with_point(
    context: StepContext, before: Evidence, new: Tally, old: Tally, *, is_last: bool
) -> tuple[Point, ...]:
    """The picture's points with the newest one, once enough time has passed; the last one shows why."""
    points = before.points
    action = action_of(context, Bake)
    between = max(action.duration / _POINTS, _FINEST_POINT)
    is_early = bool(points) and context.now - points[-1].at < between
    # A hold lasts as long as people like, and each point is journaled again and again.
    if not is_last and (is_early or context.run.held_at is not None):
        return points
    canary, stable = _shown(new, before.canary_now), _shown(old, before.stable_now)
    if not canary and not stable:
        return points
    return (*points, Point(at=context.now, weight=action.weight, canary=canary, stable=stable))


def _shown(tally: Tally, now: Sample | None) -> dict[str, float]:
    figures = {}
    recent = [w for w in tally.recent if w.requests > 0][-_WINDOWS_SHOWN:]
    if recent:
        figures["errors"] = sum(w.errors for w in recent) / sum(w.requests for w in recent)
    for name in ("p50", "p95", "p99", "memory", "business.conversion"):
        value = now.figure(name).value if now is not None else None
        if value is not None:
            figures[name] = value
    return figures

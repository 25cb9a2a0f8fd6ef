"""`watch`: a version looked at for a while where nothing is there to compare it with.

Grave things end it at once: it does not answer or its pods are not ready for half a minute, or more requests
fail than may. Memory is looked at over the whole, when its slope can be told from noise; that it grew is a
doubt, because so does a cache. A doubt, or what was not to be learnt, is a verdict that asks people before
any traffic moves; it never counts as well.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from bot.analysis import LEAST_READINGS, count, growth
from bot.domain.actions import Side, Watch
from bot.domain.errors import OutsideError
from bot.domain.figures import Point, Tally
from bot.domain.outcome import Done, Evidence, Failed, Looks, Outcome, Wait, Workload
from bot.domain.reasons import Reason
from bot.domain.verdict import Verdict, VerdictKind
from bot.ports import HealthProbe, MetricSource, Platform, Seen, StepContext
from bot.steps.actions import action_of, is_ours_to_mind
from bot.steps.health import problem_of
from bot.steps.lasting import counted, is_over, remembered
from bot.steps.workloads import explained

_LOOK = timedelta(seconds=5)
# A rollout's last pod, a slow answer: what is over so soon was nothing.
_PATIENCE = timedelta(seconds=30)
_OUTAGE = timedelta(minutes=1)
# One bad look in ten is a fault; fewer are for people to judge.
_OFTEN = 0.1
_POINTS = 60
_FINEST_POINT = timedelta(seconds=10)
# Caches fill and pools grow at first; the slope is that of the rest.
_SETTLING = 1 / 3
# A shorter watch has too few readings for a slope.
TELLS_GROWTH = LEAST_READINGS * _FINEST_POINT / (1 - _SETTLING)


class WatchKind:
    """Looks, and changes nothing."""

    def __init__(self, health: HealthProbe, platform: Platform, metrics: MetricSource) -> None:
        self._health = health
        self._platform = platform
        self._metrics = metrics

    async def observe(self, context: StepContext) -> Seen:
        return Seen(is_settled=True)

    async def apply(self, context: StepContext, seen: Seen) -> None: ...

    async def verify(self, context: StepContext) -> Outcome:
        stable, silence = None, ""
        try:
            stable = await self._platform.stable()
        except OutsideError as error:
            if not error.is_transient:
                raise
            # Health and figures have other sources.
            silence = str(error)
        if stable is not None and stable.image != context.run.plan.request.image:
            return _taken(context, stable)
        evidence = await self._look(context, _remembered(context), stable, silence)
        grave = _grave(context, evidence)
        if grave is not None:
            return grave
        if is_over(context, evidence, action_of(context, Watch).duration):
            return _judged(context, evidence)
        return Wait(after=_LOOK, awaiting=evidence.sentence, evidence=evidence)

    async def _look(
        self, context: StepContext, before: Evidence, stable: Workload | None, silence: str
    ) -> Evidence:
        version = context.run.plan.request.version
        readings = await self._health.ask(Side.STABLE)
        trouble = [problem for one in readings if (problem := problem_of(one, version)) is not None]
        # Pods that somebody adds take their time; pods in trouble say so.
        if stable is not None and (stable.ready == 0 or (stable.ready < stable.replicas and stable.problems)):
            trouble.append(explained(stable))
        looks = before.looks or Looks()
        sample = await self._metrics.sample(context.run.plan.subject(Side.CANARY))
        memory = sample.figure("memory").value
        return before.with_(
            sentence="; ".join([*trouble, *([silence] if silence else [])]),
            workload=stable or before.workload,
            is_healthy=not trouble if readings else None,
            first_seen=(before.first_seen or context.now) if trouble else None,
            looks=Looks(
                in_all=looks.in_all + 1,
                unwell=looks.unwell + bool(trouble),
                silent=looks.silent + bool(silence),
                silent_since=(looks.silent_since or context.now) if silence else None,
            ),
            canary=count(before.canary or Tally(), sample),
            canary_now=sample,
            points=_with_point(context, before.points, memory),
            looked_at=context.now,
        )


def _remembered(context: StepContext) -> Evidence:
    """What was seen so far; that it was unwell before nobody looked does not mean that it was all along."""
    before = remembered(context)
    is_away = before.unwatched > context.record.evidence.unwatched
    return before.with_(first_seen=None) if is_away else before


def _taken(context: StepContext, stable: Workload) -> Done | Failed:
    """Somebody else has deployed there: it cannot be watched any more."""
    request = context.run.plan.request
    runs = f"{stable.name} runs {stable.image} instead of {request.image}"
    if is_ours_to_mind(context) or context.run.held_at is not None:
        sentence = f"Somebody else has deployed: {runs}. Resume to go on without the rehearsal."
        return Failed(reason=Reason.CHANGED_OUTSIDE, sentence=sentence, evidence=context.record.evidence)
    sentence = f"not watched to its end: {runs}"
    verdict = Verdict(kind=VerdictKind.INCONCLUSIVE, sentence=f"On staging {request.version} was {sentence}.")
    return Done(evidence=Evidence(sentence=sentence, workload=stable, verdict=verdict))


def _with_point(context: StepContext, points: tuple[Point, ...], memory: float | None) -> tuple[Point, ...]:
    between = max(action_of(context, Watch).duration / _POINTS, _FINEST_POINT)
    is_early = bool(points) and context.now - points[-1].at < between
    # A hold lasts as long as people like, and each point is journaled again and again.
    if memory is None or is_early or context.run.held_at is not None:
        return points
    return (*points, Point(at=context.now, weight=0, canary={"memory": memory}, stable={}))


def _grave(context: StepContext, evidence: Evidence) -> Failed | None:
    version, tally = context.run.plan.request.version, evidence.canary
    since = evidence.first_seen
    if since is not None and context.now - since >= _PATIENCE:
        sentence = f"{version} has been unwell since {since:%H:%M:%S} UTC: {evidence.sentence}."
        return Failed(reason=Reason.HEALTH, sentence=sentence, evidence=evidence)
    allowed = action_of(context, Watch).errors
    if tally is not None and tally.errors > allowed:
        sentence = (
            f"{_number(tally.errors)} of {_number(tally.requests)} requests to {version} failed; "
            f"{allowed or 'none'} may."
        )
        return Failed(reason=Reason.UNWELL_ON_STAGING, sentence=sentence, evidence=evidence)
    return None


def _judged(context: StepContext, evidence: Evidence) -> Done | Failed | Wait:
    """What the whole time comes to."""
    if evidence.first_seen is not None or _has_just_gone_silent(context, evidence):
        # Unwell right at the end is not well, and one lost answer is no outage: either passes or lasts.
        return Wait(after=_LOOK, awaiting=evidence.sentence or "the source of the figures", evidence=evidence)
    looks = evidence.looks or Looks()
    if looks.unwell > _OFTEN * looks.in_all:
        sentence = f"{context.run.plan.request.version} was unwell {_times(looks.unwell, looks)}."
        return Failed(reason=Reason.HEALTH, sentence=sentence, evidence=evidence)
    limit = action_of(context, Watch).memory_growth
    tally = evidence.canary or Tally()
    said = [*_of_health(evidence, looks), _of_requests(tally), _of_memory(_settled(context, evidence), limit)]
    # What is known first: what people have to think about stands at the end.
    words = "; ".join(one.words for one in sorted(said, key=lambda one: one.is_doubt))
    lasted = (counted(context) - evidence.unwatched).total_seconds()
    how_long = f"{lasted / 60:.0f} min" if lasted >= 90 else f"{lasted:.0f} s"
    sentence = f"watched for {how_long}: {words}"
    verdict = None
    if any(one.is_doubt for one in said):
        verdict = Verdict(
            kind=VerdictKind.NO_DATA if tally.blind_since is not None else VerdictKind.INCONCLUSIVE,
            sentence=f"On staging {context.run.plan.request.version} was {sentence}.",
            canary_requests=round(tally.requests),
        )
    return Done(evidence=evidence.with_(sentence=sentence, verdict=verdict))


class _Said(NamedTuple):
    """One thing that the watch comes to; a doubt asks people before any traffic moves."""

    words: str
    is_doubt: bool = False


def _of_health(evidence: Evidence, looks: Looks) -> Iterator[_Said]:
    if evidence.is_healthy is None:
        yield _Said("no url is declared to ask health paths at", is_doubt=True)
    elif looks.unwell:
        yield _Said(f"it was unwell {_times(looks.unwell, looks)}", is_doubt=True)
    else:
        yield _Said("every health path well")
    if looks.silent > _OFTEN * looks.in_all:
        yield _Said(f"the platform did not answer {_times(looks.silent, looks)}", is_doubt=True)


def _of_requests(tally: Tally) -> _Said:
    if tally.blind_since is not None:
        why = f" ({tally.blind_detail})" if tally.blind_detail else ""
        return _Said(f"there are no figures of its requests{why}", is_doubt=True)
    if tally.requests == 0:
        return _Said("nobody sent it a request", is_doubt=True)
    return _Said(f"{_number(tally.errors)} of {_number(tally.requests)} requests failed")


def _of_memory(readings: list[tuple[datetime, float]], limit: float) -> _Said:
    memory = growth(readings)
    if memory is None:
        return _Said("whether its memory grows is not known", is_doubt=True)
    if memory.at_least > limit:
        # A cache that fills, or a collector of garbage in mid-saw, looks the same: people can tell.
        grew = f"its memory grew by {_per_cent(memory.per_hour)} % an hour"
        allowed = f"{_per_cent(limit)} % is allowed"
        return _Said(f"{grew}, a leak or a cache that fills; {allowed}", is_doubt=True)
    return _Said(f"memory {_signed(memory.per_hour)} % an hour")


def _has_just_gone_silent(context: StepContext, evidence: Evidence) -> bool:
    """Whether figures, or the platform's answers, are missing since less than a minute."""
    blind_since = evidence.canary.blind_since if evidence.canary is not None else None
    silent_since = evidence.looks.silent_since if evidence.looks is not None else None
    return any(since and context.now - since < _OUTAGE for since in (blind_since, silent_since))


def _times(number: int, looks: Looks) -> str:
    return f"in {number} of {looks.in_all} looks"


def _settled(context: StepContext, evidence: Evidence) -> list[tuple[datetime, float]]:
    points = evidence.points
    first = points[0].at + action_of(context, Watch).duration * _SETTLING if points else context.now
    return [(point.at, point.canary["memory"]) for point in points if point.at >= first]


def _per_cent(share: float) -> int:
    return round(100 * share)


def _signed(share: float) -> str:
    return f"{_per_cent(share):+d}".replace("-", "−")


def _number(requests: float) -> str:
    return f"{requests:,.0f}"

"""`warm-up`: requests to the new version before it serves anybody, so that nobody meets its cold start."""

from datetime import timedelta

from bot.domain.actions import WarmUp
from bot.domain.outcome import Done, Evidence, Failed, Outcome, Wait, Warmth
from bot.domain.reasons import Reason
from bot.ports import HealthProbe, HealthReading, Seen, StepContext
from bot.steps.actions import action_of

# What is sent between two looks: a slow version does not keep anybody from stopping the run.
_AT_ONCE = 20
_SOON = timedelta(milliseconds=200)


class WarmUpKind:
    """The first answers of a version may be errors; those at the end may not."""

    def __init__(self, health: HealthProbe) -> None:
        self._health = health

    async def observe(self, context: StepContext) -> Seen:
        return Seen(is_settled=True)

    async def apply(self, context: StepContext, seen: Seen) -> None: ...

    async def verify(self, context: StepContext) -> Outcome:
        action, before = action_of(context, WarmUp), context.record.evidence.warmth or Warmth()
        left = action.requests - before.sent
        # The last ones are so many in any case.
        number = left % _AT_ONCE or _AT_ONCE
        readings = await self._health.warm(action.path, number) if left > 0 else ()
        warmth = _with(before, readings) if readings else before
        evidence = Evidence(sentence=_words(warmth), warmth=warmth)
        if warmth.sent < action.requests:
            return Wait(after=_SOON, awaiting=_words(warmth), reason=Reason.HEALTH, evidence=evidence)
        if warmth.lately_failed:
            sentence = f"{context.run.plan.request.version} is not warm: {_words(warmth)}. {warmth.detail}"
            return Failed(reason=Reason.HEALTH, sentence=sentence.strip(), evidence=evidence)
        return Done(evidence=evidence)


def _with(before: Warmth, readings: tuple[HealthReading, ...]) -> Warmth:
    failed = [reading for reading in readings if not reading.ok]
    detail = f"{failed[-1].path}: {failed[-1].detail or failed[-1].status}." if failed else before.detail
    return Warmth(
        sent=before.sent + len(readings),
        failed=before.failed + len(failed),
        lately_failed=len(failed),
        detail=detail,
    )


def _words(warmth: Warmth) -> str:
    lately = f", {warmth.lately_failed} of them among the last" if warmth.lately_failed else ""
    return f"{warmth.failed} of {warmth.sent} requests failed{lately}"

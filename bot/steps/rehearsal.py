"""`smoke-test`, `walk-journeys`: what a team has to say of its release before anybody uses it."""

from datetime import timedelta

from bot.domain.actions import SmokeTest, WalkJourneys
from bot.domain.outcome import Done, Evidence, Failed, Outcome, Wait
from bot.domain.reasons import Reason
from bot.ports import GateRunner, HealthProbe, Seen, StepContext
from bot.steps.actions import action_of

_AGAIN = timedelta(seconds=10)


class SmokeTestKind:
    """The team's own command. Cut off, it is run again from the beginning."""

    def __init__(self, gates: GateRunner) -> None:
        self._gates = gates

    async def observe(self, context: StepContext) -> Seen:
        return Seen(is_settled=True)

    async def apply(self, context: StepContext, seen: Seen) -> None: ...

    async def verify(self, context: StepContext) -> Outcome:
        action, request = action_of(context, SmokeTest), context.run.plan.request
        result = await self._gates.smoke(action.command, action.limit, request, context.run.id)
        evidence = Evidence(sentence=result.headline, gate=result)
        if result.lets_pass:
            return Done(evidence=evidence)
        return Failed(reason=Reason.SMOKE_FAILED, sentence=f"{result.headline}.", evidence=evidence)


class WalkJourneysKind:
    """Each critical path from its beginning; what goes wrong is walked again until the time is over."""

    def __init__(self, health: HealthProbe) -> None:
        self._health = health

    async def observe(self, context: StepContext) -> Seen:
        return Seen(is_settled=True)

    async def apply(self, context: StepContext, seen: Seen) -> None: ...

    async def verify(self, context: StepContext) -> Outcome:
        journeys = action_of(context, WalkJourneys).journeys
        answered = 0
        if context.run.held_at is not None:
            # A hold does not expire, and each walk may leave something behind.
            return Wait(after=_AGAIN, awaiting="the run goes on", reason=Reason.JOURNEY_FAILED)
        for journey in journeys:
            walk = await self._health.walk(journey)
            answered += walk.answered
            if walk.detail:
                awaiting = f"{walk.journey}: {walk.detail}"
                return Wait(after=_AGAIN, awaiting=awaiting, reason=Reason.JOURNEY_FAILED)
        requests = "request" if answered == 1 else "requests"
        return Done(evidence=Evidence(sentence=f"{answered} {requests} answered as expected"))

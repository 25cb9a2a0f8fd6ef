"""`check-health`: the critical paths of one side, asked as a user would."""

from datetime import timedelta

from bot.domain.actions import CheckHealth, DeployCanary
from bot.domain.outcome import Done, Evidence, Outcome, Wait
from bot.domain.reasons import Reason
from bot.ports import HealthProbe, HealthReading, Seen, StepContext
from bot.steps.actions import action_of

_LOOK = timedelta(seconds=5)


class CheckHealthKind:
    """Healthy means: every critical path answers well, and with the expected version if it tells one."""

    def __init__(self, health: HealthProbe) -> None:
        self._health = health

    async def observe(self, context: StepContext) -> Seen:
        return Seen(is_settled=True)

    async def apply(self, context: StepContext, seen: Seen) -> None: ...

    async def verify(self, context: StepContext) -> Outcome:
        action = action_of(context, CheckHealth)
        readings = await self._health.ask(action.of)
        if not readings:
            return Done(evidence=Evidence(sentence="Not asked: the environment has no url to ask"))
        version = _before(context) or action.version
        trouble = [problem for r in readings if (problem := problem_of(r, version)) is not None]
        if trouble and _is_given_up(context):
            sentence = f"Not healthy: {'; '.join(trouble)}. Traffic is on stable, so the run ends here"
            return Done(evidence=Evidence(sentence=sentence, is_healthy=False))
        if trouble:
            return Wait(after=_LOOK, awaiting="; ".join(trouble), reason=Reason.HEALTH)
        paths = ", ".join(reading.path for reading in readings)
        return Done(evidence=Evidence(sentence=f"{paths} healthy on {action.version}", is_healthy=True))


def _before(context: StepContext) -> str | None:
    """What the step that is undone found running, where it tells: not always what the run was planned for."""
    undone = context.step.undoes
    if undone is None or isinstance(context.run.plan.step(undone).action, DeployCanary):
        return None  # what was in the new version's place served nobody
    recorded = context.run.record(undone).before.workload
    return recorded.version if recorded is not None else None


def _is_given_up(context: StepContext) -> bool:
    """On the way back traffic is home already: what keeps stable unhealthy may not keep the lock for ever.

    It was said aloud when the step's time was over; as long again, and the run ends with what is known.
    """
    began = context.record.began
    is_way_back = context.step in context.run.plan.way_back
    return is_way_back and began is not None and context.now - began >= 2 * context.step.timeout


def problem_of(reading: HealthReading, version: str) -> str | None:
    """What is wrong with an answer that has to come from this version; None if nothing is."""
    if not reading.ok:
        return f"{reading.path}: {reading.detail or reading.status}"
    if reading.version is not None and reading.version != version:
        return f"{reading.path} answers with {reading.version} instead of {version}"
    return None

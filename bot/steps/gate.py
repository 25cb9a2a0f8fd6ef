"""`run-gate`: a gate's question about the release, answered from facts."""

from bot.domain.actions import RunGate
from bot.domain.outcome import Done, Evidence, Failed, Outcome
from bot.domain.reasons import Reason
from bot.ports import GateRunner, Seen, StepContext
from bot.steps.actions import action_of


class RunGateKind:
    """A gate changes nothing, so a repeated one is only a second look; its answer is the evidence."""

    def __init__(self, gates: GateRunner) -> None:
        self._gates = gates

    async def observe(self, context: StepContext) -> Seen:
        return Seen(is_settled=True)

    async def apply(self, context: StepContext, seen: Seen) -> None: ...

    async def verify(self, context: StepContext) -> Outcome:
        gate = action_of(context, RunGate).gate
        result = await self._gates.run(gate, context.run.plan.request, context.run.id)
        evidence = Evidence(sentence=result.headline, gate=result)
        if result.lets_pass:
            return Done(evidence=evidence)
        return Failed(reason=Reason.GATE_FAILED, sentence=f"{result.headline}.", evidence=evidence)

"""What a deployment's state comes to for a step, in words and as an outcome."""

from datetime import timedelta

from bot.domain.actions import CheckStable
from bot.domain.outcome import Done, Evidence, Failed, Outcome, TrafficSplit, Wait, Workload
from bot.domain.reasons import Reason
from bot.ports import StepContext

LOOK = timedelta(seconds=2)


def ready(workload: Workload) -> str:
    return f"{workload.ready} of {workload.replicas} pods of {workload.name} are ready"


def explained(workload: Workload) -> str:
    return because(ready(workload), workload)


def because(words: str, workload: Workload) -> str:
    return f"{words}: {workload.problems[0]}" if workload.problems else words


def not_ready(workload: Workload) -> str:
    why = f" {workload.problems[0]}" if workload.problems else ""
    return f"{ready(workload)}, and the platform gave up.{why}"


def firm_ground(context: StepContext, stable: Workload, split: TrafficSplit | None) -> Outcome:
    """Whether a run may begin here: what serves is what it was planned for, all of it, and it is ready.

    `split` is None where nothing shares traffic out.
    """
    running = context.run.plan.request.running_image
    evidence = Evidence(sentence=ready(stable), workload=stable, split=split)
    if stable.image != running:
        sentence = f"{stable.name} runs {stable.image}, but {running} when this run was planned."
        return Failed(reason=Reason.CHANGED_OUTSIDE, sentence=sentence, evidence=evidence)
    if split is not None and split.canary != 0:
        target = context.run.plan.target
        sentence = f"The route already gives {split.canary} % to the canary; at rest it has to be 0."
        if target.is_switched:
            sentence = (
                f"The {target.traffic.object_name} leads to {target.canary_workload}, and led to "
                f"{target.workload} when this run was planned."
            )
        return Failed(reason=Reason.CHANGED_OUTSIDE, sentence=sentence, evidence=evidence)
    if stable.ready == 0 or not stable.is_settled:
        return Wait(after=LOOK, awaiting=explained(stable), reason=Reason.NOT_READY, evidence=evidence)
    return Done(evidence=evidence)


def too_small(context: StepContext, stable: Workload) -> str | None:
    """That what serves has fewer pods than when the run began: going back, everybody would land there.

    An autoscaler does that as its share of traffic falls. What people have let the run go on with counts from
    then on.
    """
    run, name = context.run, stable.name
    least = None
    for step in run.plan.steps:
        record = run.record(step.id)
        seen = record.evidence.workload
        if seen is None or seen.name != name:
            continue
        if isinstance(step.action, CheckStable):
            least = seen.replicas
        elif least is not None and 0 < record.began_seq < run.accepted_seq:
            least = min(least, seen.replicas)
    if least is None or stable.replicas >= least:
        return None
    return (
        f"{name} is down to {stable.replicas} of the {least} pods that it had before: going back would land "
        "on too few. An autoscaler may have done that (raise its minReplicas), or somebody. Traffic stays as "
        "it is; resume to go on with that."
    )


def changed_route(context: StepContext, found: int, expected: int) -> str:
    """That somebody else has shifted the traffic; `found` and `expected` are the new version's per cent."""
    target = context.run.plan.target
    if target.is_switched:
        leads, instead = target.workload, target.canary_workload
        if found:
            leads, instead = instead, leads
        what = f"it leads to {leads} instead of {instead}"
    else:
        what = f"the canary has {found} % instead of {expected} %"
    return f"Somebody else changed the {target.traffic.object_name}: {what}. Traffic stays as it is."


def changed_meanwhile(context: StepContext, stable: Workload) -> str:
    """That somebody else has deployed, and what an approver can do about it."""
    request = context.run.plan.request
    return (
        f"Somebody else changed {stable.name}: it runs {stable.image} instead of {request.running_image}. "
        f"Resume to give it {request.version} all the same."
    )


def rolled_out(stable: Workload, image: str) -> Outcome:
    """Done once every pod runs this image and is ready."""
    evidence = Evidence(sentence=ready(stable), workload=stable)
    if stable.image == image and stable.is_settled:
        return Done(evidence=evidence)
    if stable.failed:
        return Failed(reason=Reason.NOT_READY, sentence=not_ready(stable), evidence=evidence)
    return Wait(after=LOOK, awaiting=explained(stable), reason=Reason.NOT_READY, evidence=evidence)

"""Rolling: pods replaced a few at a time within the deployment that serves, their errors watched all along.

There is no second deployment and no weight: what a pod of the new version gets is its equal share. So one
approval is asked for before the first pod, and what goes wrong afterwards stops the rollout where it is.
"""

from collections.abc import Iterator
from datetime import timedelta

from bot.domain.actions import Bake, CheckRollout, KeepRollout, RestoreStable, RollOut
from bot.domain.plan import ApprovalPolicy, DeployRequest, Phase, Plan, Step, Target
from strategies.common import back_health, finish_health, gate_steps
from strategies.settings import RollingSettings

_ROLLOUT = "rolling/rollout"


def plan(
    request: DeployRequest,
    target: Target,
    settings: RollingSettings,
    approvals: ApprovalPolicy,
    gates: tuple[str, ...],
    findings: tuple[str, ...] = (),
) -> Plan:
    """The runbook of a rolling update, with the way back from every point of it."""
    return Plan(
        request=request,
        target=target.with_(is_beside=False),
        approvals=approvals,
        findings=findings,
        steps=(
            *gate_steps(gates),
            *_production(request, target.workload, settings),
        ),
        way_back=tuple(_way_back(request, target.workload)),
    )


def _production(request: DeployRequest, workload: str, settings: RollingSettings) -> Iterator[Step]:
    old, new = request.running_version, request.version
    yield Step(
        id="rolling/check",
        title=f"Check that {old} is healthy and {workload} can be rolled out",
        action=CheckRollout(),
        phase=Phase.PRODUCTION,
        timeout=timedelta(minutes=5),
    )
    yield Step(
        id=_ROLLOUT,
        title=f"Replace {old} by {new}, pod by pod",
        action=RollOut(
            image=request.image,
            version=new,
            max_surge=settings.max_surge,
            max_unavailable=settings.max_unavailable,
            check_every=settings.check_every,
            pause_above=settings.pause_above,
        ),
        phase=Phase.PRODUCTION,
        shifts_traffic=True,
        changes_production=True,
        # How long one pod may take is the deployment's own progress deadline; how many there are, nobody
        # knows here.
        timeout=timedelta(days=2),
        estimate=timedelta(minutes=3),
    )
    yield Step(
        id="rolling/watch",
        title=f"Compare {new} with what {old} was like",
        action=Bake(weight=100, duration=settings.bake),
        phase=Phase.PRODUCTION,
        # The bake ends by itself; held time does not count, so its limit must never cut it short.
        timeout=timedelta(days=30),
        estimate=settings.bake,
    )
    yield Step(
        id="rolling/keep",
        title=f"Keep {new}, and let {workload} be rolled out as its team has it",
        action=KeepRollout(recorded_by=_ROLLOUT),
        phase=Phase.PRODUCTION,
        # It moves no pod. But to keep what was not found healthy is for people to decide.
        shifts_traffic=True,
        covered_by=_ROLLOUT,
        changes_production=True,
        # A good version is not taken back because a setting could not be put back yet.
        timeout=timedelta(hours=6),
    )
    yield finish_health(request)


def _way_back(request: DeployRequest, workload: str) -> Iterator[Step]:
    old = request.running_version
    yield Step(
        id="back/restore",
        title=f"Give {workload} {old} again, pod by pod",
        action=RestoreStable(),
        phase=Phase.PRODUCTION,
        undoes=_ROLLOUT,
        estimate=timedelta(minutes=2),
    )
    yield Step(
        id="back/settings",
        title=f"Let {workload} be rolled out as its team has it",
        action=KeepRollout(recorded_by=_ROLLOUT),
        phase=Phase.PRODUCTION,
        undoes=_ROLLOUT,
    )
    yield back_health(request, undoes=_ROLLOUT)

"""Canary: the new version beside stable, a growing share of traffic, a comparison at every stage.

Stable keeps its full size until the very end, so the way back always lands on warm instances. At the end
stable takes the new version while the canary serves everything; then traffic goes home and the canary goes.
"""

from collections.abc import Iterator
from datetime import timedelta

from bot.domain.actions import (
    Bake,
    CheckHealth,
    CheckStable,
    DeployCanary,
    PromoteStable,
    RemoveCanary,
    RestoreStable,
    RouteHeader,
    SetWeight,
    Side,
    TrafficToStable,
)
from bot.domain.plan import ApprovalPolicy, DeployRequest, Phase, Plan, Step, Target
from strategies.common import back_health, finish_health, gate_steps
from strategies.settings import CanarySettings, CanaryStage

_DEPLOY = "canary/deploy"
_HEADER = "canary/header"
_PROMOTE = "promote/stable"


def plan(
    request: DeployRequest,
    target: Target,
    settings: CanarySettings,
    approvals: ApprovalPolicy,
    gates: tuple[str, ...],
    findings: tuple[str, ...] = (),
) -> Plan:
    """The runbook of a canary deploy, with the way back from every point of it."""
    return Plan(
        request=request,
        target=target,
        approvals=approvals,
        findings=findings,
        steps=(
            *gate_steps(gates),
            _check_stable(request),
            *_canary_up(request, settings),
            *(step for stage in settings.stages for step in _stage(request, stage)),
            *_promotion(request, settings),
        ),
        way_back=tuple(_way_back(request)),
    )


def _check_stable(request: DeployRequest) -> Step:
    return Step(
        id="canary/check",
        title=f"Check that {request.running_version} is healthy and serves everything",
        action=CheckStable(),
        phase=Phase.PRODUCTION,
        timeout=timedelta(minutes=5),
    )


def _canary_up(request: DeployRequest, settings: CanarySettings) -> Iterator[Step]:
    version = request.version
    yield Step(
        id=_DEPLOY,
        title=f"Bring {version} up beside {request.running_version}, without traffic",
        action=DeployCanary(image=request.image, version=version),
        phase=Phase.PRODUCTION,
        changes_production=True,
        timeout=settings.ready_timeout,
        estimate=timedelta(minutes=1),
    )
    yield Step(
        id=_HEADER,
        title=f"Let requests with the canary header reach {version}",
        action=RouteHeader(to=Side.CANARY),
        phase=Phase.PRODUCTION,
        changes_production=True,
        timeout=timedelta(minutes=5),
    )
    yield Step(
        id="canary/health",
        title=f"Ask the health paths of {version}",
        action=CheckHealth(of=Side.CANARY, version=version),
        phase=Phase.PRODUCTION,
        timeout=timedelta(minutes=3),
    )


def _stage(request: DeployRequest, stage: CanaryStage) -> Iterator[Step]:
    weight = stage.weight
    name = f"canary {weight} %"
    yield Step(
        id=f"canary/{weight}/weight",
        title=f"Shift {weight} % of traffic to {request.version}",
        action=SetWeight(weight=weight),
        phase=Phase.PRODUCTION,
        stage=name,
        shifts_traffic=True,
        changes_production=True,
        timeout=timedelta(minutes=5),
    )
    yield Step(
        id=f"canary/{weight}/bake",
        title=f"Compare {request.version} with {request.running_version} at {weight} %",
        action=Bake(weight=weight, duration=stage.bake),
        phase=Phase.PRODUCTION,
        stage=name,
        # The bake ends by itself; held time does not count, so its limit must never cut it short.
        timeout=timedelta(days=30),
        estimate=stage.bake,
    )


def _promotion(request: DeployRequest, settings: CanarySettings) -> Iterator[Step]:
    version = request.version
    last_shift = f"canary/{settings.stages[-1].weight}/weight"
    yield Step(
        id=_PROMOTE,
        title=f"Give stable {version} while the canary serves",
        action=PromoteStable(image=request.image, version=version),
        phase=Phase.PRODUCTION,
        shifts_traffic=True,
        covered_by=last_shift,
        changes_production=True,
        timeout=timedelta(minutes=15),
        estimate=timedelta(minutes=2),
    )
    yield Step(
        id="promote/traffic",
        title="All traffic to stable, the header route included",
        action=TrafficToStable(),
        phase=Phase.PRODUCTION,
        shifts_traffic=True,
        covered_by=_PROMOTE,
        changes_production=True,
        timeout=timedelta(minutes=5),
    )
    yield Step(
        id="promote/cleanup",
        title="Remove the canary",
        action=RemoveCanary(),
        phase=Phase.PRODUCTION,
        changes_production=True,
        timeout=timedelta(minutes=5),
    )
    yield finish_health(request)


def _way_back(request: DeployRequest) -> Iterator[Step]:
    old = request.running_version
    yield Step(
        id="back/restore",
        title=f"Give stable {old} again",
        action=RestoreStable(),
        phase=Phase.PRODUCTION,
        undoes=_PROMOTE,
        estimate=timedelta(minutes=2),
    )
    yield Step(
        id="back/traffic",
        title=f"Weight 0: all traffic to {old}, the header route included",
        action=TrafficToStable(),
        phase=Phase.PRODUCTION,
        undoes=_HEADER,
        estimate=timedelta(seconds=1),
    )
    yield Step(
        id="back/canary",
        title=f"Remove {request.version}",
        action=RemoveCanary(),
        phase=Phase.PRODUCTION,
        undoes=_DEPLOY,
    )
    yield back_health(request, undoes=_HEADER)

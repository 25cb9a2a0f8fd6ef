"""Blue-green: the new version in the colour that does not serve, then all traffic at once.

The colour that served before stays as it is, at full size and warm, so the way back is one change of a
selector. The colours swap their roles with each run: what is green's part today is blue's in the next one.
"""

from collections.abc import Iterator
from datetime import timedelta

from bot.domain.actions import (
    Bake,
    CheckHealth,
    CheckStable,
    Decommission,
    DeployCanary,
    KeepCanary,
    LeaveStable,
    RemoveCanary,
    RouteHeader,
    SetWeight,
    Side,
    TrafficToStable,
    WarmUp,
)
from bot.domain.plan import ApprovalPolicy, DeployRequest, Phase, Plan, Step, Target
from bot.domain.traffic import Preview
from strategies.common import back_health, finish_health, gate_steps
from strategies.settings import BlueGreenSettings

_DEPLOY = "blue-green/deploy"
_PREVIEW = "blue-green/preview"
_SWITCH = "blue-green/switch"


def plan(
    request: DeployRequest,
    target: Target,
    settings: BlueGreenSettings,
    approvals: ApprovalPolicy,
    gates: tuple[str, ...],
    findings: tuple[str, ...] = (),
) -> Plan:
    """The runbook of a blue-green deploy, with the way back from every point of it.

    `target` says by its traffic which colour serves.
    """
    assert target.traffic.kind == "blue-green", "operations plan it only where a Service selects by colour"
    preview = target.traffic.preview
    steps = (
        *gate_steps(gates),
        *_up(request, target, settings),
        *(() if preview is None else _tried(request, target, preview, settings)),
        *_switched(request, target, settings),
    )
    untried = f"No preview is declared, so {request.version} is asked nothing before it serves."
    return Plan(
        request=request,
        target=target,
        approvals=approvals,
        findings=findings if preview is not None else (*findings, untried),
        steps=steps,
        way_back=tuple(_way_back(request, target)),
        aftercare=(_decommission(request, target, settings),),
    )


def _up(request: DeployRequest, target: Target, settings: BlueGreenSettings) -> Iterator[Step]:
    old, new = request.running_version, request.version
    yield Step(
        id="blue-green/check",
        title=f"Check that {old} in {target.workload} is healthy and serves everything",
        action=CheckStable(),
        phase=Phase.PRODUCTION,
        timeout=timedelta(minutes=5),
    )
    yield Step(
        id=_DEPLOY,
        title=f"Bring {new} up in {target.canary_workload}, without traffic",
        action=DeployCanary(image=request.image, version=new),
        phase=Phase.PRODUCTION,
        changes_production=True,
        timeout=settings.ready_timeout,
        estimate=timedelta(minutes=1),
    )


def _tried(
    request: DeployRequest, target: Target, preview: Preview, settings: BlueGreenSettings
) -> Iterator[Step]:
    new = request.version
    if preview.service is not None:
        yield Step(
            id=_PREVIEW,
            title=f"Let {preview.service} lead to {target.canary_workload}",
            action=RouteHeader(to=Side.CANARY),
            phase=Phase.PRODUCTION,
            changes_production=True,
            timeout=timedelta(minutes=5),
        )
    yield Step(
        id="blue-green/health",
        title=f"Ask the health paths of {new} by its preview",
        action=CheckHealth(of=Side.CANARY, version=new),
        phase=Phase.PRODUCTION,
        timeout=timedelta(minutes=3),
    )
    if settings.warm_up_requests:
        yield Step(
            id="blue-green/warm-up",
            title=f"Warm {new} up with {settings.warm_up_requests} requests",
            action=WarmUp(requests=settings.warm_up_requests, path=settings.warm_up_path),
            phase=Phase.PRODUCTION,
            timeout=timedelta(minutes=5),
        )


def _switched(request: DeployRequest, target: Target, settings: BlueGreenSettings) -> Iterator[Step]:
    old, new = request.running_version, request.version
    yield Step(
        id=_SWITCH,
        title=f"Switch all traffic from {target.workload} to {target.canary_workload}",
        action=SetWeight(weight=100),
        phase=Phase.PRODUCTION,
        shifts_traffic=True,
        changes_production=True,
        timeout=timedelta(minutes=5),
    )
    yield Step(
        id="blue-green/watch",
        title=f"Compare {new} with what {old} was like",
        action=Bake(weight=100, duration=settings.bake, with_past=True, fail_above=settings.fail_above),
        phase=Phase.PRODUCTION,
        # The bake ends by itself; held time does not count, so its limit must never cut it short.
        timeout=timedelta(days=30),
        estimate=settings.bake,
    )
    yield Step(
        id="blue-green/leave",
        title=f"Note on {target.workload} that it is left as the way back",
        action=LeaveStable(),
        phase=Phase.PRODUCTION,
        changes_production=True,
        timeout=timedelta(hours=6),
        estimate=timedelta(seconds=1),
    )
    yield Step(
        id="blue-green/keep",
        title=f"Keep {new} in {target.canary_workload}; {target.workload} stays as it is",
        action=KeepCanary(),
        phase=Phase.PRODUCTION,
        # It moves nothing. But to keep what was not found healthy is for people to decide.
        shifts_traffic=True,
        covered_by=_SWITCH,
        changes_production=True,
        timeout=timedelta(hours=6),
    )
    yield finish_health(request)


def _decommission(request: DeployRequest, target: Target, settings: BlueGreenSettings) -> Step:
    return Step(
        id="after/decommission",
        title=f"Remove {request.running_version} in {target.workload}",
        action=Decommission(),
        phase=Phase.FINISH,
        changes_production=True,
        timeout=timedelta(minutes=30),
        due=settings.keep_old,
    )


def _way_back(request: DeployRequest, target: Target) -> Iterator[Step]:
    old = request.running_version
    yield Step(
        id="back/traffic",
        title=f"Switch back: all traffic to {old} in {target.workload}",
        action=TrafficToStable(),
        phase=Phase.PRODUCTION,
        # The preview may have led there before the run began.
        undoes=_DEPLOY,
        estimate=timedelta(seconds=1),
    )
    yield Step(
        id="back/canary",
        title=f"Remove {request.version} in {target.canary_workload}",
        action=RemoveCanary(),
        phase=Phase.PRODUCTION,
        undoes=_DEPLOY,
    )
    yield back_health(request, undoes=_DEPLOY)

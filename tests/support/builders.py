"""Small valid records. What matters to a test stands in the test; the rest comes from here."""

from datetime import UTC, datetime, timedelta

from bot.domain.actions import (
    Bake,
    CheckStable,
    DeployCanary,
    PromoteStable,
    RemoveCanary,
    RestoreStable,
    SetWeight,
    TrafficToStable,
)
from bot.domain.people import Person
from bot.domain.plan import ApprovalPolicy, DeployRequest, Phase, Plan, Step, Target
from bot.domain.traffic import ByVirtualService

ADA = Person(id="U01ADA", name="Ada")
BO = Person(id="U02BO", name="Bo")
CY = Person(id="U03CY", name="Cy")

# A Monday morning, so that no policy has anything against it.
MORNING = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)

RUN = f"checkout-1 of {MORNING:%Y-%m-%d %H:%M:%S.%f} UTC"
"""The signature of the first run of that morning."""


def a_request(
    *,
    application: str = "checkout",
    environment: str = "production",
    version: str = "v2.5.0",
    commit: str = "c0ffee1",
    by: Person = ADA,
    at: datetime = MORNING,
) -> DeployRequest:
    return DeployRequest(
        application=application,
        environment=environment,
        version=version,
        strategy="canary",
        image=f"registry.example/{application}:{version}",
        commit=commit,
        running_version="v2.4.1",
        running_image=f"registry.example/{application}:v2.4.1",
        changes=("Round totals half to even",),
        by=by,
        at=at,
    )


def a_target(application: str = "checkout", environment: str = "production") -> Target:
    return Target(
        namespace="shop" if environment == "production" else f"shop-{environment}",
        workload=application,
        container=application,
        main_service=application,
        stable_service=f"{application}-stable",
        canary_service=f"{application}-canary",
        traffic=ByVirtualService(virtual_service=application),
    )


def a_plan(
    *,
    application: str = "checkout",
    environment: str = "production",
    version: str = "v2.5.0",
    commit: str = "c0ffee1",
    target: Target | None = None,
    weights: tuple[int, ...] = (25, 100),
    approvals: ApprovalPolicy | None = None,
    bake: timedelta = timedelta(minutes=5),
    by: Person = ADA,
    at: datetime = MORNING,
) -> Plan:
    """A canary in little: look, deploy, shift and bake per weight, promote, clean up; and the way back."""
    request = a_request(
        application=application, environment=environment, version=version, commit=commit, by=by, at=at
    )
    stages = tuple(step for weight in weights for step in _stage(weight, version, bake))
    return Plan(
        request=request,
        target=target or a_target(application, environment),
        approvals=approvals or ApprovalPolicy(),
        steps=(*_beginning(request), *stages, *_finish(request)),
        way_back=_way_back(weights),
    )


def _beginning(request: DeployRequest) -> tuple[Step, ...]:
    return (
        Step(id="check-stable", title="Look at what serves now", action=CheckStable(), phase=Phase.GATES),
        Step(
            id="canary/deploy",
            title=f"Deploy {request.version} beside stable",
            action=DeployCanary(image=request.image, version=request.version),
            phase=Phase.PRODUCTION,
            changes_production=True,
        ),
    )


def _stage(weight: int, version: str, bake: timedelta) -> tuple[Step, Step]:
    stage = f"canary {weight} %"
    shift = Step(
        id=f"canary/{weight}/weight",
        title=f"Shift {weight} % of traffic to {version}",
        action=SetWeight(weight=weight),
        phase=Phase.PRODUCTION,
        stage=stage,
        shifts_traffic=True,
        changes_production=True,
    )
    watch = Step(
        id=f"canary/{weight}/bake",
        title=f"Compare {version} with stable",
        action=Bake(weight=weight, duration=bake),
        phase=Phase.PRODUCTION,
        stage=stage,
        timeout=bake + timedelta(minutes=10),
    )
    return shift, watch


def _finish(request: DeployRequest) -> tuple[Step, ...]:
    return (
        Step(
            id="promote/stable",
            title=f"Roll stable to {request.version}",
            action=PromoteStable(image=request.image, version=request.version),
            phase=Phase.FINISH,
            changes_production=True,
        ),
        Step(
            id="promote/traffic",
            title="Give all traffic to stable",
            action=TrafficToStable(),
            phase=Phase.FINISH,
            changes_production=True,
        ),
        Step(id="promote/clean-up", title="Remove the canary", action=RemoveCanary(), phase=Phase.FINISH),
    )


def _way_back(weights: tuple[int, ...]) -> tuple[Step, ...]:
    first_shift = f"canary/{weights[0]}/weight"
    return (
        Step(
            id="back/traffic",
            title="Give all traffic back to stable",
            action=TrafficToStable(),
            phase=Phase.PRODUCTION,
            undoes=first_shift,
        ),
        Step(
            id="back/stable",
            title="Give stable back what it ran",
            action=RestoreStable(),
            phase=Phase.PRODUCTION,
            undoes="promote/stable",
        ),
        Step(
            id="back/clean-up",
            title="Remove the canary",
            action=RemoveCanary(),
            phase=Phase.PRODUCTION,
            undoes="canary/deploy",
        ),
    )

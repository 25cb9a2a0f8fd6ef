"""The team's settings as the records that operations, strategies and analysis know."""

from collections.abc import Callable

from bot.analysis import Limits, TriggerLimits
from bot.config import (
    STAGING,
    Application,
    Environment,
    GatewayTraffic,
    IstioTraffic,
    KubernetesPlatform,
    NginxTraffic,
    Notice,
    ServiceTraffic,
    Settings,
    TimesBaseline,
    Who,
    WhoKind,
    not_built_yet,
)
from bot.domain.people import Role
from bot.domain.plan import ApprovalPolicy, DeployRequest, Plan
from bot.domain.record import Record
from bot.domain.traffic import ByColour, Preview
from bot.operations import Deployable
from bot.operations.desk import WritePlan
from bot.slack.roles import Grantee
from bot.steps.watch import TELLS_GROWTH
from bot.wiring.rehearsals import ground_of, rehearsal_of
from bot.wiring.targets import pods, target_of
from strategies import blue_green, canary, rolling, staging
from strategies.settings import BlueGreenSettings, CanarySettings, CanaryStage, RollingSettings

# Gates that this version can answer, in the order in which people read them.
_GATES = {"code-review": "code-review", "tests": "tests", "build": "build"}
_Weighted = IstioTraffic | GatewayTraffic | NginxTraffic


def deployables(settings: Settings) -> tuple[Deployable, ...]:
    """Every application in every environment that runs can be made for.

    Staging is not one of them: it is a phase on the way to production.
    """
    found = []
    notices = not_built_yet(settings)
    for name, application in settings.applications.items():
        findings = tuple(_findings(notices, name, application))
        for environment_name, environment in application.environments.items():
            platform = environment.platform
            if environment_name == STAGING or not isinstance(platform, KubernetesPlatform):
                continue
            if not isinstance(platform.traffic, _Weighted | ServiceTraffic):
                continue
            found.append(_deployable(name, application, environment_name, environment, platform, findings))
    return tuple(found)


def _deployable(
    name: str,
    application: Application,
    environment_name: str,
    environment: Environment,
    platform: KubernetesPlatform,
    findings: tuple[str, ...],
) -> Deployable:
    configured = application.gates.configured
    return Deployable(
        application=name,
        environment=environment_name,
        image=application.image or "",
        strategies=_strategies(application, platform),
        colours=_colours(application, platform),
        is_default=application.defaults.environment == environment_name,
        target=target_of(application, environment, platform),
        staging=ground_of(application),
        approvals=ApprovalPolicy(
            required=environment.approvals.required,
            people=environment.approvals.people,
            requester_may_approve=environment.approvals.requester_may_approve,
            remind=environment.approvals.remind,
            escalate=environment.approvals.escalate,
            escalate_to=tuple(str(who) for who in environment.approvals.escalate_to),
            expire=environment.approvals.expire,
        ),
        gates=tuple(gate for key, gate in _GATES.items() if key in configured),
        findings=findings,
    )


def _strategies(application: Application, platform: KubernetesPlatform) -> tuple[str, ...]:
    """Those that can be carried out there, the application's default first."""
    possible = ["canary", "rolling"] if isinstance(platform.traffic, _Weighted) else ["rolling"]
    possible += ["blue-green"] if _colours(application, platform) is not None else []
    return tuple(sorted(possible, key=lambda name: name != application.defaults.strategy))


def _colours(application: Application, platform: KubernetesPlatform) -> ByColour | None:
    """A route with weights leads around the Service whose selector would be switched."""
    own = application.blue_green
    if not application.has_colours or not isinstance(platform.traffic, ServiceTraffic):
        return None
    preview = None
    if own.preview.url is not None:
        preview = Preview(
            service=own.preview.service, url=own.preview.url, host_header=own.preview.host_header
        )
    return ByColour(service=own.service or platform.services.main, label=own.label, preview=preview)


def _findings(notices: tuple[Notice, ...], name: str, application: Application) -> list[str]:
    """What a plan says aloud: no staging, and what the file asks for that this version does not do."""
    found = []
    if STAGING not in application.environments:
        found.append("No staging is declared, so this release is not rehearsed.")
    elif application.environments[STAGING].url is None:
        found.append("Staging has no url, so its health paths are not asked.")
    elif application.environments[STAGING].watch.lasting < TELLS_GROWTH:
        found.append("Staging is watched too briefly to tell whether memory grows, so people are asked.")
    if not application.gates.configured:
        found.append("No gates are configured, so nothing is checked before the release.")
    prefix = f"applications.{name}."
    found += [notice.sentence for notice in notices if notice.path.startswith(prefix)]
    return found


def plan_writers(settings: Settings) -> dict[str, WritePlan]:
    """Each strategy by its name, with the settings of the application that is asked for."""
    return {
        "canary": _writer(settings, canary.plan, _of_canary),
        "rolling": _writer(settings, rolling.plan, _of_rolling),
        "blue-green": _writer(settings, blue_green.plan, _of_blue_green),
    }


def _writer(
    settings: Settings, plan: Callable[..., Plan], settings_of: Callable[[Application], Record]
) -> WritePlan:
    def write(request: DeployRequest, where: Deployable) -> Plan:
        application = settings.application(request.application)
        written = plan(
            request=request,
            target=where.target,
            settings=settings_of(application),
            approvals=where.approvals,
            gates=where.gates,
            findings=where.findings,
        )
        if where.staging is None:
            return written
        return staging.rehearsed(written, where.staging, rehearsal_of(application, request))

    return write


def _of_canary(application: Application) -> CanarySettings:
    stages = (CanaryStage(weight=s.weight, bake=s.bake) for s in application.canary.stages)
    return CanarySettings(stages=tuple(stages))


def _of_rolling(application: Application) -> RollingSettings:
    own = application.rolling
    return RollingSettings(
        max_surge=pods(own.max_surge),
        max_unavailable=pods(own.max_unavailable),
        check_every=own.check_every,
        pause_above=float(own.pause_above_error_rate),
        bake=own.bake,
    )


def _of_blue_green(application: Application) -> BlueGreenSettings:
    own = application.blue_green
    return BlueGreenSettings(
        ready_timeout=own.ready_timeout,
        warm_up_requests=own.warm_up.requests,
        warm_up_path=own.warm_up.path,
        bake=own.bake,
        fail_above=float(own.error_rate),
        keep_old=own.keep_blue,
    )


def limits_of(application: Application) -> Limits:
    analysis = application.analysis
    return Limits(
        min_requests=analysis.min_requests,
        errors_margin=float(analysis.errors_margin),
        p95_margin=float(analysis.p95_margin),
        skip_first=analysis.skip_first,
    )


def trigger_limits_of(application: Application) -> TriggerLimits:
    """The team's triggers; one that is switched off gets a limit that nothing reaches."""
    triggers, usual = application.triggers, TriggerLimits(window=application.metrics.window)
    changes: dict[str, object] = {
        "error_rate": float("inf"),
        "p95_times_baseline": None,
        "memory": float("inf"),
    }
    if triggers.error_rate is not None:
        changes |= {
            "error_rate": float(triggers.error_rate.above),
            "error_rate_for": triggers.error_rate.lasting,
        }
    if triggers.p95 is not None:
        above = triggers.p95.above
        if isinstance(above, TimesBaseline):
            changes |= {"p95_times_baseline": above.factor}
        else:
            changes |= {"p95_above": above}
        changes |= {"p95_for": triggers.p95.lasting}
    if triggers.memory is not None:
        changes |= {"memory": float(triggers.memory.above), "memory_for": triggers.memory.lasting}
    if triggers.health is not None:
        changes |= {"health_for": triggers.health.failing_for}
    return usual.with_(**changes)


def granted(settings: Settings) -> dict[Role, tuple[Grantee, ...]]:
    roles = settings.roles
    listed = {
        Role.VIEWER: roles.viewer,
        Role.DEPLOYER: roles.deployer,
        Role.APPROVER: roles.approver,
        Role.ADMIN: roles.admin,
    }
    return {role: tuple(grantee(who) for who in people) for role, people in listed.items()}


def named(who: str) -> Grantee:
    """A person or group as a plan names them: "@oncall", "U123", "S123"."""
    if who.startswith("@"):
        return Grantee(handle=who.removeprefix("@"))
    return Grantee(group=who) if who.startswith("S") else Grantee(user=who)


def grantee(who: Who) -> Grantee:
    match who.kind:
        case WhoKind.USER:
            return Grantee(user=who.name)
        case WhoKind.GROUP:
            return Grantee(group=who.name)
        case WhoKind.HANDLE:
            return Grantee(handle=who.name)

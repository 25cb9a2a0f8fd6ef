"""The team's staging as the records that operations and strategies know."""

from datetime import timedelta

from bot.config import STAGING, Application, JourneyStep, KubernetesPlatform, ServiceTraffic, Slope
from bot.config import Journey as DeclaredJourney
from bot.domain.journeys import Expected, Journey, Request
from bot.domain.plan import DeployRequest, Staging
from bot.gates.runner import image_name
from bot.wiring.targets import pods, target_of
from strategies.settings import StagingSettings


def ground_of(application: Application) -> Staging | None:
    """Where its releases are rehearsed. It is reached by its Service, whatever shares traffic out there."""
    environment = application.environments.get(STAGING)
    if environment is None or not isinstance(environment.platform, KubernetesPlatform):
        return None
    health, platform = application.health, environment.platform.completed(traffic=ServiceTraffic())
    paths = (health.path, health.database, health.dependencies, *health.critical)
    target = target_of(application, environment, platform).with_(
        health_paths=tuple(dict.fromkeys(path for path in paths if path is not None)),
        is_beside=False,
    )
    return Staging(target=target)


def rehearsal_of(application: Application, request: DeployRequest) -> StagingSettings:
    own, rolling_there = application.environments[STAGING], application.rolling
    command = None
    if own.smoke is not None:
        command = own.smoke.run.filled(version=request.version, image=image_name(request.image))
    return StagingSettings(
        max_surge=pods(rolling_there.max_surge),
        max_unavailable=pods(rolling_there.max_unavailable),
        smoke=command,
        smoke_limit=own.smoke.timeout if own.smoke is not None else StagingSettings().smoke_limit,
        journeys=tuple(map(_journey, own.journeys)),
        watch=own.watch.lasting,
        errors=own.watch.errors,
        memory_growth=_in_an_hour(own.watch.memory_slope),
    )


def _in_an_hour(slope: Slope) -> float:
    return float(slope.growth) * (timedelta(hours=1) / slope.per)


def _journey(declared: DeclaredJourney) -> Journey:
    return Journey(name=declared.name, requests=tuple(map(_request, declared.steps)))


def _request(step: JourneyStep) -> Request:
    expect = step.expect
    return Request(
        method=step.method,
        path=step.path,
        headers=dict(step.headers),
        body=step.body,
        expect=Expected(status=expect.status, within=expect.within, contains=expect.body.contains),
        save=dict(step.save),
    )

"""What a run may touch in one environment, as its team has declared it."""

import math
from decimal import Decimal

from bot.config import (
    Application,
    Environment,
    GatewayTraffic,
    IstioTraffic,
    KubernetesPlatform,
    NginxTraffic,
    Ratio,
    ServiceTraffic,
    TrafficSettings,
)
from bot.domain.plan import Target
from bot.domain.traffic import ByHTTPRoute, ByIngress, ByService, ByVirtualService, Traffic


def target_of(application: Application, environment: Environment, platform: KubernetesPlatform) -> Target:
    return Target(
        context=platform.context,
        namespace=platform.namespace,
        workload=platform.workload,
        container=platform.container,
        main_service=platform.services.main,
        stable_service=platform.services.stable,
        canary_service=platform.services.canary,
        traffic=_traffic(platform.traffic, platform.services.main),
        header_name=application.canary.header.name,
        header_value=application.canary.header.value,
        url=environment.url,
        host_header=environment.host_header,
        health_paths=application.health.critical,
    )


def _traffic(settings: TrafficSettings, service: str) -> Traffic:
    match settings:
        case ServiceTraffic():
            return ByService(service=service)
        case IstioTraffic(virtual_service=name, route=route):
            return ByVirtualService(virtual_service=name, route=route)
        case GatewayTraffic(route=route):
            return ByHTTPRoute(route=route)
        case NginxTraffic(ingress=own, canary_ingress=canary_ingress):
            return ByIngress(ingress=own, canary_ingress=canary_ingress)
    raise AssertionError("others are not deployable yet")


def pods(number: int | Ratio) -> int | str:
    # Kubernetes takes whole per cent.
    return number if isinstance(number, int) else f"{math.ceil(Decimal(str(number).removesuffix('%')))}%"

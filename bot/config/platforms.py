"""Where an environment runs and what shifts its traffic: one closed set of kinds each, told apart by `kind`.

Kinds whose platform is not built yet load as well, so that a file need not change later; `not_built` names
them.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Tag, model_validator

from bot.config.section import Section, wrong
from bot.config.words import FilePath, KubernetesName, Line


def _kind_or(default: str) -> Discriminator:
    """Tells members of a union apart by `kind`; without the key it is `default`."""

    def kind(value: Any) -> Any:
        found = value.get("kind", default) if isinstance(value, dict) else getattr(value, "kind", default)
        return found if isinstance(found, str) else "…"

    return Discriminator(kind)


class IstioTraffic(Section):
    kind: Literal["istio"] = "istio"
    virtual_service: KubernetesName = ""  # left out: called as the workload
    route: Line | None = None  # the HTTP route's name; None: the only one


class NginxTraffic(Section):
    kind: Literal["nginx"] = "nginx"
    ingress: KubernetesName
    canary_ingress: KubernetesName  # beside it, with the same rules and the annotation `canary: "true"`

    @model_validator(mode="after")
    def _are_two(self) -> Self:
        if self.ingress == self.canary_ingress:
            raise wrong("has to be another Ingress than the team's own", "canary_ingress")
        return self


class GatewayTraffic(Section):
    kind: Literal["gateway-api"] = "gateway-api"
    route: KubernetesName


class ServiceTraffic(Section):
    """No router: the canary's share of the replicas is its share of the traffic."""

    kind: Literal["service"] = "service"


class ALBTraffic(Section):
    kind: Literal["alb"] = "alb"
    rule: Line  # the listener rule's ARN
    stable: Line  # the target groups' ARNs
    canary: Line


TrafficSettings = Annotated[
    Annotated[IstioTraffic, Tag("istio")]
    | Annotated[NginxTraffic, Tag("nginx")]
    | Annotated[GatewayTraffic, Tag("gateway-api")]
    | Annotated[ServiceTraffic, Tag("service")]
    | Annotated[ALBTraffic, Tag("alb")],
    _kind_or("istio"),
]


class Services(Section):
    """The Services by role; left out, they are called after the workload."""

    main: KubernetesName = ""
    stable: KubernetesName = ""
    canary: KubernetesName = ""


class OnKubernetes(Section):
    """What every platform on Kubernetes needs to know."""

    context: Line | None = None  # the kubeconfig's context; None: its current one
    namespace: KubernetesName
    workload: KubernetesName  # the object that serves now
    container: KubernetesName = ""  # left out: called as the workload

    @model_validator(mode="after")
    def _container_from_workload(self) -> Self:
        return self if self.container else self.filled(container=self.workload)


class KubernetesPlatform(OnKubernetes):
    kind: Literal["kubernetes"] = "kubernetes"
    services: Services = Services()
    traffic: TrafficSettings = IstioTraffic()

    @model_validator(mode="after")
    def _names_from_workload(self) -> Self:
        name = self.workload
        services = self.services.completed(
            main=self.services.main or name,
            stable=self.services.stable or f"{name}-stable",
            canary=self.services.canary or f"{name}-canary",
        )
        traffic = self.traffic
        if isinstance(traffic, IstioTraffic) and not traffic.virtual_service:
            traffic = traffic.completed(virtual_service=name)
        return self.filled(services=services, traffic=traffic)


class ArgoRolloutsPlatform(OnKubernetes):
    kind: Literal["argo-rollouts"]


class FlaggerPlatform(OnKubernetes):
    kind: Literal["flagger"]


class ECSPlatform(Section):
    kind: Literal["ecs"]
    region: Line | None = None  # None: as AWS_REGION says
    cluster: Line
    service: Line
    container: Line | None = None  # None: the task's only one
    traffic: ALBTraffic | None = None


class HerokuPlatform(Section):
    kind: Literal["heroku"]
    app: Line


class ServerlessPlatform(Section):
    kind: Literal["serverless"]
    folder: FilePath
    stage: Line = "production"
    region: Line | None = None


PlatformSettings = Annotated[
    Annotated[KubernetesPlatform, Tag("kubernetes")]
    | Annotated[ECSPlatform, Tag("ecs")]
    | Annotated[HerokuPlatform, Tag("heroku")]
    | Annotated[ServerlessPlatform, Tag("serverless")]
    | Annotated[ArgoRolloutsPlatform, Tag("argo-rollouts")]
    | Annotated[FlaggerPlatform, Tag("flagger")],
    _kind_or("kubernetes"),
]

# Kinds that pull an image by name and so cannot go without `image`.
NEED_AN_IMAGE = ("kubernetes", "ecs")

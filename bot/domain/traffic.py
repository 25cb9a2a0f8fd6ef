"""What shifts a run's traffic: the object that carries the weights, frozen with the plan."""

from typing import Annotated, Literal

from pydantic import Field

from bot.domain.record import Record

Colour = Literal["blue", "green"]


class ByVirtualService(Record):
    """Istio: one http route of a VirtualService shares the traffic out."""

    kind: Literal["istio"] = "istio"
    virtual_service: str
    route: str | None = None  # the http route that carries the weights; None: the only weighted one

    @property
    def object_name(self) -> str:
        """As people know it."""
        return f"VirtualService {self.virtual_service}"


class ByHTTPRoute(Record):
    """Gateway API: one rule of an HTTPRoute shares the traffic out."""

    kind: Literal["gateway-api"] = "gateway-api"
    route: str

    @property
    def object_name(self) -> str:
        return f"HTTPRoute {self.route}"


class ByIngress(Record):
    """ingress-nginx: a canary Ingress beside the team's own takes a share of its requests."""

    kind: Literal["nginx"] = "nginx"
    ingress: str
    canary_ingress: str

    @property
    def object_name(self) -> str:
        return f"Ingress {self.canary_ingress}"


class ByService(Record):
    """No weights: whoever is behind the Service gets an equal share of its requests."""

    kind: Literal["service"] = "service"
    service: str

    @property
    def object_name(self) -> str:
        return f"Service {self.service}"


class Preview(Record):
    """Where the colour that does not serve is reached."""

    service: str | None = None  # led to it by its selector; None: the url finds it by itself
    url: str
    host_header: str | None = None


class ByColour(Record):
    """Blue-green: a Service selects the pods of one of two colours, all of them at once."""

    kind: Literal["blue-green"] = "blue-green"
    service: str
    label: str  # that both colours' pods bear, and the Service selects by
    serving: Colour = "blue"  # when the run was planned
    preview: Preview | None = None

    @property
    def other(self) -> Colour:
        """The one in which the new version comes up."""
        return "green" if self.serving == "blue" else "blue"

    @property
    def object_name(self) -> str:
        return f"Service {self.service}"


Traffic = Annotated[
    ByVirtualService | ByHTTPRoute | ByIngress | ByService | ByColour, Field(discriminator="kind")
]

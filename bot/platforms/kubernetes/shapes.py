"""What has to be in an answer of the API server before anything is concluded from it.

Only what Slackwater reads is described here, and the object goes on as it came, with fields that nobody here
knows. What is not shaped so comes from a proxy, a broken server or a newer API: it is `Unreadable`, never a
guess and never a bug of the driver.
"""

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.clients.kube import SYSTEM, Object
from bot.domain.errors import Unreadable

_LONGEST = 200

Labels = dict[str, str]
Count = Annotated[int, Field(ge=0)]


class _Shape(BaseModel):
    """Strict in what it names; silent about the rest."""

    model_config = ConfigDict(strict=True)


class _Metadata(_Shape):
    name: str
    revision: str = Field(alias="resourceVersion")
    uid: str = ""
    generation: int = 0
    labels: Labels | None = None
    annotations: Labels | None = None
    leaves_at: str | None = Field(default=None, alias="deletionTimestamp")


class _Container(_Shape):
    name: str
    image: str = ""


class _PodSpec(_Shape):
    containers: list[_Container]


class _TemplateMetadata(_Shape):
    labels: Labels | None = None


class _Template(_Shape):
    metadata: _TemplateMetadata
    spec: _PodSpec


class _Expression(_Shape):
    key: str
    operator: str
    values: list[str] | None = None


class _Selector(_Shape):
    labels: Labels | None = Field(default=None, alias="matchLabels")
    expressions: list[_Expression] | None = Field(default=None, alias="matchExpressions")


class _DeploymentSpec(_Shape):
    replicas: Count = 1
    selector: _Selector
    template: _Template


class _Condition(_Shape):
    type: str
    status: str
    reason: str | None = None
    message: str | None = None


class _DeploymentStatus(_Shape):
    observed: int = Field(default=0, alias="observedGeneration")
    total: Count = Field(default=0, alias="replicas")
    ready: Count = Field(default=0, alias="readyReplicas")
    updated: Count = Field(default=0, alias="updatedReplicas")
    available: Count = Field(default=0, alias="availableReplicas")
    conditions: list[_Condition] | None = None


class _Deployment(_Shape):
    metadata: _Metadata
    spec: _DeploymentSpec
    status: _DeploymentStatus | None = None


class _Waiting(_Shape):
    reason: str | None = None
    message: str | None = None


class _Terminated(_Shape):
    reason: str | None = None
    code: int | None = Field(default=None, alias="exitCode")


class _State(_Shape):
    waiting: _Waiting | None = None
    terminated: _Terminated | None = None


class _ContainerStatus(_Shape):
    name: str
    ready: bool = False
    image: str | None = Field(default=None, alias="imageID")
    state: _State | None = None
    before: _State | None = Field(default=None, alias="lastState")


class _PodStatus(_Shape):
    containers: list[_ContainerStatus] | None = Field(default=None, alias="containerStatuses")
    conditions: list[_Condition] | None = None


class _Pod(_Shape):
    metadata: _Metadata
    spec: _PodSpec
    status: _PodStatus | None = None


class _Regarded(_Shape):
    name: str | None = None


class _Event(_Shape):
    type: str | None = None
    reason: str | None = None
    message: str | None = None
    regards: _Regarded | None = Field(default=None, alias="involvedObject")
    newest: str | None = Field(default=None, alias="lastTimestamp")
    at: str | None = Field(default=None, alias="eventTime")


class _Pods(_Shape):
    items: list[_Pod] | None


class _Events(_Shape):
    items: list[_Event] | None


class _ServiceSpec(_Shape):
    selector: Labels | None = None


class _Service(_Shape):
    metadata: _Metadata
    spec: _ServiceSpec


class _EndpointConditions(_Shape):
    ready: bool | None = None


class _Reference(_Shape):
    name: str | None = None


class _Endpoint(_Shape):
    conditions: _EndpointConditions | None = None
    target: _Reference | None = Field(default=None, alias="targetRef")


class _EndpointSlice(_Shape):
    endpoints: list[_Endpoint] | None = None


class _EndpointSlices(_Shape):
    items: list[_EndpointSlice] | None


class _Place(_Shape):
    host: str


class _Destination(_Shape):
    destination: _Place
    weight: Count = 0


class _Match(_Shape):
    name: str | None = None
    headers: dict[str, dict[str, Any]] | None = None


class _Route(_Shape):
    name: str | None = None
    match: list[_Match] | None = None
    route: list[_Destination] | None = None


class _VirtualServiceSpec(_Shape):
    http: list[_Route] | None = None


class _VirtualService(_Shape):
    metadata: _Metadata
    spec: _VirtualServiceSpec


class _Backend(_Shape):
    name: str
    kind: str | None = None
    group: str | None = None
    namespace: str | None = None
    weight: Count = 1


class _Header(_Shape):
    name: str
    value: str
    type: str = "Exact"


class _HTTPMatch(_Shape):
    headers: list[_Header] | None = None


class _Rule(_Shape):
    matches: list[_HTTPMatch] | None = None
    backends: list[_Backend] | None = Field(default=None, alias="backendRefs")


class _HTTPRouteSpec(_Shape):
    rules: list[_Rule] | None = None


class _HTTPRoute(_Shape):
    metadata: _Metadata
    spec: _HTTPRouteSpec


class _Named(_Shape):
    name: str


class _IngressBackend(_Shape):
    service: _Named | None = None


class _IngressPath(_Shape):
    path: str | None = None
    kind: str | None = Field(default=None, alias="pathType")
    backend: _IngressBackend


class _IngressPaths(_Shape):
    paths: list[_IngressPath] | None = None


class _IngressRule(_Shape):
    host: str | None = None
    http: _IngressPaths | None = None


class _IngressSpec(_Shape):
    class_name: str | None = Field(default=None, alias="ingressClassName")
    rules: list[_IngressRule] | None = None
    otherwise: _IngressBackend | None = Field(default=None, alias="defaultBackend")


class _Ingress(_Shape):
    metadata: _Metadata
    spec: _IngressSpec


def deployment(answer: Object) -> Object:
    """Raises `Unreadable`, as all of these do."""
    return _checked(_Deployment, "Deployment", answer)


def service(answer: Object) -> Object:
    return _checked(_Service, "Service", answer)


def virtual_service(answer: Object) -> Object:
    return _checked(_VirtualService, "VirtualService", answer)


def http_route(answer: Object) -> Object:
    return _checked(_HTTPRoute, "HTTPRoute", answer)


def ingress(answer: Object) -> Object:
    return _checked(_Ingress, "Ingress", answer)


def pods(answer: Object) -> list[Object]:
    return _checked(_Pods, "list of pods", answer)["items"] or []


def endpoint_slices(answer: Object) -> list[Object]:
    return _checked(_EndpointSlices, "list of EndpointSlices", answer)["items"] or []


def events(answer: Object) -> list[Object]:
    return _checked(_Events, "list of events", answer)["items"] or []


_S = TypeVar("_S", bound=_Shape)


def _checked(shape: type[_S], what: str, answer: Object) -> Object:
    try:
        shape.model_validate(answer)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        why = f"the {what} is not as the API promises: {place}: {first['msg']}"
        raise Unreadable(SYSTEM, why[:_LONGEST]) from error
    return answer

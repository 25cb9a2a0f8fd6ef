"""What a file may say although the feature behind it is not built yet: said plainly, never ignored.

One row per feature; building it means removing its row. `slackwater check` prints these notices.
"""

from collections.abc import Iterator

from bot.config.application import STAGING, Application, Environment
from bot.config.models import Settings
from bot.config.platforms import KubernetesPlatform
from bot.config.problems import dotted
from bot.config.words import S3Place
from bot.domain.record import Record

_TRAFFIC_BUILT = ("istio", "gateway-api", "nginx")
_METRICS_BUILT = ("prometheus",)
_GATES_NOT_BUILT = ("security", "migrations", "infrastructure")


class Notice(Record):
    """A setting that has no effect yet: its dotted path, where it stands, and what that means for a run."""

    path: str
    where: str
    sentence: str


def not_built_yet(settings: Settings) -> tuple[Notice, ...]:
    """Everything that the file asks for and this version does not do."""
    return tuple(
        Notice(path=path, where=settings.where(path), sentence=sentence)
        for path, sentence in _noticed(settings)
    )


def _noticed(settings: Settings) -> Iterator[tuple[str, str]]:
    if isinstance(settings.storage.artifacts, S3Place):
        yield "storage.artifacts", "Artifacts in object storage are not built yet: name a folder."
    if settings.on_call.rota:
        yield "on_call.rota", "Paging is not built yet: questions and trouble mention the approvers in Slack."
    if settings.on_call.kind != "rota":
        yield (
            "on_call.kind",
            f"On-call from {settings.on_call.kind} is not built yet: nobody is paged through it.",
        )
    if settings.status_page.kind != "none":
        yield "status_page.kind", "A status page is not built yet: it is not updated."
    for name, application in settings.applications.items():
        for path, sentence in (*_of_application(application), *_of_release(application)):
            yield f"{dotted(('applications', name))}.{path}", sentence


def _of_application(application: Application) -> Iterator[tuple[str, str]]:
    if application.has_colours and not any(map(_is_by_service, application.environments.values())):
        yield (
            "blue_green",
            "Blue-green switches a Service, so it needs traffic: {kind: service}: no effect here.",
        )
    for name, environment in application.environments.items():
        for path, sentence in _of_environment(name, environment):
            yield f"{dotted(('environments', name))}.{path}".rstrip("."), sentence
    if application.metrics.kind not in _METRICS_BUILT:
        yield "metrics.kind", f"Figures from {application.metrics.kind} are not built yet: use prometheus."
    gates = application.gates
    if gates.runner.kind != "local":
        yield "gates.runner.kind", "Gates as Kubernetes Jobs are not built yet: use local."
    for gate in gates.configured:
        if gate in _GATES_NOT_BUILT:
            yield f"gates.{gate}", f"The {gate} gate is not built yet: nothing of it is checked."


def _is_by_service(environment: Environment) -> bool:
    platform = environment.platform
    return isinstance(platform, KubernetesPlatform) and platform.traffic.kind == "service"


def _of_release(application: Application) -> Iterator[tuple[str, str]]:
    if application.registry.url is not None:
        yield "registry.url", "Registries are not asked yet: the digest is read from the pods."
    for side in ("staging", "production", "canary", "green"):
        if getattr(application.manifests, side) is not None:
            yield f"manifests.{side}", "Own manifests are not used yet: the canary is derived from what runs."
    if "policy" in application.model_fields_set:
        yield (
            "policy",
            "Of the policies only no-staging and quarantined are checked yet; the rest has no effect.",
        )


def _of_environment(name: str, environment: Environment) -> Iterator[tuple[str, str]]:
    if name == STAGING:
        yield from _of_rehearsal(environment)
    else:
        if environment.smoke is not None:
            yield "smoke", "The smoke command is not run in production yet."
        for key in ("migrate", "k6", "journeys", "watch", "drill"):
            if key in environment.model_fields_set:
                yield key, "It is for staging: nothing is done about it here yet."
    platform = environment.platform
    if not isinstance(platform, KubernetesPlatform) and name == STAGING:
        yield "platform.kind", f"A rehearsal on {platform.kind} is not built yet: nothing is rehearsed."
    elif not isinstance(platform, KubernetesPlatform):
        yield "platform.kind", f"The platform {platform.kind} is not built yet: use kubernetes."
    elif platform.traffic.kind not in _TRAFFIC_BUILT and name != STAGING:
        yield (
            "platform.traffic.kind",
            f"Weights by {platform.traffic.kind} are not built yet: use istio, gateway-api or nginx.",
        )


def _of_rehearsal(environment: Environment) -> Iterator[tuple[str, str]]:
    if environment.migrate is not None:
        yield "migrate", "Migrations are not run on staging yet."
    if environment.k6 is not None:
        yield "k6", "k6 is not run on staging yet."
    if environment.drill:
        yield "drill", "The way back is not drilled on staging yet."
    if "logs" in environment.watch.model_fields_set:
        yield "watch.logs", "Logs are not read on staging yet."
    if environment.strategy not in {None, "rolling"}:
        yield "strategy", "On staging the version is rolled out pod by pod, whatever this says."
    if environment.approvals.required != "none":
        yield "approvals.required", "Nobody is asked before staging gets the version."

"""One application: where its code and image are, its environments, and how its releases are judged."""

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

import jsonpath
from pydantic import AfterValidator, Field, model_validator

from bot.config.gates import K6, GateSettings
from bot.config.metrics import MetricsSettings
from bot.config.platforms import NEED_AN_IMAGE, KubernetesPlatform, PlatformSettings
from bot.config.policy import PolicySettings
from bot.config.problems import listed, nearest
from bot.config.quantities import CountOrZero, Duration, Growth, Ratio, Slope, minutes
from bot.config.section import Section, wrong
from bot.config.strategies import (
    AnalysisSettings,
    BlueGreenSettings,
    CanarySettings,
    RollingSettings,
    Triggers,
)
from bot.config.words import (
    FilePath,
    HeaderName,
    HostName,
    Image,
    Line,
    Name,
    Run,
    Someone,
    Url,
    UrlPath,
    matching,
    template,
)

StrategyName = Literal["blue-green", "rolling", "canary"]

STAGING = "staging"  # the one environment whose shifts ask nobody unless the file says so


class Repository(Section):
    """Where the code is: on GitHub, in a folder, or both."""

    github: Annotated[str, matching(r"[\w.-]+/[\w.-]+", "write owner/name, such as acme/checkout")] | None = (
        None
    )
    path: FilePath | None = None


class Registry(Section):
    """Where digests are looked up; without `url` the digest is read from the pods."""

    url: Url | None = None
    insecure: bool = False


class Manifests(Section):
    """Folders of manifests; None: derived from what runs."""

    staging: FilePath | None = None
    production: FilePath | None = None
    canary: FilePath | None = None
    green: FilePath | None = None


class HealthSettings(Section):
    path: UrlPath = "/health"
    database: UrlPath | None = "/health/database"
    dependencies: UrlPath | None = "/health/dependencies"
    critical: tuple[UrlPath, ...] = ()  # left out: `path` alone

    @model_validator(mode="after")
    def _path_is_critical(self) -> Self:
        return self if "critical" in self.model_fields_set else self.filled(critical=(self.path,))


class Defaults(Section):
    """What a deploy means that does not say."""

    strategy: StrategyName = "canary"
    environment: Name = "production"


class CommandWithTimeout(Section):
    run: Run
    timeout: Duration = minutes(5)


class Migrate(CommandWithTimeout):
    timeout: Duration = minutes(30)


class BodyExpectation(Section):
    contains: str | None = None


class Expectation(Section):
    status: Annotated[int, Field(ge=100, le=599)] = 200
    within: Duration | None = None
    body: BodyExpectation = BodyExpectation()


def _parse_json_path(text: str) -> str:
    """One that leads to one place: it is found at once, whatever the answer is like."""
    try:
        path = jsonpath.compile(text, strict=True)
        is_singular = isinstance(path, jsonpath.JSONPath) and path.singular_query()
    except (jsonpath.JSONPathError, RecursionError, ValueError, ArithmeticError, re.error) as error:
        raise wrong("is not a JSON path (RFC 9535), such as $.token") from error
    if not is_singular:
        raise wrong("leads to several places: name one, such as $.items[0].id")
    return text


# What an earlier step has saved; other braces stay as they are.
_SAVED = re.compile(r"\{([A-Za-z0-9][A-Za-z0-9._-]*)\}")
JSONPath = Annotated[
    str, matching(r"\$[^\r\n]*", "write a JSON path such as $.token"), AfterValidator(_parse_json_path)
]


def _texts(body: Any) -> Iterator[str]:
    """Every text in a JSON value."""
    if isinstance(body, str):
        yield body
    elif isinstance(body, Mapping):
        for value in body.values():
            yield from _texts(value)
    elif isinstance(body, list | tuple):
        for value in body:
            yield from _texts(value)


class JourneyStep(Section):
    """One request of a journey; `{name}` stands for what an earlier step saved under that name."""

    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] = "GET"
    path: UrlPath
    headers: Mapping[HeaderName, Line] = {}
    body: Any = Field(default=None, alias="json")
    expect: Expectation = Expectation()
    save: Mapping[Name, JSONPath] = {}

    @property
    def uses(self) -> tuple[str, ...]:
        """The names of what earlier steps have to save."""
        texts = (self.path, *self.headers.values(), *_texts(self.body))
        return tuple(name for text in texts for name in _SAVED.findall(text))


class Journey(Section):
    """A critical path of a user, as HTTP requests."""

    name: Line
    steps: Annotated[tuple[JourneyStep, ...], Field(min_length=1, max_length=50)]

    @model_validator(mode="after")
    def _uses_what_was_saved(self) -> Self:
        known: set[str] = set()
        for number, step in enumerate(self.steps):
            for name in step.uses:
                if name not in known:
                    raise wrong(f"no step before saves {{{name}}}", "steps", number)
            known |= set(step.save)
        return self


class LogLimits(Section):
    errors: CountOrZero = 0


class Watch(Section):
    """How long staging is watched, and how much is too much."""

    lasting: Duration = Field(default=minutes(15), alias="for")
    errors: CountOrZero = 0
    memory_slope: Growth = Slope(Ratio(0.1), timedelta(hours=1))
    logs: LogLimits = LogLimits()


class Approvals(Section):
    """Who must say yes before production traffic shifts, and what happens while nobody answers."""

    required: Literal["each-shift", "once", "none"] = "each-shift"
    people: Annotated[int, Field(ge=1, le=20)] = 1
    requester_may_approve: bool = False
    remind: Duration = minutes(15)
    escalate: Duration = minutes(30)
    escalate_to: tuple[Someone, ...] = ()
    expire: Duration = minutes(60)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        later = (
            ("escalate", self.escalate, "remind", self.remind),
            ("expire", self.expire, "escalate", self.escalate),
        )
        for key, time, before, earlier in later:
            if time < earlier:
                changed = key if key in self.model_fields_set else before
                raise wrong(
                    f"{key} must not come before {before}: remind, then escalate, then expire", changed
                )
        return self


class Environment(Section):
    strategy: StrategyName | None = None  # None: the application's default
    platform: PlatformSettings
    url: Url | None = None
    host_header: HostName | None = None
    migrate: Migrate | None = None
    smoke: CommandWithTimeout | None = None
    k6: K6 | None = None
    journeys: tuple[Journey, ...] = ()
    watch: Watch = Watch()
    drill: bool = False
    approvals: Approvals = Approvals()

    @model_validator(mode="after")
    def _journeys_lead_somewhere(self) -> Self:
        if self.journeys and self.url is None:
            raise wrong("is needed to walk the journeys", "url")
        return self


def _share_a_workload(one: PlatformSettings, other: PlatformSettings) -> bool:
    """As far as names tell; a Deployment under two contexts is found when a run is planned."""
    if not _share_a_namespace(one, other):
        return False
    assert isinstance(one, KubernetesPlatform)
    assert isinstance(other, KubernetesPlatform)
    beside = {f"{other.workload}{ending}" for ending in ("", "-canary", "-blue", "-green")}
    return one.workload in beside


def _share_a_namespace(one: PlatformSettings, other: PlatformSettings) -> bool:
    if not isinstance(one, KubernetesPlatform) or not isinstance(other, KubernetesPlatform):
        return False
    return (one.context, one.namespace) == (other.context, other.namespace)


class Application(Section):
    repository: Repository = Repository()
    tag: Annotated[Line, template("version")] = "$version"
    image: Image | None = None
    registry: Registry = Registry()
    manifests: Manifests = Manifests()
    health: HealthSettings = HealthSettings()
    defaults: Defaults = Defaults()
    environments: Annotated[Mapping[Name, Environment], Field(min_length=1)]
    canary: CanarySettings = CanarySettings()
    blue_green: BlueGreenSettings = BlueGreenSettings()
    rolling: RollingSettings = RollingSettings()
    metrics: MetricsSettings = MetricsSettings()
    analysis: AnalysisSettings = AnalysisSettings()
    triggers: Triggers = Triggers()
    gates: GateSettings = GateSettings()
    policy: PolicySettings = PolicySettings()

    @property
    def has_colours(self) -> bool:
        """Whether its releases may switch between two colours: only where the file says so."""
        return "blue_green" in self.model_fields_set or self.defaults.strategy == "blue-green"

    @model_validator(mode="after")
    def _image_where_needed(self) -> Self:
        for name, environment in self.environments.items():
            if self.image is None and environment.platform.kind in NEED_AN_IMAGE:
                remedy = f"is needed, because environment {name} runs on {environment.platform.kind}"
                raise wrong(
                    f"{remedy}: write it without its tag, such as registry.example.com/checkout", "image"
                )
        return self

    @model_validator(mode="after")
    def _preview_is_a_service_of_its_own(self) -> Self:
        preview = self.blue_green.preview.service
        for environment in self.environments.values():
            platform = environment.platform
            if preview is None or not isinstance(platform, KubernetesPlatform):
                continue
            if preview == (self.blue_green.service or platform.services.main):
                remedy = f"{preview} leads to production: a preview needs a Service of its own"
                raise wrong(remedy, "blue_green", "preview", "service")
        return self

    @model_validator(mode="after")
    def _staging_is_no_other_environment(self) -> Self:
        """A rehearsal asks nobody, so it must not reach what a run of another environment would change."""
        staging = self.environments.get(STAGING)
        for name, other in self.environments.items():
            if staging is None or name == STAGING:
                continue
            if _share_a_workload(staging.platform, other.platform):
                remedy = f"is what {name} serves from too: a rehearsal needs a Deployment of its own"
                raise wrong(remedy, "environments", STAGING, "platform", "workload")
            there, here = (staging.url, staging.host_header), (other.url, other.host_header)
            if staging.url is not None and there == here:
                remedy = f"leads to {name}: what is asked and sent on a rehearsal must not come there"
                raise wrong(remedy, "environments", STAGING, "url")
            if _share_a_namespace(staging.platform, other.platform) and "$pods" not in self.metrics.selector:
                remedy = (
                    f"is {name}'s too, so figures of both would be counted as one: give staging a "
                    "namespace of its own, or let metrics.selector tell them apart by $pods"
                )
                raise wrong(remedy, "environments", STAGING, "platform", "namespace")
        return self

    @model_validator(mode="after")
    def _default_environment_exists(self) -> Self:
        if self.defaults.environment in self.environments:
            return self
        if "environment" not in self.defaults.model_fields_set and len(self.environments) == 1:
            return self.filled(defaults=self.defaults.completed(environment=next(iter(self.environments))))
        wanted, declared = self.defaults.environment, self.environments
        remedy = f"{wanted} is not declared{nearest(wanted, declared)} Declared: {listed(declared)}"
        raise wrong(remedy, "defaults", "environment")

    @model_validator(mode="after")
    def _staging_asks_nobody(self) -> Self:
        staging = self.environments.get(STAGING)
        if staging is None or "approvals" in staging.model_fields_set:
            return self
        unasked = staging.completed(approvals=Approvals(required="none"))
        return self.filled(environments={**self.environments, STAGING: unasked})

"""How the strategies shift traffic, and what is too much: stages, bake times, limits and triggers."""

from itertools import pairwise
from typing import Annotated, Self

from pydantic import Field, model_validator

from bot.config.quantities import (
    Count,
    Duration,
    DurationOrZero,
    LatencyLimit,
    Margin,
    Pods,
    Share,
    TimesBaseline,
    Weight,
    hours,
    minutes,
    percent,
    seconds,
)
from bot.config.section import Section, wrong
from bot.config.words import HeaderName, HostName, KubernetesName, Line, Url, UrlPath


class Stage(Section):
    """One weight of a canary and how long it must stay healthy."""

    weight: Weight
    bake: DurationOrZero


class Header(Section):
    """Requests that bear this header always reach the canary."""

    name: HeaderName = "canary"
    value: Line = "true"


_STAGES = tuple(
    Stage(weight=weight, bake=minutes(bake))
    for weight, bake in ((5, 30), (10, 15), (25, 15), (50, 15), (100, 30))
)


class CanarySettings(Section):
    stages: Annotated[tuple[Stage, ...], Field(min_length=1, max_length=100)] = _STAGES
    header: Header = Header()

    @model_validator(mode="after")
    def _weights_rise_to_all(self) -> Self:
        for number, (before, after) in enumerate(pairwise(self.stages), 1):
            if after.weight <= before.weight:
                remedy = f"a weight out of order: {after.weight} after {before.weight}. Weights rise to 100"
                raise wrong(remedy, "stages", number, "weight")
        if self.stages[-1].weight != 100:
            remedy = f"the last weight is {self.stages[-1].weight}: weights must rise and end at 100"
            raise wrong(remedy, "stages", len(self.stages) - 1, "weight")
        return self


class Preview(Section):
    """Where green is reached before it takes any traffic."""

    service: KubernetesName | None = None
    url: Url | None = None
    host_header: HostName | None = None

    @model_validator(mode="after")
    def _is_reached(self) -> Self:
        if self.service is not None and self.url is None:
            remedy = (
                "is needed with preview.service: a preview is asked over HTTP, so write how it is reached"
            )
            raise wrong(remedy, "url")
        return self


class WarmUp(Section):
    requests: Annotated[int, Field(ge=0, le=1_000_000)] = 100
    path: UrlPath = "/"


class BlueGreenSettings(Section):
    label: Line = "color"
    service: KubernetesName | None = None  # None: the platform's main Service
    preview: Preview = Preview()
    ready_timeout: Duration = seconds(300)
    warm_up: WarmUp = WarmUp()
    bake: Duration = minutes(10)
    error_rate: Share = percent("0.1")
    keep_blue: DurationOrZero = hours(24)


class RollingSettings(Section):
    max_surge: Pods = 1
    max_unavailable: Pods = 0
    check_every: Duration = seconds(30)
    pause_above_error_rate: Share = percent("1")
    bake: Duration = minutes(10)  # how long the new version is watched once every pod runs it

    @model_validator(mode="after")
    def _can_move(self) -> Self:
        if not self.max_surge and not self.max_unavailable:
            raise wrong(
                "max_surge and max_unavailable are both 0, so no pod could ever be replaced", "max_surge"
            )
        return self


class AnalysisSettings(Section):
    """How much worse than stable the canary may be, and how much must be seen to say so."""

    min_requests: Count = 500
    errors_margin: Margin = percent("0.1")
    p95_margin: Margin = percent("10")
    skip_first: DurationOrZero = seconds(60)


class ErrorRateTrigger(Section):
    above: Share = percent("1")
    lasting: Duration = Field(default=minutes(5), alias="for")


class LatencyTrigger(Section):
    above: LatencyLimit = TimesBaseline(2.0)
    lasting: Duration = Field(default=minutes(10), alias="for")


class HealthTrigger(Section):
    failing_for: Duration = minutes(3)


class MemoryTrigger(Section):
    above: Share = percent("95")
    lasting: Duration = Field(default=minutes(5), alias="for")


class Triggers(Section):
    """What starts a rollback by itself; null switches a trigger off."""

    error_rate: ErrorRateTrigger | None = ErrorRateTrigger()
    p95: LatencyTrigger | None = LatencyTrigger()
    health: HealthTrigger | None = HealthTrigger()
    memory: MemoryTrigger | None = MemoryTrigger()

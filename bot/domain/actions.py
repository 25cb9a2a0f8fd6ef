"""What a step does, in the plan's own words; the step kind of the same name knows how.

Each action carries `kind`, by which the engine finds its step kind and by which a stored plan is read again.
"""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from bot.domain.journeys import Journey
from bot.domain.record import Record
from bot.domain.times import Span

# How many pods: a number, or a share of all ("25%").
Pods = Annotated[int, Field(ge=0)] | Annotated[str, Field(pattern=r"^\d{1,3}%$")]

# Whole per cent of traffic to the new version; stable gets the rest.
Weight = Annotated[int, Field(ge=0, le=100, strict=True)]


class Side(StrEnum):
    """The two versions of a run, by role. In a rolling update both are pods of one deployment."""

    STABLE = "stable"
    CANARY = "canary"


class RunGate(Record):
    """Answer a gate's question about the release."""

    kind: Literal["run-gate"] = "run-gate"
    gate: str


class CheckStable(Record):
    """Look at what serves now: every declared object exists, stable is ready, all traffic is on it."""

    kind: Literal["check-stable"] = "check-stable"


class DeployCanary(Record):
    """Bring the new version up beside stable and wait until its pods are ready. Moves no traffic."""

    kind: Literal["deploy-canary"] = "deploy-canary"
    image: str
    version: str


class RouteHeader(Record):
    """Let requests with the canary header reach one side, whatever the weight."""

    kind: Literal["route-header"] = "route-header"
    to: Side


class CheckHealth(Record):
    """Ask the critical health paths of one side; it has to answer with the version that is expected."""

    kind: Literal["check-health"] = "check-health"
    of: Side
    version: str


class WarmUp(Record):
    """Send requests to the new version before it serves anybody; the last ones have to be answered well."""

    kind: Literal["warm-up"] = "warm-up"
    requests: Annotated[int, Field(ge=1)]
    path: str


class SetWeight(Record):
    """Give the new version this share of traffic and read back that it has it."""

    kind: Literal["set-weight"] = "set-weight"
    weight: Weight


class Bake(Record):
    """Compare the new version with the one before for a while; ends with a verdict.

    Where the two never shared the traffic, `with_past` compares with what was counted right before.
    """

    kind: Literal["bake"] = "bake"
    weight: Weight
    duration: Span
    with_past: bool = False
    fail_above: Annotated[float, Field(ge=0, le=1)] | None = None  # share of failing requests, of one


class PromoteStable(Record):
    """Roll the stable deployment to the new version while the canary serves."""

    kind: Literal["promote-stable"] = "promote-stable"
    image: str
    version: str


class TrafficToStable(Record):
    """All traffic to stable, the header route included."""

    kind: Literal["traffic-to-stable"] = "traffic-to-stable"


class RemoveCanary(Record):
    """Delete the canary deployment; refused as long as it gets traffic."""

    kind: Literal["remove-canary"] = "remove-canary"


class KeepCanary(Record):
    """The new version's deployment serves from now on; it is not the run's own any more."""

    kind: Literal["keep-canary"] = "keep-canary"


class LeaveStable(Record):
    """Note on what served before that this run has left it, so that nobody but its aftercare removes it."""

    kind: Literal["leave-stable"] = "leave-stable"


class Decommission(Record):
    """Delete what served before, if it still is as the run has left it and nobody may need it."""

    kind: Literal["decommission"] = "decommission"


class RestoreStable(Record):
    """Give the stable deployment back what it ran before, as recorded when it was changed."""

    kind: Literal["restore-stable"] = "restore-stable"


class CheckRollout(Record):
    """Look at what serves now: the deployment is ready and can be rolled, and no canary has traffic."""

    kind: Literal["check-rollout"] = "check-rollout"


class RollOut(Record):
    """Replace the pods of the deployment that serves, a few at a time, as long as their errors allow it.

    It stands still, and asks, when more than `pause_above` of the new version's requests fail.
    """

    kind: Literal["roll-out"] = "roll-out"
    image: str
    version: str
    max_surge: Pods = 1
    max_unavailable: Pods = 0
    check_every: Span = timedelta(seconds=30)
    pause_above: Annotated[float, Field(ge=0, le=1)] = 0.01  # of one
    by_figures: bool = True  # False: nobody is served there, so only the pods themselves are looked at


class KeepRollout(Record):
    """Leave the new version where it is, and let the deployment be rolled as its team has it again."""

    kind: Literal["keep-rollout"] = "keep-rollout"
    recorded_by: str  # the step that recorded how that was


class SmokeTest(Record):
    """Run the team's own smoke command in a clean checkout of the commit; exit status 0 is well."""

    kind: Literal["smoke-test"] = "smoke-test"
    command: Annotated[tuple[str, ...], Field(min_length=1)]  # argv, no shell
    limit: Span  # real time


class WalkJourneys(Record):
    """Walk the declared critical paths of a user, one after the other."""

    kind: Literal["walk-journeys"] = "walk-journeys"
    journeys: Annotated[tuple[Journey, ...], Field(min_length=1)]


class Watch(Record):
    """Look for a while at what nobody compares: health, pods, failing requests, memory that grows."""

    kind: Literal["watch"] = "watch"
    duration: Span
    errors: Annotated[int, Field(ge=0)] = 0  # so many requests may fail in all
    memory_growth: Annotated[float, Field(ge=0)] = 0.1  # share of its mean that memory may grow by in an hour


Rehearsed = Annotated[
    CheckRollout | RollOut | CheckHealth | SmokeTest | WalkJourneys | Watch | KeepRollout | RestoreStable,
    Field(discriminator="kind"),
]


ON_STAGING = "On staging: "  # before what went wrong there, where people read it alone


class OnStaging(Record):
    """Do this where the release is rehearsed, never in production."""

    kind: Literal["on-staging"] = "on-staging"
    action: Rehearsed


Action = Annotated[
    RunGate
    | CheckStable
    | DeployCanary
    | RouteHeader
    | CheckHealth
    | WarmUp
    | SetWeight
    | Bake
    | PromoteStable
    | TrafficToStable
    | RemoveCanary
    | KeepCanary
    | LeaveStable
    | Decommission
    | RestoreStable
    | CheckRollout
    | RollOut
    | KeepRollout
    | OnStaging,
    Field(discriminator="kind"),
]

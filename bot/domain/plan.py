"""A plan: what will be done, as data. Made once, shown, stored, then executed step by step.

A strategy writes a plan, the engine executes it, and neither knows the other: they meet in actions.

**The way back** is part of the plan, so that it can be read before it is needed. It is a list of steps of its
own, in its own order, rather than an `undo` of each forward step: going back is not going forward reversed
(traffic returns to stable first, whatever was done last). A step that undoes a forward step bears its id
and runs only if that one was ever intended.

**Older plans.** A stored plan carries `schema_version` and its actions carry `kind`. A schema or a kind that
this version does not know raises `UnknownEvent` when the plan is read, so a run never skips what it does not
understand.
"""

import json
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from bot.domain.actions import Action, OnStaging, Side
from bot.domain.errors import UnknownEvent
from bot.domain.figures import Subject
from bot.domain.people import Person
from bot.domain.record import Record
from bot.domain.times import Moment, Span
from bot.domain.traffic import ByColour, Traffic

SCHEMA_VERSION = 2

# A long canary has about forty. So many spans still add up (`bot.domain.times`).
_MOST_STEPS = 500


class Phase(StrEnum):
    """Where a run stands on its path."""

    GATES = "gates"
    STAGING = "staging"
    PRODUCTION = "production"
    VALIDATION = "validation"
    MONITORING = "monitoring"
    FINISH = "finish"


class Step(Record):
    """The smallest thing that is journaled and can be repeated."""

    id: str  # unique in the plan, such as "canary/25/weight"
    title: str  # what people read, in the imperative: "Shift 25 % of traffic to v2.5.0"
    action: Action
    phase: Phase
    stage: str | None = None  # the group of steps that share a message in the thread: "canary 25 %"
    shifts_traffic: bool = False  # the engine demands a journaled approval for this very step
    changes_production: bool = False  # triggers watch from the first such step on
    covered_by: str | None = None  # the step whose approval covers this one while all is healthy
    group: str | None = None  # neighbours of one group run at the same time
    timeout: Span = timedelta(minutes=10)
    estimate: Span = timedelta(seconds=5)  # how long it usually takes, for the preview
    undoes: str | None = None  # way back only: runs if that forward step was ever intended
    due: Span | None = None  # aftercare only: so long after the run has finished


class Target(Record):
    """The declared objects that a run may touch, frozen with the plan. Nothing else is."""

    platform: Literal["kubernetes"] = "kubernetes"
    context: str | None = None
    namespace: str
    workload: str  # the Deployment that serves now
    container: str
    main_service: str
    stable_service: str
    canary_service: str
    traffic: Traffic
    header_name: str = "canary"
    header_value: str = "true"
    url: str | None = None
    host_header: str | None = None
    health_paths: tuple[str, ...] = ("/health",)  # critical ones
    canary_manifests: str | None = None  # a folder of the team's own; None = derived from stable
    is_beside: bool = True  # the new version runs in a deployment of its own, beside the one that serves

    @model_validator(mode="before")
    @classmethod
    def _from_schema_1(cls, told: Any) -> Any:
        """Before there were other routers, a VirtualService's names stood here."""
        if not isinstance(told, dict) or "virtual_service" not in told:
            return told
        older = {key: told[key] for key in ("virtual_service", "route") if key in told}
        newer = {key: value for key, value in told.items() if key not in older}
        return newer | {"traffic": {"kind": "istio", **older}}

    @property
    def canary_workload(self) -> str:
        """The Deployment of the new version, where it has one of its own."""
        traffic = self.traffic
        if isinstance(traffic, ByColour):
            return f"{self.workload.removesuffix(f'-{traffic.serving}')}-{traffic.other}"
        return f"{self.workload}-canary"

    @property
    def is_switched(self) -> bool:
        """Whether all traffic changes sides at once, and the new version stays where it came up."""
        return isinstance(self.traffic, ByColour)

    def shares_objects_with(self, other: "Target") -> bool:
        """Whether runs of both would change the same Deployments, or send traffic to the same pods."""
        if (self.platform, self.context, self.namespace) != (other.platform, other.context, other.namespace):
            return False
        workloads = {self.workload, self.canary_workload} & {other.workload, other.canary_workload}
        services = {self.stable_service, self.canary_service} & {other.stable_service, other.canary_service}
        return bool(workloads or services)

    def pods(self, side: Side) -> str:
        """A pattern for the names of one side's pods: workload, template hash, suffix.

        Where both are pods of one deployment, only what bears the version's label tells them apart.
        """
        name = self.canary_workload if side is Side.CANARY and self.is_beside else self.workload
        return f"{name}-[a-z0-9]+-[a-z0-9]+"


class Staging(Record):
    """Where a release is rehearsed before production."""

    target: Target
    running_version: str = ""  # as found when the run was planned …
    running_image: str = ""  # … with its tag


class ApprovalPolicy(Record):
    """Who has to say yes to a shift, and what happens when nobody answers."""

    required: Literal["each-shift", "once", "none"] = "each-shift"
    people: int = 1  # distinct
    requester_may_approve: bool = False
    remind: Span = timedelta(minutes=15)
    escalate: Span = timedelta(minutes=30)
    escalate_to: tuple[str, ...] = ()
    expire: Span = timedelta(minutes=60)


class DeployRequest(Record):
    """What a person asked for, together with what was observed of the world when they did."""

    application: str
    environment: str
    version: str
    strategy: str
    image: str  # with its tag, and its digest where a registry told it
    digest: str | None = None
    commit: str
    running_version: str
    running_image: str
    running_commit: str | None = None
    changes: tuple[str, ...] = ()  # subjects of the commits between the two versions, newest first
    by: Person
    reason: str = ""
    undoes: str | None = None  # the finished run whose version is taken back
    at: Moment


class Plan(Record):
    """Everything a run will do, in order, and the way back."""

    schema_version: int = Field(default=SCHEMA_VERSION, ge=1, le=SCHEMA_VERSION)
    request: DeployRequest
    target: Target
    staging: Staging | None = None  # None: the release is not rehearsed
    approvals: ApprovalPolicy
    steps: Annotated[tuple[Step, ...], Field(max_length=_MOST_STEPS)]
    way_back: Annotated[tuple[Step, ...], Field(max_length=_MOST_STEPS)]
    # What is done once the run has finished and its lock is free, each step at its own time.
    aftercare: Annotated[tuple[Step, ...], Field(max_length=_MOST_STEPS)] = ()
    findings: tuple[str, ...] = ()  # what policy noticed, one sentence each

    def step(self, step_id: str) -> Step:
        """The forward or backward step, or the aftercare, of that id.

        Raises:
            KeyError: the plan has none.
        """
        for step in (*self.steps, *self.way_back, *self.aftercare):
            if step.id == step_id:
                return step
        raise KeyError(step_id)

    @property
    def on_staging(self) -> "Plan":
        """The plan as it reads there: staging's objects, what ran on them, the steps unwrapped."""
        there = self.staging
        if there is None:
            return self
        request = self.request.with_(running_version=there.running_version, running_image=there.running_image)
        return self.with_(
            request=request,
            target=there.target,
            steps=tuple(_as_done_there(step) for step in self.steps),
            way_back=tuple(_as_done_there(step) for step in self.way_back),
        )

    def shares_objects_with(self, other: "Plan") -> bool:
        """Whether one of them would change, or rehearse on, what the other one gives its users."""
        mine, theirs = self.rehearsed_on, other.rehearsed_on
        pairs = [(self.target, other.target)]
        pairs += [(mine, other.target)] if mine is not None else []
        pairs += [(theirs, self.target)] if theirs is not None else []
        return any(one.shares_objects_with(another) for one, another in pairs)

    def shares_staging_with(self, other: "Plan") -> bool:
        mine, theirs = self.rehearsed_on, other.rehearsed_on
        return mine is not None and theirs is not None and mine.shares_objects_with(theirs)

    @property
    def rehearsed_on(self) -> Target | None:
        """Staging's objects; None: the release is not rehearsed."""
        return self.staging.target if self.staging is not None else None

    def subject(self, side: Side) -> Subject:
        """Whose figures stand for one side."""
        version = self.request.running_version if side is Side.STABLE else self.request.version
        return Subject(namespace=self.target.namespace, version=version, pods=self.target.pods(side))

    @property
    def shifts(self) -> tuple[Step, ...]:
        """The steps that may need a person's approval."""
        return tuple(s for s in self.steps if s.shifts_traffic and s.covered_by is None)

    @property
    def estimate(self) -> timedelta:
        """How long it takes if every approval comes at once; a group counts as its longest step."""
        total = timedelta(0)
        longest: dict[str, timedelta] = {}
        for step in self.steps:
            if step.group is None:
                total += step.estimate
            else:
                longest[step.group] = max(longest.get(step.group, timedelta(0)), step.estimate)
        return total + sum(longest.values(), timedelta(0))

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The phases this plan really has, in their order."""
        present = {step.phase for step in self.steps}
        return tuple(phase for phase in Phase if phase in present)


def _as_done_there(step: Step) -> Step:
    return step.with_(action=step.action.action) if isinstance(step.action, OnStaging) else step


def plan_from_json(text: str) -> Plan:
    """The plan that was stored.

    Raises:
        UnknownEvent: it was written by a version whose steps this one does not know, or was damaged.
    """
    try:
        return Plan.model_validate(json.loads(text))
    except (ValidationError, ValueError, RecursionError) as error:
        raise UnknownEvent(f"the stored plan cannot be read by this version: {error}") from error

"""Staging first: the release is rolled out, asked, walked through and watched where no user is (spec §5).

A rehearsal is the same for every strategy, so it is put into the plan that a strategy has written: after the
gates, before production. Its way back comes last, once production is at home.
"""

from collections.abc import Iterator
from datetime import timedelta

from bot.domain.actions import (
    CheckHealth,
    CheckRollout,
    KeepRollout,
    OnStaging,
    Rehearsed,
    RestoreStable,
    RollOut,
    Side,
    SmokeTest,
    WalkJourneys,
    Watch,
)
from bot.domain.plan import DeployRequest, Phase, Plan, Staging, Step
from strategies.settings import StagingSettings

_ROLLOUT = "staging/rollout"
_AGAIN = timedelta(minutes=2)


def rehearsed(plan: Plan, staging: Staging, settings: StagingSettings) -> Plan:
    """The same plan, rehearsed on staging before production is touched."""
    gates = tuple(step for step in plan.steps if step.phase is Phase.GATES)
    others = tuple(step for step in plan.steps if step.phase is not Phase.GATES)
    forward = tuple(_forward(plan.request, staging, settings))
    return plan.with_(
        staging=staging.with_(target=staging.target.with_(is_beside=False)),
        steps=(*gates, *forward, *others),
        way_back=(*plan.way_back, *_way_back(staging)),
    )


def _forward(request: DeployRequest, staging: Staging, settings: StagingSettings) -> Iterator[Step]:
    version, workload = request.version, staging.target.workload
    yield _step(
        "check",
        f"Check that staging is healthy and {workload} can be rolled out there",
        CheckRollout(),
        timeout=timedelta(minutes=5),
    )
    yield _step(
        "rollout",
        f"Give staging {version}, pod by pod",
        RollOut(
            image=request.image,
            version=version,
            max_surge=settings.max_surge,
            max_unavailable=settings.max_unavailable,
            by_figures=False,
        ),
        # The Deployment's own progress deadline ends it earlier.
        timeout=timedelta(hours=1),
        estimate=timedelta(minutes=1),
    )
    yield _step(
        "health",
        f"Ask the health paths of staging for {version}",
        CheckHealth(of=Side.STABLE, version=version),
        timeout=timedelta(minutes=3),
    )
    if settings.smoke is not None:
        yield _step(
            "smoke",
            "Run the smoke test on staging",
            SmokeTest(command=settings.smoke, limit=settings.smoke_limit),
            # The limit is the command's; this one is for a machine that does not come back.
            timeout=settings.smoke_limit + timedelta(minutes=30),
            estimate=timedelta(minutes=1),
        )
    if settings.journeys:
        named = ", ".join(journey.name for journey in settings.journeys)
        yield _step(
            "journeys",
            f"Walk through staging as a user: {named}",
            WalkJourneys(journeys=settings.journeys),
            # One slow walk, and time for another one.
            timeout=_AGAIN + sum((journey.patience for journey in settings.journeys), timedelta(0)),
        )
    yield _step(
        "watch",
        f"Watch {version} on staging",
        Watch(duration=settings.watch, errors=settings.errors, memory_growth=settings.memory_growth),
        # It ends by itself; held time does not count, so its limit must never cut it short.
        timeout=timedelta(days=30),
        estimate=settings.watch,
    )
    yield _step(
        "keep",
        f"Let {workload} be rolled out on staging as its team has it",
        KeepRollout(recorded_by=_ROLLOUT),
        timeout=timedelta(minutes=5),
    )


def _way_back(staging: Staging) -> Iterator[Step]:
    workload = staging.target.workload
    yield _step(
        "restore",
        "Give staging back what it ran",
        RestoreStable(),
        undoes=_ROLLOUT,
        timeout=timedelta(minutes=15),
        estimate=timedelta(minutes=1),
    )
    yield _step(
        "settings",
        f"Let {workload} be rolled out on staging as its team has it",
        KeepRollout(recorded_by=_ROLLOUT),
        undoes=_ROLLOUT,
        timeout=timedelta(minutes=5),
    )


def _step(
    name: str,
    title: str,
    action: Rehearsed,
    *,
    timeout: timedelta,
    estimate: timedelta = timedelta(seconds=5),
    undoes: str | None = None,
) -> Step:
    return Step(
        id=f"staging/{name}" if undoes is None else f"back/staging/{name}",
        title=title,
        action=OnStaging(action=action),
        phase=Phase.STAGING,
        timeout=timeout,
        estimate=estimate,
        undoes=undoes,
    )

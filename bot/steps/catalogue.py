"""Which step kind carries out which kind of action."""

from collections.abc import Mapping

from bot.analysis import Limits
from bot.ports import StepKind, World
from bot.steps.bake import BakeKind
from bot.steps.canary import DeployCanaryKind, KeepCanaryKind, RemoveCanaryKind
from bot.steps.decommission import DecommissionKind, LeaveStableKind
from bot.steps.gate import RunGateKind
from bot.steps.health import CheckHealthKind
from bot.steps.on_staging import OnStagingKind
from bot.steps.rehearsal import SmokeTestKind, WalkJourneysKind
from bot.steps.rollout import CheckRolloutKind, KeepRolloutKind, RollOutKind
from bot.steps.stable import CheckStableKind, PromoteStableKind, RestoreStableKind
from bot.steps.traffic import RouteHeaderKind, SetWeightKind, TrafficToStableKind
from bot.steps.warm_up import WarmUpKind
from bot.steps.watch import WatchKind


def catalogue(world: World, limits: Limits) -> Mapping[str, StepKind]:
    """Every step kind this version knows, by the `kind` of its action, for one run's world."""
    kinds = _kinds(world, limits)
    there = _kinds(world.staging, limits) if world.staging is not None else {}
    return {**kinds, "on-staging": OnStagingKind(there)}


def _kinds(world: World, limits: Limits) -> dict[str, StepKind]:
    return {
        "run-gate": RunGateKind(world.gates),
        "check-stable": CheckStableKind(world.platform, world.traffic),
        "deploy-canary": DeployCanaryKind(world.platform, world.traffic),
        "route-header": RouteHeaderKind(world.traffic),
        "check-health": CheckHealthKind(world.health),
        "warm-up": WarmUpKind(world.health),
        "set-weight": SetWeightKind(world.platform, world.traffic),
        "bake": BakeKind(world.metrics, world.platform, world.traffic, limits),
        "promote-stable": PromoteStableKind(world.platform, world.traffic),
        "traffic-to-stable": TrafficToStableKind(world.platform, world.traffic),
        "remove-canary": RemoveCanaryKind(world.platform, world.traffic),
        "keep-canary": KeepCanaryKind(world.platform, world.traffic),
        "leave-stable": LeaveStableKind(world.platform),
        "decommission": DecommissionKind(world.platform, world.traffic),
        "restore-stable": RestoreStableKind(world.platform),
        "check-rollout": CheckRolloutKind(world.platform, world.traffic),
        "roll-out": RollOutKind(world.platform, world.metrics, limits),
        "keep-rollout": KeepRolloutKind(world.platform),
        "smoke-test": SmokeTestKind(world.gates),
        "walk-journeys": WalkJourneysKind(world.health),
        "watch": WatchKind(world.health, world.platform, world.metrics),
    }

"""The canary's plan, read as the runbook it is."""

from bot.domain.actions import Bake, SetWeight
from bot.domain.plan import ApprovalPolicy, Plan
from strategies.canary import plan
from strategies.settings import CanarySettings
from tests.support.builders import a_request, a_target


def canary() -> Plan:
    return plan(
        a_request(), a_target(), CanarySettings(), ApprovalPolicy(), ("code-review", "tests", "build")
    )


def test_the_stages_are_those_of_the_specification() -> None:
    bakes = [step.action for step in canary().steps if isinstance(step.action, Bake)]

    seen = [(bake.weight, bake.duration.total_seconds() / 60) for bake in bakes]
    assert seen == [(5, 30), (10, 15), (25, 15), (50, 15), (100, 30)]


def test_every_weight_is_a_shift_and_changes_production() -> None:
    weights = [step for step in canary().steps if isinstance(step.action, SetWeight)]

    assert all(step.shifts_traffic and step.changes_production for step in weights)


def test_whatever_moves_traffic_needs_an_approval() -> None:
    moving = {"set-weight", "promote-stable", "traffic-to-stable"}

    assert {s.action.kind for s in canary().steps if s.shifts_traffic} == moving
    assert all(s.shifts_traffic for s in canary().steps if s.action.kind in moving)


def test_only_the_end_is_covered_by_an_earlier_approval() -> None:
    covered = {step.id: step.covered_by for step in canary().steps if step.covered_by}

    assert covered == {"promote/stable": "canary/100/weight", "promote/traffic": "promote/stable"}


def test_ids_are_unique_forward_and_back() -> None:
    one = canary()
    ids = [step.id for step in (*one.steps, *one.way_back)]

    assert len(ids) == len(set(ids))


def test_every_step_of_the_way_back_undoes_one_that_is_there() -> None:
    one = canary()
    forward = {step.id for step in one.steps}

    assert all(step.undoes in forward for step in one.way_back)


def test_nothing_changes_production_before_the_gates_and_the_look_at_stable() -> None:
    steps = canary().steps
    first = next(i for i, step in enumerate(steps) if step.changes_production)

    assert [step.id for step in steps[:first]] == [
        "gates/code-review",
        "gates/tests",
        "gates/build",
        "canary/check",
    ]

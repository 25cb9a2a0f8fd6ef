"""A rehearsal put into a plan, read as the runbook it is."""

from datetime import timedelta

import pytest

from bot.domain.actions import Action, OnStaging, RollOut, Watch
from bot.domain.journeys import Expected, Journey, Request
from bot.domain.plan import ApprovalPolicy, Phase, Plan, Staging, plan_from_json
from strategies import blue_green, canary, rolling
from strategies.settings import BlueGreenSettings, CanarySettings, RollingSettings, StagingSettings
from strategies.staging import rehearsed
from tests.strategies.test_blue_green_plan import in_colours
from tests.support.builders import a_request, a_target

PATH = Journey(name="buy", requests=(Request(method="GET", path="/cart"),))
FULL = StagingSettings(smoke=("make", "smoke"), journeys=(PATH,))


def there() -> Staging:
    target = a_target().with_(namespace="staging")
    return Staging(target=target, running_version="v2.3.0", running_image="registry.example/checkout:v2.3.0")


def written(settings: StagingSettings = FULL) -> Plan:
    one = canary.plan(a_request(), a_target(), CanarySettings(), ApprovalPolicy(), ("tests",))
    return rehearsed(one, there(), settings)


def test_it_comes_after_the_gates_and_before_production() -> None:
    assert written().phases[:3] == (Phase.GATES, Phase.STAGING, Phase.PRODUCTION)
    assert [step.title for step in written().steps if step.phase is Phase.STAGING] == [
        "Check that staging is healthy and checkout can be rolled out there",
        "Give staging v2.5.0, pod by pod",
        "Ask the health paths of staging for v2.5.0",
        "Run the smoke test on staging",
        "Walk through staging as a user: buy",
        "Watch v2.5.0 on staging",
        "Let checkout be rolled out on staging as its team has it",
    ]


def test_journeys_have_time_for_a_second_walk_however_slow_they_may_be() -> None:
    slow = Request(method="GET", path="/report", expect=Expected(within=timedelta(minutes=5)))
    journey = Journey(name="report", requests=(slow, slow))

    step = written(StagingSettings(journeys=(PATH, journey))).step("staging/journeys")

    assert step.timeout == timedelta(minutes=2, seconds=10) + 2 * timedelta(minutes=5, seconds=1)


def test_what_is_not_declared_is_not_done() -> None:
    ids = [step.id for step in written(StagingSettings()).steps]

    assert not {"staging/smoke", "staging/journeys"} & set(ids)
    assert "staging/watch" in ids


def test_it_watches_for_as_long_as_the_specification_says() -> None:
    action = written().step("staging/watch").action

    assert isinstance(action, OnStaging)
    assert action.action == Watch(duration=timedelta(minutes=15), errors=0, memory_growth=0.1)


def test_nobody_is_asked_for_it_and_it_is_no_change_of_production() -> None:
    staging = [step for step in written().steps if step.phase is Phase.STAGING]

    assert not any(step.shifts_traffic or step.changes_production for step in staging)
    assert all(isinstance(step.action, OnStaging) for step in staging)


@pytest.mark.parametrize("strategy", ["canary", "rolling", "blue-green"])
def test_every_strategy_can_be_rehearsed_and_is_taken_back_after_production(strategy: str) -> None:
    args = (ApprovalPolicy(), ("tests",))
    if strategy == "canary":
        before = canary.plan(a_request(), a_target(), CanarySettings(), *args)
    elif strategy == "rolling":
        before = rolling.plan(a_request(), a_target(), RollingSettings(), *args)
    else:
        before = blue_green.plan(a_request(), in_colours(), BlueGreenSettings(), *args)
    one = rehearsed(before, there(), FULL)

    assert one.way_back[: len(before.way_back)] == before.way_back
    assert [step.title for step in one.way_back[len(before.way_back) :]] == [
        "Give staging back what it ran",
        "Let checkout be rolled out on staging as its team has it",
    ]
    assert [step for step in one.steps if step.phase is not Phase.STAGING] == list(before.steps)
    assert (one.target, one.aftercare) == (before.target, before.aftercare)


def test_as_staging_knows_it_the_plan_is_about_its_own_objects() -> None:
    one = written().on_staging

    assert (one.target.namespace, one.target.is_beside) == ("staging", False)
    assert one.request.running_image == "registry.example/checkout:v2.3.0"
    actions: list[Action] = [step.action for step in one.steps if step.phase is Phase.STAGING]
    assert any(isinstance(action, RollOut) and not action.by_figures for action in actions)
    assert [s.id for s in one.steps] == [s.id for s in written().steps]


def test_it_survives_being_stored() -> None:
    assert plan_from_json(written().model_dump_json()) == written()


def test_a_plan_without_it_is_the_same_everywhere() -> None:
    one = canary.plan(a_request(), a_target(), CanarySettings(), ApprovalPolicy(), ())

    assert one.staging is None
    assert one.on_staging == one

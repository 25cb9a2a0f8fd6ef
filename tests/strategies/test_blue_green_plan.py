"""The blue-green plan, read as the runbook it is."""

from datetime import timedelta

from bot.domain.actions import Bake, CheckHealth, RouteHeader, SetWeight, Side, WarmUp
from bot.domain.plan import ApprovalPolicy, Plan, Target
from bot.domain.traffic import ByColour, Preview
from strategies.blue_green import plan
from strategies.settings import BlueGreenSettings
from tests.support.builders import a_request, a_target

PREVIEW = Preview(service="checkout-preview", url="http://green.example")


def in_colours(preview: Preview | None = PREVIEW) -> Target:
    colours = ByColour(service="checkout", label="color", preview=preview)
    return a_target().with_(workload="checkout-blue", traffic=colours)


def blue_green(preview: Preview | None = PREVIEW, **settings: object) -> Plan:
    return plan(
        a_request().with_(strategy="blue-green"),
        in_colours(preview),
        BlueGreenSettings().with_(**settings),
        ApprovalPolicy(),
        ("tests",),
    )


def test_it_is_the_specifications() -> None:
    one = blue_green()

    (bake,) = (step.action for step in one.steps if isinstance(step.action, Bake))
    assert (bake.duration, bake.fail_above, bake.with_past) == (timedelta(minutes=10), 0.001, True)
    (warm_up,) = (step.action for step in one.steps if isinstance(step.action, WarmUp))
    assert warm_up.requests == 100
    assert one.step("blue-green/deploy").timeout == timedelta(seconds=300)


def test_it_reads_as_a_runbook() -> None:
    assert [step.title for step in blue_green().steps] == [
        "Gate: tests",
        "Check that v2.4.1 in checkout-blue is healthy and serves everything",
        "Bring v2.5.0 up in checkout-green, without traffic",
        "Let checkout-preview lead to checkout-green",
        "Ask the health paths of v2.5.0 by its preview",
        "Warm v2.5.0 up with 100 requests",
        "Switch all traffic from checkout-blue to checkout-green",
        "Compare v2.5.0 with what v2.4.1 was like",
        "Note on checkout-blue that it is left as the way back",
        "Keep v2.5.0 in checkout-green; checkout-blue stays as it is",
        "Ask the health paths of production for v2.5.0",
    ]
    assert [step.title for step in blue_green().way_back] == [
        "Switch back: all traffic to v2.4.1 in checkout-blue",
        "Remove v2.5.0 in checkout-green",
        "Ask the health paths of production for v2.4.1",
    ]


def test_the_way_back_looks_after_the_traffic_from_the_first_change_on() -> None:
    assert {step.undoes for step in blue_green().way_back} == {"blue-green/deploy"}


def test_people_are_asked_once_and_before_the_switch() -> None:
    assert [step.id for step in blue_green().shifts] == ["blue-green/switch"]


def test_without_a_preview_the_plan_says_that_nothing_is_asked_before() -> None:
    one = blue_green(preview=None)

    asked = [s for s in one.steps if isinstance(s.action, WarmUp | RouteHeader)]
    asked += [s for s in one.steps if isinstance(s.action, CheckHealth) and s.action.of is Side.CANARY]
    assert asked == []
    assert one.findings == ("No preview is declared, so v2.5.0 is asked nothing before it serves.",)


def test_a_preview_that_finds_the_new_version_by_itself_is_not_led_there() -> None:
    one = blue_green(preview=PREVIEW.with_(service=None))

    assert not any(isinstance(step.action, RouteHeader) for step in one.steps)
    assert any(isinstance(step.action, WarmUp) for step in one.steps)


def test_nobody_is_warmed_up_by_no_requests() -> None:
    assert not any(isinstance(s.action, WarmUp) for s in blue_green(warm_up_requests=0).steps)


def test_the_two_versions_are_told_apart_by_their_pods() -> None:
    one = blue_green()

    assert one.subject(Side.CANARY).pods == "checkout-green-[a-z0-9]+-[a-z0-9]+"
    assert one.subject(Side.STABLE).pods == "checkout-blue-[a-z0-9]+-[a-z0-9]+"


def test_a_target_swaps_its_colours() -> None:
    target = in_colours()
    colours = target.traffic
    assert isinstance(colours, ByColour)

    swapped = target.with_(workload="checkout-green", traffic=colours.with_(serving="green"))

    assert (swapped.canary_workload, target.canary_workload) == ("checkout-blue", "checkout-green")
    assert swapped.shares_objects_with(target)


def test_all_traffic_moves_at_once() -> None:
    weights = [step.action.weight for step in blue_green().steps if isinstance(step.action, SetWeight)]

    assert weights == [100]

"""The rolling update's plan, read as the runbook it is."""

from datetime import timedelta

from bot.domain.actions import RollOut, Side
from bot.domain.plan import ApprovalPolicy, Plan
from strategies.rolling import plan
from strategies.settings import RollingSettings
from tests.support.builders import a_request, a_target


def rolling() -> Plan:
    return plan(
        a_request().with_(strategy="rolling"),
        a_target(),
        RollingSettings(),
        ApprovalPolicy(),
        ("code-review", "tests"),
    )


def test_it_is_the_specifications() -> None:
    (rollout,) = (step.action for step in rolling().steps if isinstance(step.action, RollOut))

    assert (rollout.max_surge, rollout.max_unavailable) == (1, 0)
    assert (rollout.check_every, rollout.pause_above) == (timedelta(seconds=30), 0.01)


def test_people_are_asked_once_and_before_the_first_pod() -> None:
    one = rolling()

    assert [step.id for step in one.shifts] == ["rolling/rollout"]
    first = next(step for step in one.steps if step.changes_production)
    assert first.id == "rolling/rollout"


def test_it_reads_as_a_runbook() -> None:
    assert [step.title for step in rolling().steps] == [
        "Gate: code review",
        "Gate: tests",
        "Check that v2.4.1 is healthy and checkout can be rolled out",
        "Replace v2.4.1 by v2.5.0, pod by pod",
        "Compare v2.5.0 with what v2.4.1 was like",
        "Keep v2.5.0, and let checkout be rolled out as its team has it",
        "Ask the health paths of production for v2.5.0",
    ]


def test_every_step_of_the_way_back_undoes_the_rollout() -> None:
    assert {step.undoes for step in rolling().way_back} == {"rolling/rollout"}


def test_both_versions_are_pods_of_the_workload() -> None:
    one = rolling()

    new, old = one.subject(Side.CANARY), one.subject(Side.STABLE)
    assert new.pods == old.pods == "checkout-[a-z0-9]+-[a-z0-9]+"
    assert (new.version, old.version) == ("v2.5.0", "v2.4.1")

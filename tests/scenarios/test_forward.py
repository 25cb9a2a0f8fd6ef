"""A good version goes all the way, each shift with its own approval."""

from bot.domain.events import Approved, Ending
from bot.domain.reasons import Reason
from tests.support.scenario import WEIGHTS, Given, Scenario, Then, When


async def test_a_good_canary_goes_all_the_way(given: Given, when: When, then: Then) -> None:
    given.stages(*WEIGHTS)

    await when.started()
    await when.approves_all()

    then.weights_were(5, 10, 25, 50, 100, 0).ended(Ending.FINISHED, Reason.FINISHED)
    assert then.effects() == ["deploy", "header", *["shift"] * 5, "promote", "home", "remove"]


async def test_each_shift_is_preceded_by_its_own_approval(scenario: Scenario, when: When) -> None:
    await when.started()
    await when.approves_all()

    for weight in WEIGHTS:
        step = f"canary/{weight}/weight"
        rows = [entry for entry in scenario.entries() if entry.step == step]
        kinds = [entry.kind for entry in rows]
        assert kinds[:3] == ["asked", "approved", "intended"], step
        approval = rows[1].event
        assert isinstance(approval, Approved)
        assert [person.name for person in approval.people] == ["Bo"]


async def test_the_specified_stages_take_their_time(given: Given, when: When, then: Then) -> None:
    given.spec_stages()

    await when.started()
    await when.approves_all()

    then.ended(Ending.FINISHED, Reason.FINISHED)
    took = then.run.updated_at - then.run.started_at
    assert 105 <= took.total_seconds() / 60 < 112

"""An approval is for one image, whatever the tag names later."""

import pytest

from bot.domain.events import Ending
from bot.domain.reasons import Reason
from tests.support.scenario import Then, When, seconds

CANARY, STABLE = "checkout-canary", "checkout"


async def test_no_traffic_goes_to_pods_that_run_two_images_of_one_tag(when: When, then: Then) -> None:
    await when.started()
    question = await when.asked_for(5)
    when.shop.faults.pulled[CANARY] = ("sha256:shown", "sha256:moved")
    await when.pressed(question)
    await when.is_over()

    then.rolled_back(Reason.STEP_FAILED).weights_were(0)
    assert "different images" in then.run.ended.sentence


async def test_a_grant_ends_where_the_tag_was_moved(when: When, then: Then) -> None:
    await when.started()
    await when.bakes_at(5, rest=True)
    when.shop.faults.pulled[CANARY] = ("sha256:moved",)
    await when.is_over()

    then.rolled_back(Reason.STEP_FAILED).weights_were(5, 0)


async def test_pods_of_two_images_are_no_canary(when: When, then: Then) -> None:
    when.shop.faults.pulled[CANARY] = ("sha256:one", "sha256:two")
    await when.started()
    await when.is_over()

    then.ended(Ending.ROLLED_BACK, Reason.STEP_FAILED).weights_were()


@pytest.mark.parametrize("pulled", [("sha256:moved",), ("sha256:shown", "sha256:moved")])
async def test_stable_is_not_promoted_to_an_image_that_nobody_tried(
    when: When, then: Then, pulled: tuple[str, ...]
) -> None:
    await when.started()
    await when.bakes_at(100)
    when.shop.faults.pulled[STABLE] = pulled
    await when.until(lambda: "restore" in then.effects())
    del when.shop.faults.pulled[STABLE]
    await when.is_over()

    then.rolled_back(Reason.VERIFY_FAILED)
    assert "promote" in then.effects()
    assert then.effects().index("restore") < then.effects().index("home")


async def test_a_canary_that_tells_no_image_waits_until_it_does(when: When, then: Then) -> None:
    await when.started()
    question = await when.asked_for(5)
    when.shop.faults.pulled[CANARY] = ()
    await when.pressed(question)
    await when.begun("canary/5/weight")
    await when.passes(seconds(5))
    then.traffic(canary=0)
    del when.shop.faults.pulled[CANARY]
    await when.begun("canary/5/bake")

    then.traffic(canary=5)

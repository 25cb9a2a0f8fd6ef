"""What planning finds out about staging before a release is rehearsed there."""

from dataclasses import replace

import pytest

from bot import operations
from bot.domain.errors import NotFound, NotUnderstood, UnknownThing, Unreachable
from bot.domain.outcome import Workload
from bot.domain.plan import Staging
from bot.operations import Deployable, Wish
from tests.operations.test_operations import Platform, World
from tests.operations.test_undo import ended
from tests.support.builders import ADA, BO, a_plan, a_target

THERE = a_target().with_(namespace="staging")


class Fragile(Platform):
    """Does not answer from the so manieth look on."""

    broken_on_look = 0

    async def stable(self):
        self.broken_on_look -= 1
        if self.broken_on_look == 0:
            raise Unreachable("Kubernetes", "connection refused")
        return await super().stable()


class TwoPlaces:
    """Production and staging, each with what runs there."""

    def __init__(self, there=THERE) -> None:
        self.world = World()
        self.production, self.staging = Fragile(), Platform()
        self.world.platform = self.production
        self.staging.answer = Workload(
            name="checkout", image="registry.example/checkout:v2.3.0", revision="uid-2/7"
        )
        self.production.answer = self.production.answer.with_(revision="uid-1/3")
        self.planned: list[Deployable] = []
        (one,) = self.world.desk.deployables
        self.world.desk = replace(
            self.world.desk,
            deployables=(one.with_(staging=Staging(target=there)),),
            platform=lambda target: self.staging if target == there else self.production,
            strategies={"canary": self._plan},
        )

    def _plan(self, request, deployable):
        self.planned.append(deployable)
        return a_plan(version=request.version).with_(request=request, findings=deployable.findings)


async def test_the_plan_knows_what_runs_on_staging():
    places = TwoPlaces()

    await operations.draw_up(places.world.desk, Wish(version="v2.5.0"), ADA)

    (planned,) = places.planned
    assert planned.staging == Staging(
        target=THERE, running_version="v2.3.0", running_image="registry.example/checkout:v2.3.0"
    )


async def test_a_staging_that_is_production_under_another_name_is_refused():
    """By a second context for the same cluster, which names alone do not tell."""
    places = TwoPlaces(a_target().with_(context="alias"))
    places.staging.answer = places.production.answer.with_(revision="uid-1/4")

    with pytest.raises(NotUnderstood, match="Staging of checkout is checkout in production itself"):
        await operations.start(places.world.desk, Wish(version="v2.5.0"), ADA)
    assert places.planned == []


async def test_what_cannot_be_told_apart_is_no_staging():
    places = TwoPlaces(a_target().with_(context="alias"))
    places.production.broken_on_look = 2

    with pytest.raises(Unreachable):
        await operations.start(places.world.desk, Wish(version="v2.5.0"), ADA)
    assert places.planned == []


async def test_another_cluster_may_have_the_same_names():
    places = TwoPlaces(a_target().with_(context="staging"))

    await operations.draw_up(places.world.desk, Wish(version="v2.5.0"), ADA)

    assert len(places.planned) == 1


async def test_a_staging_where_nothing_runs_is_said_before_anything_begins():
    places = TwoPlaces()
    places.staging.answer = NotFound("Kubernetes", "deployments checkout not found")

    with pytest.raises(UnknownThing, match="There is no Deployment checkout in staging"):
        await operations.start(places.world.desk, Wish(version="v2.5.0"), ADA)


async def test_what_served_before_is_not_rehearsed_again():
    places = TwoPlaces()
    await ended(places.world, Wish(version="v2.5.0"))
    places.staging.answer = NotFound("Kubernetes", "deployments checkout not found")

    plan = (await operations.undo(places.world.desk, BO)).plan

    assert places.planned[-1].staging is None
    assert plan.findings[-1].startswith("No rehearsal on staging: v2.4.1 served here before checkout-1")

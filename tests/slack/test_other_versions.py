"""A run that another version has written into: the real engine and publisher over a real database.

One message says so, where people look; the run is left alone, and every other goes on.
"""

import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.analysis import Limits, TriggerLimits
from bot.clients.clock import RealClock
from bot.domain.plan import SCHEMA_VERSION, Plan
from bot.domain.run import Run, RunState
from bot.engine import Engine, TriggerWatch
from bot.ports import World
from bot.slack import SlackPublisher
from bot.steps import catalogue
from storage import Database, Messages, SQLJournal, SQLRuns
from tests.slack.conftest import Stage, root
from tests.support.builders import ADA, a_plan, a_target
from tests.support.eventually import eventually
from tests.support.world import SmallShop


class Bot:
    """A bot over a real database, with a shop for each application, before a workspace."""

    def __init__(self, folder: Path, stage: Stage) -> None:
        self.stage = stage
        self.clock = RealClock()
        self.database = Database(f"sqlite:///{folder}/a.db")
        self.runs = SQLRuns(self.database, self.clock)
        self.journal = SQLJournal(self.database, self.clock)
        self.shops: dict[str, SmallShop] = {}
        self.touched: list[str] = []
        stage.memory = Messages(self.database)
        self.publisher: SlackPublisher = stage.publisher()
        self.engine = self._engine()

    def _engine(self) -> Engine:
        return Engine(
            journal=self.journal,
            clock=self.clock,
            publisher=self.publisher,
            world=self._world,
            kinds=lambda plan, world: catalogue(world, Limits()),
            triggers=lambda plan, world: TriggerWatch(
                self.journal, self.clock, world.metrics, world.health, TriggerLimits()
            ),
            owner="the bot",
            new_id=lambda: "q1",
        )

    def _world(self, plan: Plan) -> World:
        self.touched.append(plan.request.application)
        return self.shops[plan.request.application].ports()

    async def begins(self, application: str) -> Run:
        plan = a_plan(application=application, at=self.clock.now())
        run = await self.runs.create(plan, ADA)
        shop = SmallShop(self.clock, plan.request, a_target(application))
        shop.ready_after = shop.api_takes = timedelta(0)
        self.shops[application] = shop
        self.stage.items[run.id] = (root(f"{application} v2.5.0"),)
        return run

    async def restarts(self) -> None:
        await self.engine.stop()
        self.publisher = self.stage.publisher()
        self.engine = self._engine()
        await self.engine.start()

    async def reads(self, run: str, part: str) -> list[str]:
        """What stands in #deploys about a run and has these words."""
        return [said for said in self.stage.said() if run in said and part in said]

    async def has_met_it(self) -> bool:
        """Whether the newest publisher was told of trouble, and has said what it had to say."""
        return bool(self.publisher._delivery._troubles) and not self.publisher._crying

    async def execute(self, statement: str, **values: object) -> None:
        await self.database.run(lambda session: session.execute(text(statement), values), "test")


@pytest.fixture
async def bot(tmp_path: Path, stage: Stage) -> AsyncIterator[Bot]:
    bot = Bot(tmp_path, stage)
    await bot.database.migrate()
    yield bot
    await bot.engine.stop()
    for publisher in stage.publishers:
        await publisher.stop()
    await bot.database.close()


async def an_unknown_event(bot: Bot, run: Run) -> None:
    await bot.execute(
        "INSERT INTO journal (run, seq, at, attempt, kind, evidence) "
        "SELECT run, 2, at, 1, 'teleported', '{}' FROM journal WHERE run = :run",
        run=run.id,
    )


def a_plan_with(change: Callable[[dict], object]) -> Callable[[Bot, Run], object]:
    """As if the run had been created by a version whose plans say more."""

    async def store(bot: Bot, run: Run) -> None:
        plan = json.loads(run.plan.model_dump_json())
        change(plan)
        # The journal cannot be changed, so it is written anew.
        await bot.execute("DROP TRIGGER journal_refuses_update")
        await bot.execute(
            "UPDATE journal SET evidence = :evidence WHERE run = :run",
            evidence=json.dumps({"plan": plan}),
            run=run.id,
        )
        await bot.execute("UPDATE runs SET plan = :plan WHERE id = :run", plan=json.dumps(plan), run=run.id)
        bot.database.folded._runs.clear()

    return store


UNKNOWN = {
    "event": an_unknown_event,
    "kind of step": a_plan_with(lambda plan: plan["steps"][0]["action"].update(kind="teleport")),
    "schema of plan": a_plan_with(lambda plan: plan.update(schema_version=SCHEMA_VERSION + 1)),
}


@pytest.mark.parametrize("what", UNKNOWN)
async def test_an_unknown_stops_its_run_aloud_and_no_other(bot: Bot, what: str) -> None:
    theirs, ours = await bot.begins("checkout"), await bot.begins("billing")
    await UNKNOWN[what](bot, theirs)

    await bot.engine.start()
    await eventually(lambda: bot.reads(theirs.id, "traffic stays as it is"), bool)
    asked = await eventually(lambda: bot.runs.load(ours.id), lambda run: run.state is RunState.WAITING)

    (said,) = await bot.reads(theirs.id, "")
    assert "cannot be read by this version" in said
    assert "the version of Slackwater that wrote it" in said
    assert asked.question is not None
    assert bot.touched == ["billing"]
    assert bot.shops["checkout"].effects == []


async def test_it_is_said_under_the_card_once_however_often_it_is_met(bot: Bot) -> None:
    run = await bot.begins("checkout")
    before = bot.stage.publisher()
    before.changed(run)
    card = await eventually(lambda: bot.reads("checkout", "v2.5.0"), bool)
    await before.stop()
    await an_unknown_event(bot, run)

    await bot.engine.start()
    await eventually(lambda: bot.reads(run.id, "traffic stays as it is"), bool)
    await bot.restarts()
    await eventually(bot.has_met_it, bool)

    assert card == ["checkout v2.5.0"]
    posted, said = bot.stage.messages()
    assert said["thread_ts"] == posted["ts"]
    assert len(await bot.reads(run.id, "traffic stays as it is")) == 1

"""A database in which much has happened, made by the real engine in virtual time.

Each application has one run and a story that is told about it: what its world, its people and the bot's own
process did to it. Some have ended, some are under way when the bot is killed. Made once with each version's
code, such a database is what a later version has to be able to take over (`tests/storage/revisions`).
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from itertools import count
from typing import Any, TypeVar

from sqlalchemy import event
from sqlalchemy.orm import Session

from bot.analysis import Limits, TriggerLimits
from bot.domain.interrupts import Interrupt, InterruptKind
from bot.domain.people import Person
from bot.domain.plan import ApprovalPolicy, Plan
from bot.domain.run import Run, RunState, StepStatus
from bot.engine.engine import Engine
from bot.engine.triggers import TriggerWatch
from bot.ports import World
from bot.steps import catalogue
from bot.views.items import Place, Setting
from bot.views.messages import messages
from storage import Database, Messages, SQLJournal, SQLRuns
from strategies.canary import plan as canary_plan
from strategies.settings import CanarySettings, CanaryStage
from tests.support.builders import ADA, BO, CY, a_request, a_target
from tests.support.virtual import VirtualClock
from tests.support.world import Deployed, SmallShop

_T = TypeVar("_T")

_LONGEST = 4 * 3600.0
_BAKE = timedelta(seconds=30)
_LIMITS = Limits(min_requests=50, skip_first=timedelta(seconds=5))
_DEPLOYS, _RELEASES = "C0DEPLOYS", "C0RELEASES"


class InlineDatabase(Database):
    """Answers at once, in the thread that asks: so what happens when is the same in every run.

    Nothing here survives a power cut, and nobody waits for the disk.
    """

    def __init__(self, url: str) -> None:
        super().__init__(url)
        if self._url.get_backend_name() == "sqlite":
            event.listen(self._reads, "connect", _in_a_hurry)

    async def run(self, work: Callable[[Session], _T], point: str, *, is_urgent: bool = False) -> _T:
        return self._carry_out(self._writes, work)

    async def read(self, work: Callable[[Session], _T]) -> _T:
        return self._carry_out(self._reads, work)

    async def listen(self, heard: Callable[[str], None]) -> None:
        """Nothing is heard: who waits for news finds them by looking."""
        await asyncio.Event().wait()


def _in_a_hurry(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous=OFF")


class History:
    """One bot process after the other over one database, and a shop for each application."""

    def __init__(self, database: Database, clock: VirtualClock, name: str = "q") -> None:
        """`name` begins those of questions."""
        self.clock = clock
        self.database = database
        self.runs = SQLRuns(database, clock)
        self.shops: dict[str, SmallShop] = {}
        self.engine: Engine | None = None
        self.journal = SQLJournal(database, clock, clock.seconds)
        self._messages = Messages(database, clock.now)
        self.newest: dict[str, Run] = {}
        self.news = asyncio.Event()
        self._name = name
        self._processes, self._questions, self._posted = count(1), count(1), count(1)

    async def start(self) -> None:
        """A bot that takes over what nobody drives."""
        self.engine = Engine(
            journal=self.journal,
            clock=self.clock,
            publisher=self,
            world=self._world,
            kinds=lambda plan, world: catalogue(world, _LIMITS),
            triggers=self._triggers,
            owner=f"bot-{next(self._processes)}",
            new_id=lambda: f"{self._name}{next(self._questions)}",
        )
        await self.engine.start()

    async def kill(self) -> None:
        """As kill -9 does: nothing is finished and no lease is let go."""
        engine, self.engine = self.engine, None
        assert engine is not None, "no bot runs"
        engine._timers.stop()
        owning = (task for _, task in engine._owned.values())
        every = (engine._keeping, *engine._looking, *owning, *engine._background)
        tasks = [task for task in every if task is not None]
        vars(self.journal)["release"] = _nothing
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        del vars(self.journal)["release"]

    def changed(self, run: Run) -> None:
        """The publisher's part: Slack is not there, `shown` plays it."""
        self.newest[run.id] = run
        news, self.news = self.news, asyncio.Event()
        news.set()

    def dropped(self, run: str) -> None: ...

    async def said(self, run: str) -> None: ...

    def trouble(self, run: str, sentence: str) -> None:
        raise AssertionError(f"{run}: {sentence}")

    async def begins(
        self, application: str, *, weights: tuple[int, ...] = (10, 100), **policy: Any
    ) -> "Play":
        """A run for that application."""
        stages = tuple(CanaryStage(weight=weight, bake=_BAKE) for weight in weights)
        request = a_request(application=application, at=self.clock.now())
        plan = canary_plan(
            request,
            a_target(application),
            CanarySettings(stages=stages),
            ApprovalPolicy(**policy),
            ("code-review", "tests"),
        )
        run = await self.runs.create(plan, ADA)
        self.shops[application] = SmallShop(self.clock, request, plan.target)
        self.nudge(run.id)
        return Play(self, run.id, self.shops[application])

    async def takes_over(self, run: str) -> "Play":
        """A run that an earlier bot has begun, and its world as it left it."""
        begun = await self.runs.load(run)
        request = begun.plan.request
        shop = SmallShop(self.clock, request, begun.plan.target)
        shop.weight = begun.weight
        if begun.record("canary/deploy").status is StepStatus.DONE:
            since = self.clock.now() - timedelta(hours=1)
            shop.canary = Deployed(shop.target.canary_workload, request.image, request.version, since)
        if begun.record("canary/header").status is StepStatus.DONE:
            shop.header = "canary"
        self.shops[request.application] = shop
        return Play(self, run, shop)

    def nudge(self, run: str) -> None:
        if self.engine is not None:
            self.engine.nudge(run)

    async def says(self, run: str, kind: InterruptKind, by: Person = BO) -> None:
        await self.journal.interrupt(
            Interrupt(run=run, kind=kind, at=self.clock.now(), person=by, sentence=f"Said by {by.name}.")
        )
        self.nudge(run)

    async def presses(self, run: str, question: str, by: Person, *, rest: bool = False) -> None:
        kind = InterruptKind.APPROVE_REST if rest else InterruptKind.APPROVE
        decision = await self.runs.decide(question, kind, by, self.clock.now())
        await self.runs.audit(at=self.clock.now(), person=by, what=kind.value, run=run, result=decision.value)
        self.nudge(run)

    async def shown(self, run: Run) -> None:
        """Everything about the run stands in Slack but its newest message, which is only reserved."""
        items = [item for item in messages(run, Setting()) if item.picture is None]
        for item in items:
            place = item.place is Place.STAKEHOLDERS
            key, channel = (f"{item.key}@{_RELEASES}", _RELEASES) if place else (item.key, _DEPLOYS)
            await self._messages.reserve(run.id, key, channel)
            if item is not items[-1]:
                ts = f"{self.clock.now().timestamp():.0f}.{next(self._posted):06d}"
                await self._messages.posted(run.id, key, ts, "0" * 64)

    def _world(self, plan: Plan) -> World:
        return self.shops[plan.request.application].ports()

    def _triggers(self, plan: Plan, world: World) -> TriggerWatch:
        return TriggerWatch(self.journal, self.clock, world.metrics, world.health, TriggerLimits())


class Play:
    """One run, and what happens to it. Each line waits until it has happened."""

    def __init__(self, history: History, run: str, shop: SmallShop) -> None:
        self.history = history
        self.id = run
        self.shop = shop

    async def until(self, condition: Callable[[Run], bool]) -> Run:
        """The run as soon as it is so.

        Raises:
            TimeoutError: it was not within hours.
        """
        async with asyncio.timeout(_LONGEST):
            while (run := self.history.newest.get(self.id)) is None or not condition(run):
                await self.history.news.wait()
        return run

    async def asked(self) -> str:
        run = await self.until(lambda run: run.question is not None)
        assert run.question is not None, "waited for"
        return run.question.id

    async def approved(self, *people: Person, rest: bool = False) -> None:
        """The question that is open next gets a yes of each of these."""
        question = await self.asked()
        for person in people:
            await self.history.presses(self.id, question, person, rest=rest)

    async def says(self, kind: InterruptKind, by: Person = BO) -> None:
        await self.history.says(self.id, kind, by)

    async def begun(self, step: str) -> None:
        await self.until(lambda run: step in run.steps)

    async def ended(self) -> Run:
        """Over, and shown; whatever is asked is approved, and whatever is held is resumed."""

        def speaks(run: Run) -> bool:
            return run.is_terminal or run.question is not None or run.state is RunState.HELD

        while not (run := await self.until(speaks)).is_terminal:
            if run.question is not None:
                for person in (BO, CY)[: run.plan.approvals.people]:
                    await self.history.presses(self.id, run.question.id, person)
            else:
                await self.says(InterruptKind.RESUME)
            asked, held = run.question, run.held_seq if run.state is RunState.HELD else None
            await self.until(lambda run, a=asked, h=held: _moved_on(run, a, h))  # type: ignore[misc]
        await self.history.shown(run)
        return run


def _moved_on(run: Run, asked: object, held: int | None) -> bool:
    return run.question != asked or (held is not None and run.held_at is None) or run.is_terminal


async def _nothing(*_: object) -> None: ...


Story = Callable[[Play], Awaitable[object]]


async def _promoted(play: Play) -> None:
    await play.ended()


async def _granted(play: Play) -> None:
    await play.approved(BO, rest=True)
    await play.ended()


async def _held_by_a_person(play: Play) -> None:
    await play.asked()
    await play.says(InterruptKind.HOLD)
    await play.until(lambda run: run.state is RunState.HELD)
    await play.history.clock.sleep(timedelta(minutes=45))
    await play.ended()


async def _changed_outside(play: Play) -> None:
    await play.approved(BO)
    await play.begun("canary/10/bake")
    play.shop.somebody_sets(40)
    await play.until(lambda run: run.state is RunState.HELD)
    play.shop.somebody_sets(10)
    await play.ended()


async def _lapsed(play: Play) -> None:
    await play.approved(BO)
    await play.begun("canary/10/bake")
    play.shop.somebody_sets(40)
    await play.until(lambda run: run.is_terminal)


async def _worse(play: Play) -> None:
    await play.approved(BO)
    await play.begun("canary/10/bake")
    play.shop.faults.error_rate["v2.5.0"] = 0.2
    await play.ended()


async def _triggered(play: Play) -> None:
    await play.approved(BO)
    await play.begun("canary/10/bake")
    play.shop.faults.memory["v2.5.0"] = 0.99
    await play.until(lambda run: run.is_terminal)
    await play.ended()


async def _taken_back(play: Play) -> None:
    await play.approved(BO)
    await play.asked()
    await play.says(InterruptKind.ROLLBACK)
    await play.ended()


async def _aborted(play: Play) -> None:
    await play.approved(BO)
    await play.asked()
    await play.says(InterruptKind.ABORT)
    await play.ended()


async def _unanswered(play: Play) -> None:
    await play.until(lambda run: run.is_terminal)
    await play.ended()


async def _gate_failed(play: Play) -> None:
    play.shop.faults.failing_gates.add("tests")
    await play.ended()


async def _not_ready(play: Play) -> None:
    play.shop.faults.never_ready.add("v2.5.0")
    await play.ended()


async def _stuck_back(play: Play) -> None:
    await play.approved(BO)
    await play.asked()
    play.shop.faults.api_down = True
    await play.says(InterruptKind.ABORT)
    await play.until(lambda run: bool(run.remarks))
    play.shop.faults.api_down = False
    await play.ended()


async def _killed(play: Play) -> None:
    for step in ("canary/deploy", "canary/10/bake"):
        if step == "canary/10/bake":
            await play.approved(BO)
        await play.begun(step)
        await play.history.kill()
        await play.history.start()
    await play.ended()


# By application: the story, and what of its approvals is not usual. These come to an end.
ENDED: Mapping[str, tuple[Story, Mapping[str, Any]]] = {
    "promoted": (_promoted, {}),
    "granted": (_granted, {}),
    "by-two": (_promoted, {"people": 2}),
    "approved-once": (_promoted, {"required": "once"}),
    "unasked": (_promoted, {"required": "none"}),
    "held-by-a-person": (_held_by_a_person, {}),
    "changed-outside": (_changed_outside, {}),
    "lapsed": (_lapsed, {}),
    "worse": (_worse, {}),
    "triggered": (_triggered, {}),
    "taken-back": (_taken_back, {}),
    "aborted": (_aborted, {}),
    "unanswered": (_unanswered, {}),
    "gate-failed": (_gate_failed, {}),
    "not-ready": (_not_ready, {}),
    "stuck-back": (_stuck_back, {}),
    "killed": (_killed, {}),
}


async def _waits(play: Play) -> None:
    await play.asked()
    await play.history.presses(play.id, await play.asked(), BO)


async def _asks_again(play: Play) -> None:
    await play.approved(BO)
    await play.until(lambda run: run.question is not None and run.question.step == "canary/100/weight")


async def _bakes(play: Play) -> None:
    await play.approved(BO, rest=True)
    await play.begun("canary/10/bake")


async def _is_held(play: Play) -> None:
    await play.approved(BO)
    await play.begun("canary/10/bake")
    await play.says(InterruptKind.HOLD)
    await play.until(lambda run: run.state is RunState.HELD)


async def _is_held_by_the_bot(play: Play) -> None:
    await play.approved(BO)
    await play.begun("canary/10/bake")
    play.shop.somebody_sets(40)
    await play.until(lambda run: run.state is RunState.HELD)


async def _goes_back(play: Play) -> None:
    await play.approved(BO)
    await play.asked()
    play.shop.faults.api_down = True
    await play.says(InterruptKind.ROLLBACK)
    await play.begun("back/traffic")


# These are under way when the bot is killed. The last one would go on by itself.
UNDER_WAY: Mapping[str, tuple[Story, Mapping[str, Any]]] = {
    "waits": (_waits, {"people": 2}),
    "asks-again": (_asks_again, {}),
    "is-held": (_is_held, {}),
    "is-held-by-the-bot": (_is_held_by_the_bot, {}),
    "goes-back": (_goes_back, {}),
    "bakes": (_bakes, {}),
}


# What a database has that was in use for a while: some of everything, and not too much to read.
_SOME = ("promoted", "worse", "taken-back")


async def lived(history: History) -> None:
    """Some runs have ended, others are under way, and then the bot was killed."""
    await history.start()
    for name, (story, policy) in {**{name: ENDED[name] for name in _SOME}, **UNDER_WAY}.items():
        play = await history.begins(name, **policy)
        await history.runs.audit(
            at=history.clock.now(), person=ADA, what="start", run=play.id, result="started"
        )
        await story(play)
    await history.kill()
    for name in UNDER_WAY:
        await history.shown(history.newest[f"{name}-1"])
    await history.runs.release_quarantine("worse", "v2.5.0", CY)
    # What people do while no bot runs.
    await history.says("goes-back-1", InterruptKind.HOLD)
    question = history.newest["asks-again-1"].question
    assert question is not None, "its story ends with one"
    await history.presses("asks-again-1", question.id, BO)
    await history.begins("new")


async def told(history: History, stories: Mapping[str, tuple[Story, Mapping[str, Any]]]) -> None:
    """One story after the other."""
    await history.start()
    for name, (story, policy) in stories.items():
        await story(await history.begins(name, **policy))
    await history.kill()

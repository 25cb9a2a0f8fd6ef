"""The language of the scenarios: given a shop and a plan, when people and faults act, then this is so.

A scenario drives the real engine, with the real steps and the canary's own plan, over the journal in memory
and `SmallShop`. The bot's process can die at any entry of the journal and be started again. What has to hold
in *every* scenario (`Scenario.invariants`) is checked after each one, whatever it was about.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Self, cast

from bot.analysis import Limits, TriggerLimits
from bot.domain import aftercare
from bot.domain.errors import Unreachable
from bot.domain.events import Approved, Claimed, Ended, Ending, Entry, Noted
from bot.domain.figures import Sample, Subject
from bot.domain.folding import fold_all
from bot.domain.interrupts import Interrupt, InterruptKind
from bot.domain.journeys import Journey, Request
from bot.domain.people import Person
from bot.domain.plan import ApprovalPolicy, Plan, Staging, Target
from bot.domain.reasons import Reason
from bot.domain.run import Run, RunState, StepStatus
from bot.domain.traffic import ByColour, Preview
from bot.engine.engine import Engine
from bot.engine.triggers import TriggerWatch
from bot.ports import Claim, Consumed, Decision, Journal, MetricSource, World
from bot.steps import catalogue
from strategies.blue_green import plan as blue_green_plan
from strategies.canary import plan as canary_plan
from strategies.rolling import plan as rolling_plan
from strategies.settings import (
    BlueGreenSettings,
    CanarySettings,
    CanaryStage,
    RollingSettings,
    StagingSettings,
)
from strategies.staging import rehearsed
from tests.support.builders import ADA, BO, a_request, a_target
from tests.support.memory_journal import MemoryJournal
from tests.support.virtual import VirtualClock
from tests.support.world import SmallShop

WEIGHTS = (5, 10, 25, 50, 100)
# Long enough for a verdict at 100 requests per second, short enough for hundreds of runs.
SHORT = timedelta(seconds=30)
LIMITS = Limits(min_requests=50, skip_first=timedelta(seconds=5))
_LOOK = timedelta(milliseconds=500)


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


class DyingJournal:
    """The journal as one process sees it, which may die right before or right after a write."""

    def __init__(self, journal: MemoryJournal, process: "Process") -> None:
        self._journal = journal
        self._process = process

    def __getattr__(self, name: str) -> Any:
        self._process.check_database()
        return self._process.alive_only(getattr(self._journal, name))

    async def renew(self, owner: str, claims: Sequence[Claim]) -> frozenset[Claim]:
        self._process.check_database()
        if self._process.cannot_renew:
            return frozenset()  # it believes that it has; the watch of others knows better
        return await self._journal.renew(owner, claims)

    async def append(self, claim: Claim, after: int, drafts: Any, timers: Any = ()) -> tuple[Entry, ...]:
        self._process.check_database()
        self._process.about_to_write(after, len(drafts))
        entries = await self._journal.append(claim, after, drafts, timers)
        self._process.wrote(entries)
        return entries

    async def consume(
        self, claim: Claim, after: int, decide: Callable[[tuple[Interrupt, ...]], Consumed]
    ) -> tuple[Entry, ...]:
        def decide_or_die(waiting: tuple[Interrupt, ...]) -> Consumed:
            consumed = decide(waiting)
            self._process.about_to_write(after, len(consumed.drafts))
            return consumed

        self._process.check_database()
        entries = await self._journal.consume(claim, after, decide_or_die)
        self._process.wrote(entries)
        return entries


class Process:
    """One process of the bot: an engine that can be killed."""

    def __init__(self, scenario: "Scenario", owner: str) -> None:
        self.owner = owner
        self._scenario = scenario
        self.is_alive = True
        self.cannot_renew = False
        self.is_cut_off = False  # from the database
        self.is_mute = False  # Slack does not take what it says
        self.told: list[str] = []  # the runs of which it has said everything
        self.dies_before: int | None = None
        self.dies_after: int | None = None
        self.heard: list[str] = []  # what it said aloud
        journal = cast("Journal", DyingJournal(scenario.journal, self))
        self.engine = Engine(
            journal=journal,
            clock=scenario.clock,
            publisher=self,
            world=lambda plan: self._world(scenario, plan),
            kinds=lambda plan, world: {
                kind: step
                for kind, step in catalogue(world, scenario.limits).items()
                if kind not in scenario.unknown_kinds
            },
            triggers=lambda plan, world: TriggerWatch(
                journal,
                scenario.clock,
                _Breakable(world.metrics, scenario),
                world.health,
                scenario.trigger_limits,
            ),
            owner=owner,
            new_id=scenario.new_id,
        )

    def changed(self, run: Run) -> None:
        self._scenario.noticed(run)

    def trouble(self, run: str, sentence: str) -> None:
        self.heard.append(sentence)

    def dropped(self, run: str) -> None: ...

    async def said(self, run: str) -> None:
        if self.is_mute:
            await asyncio.Event().wait()
        self.told.append(run)

    def kill(self) -> None:
        """What kill -9 does: nothing is finished, released or said; nothing is done any more."""
        self.is_alive = False
        self.engine._timers.stop()
        engine = self.engine
        for task in (
            engine._keeping,
            *engine._looking,
            *(task for _, task in engine._owned.values()),
            *engine._background,
        ):
            if task is not None:
                task.cancel()

    def check(self) -> None:
        if not self.is_alive:
            raise asyncio.CancelledError

    def check_database(self) -> None:
        self.check()
        if self._scenario.database_is_down or self.is_cut_off:
            raise Unreachable("the database", "the disk is full")

    def alive_only(self, call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def checked(*args: Any, **kwargs: Any) -> Any:
            self.check()
            answer = await call(*args, **kwargs)
            self.check()
            return answer

        return checked

    def about_to_write(self, after: int, number: int) -> None:
        if self.dies_before is not None and after < self.dies_before <= after + number:
            self.kill()
        self.check()

    def wrote(self, entries: tuple[Entry, ...]) -> None:
        if self.dies_after is not None and any(entry.seq == self.dies_after for entry in entries):
            self.kill()
        self.check()

    def _world(self, scenario: "Scenario", plan: Plan) -> World:
        is_there = plan.staging is not None and not scenario.staging_is_gone
        there = self._reached(scenario.rehearsal) if is_there else None
        return replace(self._reached(scenario.shop), staging=there)

    def _reached(self, shop: SmallShop) -> World:
        ports = shop.ports()
        return World(
            platform=self._mortal(ports.platform),
            traffic=self._mortal(ports.traffic),
            health=self._mortal(ports.health),
            metrics=self._mortal(ports.metrics),
            gates=self._mortal(ports.gates),
        )

    def _mortal(self, port: Any) -> Any:
        return _Mortal(port, self)


class _Mortal:
    """A port that a dead process can no longer use."""

    def __init__(self, port: Any, process: Process) -> None:
        self._port = port
        self._process = process

    def __getattr__(self, name: str) -> Any:
        return self._process.alive_only(getattr(self._port, name))


class _Breakable:
    """The watch's metrics, which a bug may break."""

    def __init__(self, metrics: MetricSource, scenario: "Scenario") -> None:
        self._metrics = metrics
        self._scenario = scenario

    async def sample(self, subject: Subject, *, figures: bool = True) -> Sample:
        if self._scenario.watch_is_broken:
            raise ZeroDivisionError("a bug in reading the metrics")
        return await self._metrics.sample(subject, figures=figures)

    async def counters(self, subject: Subject, *, at: datetime) -> Sample:
        return await self._metrics.counters(subject, at=at)

    async def figures(self, subject: Subject, names: Collection[str]) -> Sample:
        if self._scenario.watch_is_broken:
            raise ZeroDivisionError("a bug in reading the metrics")
        return await self._metrics.figures(subject, names)


class Scenario:
    """One run from start to finish, and all that may happen to it."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.journal = MemoryJournal(self.clock, self.clock.seconds)
        self.limits = LIMITS
        self.trigger_limits = TriggerLimits()
        self.approvals = ApprovalPolicy()
        self.settings = CanarySettings(
            stages=tuple(CanaryStage(weight=weight, bake=SHORT) for weight in WEIGHTS)
        )
        self.rolling: RollingSettings | None = None  # instead of a canary
        self.blue_green: BlueGreenSettings | None = None
        self.staging: StagingSettings | None = None  # how releases are rehearsed; None: not at all
        self.gates: tuple[str, ...] = ("code-review", "tests")
        self.unknown_kinds: set[str] = set()
        self.request = a_request()
        self._shop: SmallShop | None = None
        self._rehearsal: SmallShop | None = None
        self.staging_is_gone = False  # from the configuration
        self.staging_may_be_left = False  # something keeps it from coming home
        self.processes: list[Process] = []
        self.run = ""
        self._ids = count(1)
        self._failing = ("", timedelta(0))
        self.watch_is_broken = False
        self.database_is_down = False

    @property
    def shop(self) -> SmallShop:
        if self._shop is None:
            self._shop = SmallShop(self.clock, self.request, self.target)
        return self._shop

    @property
    def target(self) -> Target:
        if self.blue_green is None:
            return a_target()
        preview = Preview(service="checkout-preview", url="http://preview.example")
        colours = ByColour(service="checkout", label="color", preview=preview)
        return a_target().with_(workload="checkout-blue", traffic=colours)

    @property
    def rehearsal(self) -> SmallShop:
        """Staging: hardly anybody is there, and nothing fails."""
        if self._rehearsal is None:
            target = a_target().with_(namespace="staging")
            self._rehearsal = SmallShop(self.clock, self.request, target)
            self._rehearsal.usual_errors, self._rehearsal.rps = 0.0, 1.0
        return self._rehearsal

    @property
    def process(self) -> Process:
        return self.processes[-1]

    def plan(self) -> Plan:
        written = self._written()
        if self.staging is None:
            return written
        there, request = self.rehearsal.target, self.request
        ground = Staging(
            target=there, running_version=request.running_version, running_image=request.running_image
        )
        return rehearsed(written, ground, self.staging)

    def _written(self) -> Plan:
        if self.rolling is not None:
            request = self.request.with_(strategy="rolling")
            return rolling_plan(request, a_target(), self.rolling, self.approvals, self.gates)
        if self.blue_green is not None:
            request = self.request.with_(strategy="blue-green")
            return blue_green_plan(request, self.target, self.blue_green, self.approvals, self.gates)
        return canary_plan(self.request, a_target(), self.settings, self.approvals, self.gates)

    def new_id(self) -> str:
        return f"question-{next(self._ids)}"

    def state(self) -> Run:
        return self.journal._of(self.run).run

    def entries(self) -> list[Entry]:
        return self.journal._of(self.run).entries

    def fails_at_the_look_of(self, step: str, *, for_: timedelta) -> None:
        """The platform stops to answer the moment the step's approval is journaled, for a while."""
        self._failing = (step, for_)

    def breaks_the_watch(self) -> None:
        self.watch_is_broken = True

    def noticed(self, run: Run) -> None:
        """The journal has changed."""
        step, time = self._failing
        if not step or run.record(step).approval is None:
            return
        self._failing = ("", time)
        self.shop.faults.api_down = True
        loop = asyncio.get_running_loop()
        loop.call_later(time.total_seconds(), setattr, self.shop.faults, "api_down", False)

    async def start_process(self) -> Process:
        process = Process(self, f"bot-{len(self.processes) + 1}")
        self.processes.append(process)
        await process.engine.start()
        return process

    async def close(self) -> None:
        for process in self.processes:
            process.kill()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def invariants(self) -> None:
        """What holds whatever happened."""
        if not self.run:
            return
        entries, run = self.entries(), self.state()
        assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
        assert fold_all(entries) == run
        self._leases_rise(entries)
        self._shifts_were_approved(entries)
        self._gates_ran_once(entries)
        if run.is_terminal:
            after = [entry for entry in entries if entry.seq > self._end(entries).seq]
            assert all(entry.step in run.care or entry.kind == "claimed" for entry in after)
            self._is_at_rest(run)
            if run.plan.staging is not None and not self.staging_may_be_left:
                self._has_left_staging(run)

    def _end(self, entries: list[Entry]) -> Entry:
        (ended,) = [entry for entry in entries if isinstance(entry.event, Ended)]
        return ended

    def _leases_rise(self, entries: list[Entry]) -> None:
        leases = [entry.lease for entry in entries if entry.lease is not None]
        assert leases == sorted(leases), "an old driver wrote after a new one"
        for lease in set(leases):
            first = next(entry for entry in entries if entry.lease == lease)
            assert isinstance(first.event, Claimed), f"lease {lease} began with {first.kind}"

    def _shifts_were_approved(self, entries: list[Entry]) -> None:
        approved = {e.step: e.at for e in reversed(entries) if isinstance(e.event, Approved)}
        for effect in self.shop.effects:
            is_switch = self.blue_green is not None
            steps = {
                "shift": "blue-green/switch" if is_switch else f"canary/{effect.detail}/weight",
                "promote": "promote/stable",
                "roll": "rolling/rollout",
                "go on": "rolling/rollout",
            }
            if effect.what in steps:
                at = approved.get(steps[effect.what])
                assert at is not None, f"{effect} without approval"
                assert at <= effect.at, f"{effect} before its approval"

    def _gates_ran_once(self, entries: list[Entry]) -> None:
        done = {e.step: e.seq for e in entries if e.kind == "done" and (e.step or "").startswith("gates/")}
        for entry in entries:
            if entry.kind == "intended" and entry.step in done:
                assert entry.seq < done[entry.step], f"{entry.step} was run again"

    def _is_at_rest(self, run: Run) -> None:
        shop = self.shop
        if run.state is RunState.STOPPED:
            assert shop.effects == [], "stopped means that nothing was touched"
            return
        if self.blue_green is not None and run.state is RunState.FINISHED:
            self._is_switched()
            return
        assert shop.weight == 0, f"{shop.weight} % are still on the canary"
        assert shop.header != "canary", "the header route leads to a canary that is gone"
        is_another_runs = shop.canary is not None and shop.canary.owner not in {None, run.signature}
        assert shop.canary is None or is_another_runs, "the canary is still there"
        trusted = self.request.version if run.state is RunState.FINISHED else self.request.running_version
        assert shop.stable.version == trusted, f"stable runs {shop.stable.version}"
        assert shop.stable.settings == "the team's", "stable is not rolled out as its team has it"
        assert shop.stable.paused_at is None, "the rollout is still paused"

    def _has_left_staging(self, run: Run) -> None:
        """With the new version if all went well, else as it was; and no more of the run's own than that."""
        there = self.rehearsal.stable
        trusted = self.request.version if run.state is RunState.FINISHED else self.request.running_version
        assert there.version == trusted, f"staging runs {there.version}"
        assert there.settings == "the team's"
        assert there.paused_at is None
        assert there.owner is None or there.owner != run.signature
        assert self.rehearsal.canary is None

    def _is_switched(self) -> None:
        shop = self.shop
        assert shop.weight == 100, "the colour of before serves"
        assert shop.canary is not None
        assert shop.canary.version == self.request.version
        assert shop.canary.owner is None, "what serves bears the name of a run that is over"
        assert shop.stable.version == self.request.running_version, "the way back has been touched"
        assert shop.is_decommissioned is ("decommission" in [e.what for e in shop.effects])


class Given:
    """What the world and the plan are like before anything happens."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario

    def stages(self, *weights: int, bake: timedelta = SHORT) -> Self:
        stages = tuple(CanaryStage(weight=weight, bake=bake) for weight in weights)
        self._scenario.settings = CanarySettings(stages=stages)
        return self

    def rolling(self, *, bake: timedelta = SHORT, **settings: Any) -> Self:
        """A rolling update instead of a canary."""
        self._scenario.rolling = RollingSettings(bake=bake, **settings)
        return self

    def in_colours(self, *, bake: timedelta = SHORT, **settings: Any) -> Self:
        """Blue-green instead of a canary: `checkout-blue` serves."""
        self._scenario.blue_green = BlueGreenSettings(bake=bake, **settings)
        return self

    def staging(self, *, watch: timedelta = SHORT, **settings: Any) -> Self:
        """Releases are rehearsed, with a smoke test and one critical path."""
        path = Journey(name="buy", requests=(Request(method="GET", path="/cart"),))
        usual = StagingSettings(watch=watch, smoke=("make", "smoke"), journeys=(path,))
        self._scenario.staging = usual.with_(**settings)
        return self

    def spec_stages(self) -> Self:
        """The stages and limits of the specification, in full length."""
        self._scenario.settings = CanarySettings()
        self._scenario.limits = Limits()
        return self

    def approvals(self, **policy: Any) -> Self:
        self._scenario.approvals = ApprovalPolicy(**policy)
        return self

    def unknown_kind(self, kind: str) -> Self:
        self._scenario.unknown_kinds.add(kind)
        return self


class When:
    """What happens. Each line waits until it has happened."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario

    @property
    def shop(self) -> SmallShop:
        return self._scenario.shop

    async def started(self) -> None:
        one = self._scenario
        assert one.shop is not None
        run = await one.journal.create(one.plan(), ADA)
        one.run = run.id
        if one.processes:
            one.process.engine.nudge(run.id)
        else:
            await one.start_process()

    async def passes(self, time: timedelta) -> None:
        await self._scenario.clock.sleep(time)

    async def until(self, condition: Callable[[], bool], limit: timedelta = timedelta(hours=3)) -> None:
        """Wait until it is so; an error after `limit`, telling where the run stands."""
        clock = self._scenario.clock
        end = clock.now() + limit
        while not condition():
            if clock.now() > end:
                raise AssertionError(f"not so after {limit}: {self._where()}")
            await clock.sleep(_LOOK)

    def _where(self) -> str:
        run = self._scenario.state()
        newest = self._scenario.entries()[-1]
        heard = [sentence for process in self._scenario.processes for sentence in process.heard]
        return f"{run.state.value}, newest entry {newest.seq} {newest.kind} {newest.step}; heard {heard[-3:]}"

    async def asked(self, step: str) -> str:
        """Until people are asked about the step; the question's id."""

        def is_asked() -> bool:
            question = self._scenario.state().question
            assert not self._scenario.state().is_terminal, self._where()
            return question is not None and question.step == step

        await self.until(is_asked)
        question = self._scenario.state().question
        assert question is not None
        return question.id

    async def asked_for(self, weight: int) -> str:
        return await self.asked(f"canary/{weight}/weight")

    async def begun(self, step: str) -> None:
        await self.until(lambda: self._scenario.state().record(step).status is not StepStatus.PENDING)

    async def done(self, step: str) -> None:
        await self.until(lambda: self._scenario.state().record(step).status is StepStatus.DONE)

    async def approved(self, weight: int, by: Person = BO, *, rest: bool = False) -> None:
        await self.pressed(await self.asked_for(weight), by, rest=rest)

    async def pressed(self, question: str, by: Person = BO, *, rest: bool = False) -> Decision:
        one = self._scenario
        kind = InterruptKind.APPROVE_REST if rest else InterruptKind.APPROVE
        decision = await one.journal.decide(question, kind, by, one.clock.now())
        one.process.engine.nudge(one.run)
        return decision

    async def says(self, kind: InterruptKind, by: Person = BO, sentence: str = "") -> None:
        one = self._scenario
        await one.journal.interrupt(
            Interrupt(run=one.run, kind=kind, at=one.clock.now(), person=by, sentence=sentence)
        )
        one.process.engine.nudge(one.run)

    async def holds(self, by: Person = BO) -> None:
        await self.says(InterruptKind.HOLD, by)
        await self.until(lambda: self._scenario.state().state is RunState.HELD)

    async def resumes(self, by: Person = BO) -> None:
        await self.says(InterruptKind.RESUME, by)
        await self.until(lambda: self._scenario.state().state is not RunState.HELD)

    async def rolls_back(self, by: Person = BO) -> None:
        await self.says(InterruptKind.ROLLBACK, by, f"Rolled back by {by.name}.")

    async def aborts(self, by: Person = BO) -> None:
        await self.says(InterruptKind.ABORT, by, f"Aborted by {by.name}.")

    async def bakes_at(self, weight: int, *, rest: bool = False) -> None:
        """The plan's shifts up to `weight` approved one by one, and the bake there begun."""
        for stage in self._scenario.settings.stages:
            if stage.weight > weight:
                return
            await self.approved(stage.weight, rest=rest and stage.weight == weight)
            await self.begun(f"canary/{stage.weight}/bake")

    async def is_over(self, limit: timedelta = timedelta(hours=6)) -> None:
        await self.until(lambda: self._scenario.state().is_terminal, limit)

    async def speaks_of_what_is_left(self, kind: InterruptKind, by: Person = BO) -> None:
        """As its card says it now."""
        one = self._scenario
        ((step, care),) = one.state().care.items()
        said = aftercare.handle(step, care)
        now = one.clock.now()
        await one.journal.interrupt(Interrupt(run=one.run, kind=kind, at=now, person=by, purpose=said))
        if one.process.is_alive:
            one.process.engine.nudge(one.run)

    async def is_closed(self, limit: timedelta = timedelta(days=4)) -> None:
        await self.until(lambda: self._scenario.state().is_closed, limit)

    async def approves_all(self) -> None:
        """Bo says yes whenever he is asked, and resumes what the bot holds, until the run is over."""
        one = self._scenario
        while not one.state().is_terminal:
            question = one.state().question
            if question is not None:
                await self.pressed(question.id)
            await self.passes(_LOOK)

    async def dies(self) -> None:
        self._scenario.process.kill()

    async def restarts(self) -> None:
        await self._scenario.start_process()

    async def dies_at(self, seq: int, moment: str) -> None:
        """The first process will die right before or right after it writes that entry."""
        process = await self._scenario.start_process()
        if moment == "before":
            process.dies_before = seq
        else:
            process.dies_after = seq

    async def goes_on(self) -> None:
        """Somebody starts the bot again whenever it is dead, and people say yes."""
        one = self._scenario
        while not one.state().is_terminal:
            if not one.process.is_alive:
                await self.restarts()
            question = one.state().question
            if question is not None:
                await self.pressed(question.id)
            await self.passes(_LOOK)


class Then:
    """What is so now; each raises if it is not."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario

    @property
    def run(self) -> Run:
        return self._scenario.state()

    def traffic(self, *, canary: int) -> Self:
        assert self._scenario.shop.weight == canary
        return self

    def weights_were(self, *weights: int) -> Self:
        assert self._scenario.shop.shifts == list(weights)
        return self

    def ended(self, ending: Ending, reason: Reason) -> Self:
        ended = self._scenario.state().ended
        assert ended is not None, f"the run is {self.run.state.value}"
        assert (ended.ending, ended.reason) == (ending, reason), ended.sentence
        return self

    def rolled_back(self, reason: Reason) -> Self:
        return self.ended(Ending.ROLLED_BACK, reason)

    async def is_quarantined(self, *, expected: bool = True) -> None:
        request = self._scenario.request
        why = await self._scenario.journal.quarantined(request.application, request.version)
        assert (why is not None) is expected

    def effects(self) -> list[str]:
        return [effect.what for effect in self._scenario.shop.effects]

    def kinds(self) -> list[str]:
        return [entry.kind for entry in self._scenario.entries()]

    def said_aloud(self) -> list[str]:
        events = [entry.event for entry in self._scenario.entries()]
        return [event.sentence for event in events if isinstance(event, Noted) and event.loud]

"""Any story of commands, presses, faults, crashes and time, told to the whole simulated bot by hypothesis.

`tests.simulation` draws its stories from a seed and plays many; here each step is a rule, so a story that
fails is made shorter by hypothesis until only what matters is left. `python -m tests.properties.machine
--cases 500` tells as many as one likes, and prints how many cases and steps there were.
"""

import argparse
import asyncio
import random
import sys
from contextlib import ExitStack
from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bot.domain.folding import fold, fold_all
from bot.domain.plan import ApprovalPolicy
from bot.domain.run import Run, RunState, StepStatus
from tests.simulation.bot import SimulatedBot
from tests.simulation.forecast import Forecast, Rolling
from tests.simulation.judgement.journal import claims
from tests.simulation.judgement.platform import effects, ends, tenures
from tests.simulation.people import ADA, BO, CY
from tests.simulation.play import Stage, ended
from tests.simulation.simulation import NEW, Simulation
from tests.simulation.storm import spoil
from tests.support.routing import EACH_ROUTING, PLAIN

_SYSTEMS = {
    "kubernetes": ("conflict", "throttled", "error", "error after", "silent", "lost", "late"),
    "slack": ("limited", "broken", "silent", "lost", "slow"),
    "database": ("away", "locked", "lost", "slow"),
    "metrics": ("down", "slow", "empty", "nan"),
}
_TROUBLES = tuple((system, trouble) for system, all_of in _SYSTEMS.items() for trouble in all_of)
_BAD = ("errors", "slow", "unhealthy", "never ready", "crashing")

# What every case and step since the start of this process adds to.
COUNTED = {"cases": 0, "steps": 0}

_STAGES: list[Stage] = []


class AnyStory(RuleBasedStateMachine):
    """One run, and all that may happen to it."""

    def __init__(self) -> None:
        super().__init__()
        self._stack = ExitStack()
        self.world: Simulation

    @initialize(
        seed=st.integers(0, 2**32),
        processes=st.integers(1, 3),
        alone=st.booleans(),
        in_turn=st.booleans(),
        stages=st.sampled_from(((100,), (25, 100), (5, 50, 100))),
        people=st.integers(1, 2),
        short=st.booleans(),
        routing=st.sampled_from(EACH_ROUTING),
        rolling=st.sampled_from((None, None, None, Rolling(), Rolling(1, 1), Rolling(recreates=True))),
        plain=st.booleans(),
    )
    def begins(self, seed, processes, alone, in_turn, stages, people, short, routing, rolling, plain) -> None:
        COUNTED["cases"] += 1
        step = timedelta(seconds=20) if short else timedelta(minutes=15)
        circumstances = Forecast(
            processes=processes,
            is_one_machine=alone,
            has_one_thread=in_turn,
            stages=stages,
            bake=6.0,
            gates=("tests",),
            approvals=ApprovalPolicy(people=people, remind=step, escalate=2 * step, expire=4 * step),
            storm=0.0,
            routing=PLAIN if rolling and plain else routing,
            rolling=rolling,
            patience=3.0,
            troubles=("any",),
        )
        self.world = self._stack.enter_context(_stage().world(seed, circumstances))
        self.world.loop.run_until_complete(self.world.begins())

    @rule(seconds=st.sampled_from((0.02, 0.3, 2.0, 7.3, 20.0)))
    def time_passes(self, seconds) -> None:
        self._passes(seconds)

    @rule(
        action=st.sampled_from(("approve", "approve", "approve", "approve_rest", "hold", "resume")),
        by=st.sampled_from((BO, CY, ADA)),
        times=st.integers(1, 2),
    )
    def somebody_presses(self, action, by, times) -> None:
        for button in self.world.people.buttons().get(action, ())[:1]:
            for _ in range(times):
                self.world.people.press(by, button)
        self._passes(0.5)

    @rule(action=st.sampled_from(("rollback", "abort")), by=st.sampled_from((ADA, BO)))
    def somebody_turns_it_back(self, action, by) -> None:
        for button in self.world.people.buttons().get(action, ())[:1]:
            self.world.people.press(by, button)
        self._passes(0.5)

    @rule(words=st.sampled_from(("approve", "hold", "resume", "status", "deploy it")))
    def somebody_types(self, words) -> None:
        again = f"{NEW} {self.world.weather.forecast.strategy}"
        self.world.people.type(BO, again if words == "deploy it" else words)
        self._passes(0.5)

    @rule()
    def somebody_presses_what_is_gone(self) -> None:
        self.world.people.press_again()
        self._passes(0.3)

    @rule(trouble=st.sampled_from(_TROUBLES), times=st.integers(1, 3))
    def calls_fail(self, trouble, times) -> None:
        for _ in range(times):
            self.world.weather.plans(*trouble)

    @rule(system=st.sampled_from(tuple(_SYSTEMS)), seconds=st.sampled_from((3.0, 12.0, 25.0)))
    def a_system_is_away(self, system, seconds) -> None:
        self.world.weather.away(system, seconds)

    @rule(kind=st.sampled_from(("write", "change", "say", "read")), what=st.sampled_from(("kill", "freeze")))
    def it_dies_or_freezes_at_the_next(self, kind, what) -> None:
        self.world.weather.plans_at(kind, what)

    @rule(which=st.integers(0, 2))
    def a_process_is_killed(self, which) -> None:
        bot = self._up(which)
        if bot is not None:
            self.world.weather.kill(bot.life, "by the story")

    @rule(which=st.integers(0, 2))
    def a_process_is_frozen(self, which) -> None:
        bot = self._up(which)
        if bot is not None:
            self.world.weather.freeze(bot.life, "by the story")

    @rule(which=st.integers(0, 2), seconds=st.sampled_from((3.0, 12.0)))
    def a_process_is_cut_off(self, which, seconds) -> None:
        bot = self._up(which)
        if bot is not None:
            self.world.weather.away(f"database of {bot.life}", seconds)

    @rule(which=st.integers(0, 2), by=st.sampled_from((-60.0, 5.0, 3600.0)))
    def a_clock_is_set(self, which, by) -> None:
        bot = self._up(which)
        if bot is not None:
            bot.clock.offset += timedelta(seconds=by)

    @rule(how=st.sampled_from(_BAD))
    def the_new_version_turns_bad(self, how) -> None:
        self.world.cluster.put_faults(spoil(NEW, how, self.world.users, self.world.unhealthy))

    @precondition(lambda self: self._is_in_the_middle())
    @rule(weight=st.sampled_from((0, 33)))
    def somebody_else_shifts(self, weight) -> None:
        self.world.cluster.somebody_shifts(weight)

    @invariant()
    def nothing_is_out_of_order(self) -> None:
        if not hasattr(self, "world"):
            return
        COUNTED["steps"] += 1
        self.world.cluster.advance()
        # Raises where weights do not add to 100.
        self.world.cluster.truth()
        found = [breach for judge in (claims, effects, tenures, ends) for breach in judge(self.world)]
        assert not found, self._told(found)
        for name in self.world.witness.runs():
            self._folds_in_parts(name)

    def teardown(self) -> None:
        with self._stack:
            if hasattr(self, "world"):
                breaches = ended(self.world, self._nothing())
                assert not breaches, self._told(breaches)

    def _folds_in_parts(self, name: str) -> None:
        entries = [one.entry for one in self.world.witness.of(name)]
        cut = random.Random(len(entries)).randint(1, len(entries))
        run = fold_all(entries[:cut])
        for entry in entries[cut:]:
            run = fold(run, entry)
        assert run == fold_all(entries), f"{name} folds to something else in two parts"

    def _is_in_the_middle(self) -> bool:
        """The canary is up and nothing is being put in order yet."""
        if not hasattr(self, "world") or self.world.witness.is_over:
            return False
        run = self._run()
        is_going_on = run.state in {RunState.RUNNING, RunState.WAITING}
        is_up = run.record("canary/header").status is StepStatus.DONE
        return is_going_on and is_up and run.record("promote/stable").status is StepStatus.PENDING

    def _run(self) -> Run:
        return self.world.witness.folded(self.world.witness.runs()[0])

    def _up(self, which: int) -> SimulatedBot | None:
        up = [bot for bot in self.world.bots.values() if bot.is_up]
        return up[which % len(up)] if up else None

    def _passes(self, seconds: float) -> None:
        self.world.loop.run_until_complete(_sleep(seconds))

    async def _nothing(self) -> None: ...

    def _told(self, breaches: list[str]) -> str:
        return "\n".join((*breaches, *self.world.trace.lines[-150:]))


async def _sleep(seconds: float) -> None:
    await asyncio.sleep(seconds)


def _stage() -> Stage:
    if not _STAGES:
        _STAGES.append(Stage())
    return _STAGES[0]


def leave_stage() -> None:
    while _STAGES:
        _STAGES.pop().close()


def bounded(cases: int, steps: int = 25, *, same: bool = False) -> settings:
    """So many stories; with `same`, the same ones each time."""
    return settings(
        derandomize=same,
        max_examples=cases,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.properties.machine", description=__doc__)
    parser.add_argument("--cases", type=int, default=200, help="how many stories to tell")
    parser.add_argument("--steps", type=int, default=25, help="how long a story may be")
    asked = parser.parse_args()
    try:
        run_state_machine_as_test(AnyStory, settings=bounded(asked.cases, asked.steps))
    finally:
        leave_stage()
        print(f"{COUNTED['cases']} cases, {COUNTED['steps']} steps")
    return 0


if __name__ == "__main__":
    sys.exit(main())

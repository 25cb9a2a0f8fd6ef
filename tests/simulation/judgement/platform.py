"""Judges of what was done: each effect with its approval and once, by whoever holds the run, and the end."""

from collections import Counter
from collections.abc import Iterator

from bot.domain.events import Approved, Claimed, Ended, Ending, Intended, Progressed, PutOff
from bot.domain.traffic import ByColour
from tests.simulation.cluster import RUNNING, Effect
from tests.simulation.simulation import NEW, Simulation
from tests.simulation.witness import Committed

_REPLICAS = 3
_SIDES = ("stable", "canary")
_ROLLOUT = "rolling/rollout"
_SWITCH = "blue-green/switch"
_LEFT = "after/decommission"
_KEEPING = ("rolling/keep", "back/settings")


def effects(simulation: Simulation) -> Iterator[str]:
    """Nothing without a step that was journaled before, no shift without its approval, nothing twice."""
    seen: Counter[str] = Counter()
    for effect in simulation.cluster.effects:
        run, entries = _run_at(simulation, effect)
        explained = _explained(effect)
        if simulation.forecast.is_in_colours and entries:
            explained = _in_colours(effect, _serving(simulation, run))
        for what, steps in explained:
            intended = _steps(entries, Intended)
            step = next((step for step in steps if step in intended), None)
            if step is None:
                yield f"{effect}: {what} without a journaled intent for {' or '.join(steps)}"
                continue
            if what in _SHIFTS and step not in _steps(entries, Approved):
                yield f"{effect}: {what} without an approval of {step}"
            if what in _FORWARD:
                seen[f"{run}: {step}"] += 1
    for what, number in seen.items():
        # What somebody else has undone may be done again.
        if number > 1 and not simulation.cluster.is_meddled_with:
            yield f"{what} took effect {number} times"


_FORWARD = frozenset({"a shift", "the new version on stable", "a canary", "the header to the canary"})
_SHIFTS = frozenset({"a shift", "the new version on stable"})


def _explained(effect: Effect) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What changed, and the steps by which it may have."""
    before, after = effect.before, effect.after
    if after.weight != before.weight and after.weight > 0:
        yield "a shift", (f"canary/{after.weight}/weight",)
    elif after.weight < before.weight:
        yield "traffic to stable", ("promote/traffic", "back/traffic")
    if before.header != "canary" and after.header == "canary":
        yield "the header to the canary", ("canary/header",)
    elif before.header == "canary" and after.header != "canary":
        yield "the header to stable", ("promote/traffic", "back/traffic")
    if after.stable != before.stable:
        if after.stable == NEW:
            yield "the new version on stable", ("promote/stable", _ROLLOUT)
        else:
            yield "the old version on stable", ("back/restore",)
    if before.canary is None and after.canary is not None:
        yield "a canary", ("canary/deploy",)
    elif before.canary is not None and after.canary is None:
        yield "no canary", ("promote/cleanup", "back/canary")
    yield from _of_rollout(effect)


def _in_colours(effect: Effect, serving: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The same of two colours, of which one served when the run was planned."""
    before, after = effect.before, effect.after
    other = "canary" if serving == "stable" else "stable"
    if after.weight != before.weight:
        is_forward = (after.weight == 100) == (other == "canary")
        yield ("a shift", (_SWITCH,)) if is_forward else ("traffic to stable", ("back/traffic",))
    if after.header != before.header:
        is_forward = after.header == other
        yield (
            ("the preview to the new version", ("blue-green/preview",))
            if is_forward
            else ("the preview to stable", ("back/traffic",))
        )
    if getattr(after, serving) != getattr(before, serving):
        is_left = getattr(after, serving) is None and (before.weight == 100) == (other == "canary")
        yield ("no version of before", (_LEFT,)) if is_left else ("another version where users are", ())
    old, new = getattr(before, other), getattr(after, other)
    if new != old:
        yield ("a canary", ("blue-green/deploy",)) if new else ("no canary", ("back/canary",))
    elif after.roller is None and before.roller is not None:
        yield "nobody's version", ("blue-green/keep", "back/canary")
    elif after.roller != before.roller:
        yield "the run's version", ("blue-green/deploy",)


def _serving(simulation: Simulation, run: str) -> str:
    traffic = simulation.witness.folded(run).plan.target.traffic
    assert isinstance(traffic, ByColour)
    return "stable" if traffic.serving == "blue" else "canary"


def _of_rollout(effect: Effect) -> Iterator[tuple[str, tuple[str, ...]]]:
    before, after = effect.before, effect.after
    if after.paused and not before.paused:
        yield "a pause", (_ROLLOUT,)
    elif before.paused and not after.paused:
        yield "no pause", (_ROLLOUT, "back/restore", *_KEEPING)
    if after.roller is not None and after.roller != before.roller:
        yield "who rolls it out", (_ROLLOUT,)
    elif after.roller is None and before.roller is not None:
        yield "nobody rolls it out", _KEEPING
    if after.pace != before.pace:
        # How its team has it, or how the run does; it begins with the version.
        is_begun = after.stable == NEW and before.stable != NEW
        yield "how pods are replaced", (_ROLLOUT,) if is_begun else ("back/restore", *_KEEPING)


def rollouts(simulation: Simulation) -> Iterator[str]:
    """Each change within a rollout has an attempt of its own, and enough pods serve all along."""
    changes: Counter[str] = Counter()
    for effect in simulation.cluster.effects:
        run, entries = _run_at(simulation, effect)
        if simulation.witness.folded(run).plan.target.is_beside or _is_way_home(entries):
            continue
        changes[run] += 1
        attempts = sum(isinstance(o.entry.event, Intended) and o.entry.step == _ROLLOUT for o in entries)
        if changes[run] > attempts:
            yield f"{effect}: change {changes[run]} of the rollout, which has {attempts} attempts"
    rolling, fewest = simulation.forecast.rolling, simulation.cluster.fewest_ready
    away = 0 if rolling is None else rolling.max_unavailable
    if fewest is not None and fewest < _REPLICAS - away and not simulation.cluster.is_spoiled_late:
        yield f"only {fewest} pods of stable were ready once, of {_REPLICAS}, of which {away} may be away"


def _is_way_home(entries: list[Committed]) -> bool:
    """Whether by then something was begun that follows a rollout."""
    return not {"rolling/watch", "rolling/keep", "back/restore", "back/settings"}.isdisjoint(
        _steps(entries, Intended)
    )


def tenures(simulation: Simulation) -> Iterator[str]:
    """Who has lost a run changes nothing more but with the one request that was under way."""
    late: Counter[tuple[str, int]] = Counter()
    for effect in simulation.cluster.effects:
        _, entries = _run_at(simulation, effect)
        claimed = [one for one in entries if isinstance(one.entry.event, Claimed)]
        if claimed and _owner(claimed[-1]) != effect.process:
            mine = [one.entry.lease or 0 for one in claimed if _owner(one) == effect.process]
            late[effect.process, max(mine, default=0)] += 1
    for (process, lease), number in late.items():
        if lease == 0:
            yield f"{process} changed something without ever having had a lease"
        elif number > 1:
            yield f"{process} changed something {number} times after it had lost lease {lease}"


def ends(simulation: Simulation) -> Iterator[str]:
    """A run that has ended only cares for what it has left, and no other request comes after the end."""
    for effect in simulation.cluster.effects:
        run, entries = _run_at(simulation, effect)
        is_left = _LEFT in _steps(entries, Intended) and None in {effect.after.stable, effect.after.canary}
        if any(isinstance(one.entry.event, Ended) for one in entries) and not is_left:
            yield f"{effect}, after {run} had ended"


def rest(simulation: Simulation) -> Iterator[str]:
    """At the end all traffic is on one trusted version, and nothing is left of the trial."""
    simulation.cluster.advance()
    truth = simulation.cluster.truth()
    trusted = RUNNING
    for name in simulation.witness.runs():
        run = simulation.witness.folded(name)
        if run.ended is not None and run.ended.ending is Ending.FINISHED:
            trusted = run.plan.request.version
        if run.ended is not None and run.ended.ending is Ending.STOPPED and simulation.cluster.effects:
            yield f"{name} was stopped before production was touched, and production was touched"
    yield from _rest_of_staging(simulation, trusted)
    if simulation.forecast.is_in_colours:
        yield from _rest_of_colours(simulation, trusted)
        return
    if truth.weight != 0:
        yield f"{truth.weight} % are still on the canary"
    if truth.header == "canary":
        yield "the header route still leads to the canary"
    if truth.canary is not None:
        yield f"the canary {truth.canary} is still there"
    first = simulation.cluster.at_first
    if (truth.paused, truth.roller, truth.pace) != (first.paused, first.roller, first.pace):
        yield f"stable is not rolled out as its team has it: {truth}"
    if truth.stable != trusted:
        yield f"stable is to run {truth.stable} instead of {trusted}"
    ready = simulation.cluster.ready("stable")
    if ready != [trusted] * _REPLICAS:
        yield f"stable's ready pods run {ready}"


def _rest_of_staging(simulation: Simulation, trusted: str) -> Iterator[str]:
    """It runs what production does, and is rolled out as its team has it, or the thread says why not."""
    there, first = simulation.cluster.staging(), simulation.cluster.staging_at_first
    newest = simulation.witness.folded(simulation.witness.runs()[-1]) if simulation.witness.runs() else None
    if there is None or first is None or newest is None:
        return
    left = newest.record("back/staging/restore").evidence.sentence
    if left.startswith("Staging is left as it is"):
        return
    is_rehearsed = newest.plan.staging is not None
    if is_rehearsed and there.version != trusted:
        yield f"staging is to run {there.version} instead of {trusted}"
    if (there.paused, there.roller, there.pace) != (first.paused, first.roller, first.pace):
        yield f"staging is not rolled out as its team has it: {there}"
    ready = simulation.cluster.ready_on_staging()
    if is_rehearsed and ready != [trusted] * 2:
        yield f"the ready pods of staging run {ready}"


def _rest_of_colours(simulation: Simulation, trusted: str) -> Iterator[str]:
    """One colour serves, with its preview; what is left in the other one is nobody's."""
    truth, serving = simulation.cluster.truth(), simulation.cluster.serving
    if truth.header != serving:
        yield f"the preview leads to {truth.header}, and {serving} serves"
    if truth.roller is not None:
        yield f"a colour still belongs to {truth.roller}"
    newest = simulation.witness.folded(simulation.witness.runs()[-1])
    left = newest.record(_LEFT).evidence.sentence
    other = "canary" if serving == "stable" else "stable"
    if left.endswith("is removed") and getattr(truth, other) is not None:
        yield f"{left}, and {getattr(truth, other)} is there"
    if getattr(truth, serving) != trusted:
        yield f"users meet {getattr(truth, serving)} instead of {trusted}"
    ready = simulation.cluster.ready(serving)
    if ready != [trusted] * _REPLICAS:
        yield f"the ready pods of {serving} run {ready}"


def _run_at(simulation: Simulation, effect: Effect) -> tuple[str, list[Committed]]:
    """The run that was the newest then, or the one that removes what it had left; its entries up to then."""
    before = [one for one in simulation.witness.entries if one.number < effect.number]
    if not before:
        return "no run", []
    run = _caring(before) if _removes(effect) else None
    run = run or next(one.entry.run for one in reversed(before) if one.entry.kind == "planned")
    return run, [one for one in before if one.entry.run == run]


def _removes(effect: Effect) -> bool:
    return any(getattr(effect.before, side) and not getattr(effect.after, side) for side in _SIDES)


def _caring(entries: list[Committed]) -> str | None:
    """The run that is removing what it has left."""
    newest = [one.entry for one in entries if one.entry.step == _LEFT and not _is_put_off(one)]
    return newest[-1].run if newest and isinstance(newest[-1].event, Intended | Progressed) else None


def _is_put_off(one: Committed) -> bool:
    return isinstance(one.entry.event, PutOff)


def _steps(entries: list[Committed], kind: type[Intended] | type[Approved]) -> frozenset[str]:
    return frozenset(one.entry.step or "" for one in entries if isinstance(one.entry.event, kind))


def _owner(claimed: Committed) -> str:
    event = claimed.entry.event
    assert isinstance(event, Claimed)
    return event.owner

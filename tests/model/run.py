"""Searches the model of the protocol: `python -m tests.model.run`, with `--help` for what else it can do.

Every search is exhaustive within its budgets, and bounded in memory and time; one that does not finish has
failed. By itself it checks each claim in each weather, and all have to hold. `--mutations` takes one
safeguard away at a time, and the claim named beside it has to break; it also looks that runs end in each way.
`--findings` asks the harder questions that the code does not answer yet, and what a remedy would answer;
`docs/protocol.md` tells of them. Needs `spin` and `gcc`.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

MODEL = Path(__file__).with_name("slackwater.pml")
TOOLS = ("spin", "gcc")

# In megabytes and seconds, of each search. The largest one takes about a quarter of either.
MEMORY = 4000
LONGEST = 300
_DEPTH = 100_000

# The flag that a breach sets in the model, and the claim in words.
SAFETY = {
    "moved_unapproved": "no shift without its own approval, journaled before its intent",
    "moved_unasked": "silence never moves traffic forward",
    "moved_unintended": "no effect before its intent",
    "written_stale": "one driver's writes count: the newest lease's",
    "acted_without_lease": "no effect after the lease is lost but the one under way",
    "landed_after_back": "what was under way cannot land once the way back has moved on",
    "acted_after_end": "a run that has ended never acts again",
    "moved_twice": "no step forward takes effect twice",
    "won_twice": "a press wins once",
    "approved_another": "a press never counts for another question",
    "went_over_a_press": "what was committed is heard before a step forward and before the end",
    "away_from_home": "after the end all traffic is on one trusted version",
    "end states": "nothing is ever stuck without a way on",
}
ENDS = "ends"
LIVENESS = {ENDS: "every run ends, or a person holds it"}


class Search(NamedTuple):
    """One run of spin. `breaks` names the claim that has to break; none: all have to hold."""

    name: str
    defines: tuple[str, ...]
    breaks: str | None = None
    liveness: bool = False


class Found(NamedTuple):
    """What a search came to."""

    states: int
    depth: int
    seconds: float
    broken: str | None
    finished: bool
    trail: str


def budgets(
    *,
    takeovers: int = 0,
    crashes: int = 0,
    timeouts: int = 0,
    losses: int = 0,
    holds: int = 0,
    turns: int = 1,
) -> tuple[str, ...]:
    """How often each thing may happen in one search."""
    return (
        f"TAKEOVERS={takeovers}",
        f"CRASHES={crashes}",
        f"TIMEOUTS={timeouts}",
        f"LOSSES={losses}",
        f"HOLDS={holds}",
        f"TURNS={turns}",
    )


CALM = budgets()
FROZEN = budgets(takeovers=1)
LATE = budgets(timeouts=1, losses=1)
KILLED = budgets(crashes=1, timeouts=1, losses=1)
HELD = budgets(holds=1)
CRASHED = budgets(crashes=1)

CLAIMS = (
    Search("a driver is frozen and another takes over", FROZEN),
    Search("a process is killed, a request late, one lost", KILLED),
    Search("a driver is frozen while people hold and resume", budgets(takeovers=1, holds=1, turns=0)),
    Search("a process is killed while people hold and resume", budgets(crashes=1, holds=1)),
    Search("a process is killed twice", budgets(crashes=2)),
    Search("calm", CALM, liveness=True),
    Search("a request late, one lost", LATE, liveness=True),
    Search("a process is killed", CRASHED, liveness=True),
    Search("a driver is frozen, and nobody turns the run back", budgets(takeovers=1, turns=0), liveness=True),
)

# A minute or gigabytes each: by command only.
LONG = (
    Search("frozen, and a request late", budgets(takeovers=1, timeouts=1)),
    Search("people hold and resume", HELD, liveness=True),
)

# A claim holds emptily where nothing happens: each end has to be reached.
REACHED = (
    Search("a run can finish, taken over", (*FROZEN, "REACHES=FINISHED"), "arrived"),
    Search("a run can be rolled back, taken over", (*FROZEN, "REACHES=ROLLED_BACK"), "arrived"),
    Search("a run can be aborted, taken over", (*FROZEN, "REACHES=ABORTED"), "arrived"),
)

MUTATIONS = (
    Search("no fencing: neither lease nor newest entry is checked", (*FROZEN, "NO_FENCE"), "written_stale"),
    Search("the lease's number is not checked", (*FROZEN, "NO_LEASE_CHECK"), "written_stale"),
    Search("no approval is asked for", (*CALM, "NO_APPROVAL_CHECK"), "moved_unapproved"),
    Search("the effect comes before the intent", (*CALM, "EFFECT_BEFORE_INTENT"), "moved_unintended"),
    Search("no resourceVersion, a driver frozen", (*FROZEN, "NO_REVISION"), "away_from_home"),
    Search("no resourceVersion, a request late", (*budgets(timeouts=1), "NO_REVISION"), "away_from_home"),
    Search("the way back does not wait for what is late", (*LATE, "NO_WAIT"), "away_from_home"),
    Search("writes without a look for interrupts", (*CALM, "NO_HEARS_FIRST"), "went_over_a_press"),
    Search("a press counts without its condition", (*CALM, "NO_CONDITION"), "won_twice"),
    Search("a press answers whatever is asked now", (*HELD, "ANY_QUESTION"), "approved_another"),
    Search("an expired question is a yes", (*CALM, "SILENCE_APPROVES"), "moved_unasked"),
    Search("a driver goes on after the end", (*CALM, "ACTS_AFTER_END"), "acted_after_end"),
    Search("questions do not expire", (*CALM, "NO_EXPIRY"), ENDS, liveness=True),
    Search("nobody nudges the driver", (*CALM, "NO_NUDGE"), ENDS, liveness=True),
)

FINDINGS = (
    Search("no check of the newest entry: a second lock on one door", (*FROZEN, "NO_AFTER_CHECK")),
    Search("frozen between intent and request", (*FROZEN, "FROZEN"), "landed_after_back"),
    Search("a way back goes on without its lease", (*FROZEN, "ALL_EFFECTS"), "acted_without_lease"),
    Search("both, with the remedy", (*FROZEN, "FROZEN", "ALL_EFFECTS", "REMEDY")),
    Search("a step's time is over, its request is not", (*LATE, "OVERDUE"), "away_from_home"),
    Search("a press reaches another process than the driver's", (*CALM, "DEAF"), ENDS, liveness=True),
)


def missing() -> tuple[str, ...]:
    """The tools that are not installed."""
    return tuple(tool for tool in TOOLS if shutil.which(tool) is None)


def search(what: Search) -> Found:
    """Translate, compile and run; the folder with all of it is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        _build(what, Path(folder))
        begun = time.monotonic()
        arguments = ["-a", "-f"] if what.liveness else []
        try:
            said = _said("./pan", f"-m{_DEPTH}", "-c1", *arguments, folder=Path(folder))
        except subprocess.TimeoutExpired:
            return Found(0, 0, time.monotonic() - begun, None, finished=False, trail="")
        return _read(said, time.monotonic() - begun, _trail(what, Path(folder)))


def is_right(what: Search, found: Found) -> bool:
    return found.broken == what.breaks and (found.finished or what.breaks is not None)


def _build(what: Search, folder: Path) -> None:
    defines = [f"-D{name}" for name in (*what.defines, *(("LIVENESS",) if what.liveness else ()))]
    # A model without its liveness claim can be searched with far fewer states.
    purpose = ["-DNFAIR=4"] if what.liveness else ["-DSAFETY", "-DNOCLAIM"]
    shutil.copy(MODEL, folder)
    _said("spin", *defines, "-a", MODEL.name, folder=folder)
    flags = ["-O2", "-DCOLLAPSE", "-DVECTORSZ=2048", f"-DMEMLIM={MEMORY}", *purpose]
    _said("gcc", *flags, "-o", "pan", "pan.c", folder=folder)


def _said(*command: str, folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=LONGEST, check=False)
    if done.returncode != 0 and command[0] != "./pan":
        raise RuntimeError(f"{command[0]} failed:\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def _read(said: str, seconds: float, trail: str) -> Found:
    errors = re.search(r"depth reached (\d+), errors: (\d+)", said)
    states = re.search(r"(\d+(?:\.\d+)?(?:e\+\d+)?) states, stored", said)
    if errors is None or states is None:
        raise RuntimeError(f"the search said nothing that could be read:\n{said}")
    return Found(
        states=int(float(states[1])),
        depth=int(errors[1]),
        seconds=seconds,
        broken=_broken(said) if errors[2] != "0" else None,
        finished="Search not completed" not in said and "max search depth too small" not in said,
        trail=trail,
    )


def _broken(said: str) -> str:
    flag = re.search(r"assertion violated\s+!\((\w+)\)", said)
    if flag is not None:
        return flag[1]
    if "acceptance cycle" in said:
        return ENDS
    return "end states" if "invalid end state" in said else "something else"


_SHOWN = re.compile(r"\b(state|at|weight|header|stable_is_new|lease_owner) = (\w+)$")


def _trail(what: Search, folder: Path) -> str:
    """How the breach came about: every change of what can be seen from outside, in its order."""
    if not (folder / f"{MODEL.name}.trail").exists():
        return ""
    defines = [f"-D{name}" for name in (*what.defines, *(("LIVENESS",) if what.liveness else ()))]
    steps: list[str] = []
    seen: dict[str, str] = {}
    for line in _said("spin", *defines, "-t", "-p", "-g", MODEL.name, folder=folder).splitlines():
        found = _SHOWN.search(line.strip())
        if found is not None and seen.get(found[1]) != found[2]:
            seen[found[1]] = found[2]
            steps.append(f"{found[1]}={found[2]}")
    return " ".join(steps)


def _told(what: Search, found: Found) -> str:
    verdict = "holds" if found.broken is None else f"broken: {found.broken}"
    if not found.finished and found.broken is None:
        verdict = "not finished"
    mark = "ok  " if is_right(what, found) else "FAIL"
    figures = f"{found.states:>10,} states  depth {found.depth:>4}  {found.seconds:6.1f} s"
    return f"{mark} {figures}  {what.name}: {verdict}"


def run_all(title: str, searches: Iterable[Search], *, trails: bool = False) -> bool:
    """Print what each search came to, and each claim's verdict; whether all came to what they should."""
    print(f"\n{title}")
    every = [(what, _run(what, trails=trails)) for what in searches]
    _print_verdicts([(what, found) for what, found in every if what.breaks is None])
    return all(is_right(what, found) for what, found in every)


def _run(what: Search, *, trails: bool) -> Found:
    found = search(what)
    print(_told(what, found), flush=True)
    if found.trail and (trails or what.breaks is None):
        print(f"     {found.trail}")
    return found


def _print_verdicts(every: list[tuple[Search, Found]]) -> None:
    for liveness, claims in ((False, SAFETY), (True, LIVENESS)):
        searches = [found for what, found in every if what.liveness is liveness]
        for flag, words in claims.items() if searches else ():
            broken = sum(found.broken == flag for found in searches)
            held = sum(found.finished and found.broken is None for found in searches)
            verdict = "BROKEN" if broken else "holds" if held == len(searches) else "open"
            print(f"     {verdict:<6} in {held} of {len(searches)} searches: {words}")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.model.run", description="Search the protocol's model."
    )
    parser.add_argument("--mutations", action="store_true", help="take one safeguard away at a time")
    parser.add_argument("--findings", action="store_true", help="ask what the code does not answer yet")
    parser.add_argument("--long", action="store_true", help="the claims in worse weather, for some minutes")
    parser.add_argument("--all", action="store_true", help="all of these")
    parser.add_argument("--trails", action="store_true", help="print how each breach came about")
    wanted = parser.parse_args()
    if absent := missing():
        sys.exit(f"Not installed: {', '.join(absent)}. On Debian: apt-get install spin gcc")
    chosen = [
        ("Claims: all have to hold.", CLAIMS, not (wanted.mutations or wanted.findings or wanted.long)),
        ("Claims in worse weather: all have to hold.", LONG, wanted.long),
        ("Ends: each has to be reached.", REACHED, wanted.mutations),
        ("Mutations: each has to be caught.", MUTATIONS, wanted.mutations),
        ("Findings, as docs/protocol.md tells them.", FINDINGS, wanted.findings),
    ]
    results = [
        run_all(title, searches, trails=wanted.trails)
        for title, searches, is_wanted in chosen
        if is_wanted or (wanted.all and searches is not LONG)
    ]
    if not all(results):
        sys.exit("\nNot all came to what they should.")


if __name__ == "__main__":
    main()

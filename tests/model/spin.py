"""Translates, compiles and runs one search with spin, bounded in memory and time."""

import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from tests.model.searches import LIVENESS, Search

TOOLS = ("spin", "gcc")

# In megabytes and seconds, of each search: one that needs more has failed.
MEMORY = 4000
LONGEST = 600
_DEPTH = 100_000
_HERE = Path(__file__).parent


class Found(NamedTuple):
    """What a search came to."""

    states: int
    depth: int
    seconds: float
    broken: str | None
    finished: bool
    trail: str


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
        return _read(what, said, time.monotonic() - begun, _trail(what, Path(folder)))


def is_right(what: Search, found: Found) -> bool:
    return found.broken == what.breaks and (found.finished or what.breaks is not None)


def _defines(what: Search) -> list[str]:
    return [f"-D{name}" for name in (*what.defines, *(("LIVENESS",) if what.liveness else ()))]


def _build(what: Search, folder: Path) -> None:
    # A model without its liveness claim can be searched with far fewer states.
    purpose = ["-DNFAIR=4"] if what.liveness else ["-DSAFETY", "-DNOCLAIM"]
    # What breaks does so soon: there the compiler would take longer than the search.
    pace = "-O0" if what.breaks else "-O1"
    shutil.copy(_HERE / what.model, folder)
    _said("spin", *_defines(what), "-a", what.model, folder=folder)
    flags = [pace, "-DCOLLAPSE", "-DVECTORSZ=2048", f"-DMEMLIM={MEMORY}", *purpose]
    _said("gcc", *flags, "-o", "pan", "pan.c", folder=folder)


def _said(*command: str, folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=LONGEST, check=False)
    if done.returncode != 0 and command[0] != "./pan":
        raise RuntimeError(f"{command[0]} failed:\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def _read(what: Search, said: str, seconds: float, trail: str) -> Found:
    errors = re.search(r"depth reached (\d+), errors: (\d+)", said)
    states = re.search(r"(\d+(?:\.\d+)?(?:e\+\d+)?) states, stored", said)
    if errors is None or states is None:
        raise RuntimeError(f"the search said nothing that could be read:\n{said}")
    return Found(
        states=int(float(states[1])),
        depth=int(errors[1]),
        seconds=seconds,
        broken=_broken(what, said) if errors[2] != "0" else None,
        finished="Search not completed" not in said and "max search depth too small" not in said,
        trail=trail,
    )


def _broken(what: Search, said: str) -> str:
    flag = re.search(r"assertion violated\s+!\((\w+)\)", said)
    if flag is not None:
        return flag[1]
    return LIVENESS[what.model][0] if "acceptance cycle" in said else "something else"


_SHOWN = re.compile(
    r"\b(state|at|weight|header|canary|stable_is_new|lease_owner|told|owner|holds|place|post\[\d\]) = (\w+)$"
)


def _trail(what: Search, folder: Path) -> str:
    """How the breach came about: every change of what can be seen from outside, in its order."""
    if not (folder / f"{what.model}.trail").exists():
        return ""
    steps: list[str] = []
    seen: dict[str, str] = {}
    for line in _said("spin", *_defines(what), "-t", "-p", "-g", what.model, folder=folder).splitlines():
        found = _SHOWN.search(line.strip())
        if found is not None and seen.get(found[1]) != found[2]:
            seen[found[1]] = found[2]
            steps.append(f"{found[1]}={found[2]}")
    return " ".join(steps)

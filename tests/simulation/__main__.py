"""`python -m tests.simulation --runs 1000`: plays so many seeds, and prints what they came to.

A failure is printed with its seed, and `--seed N --runs 1 --trace` plays it again exactly, line by line.
`--mutation NAME` takes a safeguard away and plays until somebody misses it.
"""

import argparse
import multiprocessing
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import count, islice

from tests.simulation.forecast import TROUBLES, forecast
from tests.simulation.mutations import MUTATIONS
from tests.simulation.play import Report, Stage, told
from tests.simulation.workers import enter_stage, played

STRATEGIES = ("canary", "rolling", "blue-green")
# One that is not found within so many seeds is not found.
_SEARCHED = 400


def main() -> int:
    asked = _arguments()
    began = time.perf_counter()
    if asked.mutation:
        names = tuple(MUTATIONS) if asked.mutation == "all" else (asked.mutation,)
        return max(_missed(name, asked) for name in names)
    figures = Figures()
    for report in _reports(asked):
        figures.add(report)
        if report.breaches or asked.trace:
            print(told(report, whole=asked.trace), flush=True)
    figures.print(time.perf_counter() - began)
    return 1 if figures.failed else 0


class Figures:
    """What many runs came to."""

    def __init__(self) -> None:
        self.failed: list[int] = []
        self._reports = 0
        self._virtual = 0.0
        self._real: list[float] = []
        self._spent: list[float] = []
        self._counted: Counter[str] = Counter()

    def add(self, report: Report) -> None:
        self._reports += 1
        self._virtual += report.virtual
        self._real.append(report.real)
        self._spent.append(report.spent)
        self._counted += report.counted
        if report.breaches:
            self.failed.append(report.seed)

    def print(self, took: float) -> None:
        print(f"{self._reports} runs, {self._virtual / 3600:.1f} virtual hours, in {took:.0f} s")
        for what, seconds in (("took", self._real), ("cost a processor", self._spent)):
            print(f"a run {what} {statistics.median(seconds):.2f} s (median), {max(seconds):.2f} s (worst)")
        for what, number in sorted(self._counted.items()):
            print(f"  {number:7,} {what}")
        if self.failed:
            print(f"{len(self.failed)} failed: seeds {', '.join(map(str, self.failed))}")
            print("play one again: python -m tests.simulation --runs 1 --trace --seed N")
        else:
            print("all is as it has to be")


def _missed(name: str, asked: argparse.Namespace) -> int:
    """0 if the simulation misses the safeguard."""
    mutation, judges = MUTATIONS[name]
    stage = Stage()
    try:
        with mutation():
            for number, seed in enumerate(_seeds(asked, _SEARCHED), start=1):
                report = stage.play(seed, tuple(asked.without))
                found = [breach for breach in report.breaches if breach.startswith(judges)]
                if found:
                    print(f"without {name}: missed by run {number} (seed {seed}): {found[0]}", flush=True)
                    return 0
    finally:
        stage.close()
    print(f"without {name}: NOT missed within {_SEARCHED} runs", flush=True)
    return 1


def _reports(asked: argparse.Namespace) -> Iterator[Report]:
    seeds = _seeds(asked, asked.runs)
    without = tuple(asked.without)
    if asked.jobs == 1:
        stage = Stage()
        try:
            for seed in seeds:
                yield stage.play(seed, without)
        finally:
            stage.close()
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(asked.jobs, mp_context=context, initializer=enter_stage) as pool:
        play = partial(played, without=without, whole=asked.trace)
        yield from pool.map(play, seeds, chunksize=5)


def _seeds(asked: argparse.Namespace, number: int) -> list[int]:
    """So many, of those that the forecast gives the strategy."""
    fitting = (s for s in count(asked.seed) if asked.strategy in {None, forecast(s).strategy})
    return list(islice(fitting, number))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--runs", type=int, default=100, help="how many seeds to play")
    parser.add_argument("--seed", type=int, default=1, help="the first of them")
    parser.add_argument("--strategy", choices=STRATEGIES, help="only the seeds that have this one")
    parser.add_argument("--jobs", type=int, default=1, help="so many processes at the same time")
    parser.add_argument("--trace", action="store_true", help="print every line of every run")
    parser.add_argument(
        "--without", nargs="*", default=[], choices=TROUBLES, help="leave this kind of trouble out"
    )
    parser.add_argument(
        "--mutation", choices=(*MUTATIONS, "all"), help="play without this safeguard until it is missed"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

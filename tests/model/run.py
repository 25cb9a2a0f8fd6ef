"""Searches the models of the protocol: `python -m tests.model.run`, with `--help` for what else it can do.

Every search is exhaustive within its budgets; one that does not finish has failed. By itself it checks each
claim in each weather, and all have to hold. `--mutations` takes one safeguard away at a time, and the claim
named beside it has to break; it also looks that runs end in each way. `--ci` does both. `--findings` asks
what the code does not answer; `docs/protocol.md` tells of them. Needs `spin` and `gcc`.
"""

import argparse
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from tests.model.searches import (
    CLAIMS,
    FINDINGS,
    LIVENESS,
    LONG,
    MUTATIONS,
    REACHED,
    SAFETY,
    Search,
)
from tests.model.spin import Found, is_right, missing, search

# The work is done by processes of their own; those of `CLAIMS` need less than 1 GB each.
_AT_ONCE = 2


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
    whats = tuple(searches)
    with ThreadPoolExecutor(_AT_ONCE) as hands:
        every = list(zip(whats, hands.map(partial(_run, trails=trails), whats), strict=True))
    _print_verdicts([(what, found) for what, found in every if what.breaks is None])
    return all(is_right(what, found) for what, found in every)


def _run(what: Search, *, trails: bool) -> Found:
    found = search(what)
    shows_trail = found.trail and (trails or what.breaks is None)
    print(_told(what, found) + (f"\n     {found.trail}" if shows_trail else ""), flush=True)
    return found


def _print_verdicts(every: list[tuple[Search, Found]]) -> None:
    for model, claims in SAFETY.items():
        for flag, words in claims.items():
            _print_verdict([f for w, f in every if w.model == model and not w.liveness], flag, words)
    for model, (flag, words) in LIVENESS.items():
        _print_verdict([f for w, f in every if w.model == model and w.liveness], flag, words)


def _print_verdict(searches: list[Found], flag: str, words: str) -> None:
    if not searches:
        return
    broken = sum(found.broken == flag for found in searches)
    held = sum(found.finished and found.broken is None for found in searches)
    verdict = "BROKEN" if broken else "holds" if held == len(searches) else "open"
    print(f"     {verdict:<6} in {held} of {len(searches)} searches: {words}")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.model.run", description="Search the protocol's models."
    )
    parser.add_argument("--ci", action="store_true", help="the claims and the mutations")
    parser.add_argument("--mutations", action="store_true", help="take one safeguard away at a time")
    parser.add_argument("--findings", action="store_true", help="ask what the code does not answer")
    parser.add_argument("--long", action="store_true", help="the claims in worse weather, for some minutes")
    parser.add_argument("--trails", action="store_true", help="print how each breach came about")
    wanted = parser.parse_args()
    if absent := missing():
        sys.exit(f"Not installed: {', '.join(absent)}. On Debian: apt-get install spin gcc libc6-dev")
    is_plain = not (wanted.mutations or wanted.findings or wanted.long)
    takes_away = wanted.mutations or wanted.ci
    chosen = (
        ("Claims: all have to hold.", CLAIMS, is_plain or wanted.ci),
        ("Claims in worse weather: all have to hold.", LONG, wanted.long),
        ("Ends: each has to be reached.", REACHED, takes_away),
        ("Mutations: each has to be caught.", MUTATIONS, takes_away),
        ("Findings, as docs/protocol.md tells them.", FINDINGS, wanted.findings),
    )
    results = [run_all(title, searches, trails=wanted.trails) for title, searches, is_on in chosen if is_on]
    if not all(results):
        sys.exit("\nNot all came to what they should.")


if __name__ == "__main__":
    main()

"""`python -m tests.fuzz`: what comes from outside, in hostile hands, for as long as one likes.

    python -m tests.fuzz                          # a minute, other cases each time
    python -m tests.fuzz --minutes 60             # longer
    python -m tests.fuzz --seed 7 --only routes   # the same cases again, of one kind

No case may raise what is not meant for it, take longer than `PATIENCE`, or make the bot act. Prints how many
cases there were; a case that broke something is printed, made small, and the exit status is 1.
"""

import argparse
import itertools
import random
import sys
import time
import traceback

from tests.fuzz.parsers import PARSERS
from tests.fuzz.slack import SlackSide
from tests.fuzz.targets import Target

# So many cases at a time of one kind, before the next kind has its turn.
_AT_A_TIME = 200


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--only", action="append", default=[], help="a kind by its name; may be repeated")
    asked = parser.parse_args()
    with SlackSide() as slack:
        every = (slack.target(), *PARSERS)
        chosen = [target for target in every if not asked.only or target.name in asked.only]
        if not chosen:
            parser.error(f"--only takes: {', '.join(target.name for target in every)}")
        print(f"seed {asked.seed}", flush=True)
        broken = _run(chosen, asked.seed, time.monotonic() + asked.minutes * 60)
    for target in chosen:
        print(f"{target.counted:>9,} {target.name} ({target.source}), {target.refused:,} of them refused")
    print(f"{sum(target.counted for target in chosen):,} cases, {len(broken)} kinds of input broke something")
    return 1 if broken else 0


def _run(targets: list[Target], seed: int, until: float) -> set[str]:
    """In turn until the time is over; what is broken is not tried again."""
    broken: set[str] = set()
    for round_ in itertools.count():
        for target in targets:
            if time.monotonic() >= until or len(broken) == len(targets):
                return broken
            if target.name not in broken and not _held(target, seed + round_):
                broken.add(target.name)
    return broken


def _held(target: Target, seed: int) -> bool:
    try:
        target.run(_AT_A_TIME, of=seed)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        print(f"BROKEN {target.name}, seed {seed}")
        traceback.print_exception(error)
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())

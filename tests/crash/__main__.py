"""`python -m tests.crash`: kills the bot at every crash point. How to read what it says: docs/crashes.md."""

import argparse
import asyncio
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.crash.matrix import Order, Result, visited
from tests.crash.strategies import STRATEGIES
from tests.crash.visits import Point
from tests.crash.world import NewDatabase
from tests.support.postgresql import fresh_database, server


def main() -> None:
    words = _parsed()
    folder = Path(words.folder or tempfile.mkdtemp(prefix="slackwater-crash-"))
    folder.mkdir(parents=True, exist_ok=True)
    strategy = STRATEGIES[words.strategy]
    order = Order(
        strategy=strategy,
        directions=[strategy.directions[name] for name in words.direction],
        seed=words.seed,
        jobs=words.jobs,
        seconds=words.seconds,
        only=[_point(text) for text in words.point],
    )
    print(f"Seed {order.seed}, {order.jobs} worlds at a time; what fails is kept in {folder}", flush=True)
    began = time.monotonic()
    with _databases(words.store) as new_database:
        results = asyncio.run(_visited(folder, order, new_database, warm=words.warm))
    print()
    for result in results:
        print(f"{words.store}: {result.line()}")
        if order.seconds is None and result.never_reached:
            print(f"    never reached: {', '.join(result.never_reached)}")
    print(f"{time.monotonic() - began:.0f} s in all, seed {order.seed}")
    sys.exit(any(result.failed for result in results))


async def _visited(
    folder: Path, order: Order, new_database: NewDatabase | None, *, warm: bool
) -> list[Result]:
    """Told to end, it ends the processes of its worlds first."""
    visiting = asyncio.current_task()
    assert visiting is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, visiting.cancel)
    return await visited(folder, order, new_database, warm=warm, say=lambda line: print(line, flush=True))


@contextmanager
def _databases(store: str) -> Iterator[NewDatabase | None]:
    if store == "sqlite":
        yield None
        return
    with server() as url:
        yield lambda: fresh_database(url)


def _point(text: str) -> Point:
    name, _, passing = text.partition("#")
    return Point(name, int(passing or 1))


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--strategy", choices=list(STRATEGIES), default="canary")
    parser.add_argument("--direction", default="all", help="one that the strategy has, or all of them")
    parser.add_argument("--store", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--jobs", type=int, default=4, help="worlds at a time")
    parser.add_argument("--seconds", type=float, help="visit a seeded part that fits into this time")
    parser.add_argument("--seed", type=int, default=1, help="which part, and which later passings")
    parser.add_argument(
        "--point", action="append", default=[], metavar="NAME[#N]", help="only this one; may be repeated"
    )
    parser.add_argument("--warm", action="store_true", help="fork processes instead of starting them cold")
    parser.add_argument(
        "--folder", help="where the worlds live; a matrix that was cut off there is gone on with"
    )
    words = parser.parse_args()
    directions = list(STRATEGIES[words.strategy].directions)
    if words.direction not in {*directions, "all"}:
        parser.error(f"{words.strategy} has the directions {', '.join(directions)}")
    words.direction = directions if words.direction == "all" else [words.direction]
    return words


if __name__ == "__main__":
    main()

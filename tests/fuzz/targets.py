"""One kind of input, and how it is looked at: it may be refused in the words meant for it only."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

# Real seconds that one case may take. All of them are read in milliseconds; the machine may be busy.
PATIENCE = 10.0


class Hangs(BaseException):
    """A case took so long that the bot would stand still. No `except Exception` takes it away."""


@dataclass
class Target:
    """`reads` takes a case of `cases`; what it raises has to be one of `refuses`."""

    name: str
    source: str
    cases: st.SearchStrategy[Any]
    reads: Callable[[Any], object]
    refuses: tuple[type[Exception], ...] = ()
    counted: int = field(default=0, init=False)
    refused: int = field(default=0, init=False)

    def run(self, cases: int, of: int | None = None) -> None:
        """So many cases: the same ones each time, or those that a seed gives.

        Raises:
            Exception: what the first case that broke it raised, with the smallest such case in its notes.
        """

        @settings(
            max_examples=cases,
            database=None,
            deadline=None,
            derandomize=of is None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
            print_blob=False,
        )
        @given(self.cases)
        def check(case: Any) -> None:
            self.check(case)

        (check if of is None else seed(of)(check))()

    def check(self, case: Any) -> None:
        self.counted += 1
        with _in_time():
            try:
                self.reads(case)
            except self.refuses:
                self.refused += 1


@contextmanager
def _in_time() -> Iterator[None]:
    def ring(_signal: int, _frame: FrameType | None) -> None:
        raise Hangs(f"not through with it after {PATIENCE:g} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

"""What happened in one simulation, line by line, and how often what went wrong.

The trace is what a failing seed is understood by, and what two runs of one seed are compared by: nothing may
stand in it that is not the same each time, no real time, no address, no number that another run has moved.
"""

from collections import Counter
from collections.abc import Callable

# A story that goes on for ever is cut in the middle of nothing; its beginning tells why.
_LONGEST = 200_000


class Trace:
    """Lines, with the virtual time and whoever did it."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.lines: list[str] = []
        self.counted: Counter[str] = Counter()

    def note(self, who: object, what: str) -> None:
        if len(self.lines) < _LONGEST:
            self.lines.append(f"{self._now():10.3f}  {who!s:<8} {what}")

    def count(self, what: str) -> None:
        """One more of those, for the figures of many runs."""
        self.counted[what] += 1

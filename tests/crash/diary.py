"""What came of each visit, one JSON object a line, so that a matrix that was cut off can be gone on with."""

import json
from pathlib import Path
from typing import Any

from tests.crash.visits import Outcome, Point, Visit


class Diary:
    """The visits of one folder. Those that failed are visited again."""

    def __init__(self, file: Path, directions: dict[str, Visit]) -> None:
        """`directions`: by name, the visit in which nothing dies."""
        self._file = file
        self._known: dict[tuple[str, str], Outcome] = {}
        lines = file.read_text().splitlines() if file.exists() else []
        for line in lines:
            told = json.loads(line)
            if told["direction"] in directions and not told["findings"]:
                outcome = _outcome(told, directions[told["direction"]], file.parent)
                self._known[_name(outcome.visit)] = outcome

    def known(self, visit: Visit) -> Outcome | None:
        return self._known.get(_name(visit))

    def write(self, outcome: Outcome) -> None:
        point = outcome.visit.point
        told = {
            "direction": outcome.visit.direction.name,
            "point": point.name if point else None,
            "passing": point.passing if point else None,
            "reached": outcome.reached,
            "findings": outcome.findings,
            "seconds": round(outcome.seconds, 1),
            # Which points there are is asked of the visit only in which nothing dies.
            "passed": {} if point else outcome.passed,
            "keys": sorted(outcome.keys),
        }
        with self._file.open("a") as file:
            file.write(f"{json.dumps(told)}\n")


def _name(visit: Visit) -> tuple[str, str]:
    return visit.direction.name, str(visit.point or "")


def _outcome(told: dict[str, Any], calm: Visit, folder: Path) -> Outcome:
    point = Point(told["point"], told["passing"]) if told["point"] else None
    return Outcome(
        visit=Visit(calm.strategy, calm.direction, point),
        reached=told["reached"],
        findings=tuple(told["findings"]),
        seconds=told["seconds"],
        folder=folder,
        passed=told["passed"],
        keys=frozenset(told["keys"]),
    )

"""The table of faults as Markdown: what was tried, what was seen, by which test."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tests.faults.registry import Fault

HEAD = "| edge | fault | what the run does | observed | result |"
_RULE = "|---|---|---|---|---|"


@dataclass
class Seen:
    """What came of one test, all its cases together."""

    observed: list[str] = field(default_factory=list)
    outcomes: list[str] = field(default_factory=list)  # "ok", "FAIL", "known", or why it was not run

    @property
    def result(self) -> str:
        """The worst of its cases; `known` is a defect that has its test."""
        for worst in ("FAIL", "known"):
            if worst in self.outcomes:
                return worst
        others = [outcome for outcome in self.outcomes if outcome != "ok"]
        return others[0] if others else "ok" if self.outcomes else "not run"


def table(faults: Iterable[Fault], seen: Mapping[tuple[str, str], Seen]) -> str:
    rows = [_row(fault, seen.get((fault.module, fault.test), Seen())) for fault in faults]
    return "\n".join((HEAD, _RULE, *rows))


def told_by(page: str) -> set[tuple[str, str, str]]:
    """Edge, fault and what the run does, of every row of a page that holds such a table."""
    found = set()
    for line in page.partition(HEAD)[2].splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if line.startswith("| ") and len(cells) == HEAD.count(" | ") + 1:
            found.add((cells[0], cells[1], cells[2]))
    return found


def _row(fault: Fault, seen: Seen) -> str:
    observed = "; ".join(dict.fromkeys(seen.observed)) or "–"
    cells = (fault.edge.value, fault.what, fault.sentence, observed, seen.result)
    return f"| {' | '.join(_plain(cell) for cell in cells)} |"


def _plain(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")

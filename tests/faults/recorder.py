"""A pytest plugin that keeps what the faults' tests observed."""

from collections import Counter, defaultdict
from pathlib import PurePath

import pytest

from tests.faults.table import Seen

OBSERVED = "observed"


class Recorder:
    """By module and test, what was seen."""

    def __init__(self) -> None:
        self.seen: dict[tuple[str, str], Seen] = defaultdict(Seen)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        seen = self.seen[_name(report.nodeid)]
        if report.when == "call":
            seen.observed += [str(value) for key, value in report.user_properties if key == OBSERVED]
            seen.outcomes.append(_outcome(report))
        elif report.failed:
            seen.outcomes.append("FAIL")
        elif report.skipped:
            seen.outcomes.append(f"not run: {_reason(report)}")

    def counted(self) -> str:
        """How many tests, by result."""
        found = Counter(seen.result.partition(":")[0] for seen in self.seen.values())
        results = ", ".join(f"{number} {what}" for what, number in found.most_common())
        return f"{len(self.seen)} tests: {results}."


def _name(nodeid: str) -> tuple[str, str]:
    file, *_, test = nodeid.split("::")
    return PurePath(file).stem, test.partition("[")[0]


def _outcome(report: pytest.TestReport) -> str:
    if hasattr(report, "wasxfail"):
        return "known" if report.skipped else "FAIL"
    if report.skipped:
        return f"not run: {_reason(report)}"
    return "ok" if report.passed else "FAIL"


def _reason(report: pytest.TestReport) -> str:
    return (
        str(report.longrepr[2]).removeprefix("Skipped: ") if isinstance(report.longrepr, tuple) else "skipped"
    )

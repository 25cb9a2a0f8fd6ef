"""A gate's answer: what it found and whether the release may go on."""

from datetime import timedelta
from enum import StrEnum

from bot.domain.record import Record
from bot.domain.times import Lapse


class Severity(StrEnum):
    """How much a finding weighs."""

    BLOCKER = "blocker"  # the gate fails
    WARNING = "warning"  # shown, does not fail the gate
    NOTE = "note"  # in the report only


class GateStatus(StrEnum):
    """The only four results there are; a gate never passes by silence."""

    PASSED = "passed"
    FAILED = "failed"
    WAIVED = "waived"  # failed, and a person let it go, with a reason
    SKIPPED = "skipped"  # by configuration, with a reason


class Finding(Record):
    """One thing a gate noticed: what, where, and what to do about it."""

    severity: Severity
    rule: str  # short and stable, such as "swallowed-error"
    message: str
    file: str | None = None
    line: int | None = None
    remedy: str = ""

    @property
    def place(self) -> str:
        """`file:line` as far as known, else empty."""
        if self.file is None:
            return ""
        return self.file if self.line is None else f"{self.file}:{self.line}"


class GateResult(Record):
    """What a gate decided, from which facts, with which tools, in what time."""

    gate: str  # "code-review", "tests", "build"
    status: GateStatus
    headline: str  # one plain sentence, no markup
    findings: tuple[Finding, ...] = ()
    facts: tuple[str, ...] = ()  # counts worth a line: "42 tests, 3 skipped", "coverage 91.2 %"
    tools: tuple[str, ...] = ()  # with versions: "pytest 9.2.0"
    commit: str = ""
    took: Lapse = timedelta(0)
    report: str | None = None  # the Markdown report's name among the run's artifacts

    @property
    def lets_pass(self) -> bool:
        return self.status is not GateStatus.FAILED

    @property
    def blockers(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.severity is Severity.BLOCKER)

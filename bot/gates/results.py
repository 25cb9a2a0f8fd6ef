"""How findings become a result: one blocker fails the gate, and only having none passes it."""

from collections.abc import Callable, Sequence

from bot.domain.gates import Finding, GateResult, GateStatus, Severity

_ORDER = {severity: place for place, severity in enumerate(Severity)}
MOST_FINDINGS = 200  # more help nobody; the rest is counted


def result(
    gate: str,
    findings: Sequence[Finding],
    *,
    passed: str,
    facts: Sequence[str] = (),
    tools: Sequence[str] = (),
) -> GateResult:
    """FAILED with the first blocker in the headline, or PASSED with the sentence `passed`."""
    ordered = sorted(
        findings,
        key=lambda found: (_ORDER[found.severity], found.file is None, found.file or "", found.line or 0),
    )
    blockers = [found for found in ordered if found.severity is Severity.BLOCKER]
    more = len(ordered) - MOST_FINDINGS
    return GateResult(
        gate=gate,
        status=GateStatus.FAILED if blockers else GateStatus.PASSED,
        headline=_headline(blockers) if blockers else passed,
        findings=tuple(ordered[:MOST_FINDINGS]),
        facts=(*facts, *([f"{more} more findings are not listed"] if more > 0 else [])),
        tools=tuple(tools),
    )


def unanswered(gate: str, sentence: str, remedy: str) -> GateResult:
    """FAILED, because the question could not be answered."""
    found = Finding(severity=Severity.BLOCKER, rule="unanswered", message=sentence, remedy=remedy)
    return GateResult(gate=gate, status=GateStatus.FAILED, headline=sentence, findings=(found,))


def without_secrets(told: GateResult, redact: Callable[[str], str]) -> GateResult:
    """The result as people may read it: what tests, tools and code say may hold secrets.

    Done once at the end, whatever a gate has read.
    """
    findings = tuple(
        found.with_(
            message=redact(found.message),
            remedy=redact(found.remedy),
            file=None if found.file is None else redact(found.file),
        )
        for found in told.findings
    )
    return told.with_(
        headline=redact(told.headline),
        findings=findings,
        facts=tuple(map(redact, told.facts)),
        tools=tuple(map(redact, told.tools)),
    )


def blocker(
    rule: str, message: str, remedy: str = "", *, file: str | None = None, line: int | None = None
) -> Finding:
    return Finding(severity=Severity.BLOCKER, rule=rule, message=message, remedy=remedy, file=file, line=line)


def warning(
    rule: str, message: str, remedy: str = "", *, file: str | None = None, line: int | None = None
) -> Finding:
    return Finding(severity=Severity.WARNING, rule=rule, message=message, remedy=remedy, file=file, line=line)


def counted(count: int, one: str, several: str | None = None) -> str:
    """`1 test`, `42 tests`."""
    return f"{count:,} {one if count == 1 else several or one + 's'}"


def _headline(blockers: Sequence[Finding]) -> str:
    first = blockers[0]
    where = f", {first.place}" if first.place else ""
    rest = f" (and {counted(len(blockers) - 1, 'more blocker')})" if len(blockers) > 1 else ""
    return f"{first.message}{where}{rest}"

"""Tests: the team's own suites run in a clean checkout, and are read from their reports rather than believed.

A suite without a single test, without its report, or with an exit status that nothing explains fails the
gate. What is declared and not built yet (CI's results, k6) fails it too, unless it is skipped with a reason.
"""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from bot.config.gates import Suite
from bot.domain.errors import NotFound, OutsideError, Unreadable
from bot.domain.gates import Finding, GateResult, GateStatus
from bot.domain.record import Record
from bot.gates.readers.cobertura import MOST as MOST_COVERAGE
from bot.gates.readers.cobertura import Coverage, read_cobertura
from bot.gates.readers.files import listed, matches, read
from bot.gates.readers.junit import MOST as MOST_JUNIT
from bot.gates.readers.junit import Case, Ending, read_junit
from bot.gates.release import Release
from bot.gates.results import blocker, counted, result, warning
from bot.gates.tools import Tools

GATE = "tests"
REPORT = "test-validation-report.md"
TITLE = "Test validation"

_MOST_FAILURES = 50  # of one suite; the rest is counted
_LEAST_COVERED = 3  # files named when coverage is too low


class SuiteFacts(Record):
    """What came of one suite."""

    name: str
    command: str = ""
    status: int | None = None  # None: it was not run
    timed_out: bool = False
    took: timedelta = timedelta(0)
    last_words: str = ""  # the end of its output, for when nothing else explains a failure
    cases: tuple[Case, ...] | None = None  # None: no report was asked for or readable
    coverage: Coverage | None = None
    unreadable: tuple[str, ...] = ()  # what was asked for and cannot be read, a sentence each


class TestFacts(Record):
    __test__ = False  # pytest would take the name for a test of its own

    suites: tuple[SuiteFacts, ...] = ()


async def gather(release: Release, settings: Mapping[str, Suite], tools: Tools) -> TestFacts:
    """Raises `OutsideError` when the repository cannot be read or a command not be started."""
    return TestFacts(
        suites=tuple(
            [
                await _run_suite(name, suite, release, tools)
                if suite.run is not None and suite.skip is None
                else SuiteFacts(name=name)
                for name, suite in settings.items()
            ]
        )
    )


def judge(facts: TestFacts, settings: Mapping[str, Suite]) -> GateResult:
    """The result, from facts alone."""
    findings: list[Finding] = []
    said: list[str] = []
    for suite in facts.suites:
        wanted = settings[suite.name]
        if wanted.skip is not None:
            said.append(f"{suite.name} skipped: {wanted.skip}")
        elif wanted.run is None:
            findings.append(_not_built(suite.name, wanted))
        else:
            findings += _suite_findings(suite, wanted)
            said += _suite_facts(suite)
    if facts.suites and all(settings[suite.name].skip is not None for suite in facts.suites):
        return GateResult(gate=GATE, status=GateStatus.SKIPPED, headline="; ".join(said), facts=tuple(said))
    if not facts.suites:
        findings.append(blocker("no-tests", "no suite is configured", "Give tests.unit a command to run"))
    return result(
        GATE,
        findings,
        passed=", ".join(said) or "no test failed",
        facts=said,
        tools=[suite.command for suite in facts.suites if suite.command],
    )


def _not_built(name: str, suite: Suite) -> Finding:
    what = "reading CI's results from GitHub" if suite.checks else "running k6"
    return blocker(
        "not-built",
        f"{name}: {what} is not built yet",
        f"Give tests.{name} a command, or skip with the reason",
    )


def _suite_findings(suite: SuiteFacts, wanted: Suite) -> list[Finding]:
    if suite.timed_out:
        limit = wanted.timeout.total_seconds()
        return [
            blocker(
                "timed-out",
                f"{suite.name}: did not end within {limit:g} s",
                f"Make it faster, or raise tests.{suite.name}.timeout",
            )
        ]
    found = [
        blocker(
            "unreadable-report",
            f"{suite.name}: {sentence}",
            "Let the command write it, where the configuration says",
        )
        for sentence in suite.unreadable
    ]
    found += _case_findings(suite)
    if suite.status != 0 and not found:
        found.append(_unexplained(suite))
    return found + _coverage_findings(suite, wanted)


def _case_findings(suite: SuiteFacts) -> list[Finding]:
    if suite.cases is None:
        if suite.unreadable:
            return []
        return (
            [
                warning(
                    "uncounted",
                    f"{suite.name}: how many tests ran is not known",
                    f"Let it write JUnit XML and name the file as tests.{suite.name}.junit",
                )
            ]
            if suite.status == 0
            else []
        )
    bad = [case for case in suite.cases if case.ending in (Ending.FAILED, Ending.BROKEN)]
    if not any(case.ending is not Ending.SKIPPED for case in suite.cases):
        return [
            blocker(
                "no-tests",
                f"{suite.name}: not a single test ran{_said(suite) if suite.status else ''}",
                "Add tests, or mend what keeps them from being found",
            )
        ]
    found = [
        blocker(
            "test-failed" if case.ending is Ending.FAILED else "test-broken",
            f"{case.name} {case.ending.value}" + (f": {case.message}" if case.message else ""),
            "Mend the code or the test",
            file=case.file,
            line=case.line,
        )
        for case in bad[:_MOST_FAILURES]
    ]
    if len(bad) > _MOST_FAILURES:
        found.append(
            blocker("test-failed", f"{len(bad) - _MOST_FAILURES:,} more tests of {suite.name} failed")
        )
    return found


def _unexplained(suite: SuiteFacts) -> Finding:
    although = " although no test failed" if suite.cases else ""
    return blocker(
        "exit-status",
        f"{suite.name}: ended with status {suite.status}{although}{_said(suite)}",
        "Run the command in a clean checkout and look",
    )


def _said(suite: SuiteFacts) -> str:
    return f": {suite.last_words}" if suite.last_words else ""


def _coverage_findings(suite: SuiteFacts, wanted: Suite) -> list[Finding]:
    if suite.coverage is None or suite.coverage.rate >= wanted.minimum:
        return []
    worst = sorted(suite.coverage.files, key=lambda file: -file.missed)[:_LEAST_COVERED]
    below = blocker(
        "coverage",
        f"{suite.name}: coverage is {_per_cent(suite.coverage.rate)}, "
        f"below the minimum of {_per_cent(wanted.minimum)}",
        "Test what is new, worst files first",
    )
    return [
        below,
        *(
            warning(
                "uncovered",
                f"{counted(file.missed, 'line')} of {file.lines:,} not reached by any test",
                file=file.path,
            )
            for file in worst
            if file.missed
        ),
    ]


def _suite_facts(suite: SuiteFacts) -> list[str]:
    said = []
    if suite.cases is not None:
        skipped = sum(1 for case in suite.cases if case.ending is Ending.SKIPPED)
        said.append(
            f"{suite.name}: {counted(len(suite.cases), 'test')}"
            + (f", {skipped:,} skipped" if skipped else "")
            + f" in {suite.took.total_seconds():.1f} s"
        )
    if suite.coverage is not None:
        said.append(f"coverage {_per_cent(suite.coverage.rate)}")
    return said


def _per_cent(rate: float) -> str:
    """One decimal, never rounded up: 79.96 % is not 80 %."""
    return f"{int(rate * 1000 + 1e-9) / 10:.1f} %"


async def _run_suite(name: str, suite: Suite, release: Release, tools: Tools) -> SuiteFacts:
    assert suite.run is not None
    argv = suite.run.filled(version=release.version, image=release.image)
    async with tools.repository(release.repository).checkout(release.commit) as tree:
        _forget(tree, suite)
        finished = await tools.run(argv, cwd=tree, limit=suite.timeout, environment={"CI": "true"})
        facts = SuiteFacts(
            name=name,
            command=finished.command,
            status=finished.status,
            timed_out=finished.timed_out,
            took=finished.took,
            last_words=_last_words(finished.stdout) or _last_words(finished.stderr),
        )
        if finished.timed_out:
            return facts
        unreadable: list[str] = []
        if suite.junit is not None:
            try:
                facts = facts.with_(cases=_cases(tree, suite.junit))
            except OutsideError as error:
                unreadable.append(f"{suite.junit}: {error}")
        if suite.coverage is not None:
            try:
                facts = facts.with_(coverage=read_cobertura(read(tree, tree / suite.coverage, MOST_COVERAGE)))
            except OutsideError as error:
                unreadable.append(f"{suite.coverage}: {error}")
        return facts.with_(unreadable=tuple(unreadable))


def _forget(tree: Path, suite: Suite) -> None:
    """Remove reports that are committed: an old result must not stand for a new one."""
    for pattern in filter(None, (suite.junit, suite.coverage)):
        for path in [path for path in listed(tree) if matches(path, pattern)]:
            (tree / path).unlink()


def _cases(tree: Path, pattern: str) -> tuple[Case, ...]:
    """The tests of every report that fits; raises `NotFound` where none does."""
    paths = [path for path in listed(tree) if matches(path, pattern)]
    if not paths:
        raise NotFound("the checkout", "the command did not write it")
    cases = tuple(case for path in paths for case in read_junit(read(tree, tree / path, MOST_JUNIT)))
    if len(cases) > 1_000_000:
        raise Unreadable("the JUnit report", "lists more than a million tests")
    return cases


def _last_words(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""
